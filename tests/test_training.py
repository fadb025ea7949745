"""Training: the recipe as it was, early stopping, and what a user gets wrong."""

import dataclasses

import numpy as np
import pytest
import torch

import nma_seq2seq as nma
from nma_seq2seq import members, training
from nma_seq2seq.early_stopping import Adam
from nma_seq2seq.model import convolve, convolve_past


def test_seq2seq_shapes_and_the_average_of_two_directions():
    model = nma.Seq2Seq(7, 4, n_latents=3)
    source = torch.rand(5, 6, 7)
    latents = model.latents(source)
    assert latents.shape == (5, 6, 3) and model(source).shape == (5, 6, 4)
    assert (model(source) > 0).all()
    states, _ = model.recurrent(source)
    assert torch.allclose(latents, (states[..., :3] + states[..., 3:]) / 2)
    with pytest.raises(
        ValueError, match="'mamba'; choose from 'lstm', 'gru', 'rnn', 'transformer'"
    ):
        nma.Seq2Seq(7, 4, cell="mamba")


def short(**changes) -> training.Settings:
    return dataclasses.replace(nma.RECIPE, **{"max_epochs": 3, **changes})


@pytest.mark.parametrize("bidirectional", [True, False])
def test_the_smoothed_network_keeps_its_shapes_and_a_flat_signal(bidirectional):
    model = nma.Seq2Seq(
        7, 4, n_latents=3, cell="gru", smoothing=(1.5, 8), bidirectional=bidirectional
    )
    source = torch.rand(5, 6, 7)
    assert model.latents(source).shape == (5, 6, 3) and model(source).shape == (5, 6, 4)
    # A kernel that is cut off at the ends must not make rates sag there.
    with torch.no_grad():
        model.read_in.weight.fill_(0.1)
    flat = model.read_in(torch.ones(2, 50, 7))
    assert torch.allclose(flat, flat[:, :1].expand_as(flat), atol=1e-5)


@pytest.mark.parametrize("n_bins", [1, 5, 41, 100])
def test_convolution_is_the_one_written_out(n_bins):
    signals, kernels = torch.rand(2, 3, n_bins), torch.rand(3, 7)
    expected = torch.zeros_like(signals)
    for t in range(n_bins):
        for lag in range(-3, 4):
            if 0 <= t - lag < n_bins:
                expected[..., t] += kernels[:, lag + 3] * signals[..., t - lag]
    assert torch.allclose(convolve(signals, kernels), expected, atol=1e-5)


def test_the_recipe_is_the_original(tiny_data):
    early, given = nma.fit_recipe(tiny_data, short(), progress=False)
    model = given.models[0]
    assert isinstance(model.recurrent, torch.nn.LSTM) and model.recurrent.bidirectional
    assert model.n_latents == 15 and model.softplus.beta == 10 and model.read_in is None
    assert given.best_epochs == (3,) and early.best_epochs[0] <= 3 and len(given.history) == 4
    assert (nma.RECIPE.learning_rate, nma.RECIPE.weight_decay) == (1e-3, 1e-4)
    assert nma.RECIPE.optimizer == "adam" and nma.RECIPE.batch_trials is None


def test_early_stopping_keeps_the_best_validation_epoch(tiny_data):
    early, given = nma.fit_recipe(tiny_data, short(max_epochs=30), progress=False)
    best = early.history["validation_loss"].idxmin()
    assert early.best_epochs == (early.history.loc[best, "epoch"],)
    rates = early.predict(tiny_data.source[tiny_data.validation])
    loss = nma.poisson_nll(rates, tiny_data.target[tiny_data.validation])
    assert loss == pytest.approx(early.history["validation_loss"].min(), rel=1e-4)
    bits = nma.bits_per_spike(
        rates, tiny_data.target[tiny_data.validation], nma.null_rates(tiny_data)
    )
    assert bits == pytest.approx(early.history["validation_bits"].max(), abs=1e-4)
    assert early.seconds == early.history.loc[best, "seconds"] <= given.seconds


def test_a_plain_network_learns(tiny_data):
    model = training.new_model(tiny_data, n_latents=4)
    settings = training.Settings(
        learning_rate=0.01, max_epochs=150, neuron_dropout=0.3, patience=40
    )
    found = nma.fit(model, tiny_data, settings, progress=False)
    table = nma.score({"fit": found, "mean": nma.fit_mean(tiny_data)}, tiny_data)
    assert table.loc["fit", "low"] > 0
    assert found.latents(tiny_data.source[:3]).shape == (3, 30, 4)


def warm(data, ridge=30, **options):
    model = training.new_model(data, **{"smoothing": (2.0, 8.0), "floor": 0.2} | options)
    members.warm_started([model], data, [data.validation], ridge)
    return model


def test_a_warm_start_begins_at_the_linear_model(tiny_data):
    linear = nma.fit_rrr(tiny_data, smoothings=((1.5, 6),), ridges=(3,), ranks=(5,), floors=(0.2,))
    model = warm(tiny_data, 3, n_latents=5, cell="gru", smoothing=(1.5, 6), beta=20)
    source = tiny_data.source[tiny_data.test]
    with torch.no_grad():
        rates = model(torch.as_tensor(source).float()).numpy()
    # They differ by the softplus alone, which bends near the floor.
    assert (abs(rates - linear.predict(source)) < 0.05 * linear.target_mean).all()


def test_the_course_model_averages_its_networks(tiny_data):
    found = nma.fit_seq2seq(
        tiny_data, short(batch_trials=8), n_latents=4, n_members=2, progress=False
    )
    assert len(found.models) == len(found.best_epochs) == 2
    assert set(found.history["member"]) == {0, 1}
    source = tiny_data.source[tiny_data.test]
    plain = dataclasses.replace(found, calibration=None)
    each = [dataclasses.replace(plain, models=(model,)).predict(source) for model in found.models]
    np.testing.assert_allclose(plain.predict(source), np.mean(each, axis=0), rtol=1e-5)
    np.testing.assert_allclose(found.predict(source), found.calibration(np.mean(each, axis=0)))


def held_out_loss(fit, data, trials):
    return nma.poisson_nll(fit.predict(data.source[trials]), data.target[trials])


def test_what_is_kept_is_the_turn_and_what_was_given_the_end(tiny_data):
    settings = nma.Settings(learning_rate=0.03, neuron_dropout=0, max_epochs=60, patience=None)
    early, given = nma.fit_recipe(tiny_data, settings, progress=False)
    losses = early.history[["train_loss", "validation_loss"]]
    turn, end = losses["validation_loss"].idxmin(), len(losses) - 1
    assert turn not in (losses["train_loss"].idxmin(), end)  # or nothing is tested
    assert given.history.equals(early.history)
    for fit, epoch in ((early, turn), (given, end)):
        assert fit.best_epochs == (early.history.loc[epoch, "epoch"],)
        loss = held_out_loss(fit, tiny_data, tiny_data.validation)
        assert loss == pytest.approx(losses.loc[epoch, "validation_loss"], rel=1e-4)


def alone(fit, member):
    """One network of several, without what is put right in their average."""
    return dataclasses.replace(fit, models=(fit.models[member],), calibration=None)


def test_each_network_is_kept_as_in_its_best_epoch_and_scored_on_its_own_part(tiny_data):
    """With steps so large that a recurrent layer makes it worse, at once or in the end."""
    settings = nma.Settings(learning_rate=0.3, max_epochs=2, recurrent_epochs=8)
    fit = nma.fit_seq2seq(tiny_data, settings, n_latents=4, n_members=4, progress=False)
    last = fit.history.groupby("member")["epoch"].max().to_numpy()
    assert (last > np.array(fit.best_epochs)).any() and last.min() > 2  # or nothing is tested
    null = nma.null_rates(tiny_data)
    for member, part in enumerate(training.folds(tiny_data, 4, seed=0)):
        network, trials = alone(fit, member), part.validation
        row = fit.history.query("member == @member and epoch == @fit.best_epochs[@member]").iloc[0]
        assert held_out_loss(network, tiny_data, trials) == pytest.approx(row["validation_loss"])
        bits = nma.bits_per_spike(
            network.predict(tiny_data.source[trials]), tiny_data.target[trials], null
        )
        assert bits == pytest.approx(row["validation_bits"], abs=1e-5)


def test_the_average_is_calibrated_on_what_no_network_was_trained_on():
    """Where there is nothing to be learned, what networks know by heart is not believed."""
    rng = np.random.default_rng(0)
    noise = {"spks": rng.poisson(0.5, (50, 40, 10)), "brain_area": ["VISp"] * 40 + ["MOs"] * 10}
    data = nma.make_dataset(nma.Session.from_dict(noise))
    fit = nma.fit_seq2seq(
        data, nma.Settings(max_epochs=1), smoothing=(2.0,), ridge=0.05, n_members=3, progress=False
    )
    start = fit.history.query("epoch == 0")
    assert (start["train_bits"] > 0.2).all() and (start["validation_bits"] < -0.2).all()
    assert fit.calibration.exponents.mean() < 0.5
    fits = {"as they are": dataclasses.replace(fit, calibration=None), "calibrated": fit}
    bits = nma.score(fits, data)["bits_per_spike"]
    assert bits["as they are"] < -0.1 and abs(bits["calibrated"]) < 0.05


@pytest.mark.parametrize("kind", ["own", "seq2seq"])
def test_a_dropped_neuron_is_at_its_mean_and_the_others_say_so_much_more(kind, tiny_data):
    """Training losses of many epochs in which nothing is learned, against dropout written out."""
    data = dataclasses.replace(tiny_data, source=tiny_data.source + np.uint8(2))
    settings = nma.Settings(
        learning_rate=1e-12, neuron_dropout=0.7, max_epochs=60, patience=None, recurrent_epochs=0
    )
    if kind == "own":
        torch.manual_seed(0)
        model = torch.nn.Sequential(
            torch.nn.Linear(data.n_sources, data.n_targets), torch.nn.Softplus()
        )
        fit, trials, seen = nma.fit(model, data, settings, progress=False), data.train, data.train
    else:
        fit = nma.fit_seq2seq(data, settings, n_latents=4, n_members=1, progress=False)
        seen = np.union1d(data.train, data.validation)
        trials = next(training.folds(data, 1, seed=0)).train
    rng, losses = np.random.default_rng(0), []
    source, mean = data.source[trials], data.source[seen].mean(axis=(0, 1))
    for _ in range(60):
        kept = rng.random((len(trials), 1, data.n_sources)) < 0.3
        rates = alone(fit, 0).predict(mean + (source - mean) * kept / 0.3)
        losses.append(nma.poisson_nll(rates, data.target[trials]))
    # The mean of 60 losses has a standard error of 0.0015.
    assert fit.history["train_loss"][1:].mean() == pytest.approx(np.mean(losses), abs=0.006)
    assert abs(np.mean(losses) - fit.history["train_loss"][0]) > 0.012  # or nothing is tested
    # Before it is trained, nothing is dropped; bits are of the trials that it learns from.
    bits = nma.bits_per_spike(
        alone(fit, 0).predict(source), data.target[trials], nma.null_rates(data)
    )
    assert fit.history["train_bits"][0] == pytest.approx(bits, abs=1e-5)


@pytest.mark.parametrize(("n_targets", "factor"), [(50, 1), (225, 1.5), (500, 2)])
def test_steps_are_larger_where_more_neurons_are_predicted(n_targets, factor):
    """Adam's first step moves each weight by the learning rate, whatever its gradient."""
    rng = np.random.default_rng(0)
    rates = rng.uniform(0.1, 1.0, (1, 20, 10))
    session = nma.Session.from_dict(
        {
            "spks": rng.poisson(np.repeat(rates, 6 + n_targets, axis=0)),
            "brain_area": ["VISp"] * 6 + ["MOs"] * n_targets,
        }
    )
    data = nma.make_dataset(session)

    def biases(learning_rate):
        settings = nma.Settings(
            learning_rate=learning_rate, batch_trials=None, max_epochs=1, recurrent_epochs=0
        )
        fit = nma.fit_seq2seq(data, settings, n_latents=2, n_members=1, ridge=1e3, progress=False)
        return fit.models[0].readout.bias.detach()

    moved = (biases(1e-4) - biases(1e-12)).abs().median().item()
    assert moved == pytest.approx(2e-4 * factor, rel=0.05)  # outputs' steps are twice the rate


def test_a_network_learns_nothing_from_what_it_holds_out(tiny_data):
    part = next(iter(training.folds(tiny_data, 2, seed=0))).validation  # the first one's
    target = tiny_data.target.copy()
    target[part] = target[part][:, ::-1]
    other = dataclasses.replace(tiny_data, target=target)
    losses = [
        nma.fit_seq2seq(data, short(), n_latents=4, n_members=2, progress=False)
        .history.query("epoch <= 3")
        .pivot_table(index="epoch", columns="member", values="train_loss")
        for data in (tiny_data, other)
    ]
    np.testing.assert_allclose(losses[0][0], losses[1][0], rtol=1e-5)
    assert (abs(losses[0][1] / losses[1][1] - 1) > 1e-4).all()


def test_patience_ends_it(tiny_data):
    model = training.new_model(tiny_data)
    settings = training.Settings(learning_rate=0.1, patience=3)
    found = nma.fit(model, tiny_data, settings, progress=False)
    assert found.history["epoch"].iloc[-1] == found.best_epochs[0] + 3 < 60


@pytest.mark.parametrize(
    "fit",
    [
        lambda data, seed: nma.fit_recipe(data, short(), seed=seed, progress=False)[0],
        lambda data, seed: nma.fit_seq2seq(data, short(), n_latents=4, seed=seed, progress=False),
    ],
)
def test_the_same_seed_gives_the_same_numbers_and_leaves_the_generators_alone(fit, tiny_data):
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002 (this is what must not be touched)
    untouched = torch.rand(3), np.random.rand(3)  # noqa: NPY002
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002
    first = fit(tiny_data, 1)
    assert (torch.rand(3) == untouched[0]).all()
    assert (np.random.rand(3) == untouched[1]).all()  # noqa: NPY002
    again, other = fit(tiny_data, 1), fit(tiny_data, 2)
    losses = [found.history["train_loss"].to_numpy() for found in (first, again, other)]
    assert (losses[0] == losses[1]).all() and not np.array_equal(losses[0], losses[2])


def test_ctrl_c_keeps_the_best_so_far(tiny_data, monkeypatch, capsys):
    calls = []

    def forward(self, source, plain=nma.Seq2Seq.forward):
        calls.append(1)
        if len(calls) == 11:
            raise KeyboardInterrupt
        return plain(self, source)

    monkeypatch.setattr(nma.Seq2Seq, "forward", forward)
    model = training.new_model(tiny_data)
    found = nma.fit(model, tiny_data, short(max_epochs=50), progress=False)
    assert "keeping the best so far" in capsys.readouterr().out
    # Two calls for epoch 0, two for each epoch after it: the eleventh is in epoch 5.
    assert list(found.history["epoch"]) == [0, 1, 2, 3, 4]
    assert np.isfinite(found.predict(tiny_data.source[:2])).all()


def test_ctrl_c_keeps_the_networks_so_far(tiny_data, monkeypatch, capsys):
    calls = []

    def loss(self, *arguments, plain=members.Members.loss):
        calls.append(1)
        if len(calls) == 40:
            raise KeyboardInterrupt
        return plain(self, *arguments)

    monkeypatch.setattr(members.Members, "loss", loss)
    found = nma.fit_seq2seq(tiny_data, short(max_epochs=30), n_latents=4, progress=False)
    assert found.interrupted and len(found.models) == 5 and found.history["epoch"].max() < 30
    assert "interrupted; keeping the best so far" in capsys.readouterr().out
    rates = found.predict(tiny_data.source[tiny_data.validation])
    assert np.isfinite(rates).all()


def test_nan_stops_with_a_sentence(tiny_data):
    model = training.new_model(tiny_data)
    with torch.no_grad():
        model.readout.bias[0] = float("nan")
    with pytest.raises(FloatingPointError, match="loss is nan.*lower the learning rate"):
        nma.fit(model, tiny_data, progress=False)


def test_no_test_trial_is_seen(tiny):
    data = nma.make_dataset(tiny)
    spikes = tiny.spikes.copy()
    spikes[data.test] = 200
    spoiled = nma.make_dataset(dataclasses.replace(tiny, spikes=spikes))
    for fit in (
        lambda data: nma.fit_recipe(data, short(), progress=False)[0],
        lambda data: nma.fit_seq2seq(data, short(), n_latents=4, n_members=2, progress=False),
    ):
        first, second = (fit(d).history.drop(columns="seconds") for d in (data, spoiled))
        assert first.equals(second)


def test_save_and_load(tiny_data, tmp_path):
    found = nma.fit_seq2seq(tiny_data, short(), n_latents=4, n_members=2, progress=False)
    found.save(tmp_path / "fit.pt")
    loaded = nma.load_fit(tmp_path / "fit.pt")
    source = tiny_data.source[tiny_data.test]
    assert (loaded.predict(source) == found.predict(source)).all()
    assert loaded.history.equals(found.history) and loaded.best_epochs == found.best_epochs
    assert loaded.seen == found.seen
    with pytest.raises(FileNotFoundError, match="no folder"):
        found.save(tmp_path / "no" / "fit.pt")


def test_what_was_chosen_in_numpy_s_numbers_comes_back(tiny_data, tmp_path):
    choices = {"ridges": np.logspace(0, 1, 2), "floors": np.array([0.1]), "ranks": np.arange(1, 3)}
    model = nma.Seq2Seq(26, 10, floor=np.float64(0.2), smoothing=np.array([2.0, 8.0]))
    fits = (
        nma.fit_rrr(tiny_data, smoothings=np.array([[2.0], [4.0]]), **choices),
        nma.fit(model, tiny_data, short(), progress=False),
    )
    for found in fits:
        found.save(tmp_path / "fit.pt")
        rates = nma.load_fit(tmp_path / "fit.pt").predict(tiny_data.source)
        np.testing.assert_array_equal(rates, found.predict(tiny_data.source))


@pytest.mark.parametrize("fit", [nma.fit_rrr, lambda data: nma.fit_recipe(data, short())[0]])
def test_a_flipped_byte_is_seen_and_a_regression_comes_back(fit, tiny_data, tmp_path):
    found, path = fit(tiny_data), tmp_path / "fit.pt"
    found.save(path)
    loaded, source = nma.load_fit(path), tiny_data.source[tiny_data.test]
    assert (loaded.predict(source) == found.predict(source)).all()
    assert type(loaded) is type(found) and loaded.seen == found.seen
    written = path.read_bytes()
    for place in range(0, len(written), len(written) // 23):
        damaged = bytearray(written)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="damaged .its checksum does not hold."):
            nma.load_fit(path)


def test_a_fit_that_is_none(tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    torch.save(Evil(), tmp_path / "evil.pt")
    (tmp_path / "text.pt").write_text("hello")
    torch.save({"options": 3}, tmp_path / "other.pt")
    (tmp_path / "empty.pt").touch()
    for name in ("evil.pt", "text.pt", "other.pt", "empty.pt"):
        with pytest.raises(ValueError, match=f"{name} is not a fit that Fit.save wrote"):
            nma.load_fit(tmp_path / name)
    assert not (tmp_path / "ran").exists()
    with pytest.raises(FileNotFoundError):
        nma.load_fit(tmp_path / "absent.pt")


def test_what_a_user_gets_wrong(tiny_data):
    model = nma.Seq2Seq(5, tiny_data.n_targets)
    with pytest.raises(ValueError, match="takes 5 sources to 10 targets, the data has 26 and 10"):
        nma.fit(model, tiny_data, progress=False)
    with pytest.raises(ValueError, match="n_members is 40; choose a whole number from 1 to 32"):
        nma.fit_seq2seq(tiny_data, n_members=40, progress=False)
    for wrong in ({"optimizer": "sgd"}, {"neuron_dropout": 1.0}, {"max_epochs": 0}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            training.Settings(**wrong)
    with pytest.raises(ValueError, match="n_latents is 0; choose a whole number"):
        nma.Seq2Seq(5, 4, n_latents=0)


def test_devices(tiny_data):
    assert training.pick_device("cpu").type == "cpu"
    assert training.pick_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(ValueError, match="no device 'mps'; choose from 'auto', 'cpu', 'cuda'"):
        training.pick_device("mps")
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="'cuda' is not there; use device='auto' or 'cpu'"):
            training.pick_device("cuda")


@pytest.mark.parametrize(
    "fit",
    [
        lambda data: nma.fit(training.new_model(data), data, short(), progress=False),
        lambda data: nma.fit_seq2seq(data, short(), n_latents=4, n_members=2, progress=False),
    ],
)
def test_a_full_gpu_falls_back_to_the_cpu(fit, tiny_data, monkeypatch, capsys):
    """And begins anew there: what was half trained on the GPU leaves no trace."""
    expected = fit(tiny_data).predict(tiny_data.source)
    calls = []

    def states(self, inputs, plain=nma.Seq2Seq.states):
        calls.append(1)
        if len(calls) == 5:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        return plain(self, inputs)

    monkeypatch.setattr(nma.Seq2Seq, "states", states)
    found = fit(tiny_data)
    assert "memory is full, so this is trained on the CPU" in capsys.readouterr().out
    np.testing.assert_array_equal(found.predict(tiny_data.source), expected)


@pytest.mark.parametrize("optimizer", ["adam", "adamw"])
def test_a_step_is_that_of_torch(optimizer):
    settings = nma.Settings(optimizer, learning_rate=0.1, weight_decay=0.3)
    mine, theirs = (torch.nn.Parameter(torch.linspace(-2, 2, 9)) for _ in range(2))
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[optimizer]
    adam, reference = Adam({mine: 0.1}, settings), kind([theirs], lr=0.1, weight_decay=0.3)
    for step in range(20):
        for weight in (mine, theirs):
            (weight - step / 10).pow(2).sum().backward()
        adam.step()
        reference.step()
        reference.zero_grad()
        assert torch.equal(mine, theirs) and mine.grad is None


class Own(torch.nn.Module):
    """A network as a reader writes it, dropout and all."""

    def __init__(self, n_sources: int, n_targets: int):
        super().__init__()
        self.net = torch.nn.Sequential(
            torch.nn.Dropout(0.5), torch.nn.Linear(n_sources, n_targets), torch.nn.Softplus()
        )

    def forward(self, source):
        return self.net(source)


def transformer(data, seed=0, **options):
    return training.new_model(data, seed=seed, cell="transformer", n_latents=5, **options)


def test_a_transformer_learns_and_comes_back(tiny_data, tmp_path):
    settings = dataclasses.replace(QUICK, learning_rate=2e-3)
    first, second = (
        nma.fit(transformer(tiny_data), tiny_data, settings, progress=False) for _ in range(2)
    )
    assert first.history["train_loss"].tolist() == second.history["train_loss"].tolist()
    source = tiny_data.source[tiny_data.test]
    rates = first.predict(source)
    assert rates.shape == tiny_data.target[tiny_data.test].shape and (rates > 0).all()
    assert first.latents(source).shape == (8, 30, 5)
    assert nma.score({"transformer": first}, tiny_data).loc["transformer", "bits_per_spike"] > 0.02
    first.save(tmp_path / "fit.pt")
    np.testing.assert_array_equal(nma.load_fit(tmp_path / "fit.pt").predict(source), rates)


def test_a_transformer_knows_the_order_of_bins_and_how_many_it_can_tell_apart(tiny_data):
    model = transformer(tiny_data).eval()
    source = torch.rand(2, 30, tiny_data.n_sources)
    with torch.no_grad():
        assert not torch.allclose(model(source.flip(1)).flip(1), model(source), atol=1e-4)
        assert model(source[:, :1]).shape == (2, 1, 10)
    with pytest.raises(ValueError, match="tells 1000 bins apart, and these trials have 1001"):
        model(torch.zeros(1, 1001, tiny_data.n_sources))


QUICK = nma.Settings(max_epochs=30, patience=None, learning_rate=0.02, neuron_dropout=0.0)


def test_a_network_of_ones_own_is_fitted_and_scored(tiny_data, tmp_path):
    torch.set_default_dtype(torch.float64)  # as some notebooks do
    try:
        networks = [Own(tiny_data.n_sources, tiny_data.n_targets) for _ in range(2)]
    finally:
        torch.set_default_dtype(torch.float32)
    networks[1].load_state_dict(networks[0].state_dict())
    torch.manual_seed(1)
    before = torch.random.get_rng_state()
    first, second = (nma.fit(n, tiny_data, QUICK, progress=False) for n in networks)
    assert torch.equal(before, torch.random.get_rng_state())
    assert first.history["train_loss"].tolist() == second.history["train_loss"].tolist()
    source = tiny_data.source[tiny_data.test]
    rates = first.predict(source)
    assert rates.shape == tiny_data.target[tiny_data.test].shape and (rates > 0).all()
    np.testing.assert_array_equal(rates, first.predict(source))  # nothing is dropped any more
    assert nma.score({"own": first}, tiny_data).loc["own", "bits_per_spike"] > 0.02
    assert "rate_25" in nma.export_latents(first, tiny_data)
    with pytest.raises(AttributeError, match="an? Own has no latents; give its class a method"):
        first.latents(source)
    with pytest.raises(TypeError, match=r"your own Own cannot be saved.*torch.save\(fit.models"):
        first.save(tmp_path / "own.pt")
    assert not list(tmp_path.iterdir())
    torch.save(first.models[0].state_dict(), tmp_path / "own.pt")  # as the sentence says
    with pytest.raises(ValueError, match=r"source counts of shape \(8, 30, 3\) must be"):
        first.predict(source[..., :3])


@pytest.mark.parametrize(
    ("network", "error", "sentence"),
    [
        (lambda n, m: torch.nn.LSTM(n, m, batch_first=True), TypeError, "gives a tuple; its forw"),
        (lambda n, m: torch.nn.Linear(n, m), ValueError, "gives rates below 0 .*Softplus"),
        (lambda n, m: Own(n, m + 1), ValueError, "rates of shape .2, 30, 11. for 2 trials; they"),
        (lambda n, m: Own(3, m), ValueError, r"cannot read counts of shape .2, 30, 26. .*mat1 and"),
        (lambda n, m: torch.nn.ReLU(), ValueError, "no weights that could be trained"),
        (lambda n, m: Own, TypeError, r"this is the class Own; call it: Own\(...\)"),
        (lambda n, m: nma.fit_rrr, TypeError, "trains a torch.nn.Module, and this is a function"),
    ],
)
def test_what_a_network_of_ones_own_gets_wrong(network, error, sentence, tiny_data):
    with pytest.raises(error, match=sentence):
        nma.fit(network(tiny_data.n_sources, tiny_data.n_targets), tiny_data, progress=False)


def causal_fits():
    settings = nma.Settings(max_epochs=2)
    options = {"bidirectional": False, "progress": False}
    return {
        "fit_seq2seq": lambda data: nma.fit_seq2seq(data, settings, n_members=2, **options),
        "one width": lambda data: nma.fit_seq2seq(
            data, settings, n_members=1, smoothing=(1.5,), **options
        ),
        "plain": lambda data: nma.fit(
            nma.Seq2Seq(data.n_sources, data.n_targets, bidirectional=False),
            data,
            settings,
            progress=False,
        ),
        "transformer": lambda data: nma.fit(
            transformer(data, bidirectional=False), data, settings, progress=False
        ),
        "warm start": lambda data: nma.fit(
            warm(data, beta=3.0, bidirectional=False), data, settings, progress=False
        ),
        "regression": lambda data: nma.fit_rrr(data, causal=True),
    }


@pytest.mark.parametrize("name", list(causal_fits()))
def test_a_causal_fit_does_not_see_what_comes(name, tiny_data, tmp_path):
    found = causal_fits()[name](tiny_data)
    found.save(tmp_path / "fit.pt")
    source = tiny_data.source[tiny_data.test].astype(np.float32)
    for fit in (found, nma.load_fit(tmp_path / "fit.pt")):
        rates = fit.predict(source)
        for t in (0, 7, 28):
            later = source.copy()
            later[:, t + 1 :] = np.random.default_rng(t).poisson(100, later[:, t + 1 :].shape)
            changed = fit.predict(later)
            np.testing.assert_array_equal(changed[:, : t + 1], rates[:, : t + 1])
            assert (changed[:, t + 1] != rates[:, t + 1]).any()
            now = source.copy()
            now[:, t] += 1  # a bin's own counts do count
            assert (fit.predict(now)[:, t] != rates[:, t]).any()


def test_a_bidirectional_fit_does(tiny_data):
    found = nma.fit_seq2seq(
        tiny_data, nma.Settings(max_epochs=2), n_members=1, bidirectional=True, progress=False
    )
    source = tiny_data.source[tiny_data.test]
    later = source.copy()
    later[:, 10:] += 1
    assert (found.predict(later)[:, 9] != found.predict(source)[:, 9]).any()


@pytest.mark.parametrize("n_bins", [1, 5, 41, 100])
def test_the_causal_convolution_is_the_one_written_out(n_bins):
    signals, kernels = torch.rand(2, 3, n_bins), torch.rand(3, 7)
    expected = torch.zeros_like(signals)
    for t in range(n_bins):
        for lag in range(min(t + 1, 7)):
            expected[..., t] += kernels[:, lag] * signals[..., t - lag]
    assert torch.allclose(convolve_past(signals, kernels), expected, atol=1e-5)
