"""One table of what is nearly right, or odd, and of what each public function says to it."""

import re
import traceback
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
from conftest import tiny_dict
from matplotlib.axes import Axes

import nma_seq2seq as nma
from nma_seq2seq import plots

QUIET = {"progress": False}
ONE = nma.Settings(max_epochs=1)


@cache
def made() -> SimpleNamespace:
    session = nma.Session.from_dict(tiny_dict())
    data = nma.make_dataset(session)
    counts = data.target[data.test]
    source = data.source[data.test]
    with_nan = source.astype(float)
    with_nan[0, 0, 0] = np.nan
    return SimpleNamespace(
        s=session, d=data, counts=counts, source=source, with_nan=with_nan,
        rates=np.full(counts.shape, 0.1),
        latents=np.random.default_rng(0).normal(size=(session.n_trials, session.n_bins, 3)),
        silent=replace(data, source=np.zeros_like(data.source)),
        constant=replace(data, source=np.ones_like(data.source)),
        rrr=nma.fit_rrr(data, smoothings=((2,),), ridges=(1,), ranks=(2,), floors=(0.1,)),
        glm=nma.fit_glm(data, smoothings=(2,), penalties=(0.1,)),
        net=nma.fit_seq2seq(data, ONE, n_members=1, **QUIET),
        maps=lambda **k: nma.region_map(session, ["MOs", "VISp"], **{"n_neurons": 3} | QUIET | k),
        fit=lambda **k: nma.fit(nma.Seq2Seq(26, 10), data, nma.Settings(**{"max_epochs": 1} | k),
                                **QUIET),
    )  # fmt: skip


NOTHING = "none of the .* source neurons ever changes its count"
WHOLE = "choose a whole number"
TABLE = {
    # what is fitted
    "n_members=-2": (lambda m: nma.fit_seq2seq(m.d, n_members=-2), "n_members is -2; " + WHOLE),
    "n_members=0": (lambda m: nma.fit_seq2seq(m.d, n_members=0), "n_members is 0; " + WHOLE),
    "n_members=1.5": (lambda m: nma.fit_seq2seq(m.d, n_members=1.5), "n_members is 1.5; " + WHOLE),
    "a seed below 0": (lambda m: nma.fit_seq2seq(m.d, seed=-1), "seed is -1; " + WHOLE),
    "the recipe's seed": (lambda m: nma.fit_recipe(m.d, ONE, seed=-1, **QUIET), "seed is -1"),
    "n_latents=0": (lambda m: nma.fit_seq2seq(m.d, ONE, n_latents=0, **QUIET), "n_latents is 0"),
    "the recipe's latents": (lambda m: nma.fit_recipe(m.d, n_latents=-1), "n_latents is -1"),
    "batch_trials=0": (lambda m: m.fit(batch_trials=0), "batch_trials is 0; " + WHOLE),
    "batch_trials=-4": (lambda m: m.fit(batch_trials=-4), "batch_trials is -4; " + WHOLE),
    "max_epochs=0": (lambda m: m.fit(max_epochs=0), "max_epochs is 0; " + WHOLE),
    "patience=-1": (lambda m: m.fit(patience=-1), "patience is -1; " + WHOLE),
    "learning_rate=-1": (lambda m: m.fit(learning_rate=-1), "learning_rate is -1; choose a number"),
    "learning_rate=nan": (lambda m: m.fit(learning_rate=np.nan), "learning_rate is nan"),
    "learning_rate=0": (lambda m: m.fit(learning_rate=0), "nothing is learned"),
    "weight_decay=-1": (lambda m: m.fit(weight_decay=-1), "weight_decay is -1"),
    "neuron_dropout=1": (lambda m: m.fit(neuron_dropout=1), "from 0 to below 1"),
    "an optimizer": (lambda m: m.fit(optimizer="sgdd"), "no optimizer 'sgdd'; choose"),
    "a device": (lambda m: nma.fit(nma.Seq2Seq(26, 10), m.d, device="gpu", **QUIET), "no device"),
    "another size": (lambda m: nma.fit(nma.Seq2Seq(25, 10), m.d, **QUIET), "25 sources"),
    "a session": (lambda m: nma.fit(nma.Seq2Seq(26, 10), m.s, **QUIET), "a Session is no Dataset"),
    "seq2seq of a session": (lambda m: nma.fit_seq2seq(m.s), "a Session is no Dataset; make one"),
    "regression of a session": (lambda m: nma.fit_rrr(m.s), "a Session is no Dataset; make one"),
    "GLM of a session": (lambda m: nma.fit_glm(m.s), "a Session is no Dataset; make one"),
    "no source": (lambda m: nma.Seq2Seq(0, 10), "n_sources is 0; " + WHOLE),
    "no target": (lambda m: nma.Seq2Seq(26, -1), "n_targets is -1; " + WHOLE),
    "half a latent": (lambda m: nma.fit_seq2seq(m.d, n_latents=2.5), "n_latents is 2.5; " + WHOLE),
    "one width": (lambda m: nma.fit_seq2seq(m.d, smoothing=2.0), r"smoothing=2.0 must be widths"),
    "a word for widths": (lambda m: nma.Seq2Seq(9, 9, smoothing="28"), "smoothing=.28. must be"),
    "no width": (lambda m: nma.fit_seq2seq(m.d, smoothing=()), r"smoothing=\(\) holds no width"),
    "a word for a ridge": (lambda m: nma.fit_seq2seq(m.d, ridge="1"), "ridge is .1.; choose a num"),
    "a floor below 0": (lambda m: nma.Seq2Seq(9, 9, floor=-1), "floor is -1; choose a number"),
    "a dict of settings": (lambda m: nma.fit_seq2seq(m.d, {}), "a dict holds no settings"),
    "settings of the recipe": (lambda m: nma.fit_recipe(m.d, {}), "a dict holds no settings"),
    "recipe of a session": (lambda m: nma.fit_recipe(m.s), "a Session is no Dataset; make one"),
    "one trial, average": (lambda m: nma.fit_mean(m.d).predict(m.source[0]), "for one trial"),
    "other bins": (lambda m: nma.fit_psth(m.d).predict(m.source[:, :9]), "has 30 bins and"),
    "a cell": (lambda m: nma.Seq2Seq(26, 10, cell="lstmm"), "no cell 'lstmm'; choose"),
    "a kernel of no width": (lambda m: nma.Seq2Seq(26, 10, smoothing=(-1.0,)), "must be widths"),
    "beta=0": (lambda m: nma.Seq2Seq(26, 10, beta=0), "must be above 0"),
    "silent, regression": (lambda m: nma.fit_rrr(m.silent), NOTHING),
    "silent, network": (lambda m: nma.fit_seq2seq(m.silent, ONE, **QUIET), NOTHING),
    "silent, population": (lambda m: nma.fit_population(m.silent), NOTHING),
    "silent, GLM": (lambda m: nma.fit_glm(m.silent), NOTHING),
    "constant, regression": (lambda m: nma.fit_rrr(m.constant), NOTHING),
    "constant, network": (lambda m: nma.fit_seq2seq(m.constant, ONE, **QUIET), NOTHING),
    "silent, map": (lambda m: nma.region_map(replace(m.s, spikes=np.zeros_like(m.s.spikes)),
                    ["MOs", "VISp"], n_neurons=3, **QUIET), NOTHING),
    "ranks=(0,)": (lambda m: nma.fit_rrr(m.d, ranks=(0,)), "whole numbers of 1 or more"),
    "ranks=(1.5,)": (lambda m: nma.fit_rrr(m.d, ranks=(1.5,)), "whole numbers of 1 or more"),
    "ranks=(100,)": (lambda m: nma.fit_rrr(m.d, ranks=(100,)), "add a smaller rank"),
    "ranks=()": (lambda m: nma.fit_rrr(m.d, ranks=()), "nothing to choose from"),
    "ranks=5": (lambda m: nma.fit_rrr(m.d, ranks=5), "must be a tuple"),
    "ridges=(nan,)": (lambda m: nma.fit_rrr(m.d, ridges=(np.nan,)), "finite and above 0"),
    "smoothings=(2, 4)": (lambda m: nma.fit_rrr(m.d, smoothings=(2, 4)), "tuples of widths"),
    "floors=(-1,)": (lambda m: nma.fit_rrr(m.d, floors=(-1,)), "shares of the mean rate"),
    "n_components=0": (lambda m: nma.fit_glm(m.d, n_components=0), "n_components is 0; " + WHOLE),
    "penalties=(-1,)": (lambda m: nma.fit_glm(m.d, penalties=(-1,)), "penalties is -1"),
    "penalties=()": (lambda m: nma.fit_glm(m.d, penalties=()), "nothing to choose from"),
    # what is predicted
    "NaN, regression": (lambda m: m.rrr.predict(m.with_nan), "NaN or infinite"),
    "NaN, GLM": (lambda m: m.glm.predict(m.with_nan), "NaN or infinite"),
    "NaN, network": (lambda m: m.net.predict(m.with_nan), "NaN or infinite"),
    "NaN, latents": (lambda m: m.net.latents(m.with_nan), "NaN or infinite"),
    "one trial, regression": (lambda m: m.rrr.predict(m.source[0]), r"for one trial, source\[\[0"),
    "one trial, network": (lambda m: m.net.predict(m.source[0]), r"for one trial, source\[\[0\]\]"),
    "other neurons": (lambda m: m.rrr.predict(m.source[..., :5]), "26 neurons that the model was"),
    "other neurons, network": (lambda m: m.net.predict(m.source[..., :5]), "26 neurons that the"),
    "no trial": (lambda m: m.net.predict(m.source[:0]), "no trial in these source counts"),
    # what is scored
    "a negative rate": (lambda m: nma.poisson_nll(-m.rates, m.counts), "zero, negative or NaN"),
    "a rate of NaN": (lambda m: nma.poisson_nll(m.rates * np.nan, m.counts), "negative or NaN"),
    "a rate of zero": (lambda m: nma.poisson_nll(m.rates * 0, m.counts), "zero, negative or NaN"),
    "fewer neurons": (lambda m: nma.poisson_nll(m.rates[..., :3], m.counts), "both need one shape"),
    "negative, in bits": (lambda m: nma.bits_per_spike(-m.rates, m.counts, m.rates), "negative"),
    "fewer trials": (lambda m: nma.bits_per_spike(m.rates[:2], m.counts, m.rates), "of the same"),
    "no spikes": (lambda m: nma.bits_per_spike(m.rates, m.counts * 0, m.rates), "no spike in"),
    "a null of others": (lambda m: nma.bits_per_spike(m.rates, m.counts, np.ones(3)), "as null"),
    "a tensor and an array": (lambda m: nma.poisson_nll(torch.ones(3), np.ones(3)), "two tensors"),
    "a null": (lambda m: nma.null_rates(m.d, "trian"), "no null 'trian'; choose"),
    "R2 of other trials": (lambda m: nma.metrics.r2(m.rates, m.rates[:2]), "must have one shape"),
    "no model": (lambda m: nma.score({}, m.d), "no model to score"),
    "a model without a name": (lambda m: nma.score(m.rrr, m.d), "give a dict of names"),
    "a list of models": (lambda m: nma.score([m.rrr], m.d), "give a dict of names"),
    "a part": (lambda m: nma.score({"r": m.rrr}, m.d, part="tets"), "did you mean 'test'"),
    "score's null": (lambda m: nma.score({"r": m.rrr}, m.d, null="mean"), "no null 'mean'"),
    "n_resamples=0": (lambda m: nma.score({"r": m.rrr}, m.d, n_resamples=0), "n_resamples is 0"),
    "score's seed": (lambda m: nma.score({"r": m.rrr}, m.d, seed=-1), "seed is -1"),
    "no model to compare": (lambda m: nma.compare("rrr", m.rrr, m.d), "give a fitted model"),
    "no counts": (lambda m: nma.poisson_nll(m.rates[:0], m.counts[:0]), "hold nothing"),
    "R2 of nothing": (lambda m: nma.metrics.r2(m.rates[:0], m.rates[:0]), "nothing that could be"),
    "width=-1": (lambda m: nma.smooth(m.counts, -1), "0 or more bins"),
    "width=nan": (lambda m: nma.smooth(m.counts, np.nan), "0 or more bins"),
    "smooth one trial": (lambda m: nma.smooth(m.counts[0], 2), r"must be \(trials, time, neurons"),
    # latents
    "align NaN": (lambda m: nma.align(m.latents * np.nan, m.latents), "NaN or infinite"),
    "align no latent": (lambda m: nma.align(m.latents[..., :0], m.latents), "there is none in one"),
    "decode no feature": (lambda m: nma.decode({"x": m.latents[..., :0]}, m.d), "one feature or"),
    "one fold": (lambda m: nma.align(m.latents, m.latents, n_folds=1), "n_folds is 1; " + WHOLE),
    "align's seed": (lambda m: nma.align(m.latents, m.latents, seed=-1), "seed is -1"),
    "a variable": (lambda m: nma.decode({"x": m.latents}, m.d, variables="chioce"), "mean .choice"),
    "decode NaN": (lambda m: nma.decode({"x": m.latents * np.nan}, m.d), "hold NaN or infinite"),
    "decode an array": (lambda m: nma.decode(m.latents, m.d), "a dict of names and arrays"),
    "decode nothing": (lambda m: nma.decode({}, m.d), "a dict of names and arrays"),
    "decode two axes": (lambda m: nma.decode({"x": m.latents[:, 0]}, m.d), r"\(trials, time, feat"),
    "n_windows=0": (lambda m: nma.decode({"x": m.latents}, m.d, n_windows=0), "n_windows is 0"),
    "0 components": (lambda m: nma.principal_components(m.d, 0), "n_components is 0; " + WHOLE),
    "99 components": (lambda m: nma.principal_components(m.d, 99), "from 1 to 26"),
    "smoothing=-1": (lambda m: nma.principal_components(m.d, 2, smoothing=-1), "smoothing is -1"),
    # maps, simulations and files
    "n_jobs=0": (lambda m: m.maps(n_jobs=0), "n_jobs is 0; choose 1 or more processes, or -1"),
    "n_neurons=-1": (lambda m: m.maps(n_neurons=-1), "n_neurons is -1; " + WHOLE),
    "a map's seed": (lambda m: m.maps(seed=-1), "seed is -1"),
    "a map's window": (lambda m: m.maps(window=(0, 400)), "in seconds, not in milliseconds"),
    "a map's model": (lambda m: m.maps(model="rr"), "no model 'rr'.*did you mean 'rrr'"),
    "a seed of 1.5": (lambda m: nma.simulate_session(1.5), "seed is 1.5; " + WHOLE),
    "no trials": (lambda m: nma.simulate_session(0, n_trials=0), "n_trials is 0; " + WHOLE),
    "a list of regions": (lambda m: nma.simulate_session(0, regions=["MOs"]), "give a dict of acr"),
    "simulated 'mos'": (lambda m: nma.simulate_session(0, regions={"mos": 4}), "you mean 'MOs'"),
    "session -1": (lambda m: nma.load_session(-1), "choose 0 to 38"),
    "session 1.5": (lambda m: nma.load_session(1.5), "choose 0 to 38"),
    "a name's case": (lambda m: nma.load_session("richards_2017-10-31"), "mean 'Richards_2017-10-"),
    "a fallback": (lambda m: nma.load_session(3, fallback="twin"), "no fallback 'twin'; choose"),
    "40.5 trials": (lambda m: nma.split_trials(40.5), "n_trials is 40.5; " + WHOLE),
    "a share below 0": (lambda m: nma.split_trials(40, test_fraction=-1), "each part needs at"),
    "a shuffle's seed": (lambda m: nma.shuffle_within_condition(m.d, seed=-1), "seed is -1"),
    "a list of spikes": (lambda m: replace(m.s, spikes=[[[1]]]), "spikes are a list of shape"),
    "rebin(True)": (lambda m: m.s.rebin(True), "n is True; " + WHOLE),
    "rebin('2')": (lambda m: m.s.rebin("2"), "n is '2'; " + WHOLE),
    "exercise 9.9": (lambda m: nma.hint("9.9"), "there are exercises of"),
}  # fmt: skip


@pytest.mark.parametrize("case", TABLE)
def test_what_is_odd_gets_one_sentence(case):
    call, fragment = TABLE[case]
    with pytest.raises((ValueError, TypeError)) as caught:
        call(made())
    assert re.search(fragment, str(caught.value)), caught.value
    assert "\n" not in str(caught.value)


def odd_sessions() -> dict[str, nma.Session]:
    """Sessions with as little in them as there can be."""
    session, calm = made().s, {"response": 0.0, "reaction_time": np.nan}
    mos = session.region_mask("MOs")
    return {
        "nothing fires": replace(session, spikes=np.zeros_like(session.spikes)),
        "no target fires": replace(session, spikes=np.where(mos, 0, session.spikes)),
        "no source fires": replace(session, spikes=np.where(mos, session.spikes, 0)),
        "nothing changes": replace(session, spikes=np.ones_like(session.spikes)),
        "the mouse rests": replace(session, trials=session.trials.assign(**calm)),
        "one trial": session.select(trials=[3]),
        "one bin": session.select(window=(0, 0.01)),
        "one neuron": session.select(neurons=[25]),
        "one of each": session.select(trials=[3], window=(0, 0.01), neurons=[25]),
        "counts alone": replace(session, trials=session.trials[[]], behavior={},
                                units=session.units[["region", "group"]]),
    }  # fmt: skip


def of_session(s: nma.Session) -> list:
    """What can be asked of a session, as functions without arguments."""
    latents = np.random.default_rng(0).normal(size=(s.n_trials, s.n_bins, 3))
    quick, window = {"n_neurons": 3, "n_resamples": 1} | QUIET, (-0.02, 0.05)
    return [
        s._repr_html_, lambda: s.rebin(2), lambda: s.select(min_rate_hz=0.1),
        lambda: s.align("gocue", window), lambda: s.align("reaction_time", window),
        lambda: nma.make_dataset(s, lag=1), lambda: nma.make_dataset(s, min_distance_um=0.1),
        lambda: nma.region_map(s, ["MOs", "VISp"], **quick), lambda: nma.RegionPicker(s),
        lambda: nma.align(latents, latents[..., :2]),
        lambda: plots.activity_map(s), lambda: plots.brain_views(s),
        lambda: plots.count_variance(s, (0, 0.01)), lambda: plots.firing_rates(s),
        lambda: plots.latent_grid(latents, s, "response"), lambda: plots.latent_pair(latents, s),
        lambda: plots.trajectories(latents, s, "response"), lambda: plots.neurons_left(s, "MOs"),
        lambda: plots.population_raster(s, 0), lambda: plots.psth(s, by="response"),
        lambda: plots.psth(s, align="gocue", window=window), lambda: plots.psychometric(s),
        lambda: plots.raster(s, 0, by="response"), lambda: plots.reaction_times(s),
        lambda: plots.events_on_wheel(s, {"go cue": s.event_bin("gocue")}),
        lambda: plots.neuron_order(s), lambda: plots.trial_movie(s, 0, n_frames=2),
    ]  # fmt: skip


def of_data(d: nma.Dataset) -> list:
    """What can be asked of a dataset."""
    counts, mean = d.target[d.test], nma.fit_mean(d)
    rates, psth = np.full(counts.shape, 0.1), nma.metrics.psth(d)
    latents = np.random.default_rng(0).normal(size=(*d.source.shape[:2], 3))
    models = {"mean rate": mean, "PSTH": nma.fit_psth(d)}
    return [
        lambda: nma.fit_population(d), lambda: nma.fit_glm(d, smoothings=(2,), penalties=(0.1,)),
        lambda: nma.fit_rrr(d, smoothings=((2,),), ridges=(1,), ranks=(1,), floors=(0.1,)),
        lambda: nma.fit_seq2seq(d, ONE, n_members=1, **QUIET),
        lambda: nma.fit_recipe(d, ONE, **QUIET),
        lambda: nma.score(models, d, n_resamples=9), lambda: nma.compare(mean, mean, d),
        lambda: nma.score(models, d, null="psth", part="validation", n_resamples=9),
        lambda: nma.principal_components(d, 1), lambda: nma.decode({"x": latents}, d),
        lambda: nma.shuffle_within_condition(d), lambda: nma.metrics.r2(rates, counts),
        lambda: nma.bits_per_spike(rates, counts, nma.null_rates(d, "psth"), per_neuron=True),
        lambda: plots.selection(d), lambda: plots.count_distribution(d),
        lambda: plots.loss_by_rate(models, d), lambda: plots.predicted_trials(models, d),
        lambda: plots.denoised_neurons(d, rates, psth, [0], n_trials=2),
        lambda: plots.denoised_trial(d, rates, psth),
    ]  # fmt: skip


@pytest.mark.filterwarnings("error::RuntimeWarning", "error::UserWarning")
@pytest.mark.parametrize("case", odd_sessions())
def test_of_a_session_with_next_to_nothing_there_is_an_answer_or_a_sentence(case, capsys):
    """Nothing that numpy, torch or seaborn say of an empty array, and nothing drawn of NaN."""
    session = odd_sessions()[case]
    calls = of_session(session)
    try:
        calls += of_data(nma.make_dataset(session))
    except ValueError as refusal:
        assert _is_a_sentence(refusal)
    assert len(calls) > 20
    for call in calls:
        try:
            drawn = call()
        except (ValueError, TypeError) as refusal:
            assert _is_a_sentence(refusal), refusal
            continue
        finally:
            plt.close("all")
        if isinstance(first := np.ravel(drawn)[0], Axes):
            assert "nan" not in plots.alt_text(first.figure)


EMPTY, UNKNOWN = pd.DataFrame(), pd.DataFrame(np.full((2, 2), np.nan), ["MOs", "CA1"])
SCORES = pd.DataFrame({"bits_per_spike": [0.1], "shuffled": [np.nan]})
NOT_DRAWN = {
    "region_matrix": (lambda: plots.region_matrix(UNKNOWN, "bits"), "no score to draw"),
    "region_matrix of none": (lambda: plots.region_matrix(EMPTY, "bits"), "no score to draw"),
    "shuffle_control": (lambda: plots.shuffle_control(SCORES), "no number in 'shuffled' to draw"),
    "neuron_numbers": (lambda: plots.neuron_numbers(SCORES.iloc[:0]), "no number in 'bits_per_sp"),
    "leak": (lambda: plots.leak(SCORES * np.nan), "no number in 'bits_per_spike' to draw"),
    "score_intervals": (lambda: plots.score_intervals(SCORES.iloc[:0]), "no number in 'bits_per"),
    "score_against": (lambda: plots.score_against(SCORES.iloc[:0], "rank"), "no number in 'bits_"),
    "paired_differences": (lambda: plots.paired_differences(SCORES), "no column 'difference'; it"),
    "decoding": (lambda: plots.decoding(SCORES), "no column 'accuracy'; it has bits_per_spike"),
    "learning_curves": (lambda: plots.learning_curves(EMPTY), "no column 'validation_bits'"),
    "validation_curves": (lambda: plots.validation_curves({}), "no history to draw"),
    "similarity": (lambda: plots.similarity({}), "no matrix to draw"),
    "region_counts": (lambda: plots.region_counts(EMPTY), "no neuron to draw"),
    "held_out_bins": (lambda: plots.held_out_bins({}), "no mask to draw"),
    "events_on_wheel": (lambda: plots.events_on_wheel(made().s, {}), "no event to draw"),
    "loss_by_rate": (lambda: plots.loss_by_rate({}, made().d), "no model to draw"),
    "predicted_trials": (lambda: plots.predicted_trials({}, made().d), "no model to draw"),
    "alignment": (lambda: plots.alignment({}, ["a"]), "no alignment to draw"),
    "canonical_correlations": (lambda: plots.canonical_correlations({}), "no alignment to draw"),
    "output_biases": (lambda: plots.output_biases({"a": np.ones(3)}, np.zeros(3)), "that fires to"),
    "step_responses": (lambda: plots.step_responses({}, np.ones(9)), "no response to draw"),
    "loss_curves": (lambda: plots.loss_curves(()), "no count to draw"),
    "links": (lambda: plots.links(()), "no beta to draw"),
}  # fmt: skip


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", NOT_DRAWN)
def test_where_there_is_nothing_to_draw_a_figure_says_so(case):
    call, fragment = NOT_DRAWN[case]
    with pytest.raises(ValueError, match=fragment) as caught:
        call()
    assert _is_a_sentence(caught.value) and not plt.get_fignums()


def _is_a_sentence(refusal: Exception) -> bool:
    """Whether the package itself refuses, in one line."""
    last = traceback.extract_tb(refusal.__traceback__)[-1]
    is_ours = "nma_seq2seq" in Path(last.filename).parts and str(last.line).startswith("raise")
    return is_ours and "\n" not in str(refusal)


def test_what_is_only_unusual_is_right():
    m = made()
    halves = np.arange(40) < 20
    assert len(nma.align(m.latents, m.latents, train=halves, test=~halves).trials) == 20
    assert set(nma.decode({"x": m.latents}, m.d, variables="choice")["variable"]) == {"choice"}
    assert (nma.smooth(m.counts, 0) == m.counts).all()
    dated = nma.Session.from_dict(tiny_dict() | {"date_exp": np.datetime64("2017-10-31")})
    assert dated.name == "Tiny_2017-10-31"


def test_networks_are_of_single_precision_whatever_torchs_default_is():
    torch.set_default_dtype(torch.float64)
    try:
        fit = nma.fit_seq2seq(made().d, ONE, n_members=1, **QUIET)
        recipe, _ = nma.fit_recipe(made().d, ONE, **QUIET)
    finally:
        torch.set_default_dtype(torch.float32)
    for model in (fit, recipe):
        assert np.isfinite(model.predict(made().source)).all()
    same = made().net.predict(made().source)
    np.testing.assert_allclose(fit.predict(made().source), same, rtol=1e-5)
