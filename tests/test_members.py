"""Networks side by side do what each would do alone, and are calibrated on what they held out."""

import numpy as np
import pytest
import torch

import nma_seq2seq as nma
from nma_seq2seq import members, metrics, training
from nma_seq2seq.calibration import calibrated


@pytest.fixture(params=[True, False], ids=["bidirectional", "causal"])
def networks(tiny_data, request):
    """Three warm-started networks, the parts that they hold out, and their stacked weights."""
    parts = [part.validation for part in training.folds(tiny_data, 3, seed=0)]
    models = [
        training.new_model(
            tiny_data,
            seed=k,
            n_latents=4,
            smoothing=(2.0, 8.0),
            bidirectional=request.param,
            floor=0.2,
            beta=3.0,
        )
        for k in range(3)
    ]
    members.warm_started(models, tiny_data, parts, 30.0)
    stacked = members.Members(models, tiny_data, parts, nma.Settings(), torch.device("cpu"))
    return models, parts, stacked


def test_stacked_networks_have_the_losses_of_each_alone(networks, tiny_data):
    models, parts, stacked = networks
    for member, loss in enumerate(stacked.losses("validation", [0, 1, 2])):
        with torch.no_grad():
            rates = models[member](torch.as_tensor(tiny_data.source[parts[member]]).float())
        counts = torch.as_tensor(tiny_data.target[parts[member]])
        assert loss == pytest.approx(metrics.poisson_nll(rates, counts).item(), rel=1e-5)


def test_gradients_are_those_of_the_network_written_out(networks, tiny_data):
    models, _, stacked = networks
    trials = tiny_data.train[:4]
    kept = (np.random.default_rng(0).random((1, 4, tiny_data.n_sources)) < 0.3) / np.float32(0.3)
    inputs = stacked.inputs([trials], [1], kept.astype(np.float32))
    stacked.loss(inputs, [trials], [1]).sum().backward()
    model = models[1]
    source = torch.as_tensor(tiny_data.source[trials]).float()
    mean = model.read_in.source_mean
    dropped = mean + (source - mean) * torch.as_tensor(kept[0], dtype=torch.float32)[:, None]
    output = model.readout(model.read_in(dropped))
    rates = model.scale * (model.floor + model.softplus(output - model.floor))
    metrics.poisson_nll(rates, torch.as_tensor(tiny_data.target[trials])).backward()
    for name, weight in stacked.weights.items():
        torch.testing.assert_close(
            weight.grad[1], model.get_parameter(name).grad, rtol=2e-3, atol=1e-6
        )
        assert not weight.grad[0].any(), name  # the others were not asked


def test_a_shared_warm_start_is_the_regression_of_its_own_trials(networks, tiny_data):
    models, parts, _ = networks
    for model, part in zip(models, training.folds(tiny_data, 3, seed=0), strict=False):
        linear = nma.fit_rrr(
            part,
            smoothings=((2, 8),),
            ridges=(30,),
            ranks=(4,),
            floors=(0.2,),
            causal=model.smoothing_layer.causal,
        )
        source = tiny_data.source[tiny_data.test]
        with torch.no_grad():
            rates = model(torch.as_tensor(source).float()).numpy()
        expected = linear.predict(source)
        # The softplus bends near the floor, and every second bin stands for all.
        assert np.corrcoef(rates.ravel(), expected.ravel())[0, 1] > 0.995
        assert abs(rates - expected).mean() < 0.05 * expected.mean()


def dataset_of(spikes):
    """A dataset of these target spikes (trials, time, neurons), and the parts of its trials."""
    session = nma.Session.from_dict(
        {
            "spks": np.concatenate([spikes[:, :, :1], spikes], axis=2).transpose(2, 0, 1),
            "brain_area": np.array(["VISp"] + ["MOs"] * spikes.shape[2]),
        }
    )
    data = nma.make_dataset(session)
    return data, np.array_split(np.union1d(data.train, data.validation), 5)


def test_calibration_undoes_what_is_wrong_with_predictions():
    """Square roots of the true rates, and a bin of the trial that nobody sees coming."""
    rng = np.random.default_rng(0)
    truth = 2.0 * np.exp(0.5 * rng.normal(size=(200, 30, 2)))
    truth[..., 1] = 2.0
    surprise = np.full((30, 1), 0.65)
    surprise[8:22] = 1.4  # 1 on average
    timid = 2.0 * (truth / 2.0) ** 0.5
    data, parts = dataset_of(rng.poisson(truth * surprise))
    found = calibrated([timid[part] for part in parts], data, parts)
    within = found.exponents[0]
    assert 1.6 < within[0] < 2.3 and abs(within[1] - 1.05) < 0.1
    assert found.factor[12:18].min() > 1.15 > found.factor[:4].max()
    counts, null = data.target[data.test], nma.null_rates(data)
    before, after = (
        nma.bits_per_spike(rates, counts, null)
        for rates in (timid[data.test], found(timid[data.test]))
    )
    assert after > before + 0.01
    # Of trials with other bins nothing is known of each bin, but of each neuron.
    shorter = found(timid[data.test][:, :10])
    assert shorter.shape == (len(data.test), 10, 2) and np.isfinite(shorter).all()


@pytest.mark.parametrize("causal", [False, True])
def test_calibration_tells_a_trial_from_what_changes_within_it(causal):
    """Twice too bold about whole trials, twice too timid within them; the past alone if causal."""
    rng = np.random.default_rng(0)
    trial, within = 0.4 * rng.normal(size=(300, 1, 1)), 0.3 * rng.normal(size=(300, 40, 1))
    spikes = rng.poisson(np.broadcast_to(2.0 * np.exp(trial + within), (300, 40, 1)))
    data, parts = dataset_of(spikes)
    wrong = 2.0 * np.exp(2 * trial + within / 2)
    found = calibrated([wrong[part] for part in parts], data, parts, causal)
    assert 1.7 < found.exponents[0, 0] < 2.3 and 0.45 < found.exponents[1, 0] < 0.75
    earlier = wrong.copy()
    earlier[:, 20:] = 1.0
    unchanged = np.allclose(found(earlier)[:, :20], found(wrong)[:, :20])
    assert unchanged == causal


def test_a_bin_is_corrected_where_many_spikes_ask_for_it_alone():
    """Two neurons with the same burst that nobody foresees, one with a handful of spikes."""
    rng = np.random.default_rng(0)
    burst = np.where(abs(np.arange(40) - 20) < 8, 2.0, 0.3)[:, None]
    mean = burst.mean() * np.array([2.0, 2e-3])
    data, parts = dataset_of(rng.poisson(np.tile(burst * [2.0, 2e-3], (200, 1, 1))))
    found = calibrated(
        [np.tile(mean, (len(part), 40, 1)).astype(np.float32) for part in parts], data, parts
    )
    often, seldom = found.factor.T
    assert often[20] == pytest.approx(2.0 / burst.mean(), rel=0.1) and often[2] < 0.5
    assert 0 < data.target[..., 1].sum() < 40 and (abs(seldom - 1) < 0.3).all()


def test_the_average_of_networks_that_err_apart_is_made_bolder():
    """Each network's errors are its own, so that the average varies less than any of them."""
    rng = np.random.default_rng(0)
    known, shape = 0.4 * rng.normal(size=(200, 30, 1)), (200, 30, 1)
    data, parts = dataset_of(rng.poisson(np.exp(known)))
    each = np.exp(known + 0.15 * rng.normal(size=(5, *shape)))
    held_out = [rates[part] for rates, part in zip(each, parts, strict=True)]
    several = calibrated(held_out, data, parts)
    whole, trials = np.concatenate(held_out), np.concatenate(parts)
    one = calibrated([whole], data, [trials])
    assert (several.exponents > 1.02 * one.exponents).all()
    counts, null = data.target[data.test], nma.null_rates(data)
    average = each.mean(axis=0)[data.test]
    bits = [nma.bits_per_spike(found(average), counts, null) for found in (several, one)]
    assert bits[0] > bits[1] + 1e-4
