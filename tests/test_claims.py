"""What a notebook says that you should see, seen: on three simulated mice, from its own cells.

A claim is a quotation of the notebook and a check of what its cells have computed. What only an eye
can judge is listed too, so that no paragraph with "you should see" is in neither list.
"""

from pathlib import Path
from types import SimpleNamespace

import jupytext
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import nma_seq2seq as nma
from nma_seq2seq import simulate, steinmetz

SOLUTIONS = sorted((Path(__file__).parent.parent / "solutions").glob("*.py"))
SEEDS = (0, 2, 3)  # notebook 3 takes seed 1 as another mouse


def bits(table):
    return table["bits_per_spike"]


def counted(trials, by, value):
    """Share of responses at each level."""
    return (trials["response"] == value).groupby(by).mean()


def contrasts(s):
    return (s.trials["contrast_right"] - s.trials["contrast_left"]).to_numpy()


def response_by_contrast(s):
    """Mean rate of the shown region from 50 to 400 ms, by contrast on the right."""
    part = s.session.select(s.strongest, window=(0.05, 0.4)).spikes.mean(axis=(1, 2))
    return pd.Series(part).groupby(s.contrast).mean().to_numpy()


def around(s, region, align):
    """Mean rate of a region in bins of 50 ms, around the stimulus or the movement."""
    part = s.session.select(region)
    at = part.event_bin("reaction_time")
    at = at if align else np.where(np.isnan(at), np.nan, -part.time[0] / part.bin_size)
    kept = np.flatnonzero((at >= 30) & (at + 50 <= part.n_bins))
    pieces = np.stack([part.spikes[k, int(at[k]) - 30 : int(at[k]) + 50] for k in kept])
    return pieces.mean(axis=(0, 2)).reshape(16, 5).mean(axis=1) / part.bin_size


def kept(s, region, least=1.0):
    """Shares of neurons and of spikes that a least rate leaves."""
    rates = s.session.rates_hz[s.session.region_mask(region)]
    return (rates >= least).mean(), rates[rates >= least].sum() / rates.sum()


def diagonal_ranks(s):
    """Place of each region itself among the sources that predict it, from 0."""
    return [int((s.predicted[name] > s.predicted.loc[name, name]).sum()) for name in s.predicted]


CLAIMS = {
    1: {
        "nearly all counts are 0": lambda s: (s.session.spikes == 0).mean() > 0.9,
        "in the twin every no-go": lambda s: (
            (s.trials["response_time"] > s.session.time[-1]) == (s.trials["response"] == 0)
        ).all(),
        "ten mice with one to seven sessions each": lambda s: (
            nma.list_sessions().groupby("mouse").size().agg(["size", "min", "max"]).tolist()
            == [10, 1, 7]
        ),
        "a median of one to four Hz": lambda s: 1 <= np.median(s.rates_hz) <= 4,
        "more than ten times as much": lambda s: s.rates_hz.max() > 10 * np.median(s.rates_hz),
        "the medians of the regions lie much closer together": lambda s: (
            np.ptp(np.log(pd.Series(s.rates_hz).groupby(s.session.units["region"]).median()))
            < 0.7
            * pd.Series(np.log(s.rates_hz.clip(0.01)))
            .groupby(s.session.units["region"])
            .agg(np.ptp)
            .median()
        ),
        "the two turns rise towards the side with the higher contrast": lambda s: (
            np.corrcoef(s.levels, s.p_right)[0, 1] > 0.8
            and counted(s.trials, contrasts(s), 1).iloc[[0, -1]].diff().iloc[-1] < -0.3
        ),
        "no-go most often in the middle": lambda s: (
            (s.trials["response"] == 0)[np.abs(contrasts(s)) < 0.3].mean()
            > 2 * (s.trials["response"] == 0)[np.abs(contrasts(s)) > 0.3].mean()
        ),
        "most movements start within 150 to 400 ms": lambda s: (
            s.trials["reaction_time"].dropna().between(0.15, 0.4).mean() > 0.5
        ),
        "**before** the earliest go cue": lambda s: (
            (s.trials["reaction_time"].dropna() < 0.5).mean() > 0.8
        ),
        "run along the left edge of the dark band": lambda s: s.same == 1,
        "busy neurons lie above the line": lambda s: np.median(s.fano[s.active]) > 1.1,
        "which differs from trial to trial": lambda s: (
            s.model.predict(s.data.source[s.data.test]).mean(axis=1).std() > 0
        ),
    },
    2: {
        "more strongly to the two high contrasts than to a low one or none": lambda s: (
            response_by_contrast(s)[2:].mean() > 1.15 * response_by_contrast(s)[:2].mean()
            and response_by_contrast(s).argmax() == 3
        ),
        "On the right most of it is gone": lambda s: (
            np.corrcoef(s.peak, s.coarse.spikes[~s.even].mean(axis=0).argmax(axis=0))[0, 1] < 0.7
        ),
        "you should see a higher peak on the right": lambda s: (
            around(s, s.target, True).max() > around(s, s.target, False).max()
        ),
        "the rise begins **before** the wheel turns": lambda s: (
            around(s, s.target, True)[5] > around(s, s.target, True)[:3].mean()
        ),
        "most of them positive": lambda s: all(
            (matrix.to_numpy()[np.triu_indices(len(matrix), 1)] > 0).mean() > 0.5
            for matrix in s.similarity.values()
        ),
        "part of the cells turn white": lambda s: any(
            0 < s.above(s.similarity[name], s.thresholds[name]) < 1 for name in s.similarity
        ),
        "many correlations stay": lambda s: any(
            s.above(s.rest[name], s.rest_thresholds[name]) > 0.1 for name in s.rest
        ),
    },
    3: {
        "453 neurons that predict 69 in the first line": lambda s: (
            (s.across.n_sources, s.across.n_targets) == (453, 69)
        ),
        "one bar with two parts": lambda s: s.within.n_sources == s.within.n_targets == 34,
        "At 1 Hz a good part of the neurons has gone, but few of the spikes": lambda s: (
            kept(s, s.target)[0] < 0.85 < 0.9 < kept(s, s.target)[1]
        ),
        "noise earns bits when bins are split, and none": lambda s: (
            s.mean["bins", "noise"] > 0.01 > s.mean["trials", "noise"]
        ),
    },
    4: {
        "You should see `True`.": lambda s: (
            s.same
            and bool(s.torch.allclose(s.torch.stack(s.by_hand, dim=1), s.by_torch, atol=1e-6))
        ),
        "six times `True`": lambda s: s.felt.tolist() == [True] * 6,
        "304 weights": lambda s: sum(p.numel() for p in s.model.parameters()) == 304,
        "tens of thousands of weights or more": lambda s: s.n_weights > 10_000,
        "first rates lie around 0.1 spikes per bin": lambda s: all(
            0.04 < np.median(s.first_rates[name]) < 0.16
            for name in s.first_rates
            if name != "exercise 4.5"
        ),
        "spend the first 50 epochs or more on finding the mean rates": lambda s: all(
            (fit.history.set_index("epoch").loc[:50, "validation_bits"] < 0.02).all()
            for name, fit in s.starts.items()
            if name != "exercise 4.5"
        ),
        "Yours starts about a tenth of a bit below zero": lambda s: (
            -0.2 < s.starts["exercise 4.5"].history["validation_bits"].iloc[0] < 0
        ),
        "most of the score with two to four latents, and no gain beyond eight": lambda s: (
            bits(s.table)[4] > 0.7 * bits(s.table).max()
            and bits(s.table)[[15, 30]].max() < bits(s.table)[8] + 0.01
        ),
        "*Time matters.*": lambda s: (
            bits(s.choice)["linear, smoothed"] > bits(s.choice)["linear, bin by bin"] + 0.02
        ),
        "*Gates help.*": lambda s: bits(s.choice)[["GRU", "LSTM"]].min() > bits(s.choice)["RNN"],
        "is not beaten by any of the four": lambda s: (
            bits(s.choice)["linear, smoothed"]
            > bits(s.choice)[["RNN", "GRU", "LSTM", "transformer"]].max() - 0.01
        ),
        "*Attention does not help here.*": lambda s: (
            bits(s.choice)["transformer"] < bits(s.choice)["LSTM"]
        ),
    },
    5: {
        "the busiest target neuron is silent in most bins": lambda s: (
            (s.data.target[s.data.train].max(axis=(0, 1)) >= 0).all()
            and (s.data.target[s.data.train] == 0).mean(axis=(0, 1)).min() > 0.5
        ),
        "the variance follows the mean over a factor of a hundred or so": lambda s: (
            np.ptp(np.log10(nma.metrics.mean_rates(s.data.target[s.data.train]))) > 1.6
        ),
        "gain more on its training trials than on the test trials": lambda s: (
            loss_gain(s, "train_loss") > 1.2 * loss_gain(s, "test_loss")
        ),
        "less than ten per cent apart": lambda s: abs(loss_gain(s, "test_loss")) < 0.1,
        "the early-stopped weights ahead of the weights as given": lambda s: (
            bits(s.table)["recipe, early stopped"] > bits(s.table)["recipe, as given"]
        ),
        "the same rates get three scores": lambda s: (
            pd.DataFrame(s.nulls).nunique(axis=1).min() == 3
        ),
        "on the validation trials it has its best epoch (dot) and goes down": lambda s: (
            s.as_given.history["validation_bits"].iloc[-1]
            < s.as_given.history["validation_bits"].max() - 0.005
        ),
        "stop 20 epochs after the best one": lambda s: (
            len(s.validation_losses) in (300, int(np.argmin(s.validation_losses)) + 21)
        ),
        "both regressions ahead of the recipe": lambda s: (
            bits(s.table)[["your regression", "reduced-rank regression"]].min()
            > bits(s.table)[["recipe, early stopped", "recipe, as given"]].max()
        ),
        "a difference whose interval stays above zero, and a majority": lambda s: (
            s.against_recipe["low"] > 0 and s.against_recipe["share_of_neurons"] > 0.5
        ),
        "the mean count stay nearly as it was": lambda s: (
            abs(float(s.dropped.mean() / s.some.mean()) - 1) < 0.1
        ),
        "the network at the best score of all": lambda s: bits(s.table).idxmax() == "seq2seq",
        "by some hundredths of a bit and of the recipe by far more": lambda s: (
            0 < bits(s.table)["seq2seq"] - bits(s.table)["reduced-rank regression"] < 0.1
        ),
        "the averaged regressions above the single one": lambda s: (
            bits(s.ablation)["five regressions, averaged"]
            > bits(s.ablation)["reduced-rank regression"]
        ),
        "hardly any difference without the recurrent layer": lambda s: (
            abs(bits(s.ablation)["seq2seq"] - bits(s.ablation)["without the recurrent layer"])
            < 0.01
        ),
        "even ahead of the best line through the true latents": lambda s: (
            known_bits(s)["seq2seq"] > known_bits(s)["true latents, linear read-out"]
        ).all(),
        "both models rise with the trials (above) and with the sources (below)": lambda s: (
            nma.measured_scores("curves")
            .groupby(["name", "over", "model"])["bits_per_spike"]
            .agg(lambda curve: curve.iloc[-1] > 1.1 * curve.iloc[0])
            .all()
        ),
        "the two true scores with intervals clearly above zero": lambda s: (
            s.question_2.filter(like="from other", axis=0)["low"].min()
            > max(0, 2 * bits(s.question_2)["sources shuffled within condition"])
        ),
        "most of the score stays": lambda s: (
            bits(s.psth_null) > 0.5 * bits(s.table)[s.psth_null.index]
        ).all(),
        "**yes** again, with intervals above zero": lambda s: (
            s.question_3.loc[["reduced-rank regression", "seq2seq"], "low"].min() > 0
        ),
        "the regression and the network are about equal": lambda s: (
            abs(s.against_regression["difference"]) < 0.05
        ),
    },
    6: {
        "the course's model well ahead": lambda s: (
            bits(scored(s))["course's model"] > bits(scored(s)).iloc[1:].max() + 0.02
        ),
        "the two LSTMs close together": lambda s: (
            abs(bits(scored(s)).iloc[1:].diff().iloc[-1]) < 0.05
        ),
        "all sizes and both signs": lambda s: min(s.same_number) < 0 < max(s.same_number),
        "the same read-out from other latents": lambda s: (
            np.allclose(s.before_, s.after, atol=1e-4)
            if hasattr(s, "before_")
            else np.abs(s.turned).max() > 1 >= np.abs(s.lstm_latents).max()
        ),
        "far more than a comparison number by number, and still not everything": lambda s: (
            np.mean(np.square(s.same_number)) + 0.1 < s.between_seeds.mean() < 0.9
        ),
        "it finds more than of the latents themselves": lambda s: (
            s.used_r2 > s.between_seeds.mean() + 0.1
        ),
        "every curve ends below its top": lambda s: (
            curves(s)
            .apply(lambda curve: curve.dropna().iloc[-1] < curve.max() - 0.02, axis=1)
            .all()
        ),
        "With 333 simulated trials it falls from 10 to 30 epochs although the score grows": (
            lambda s: (
                curves(s).loc["Simulated_0", 333].loc[[10, 30]].is_monotonic_decreasing
                and curves(s, "bits_per_spike")
                .loc["Simulated_0", 333]
                .loc[[10, 30]]
                .is_monotonic_increasing
            )
        ),
        "networks agree better the more trials they have seen": lambda s: (
            curves(s).groupby("session").diff().stack().min() > 0
        ),
        "(diamonds), for which every linear map is open, agree better than LSTMs at their best": (
            lambda s: (
                s.best["used_r2"].unstack()["linear"] > s.best["used_r2"].unstack()["LSTM"]
            ).all()
        ),
        "None comes to 1": lambda s: s.measured["used_r2"].max() < 0.9,
        "share a handful of directions well and the rest hardly": lambda s: (
            2 <= (shared(s) > 0.7).sum() <= 10 and shared(s)[-1] < 0.5
        ),
        "recovered at an R² near or above 0.8": lambda s: (
            s.found_truth["course's model, 15 latents"][:5].min() > 0.7
        ),
        "better than by principal components": lambda s: (
            s.found_truth["course's model, 15 latents"][:5]
            > s.found_truth["15 principal components"][:5]
        ).all(),
        "hippocampus, whose own latent is tied to nothing else": lambda s: (
            s.names_truth[s.found_truth["course's model, 15 latents"].argmin()] == "hippocampus"
        ),
        "Most of the others are recovered worse": lambda s: (
            np.mean(
                s.found_truth["course's model, 15 latents"][5:]
                < s.found_truth["15 principal components"][5:]
            )
            > 0.5
        ),
        "nearly all neurons above 0": lambda s: (s.single > 0).mean() > 0.85,
        "the correlations gather much nearer to 0": lambda s: (
            abs(np.median(s.shifted)) < 0.5 * np.median(s.single)
        ),
        "the denoised rates far ahead": lambda s: (
            np.median(s.close["denoised rates"])
            > max(np.median(r2) for name, r2 in s.close.items() if name != "denoised rates") + 0.1
        ),
        "*below* 0 unless they are smoothed a lot": lambda s: (
            np.median(s.close["its own counts, smoothed by 20 ms"]) < 0
        ),
        "the honest decoder at about 0.5, and the leaky one clearly above it": lambda s: (
            coins(s, s.decode_honestly) < 0.55 < 0.6 < coins(s, s.decode_leakily)
        ),
        "less than from the whole trial, and more than chance": lambda s: (
            s.choice["chance_high"].iloc[0]
            < s.choice["accuracy"].iloc[0]
            <= s.choice["accuracy"].iloc[1]
        ),
        "Even where every guess is right the interval does not close": lambda s: (
            (s.decoded["high"] - s.decoded["low"]).min() > 0.02
        ),
    },
    7: {
        "curves that climb with the number of neurons": lambda s: all(
            means.iloc[-1] > means.iloc[0]
            for _, means in s.by_number.groupby(["source", "n_sources"])["bits_per_spike"]
            .mean()
            .groupby("source")
        ),
        "bright and dark *columns*": lambda s: (
            s.predicted.mean(axis=0).std() > s.predicted.mean(axis=1).std()
        ),
        "among the brightest of its column or close to it": lambda s: (
            np.mean(np.array(diagonal_ranks(s)) < len(s.predicted) / 2) > 0.7
        ),
        "most marks close to the horizontal line": lambda s: (
            s.table["shuffled"].abs().median() < 0.5 * s.table["bits_per_spike"].median()
        ),
        "MOs predicts less of itself from a distance": lambda s: (
            s.kept_apart["100 µm"]["MOs"] < s.kept_apart["0 µm"]["MOs"] - 0.01
        ),
        "the scores agree well between resamples, their asymmetry much less": lambda s: (
            np.corrcoef(*s.scores)[0, 1] > 0.8
            and np.corrcoef(*s.scores)[0, 1] - 0.15
            > np.corrcoef(*s.whole)[0, 1]
            > np.corrcoef(*s.beyond)[0, 1]
        ),
        "pairs that are wired score higher than those that are not": lambda s: (
            by_kind(s)["wired, forward"] > 1.3 * by_kind(s)["not wired"]
        ),
        "backward scores nearly as high as forward": lambda s: (
            by_kind(s)["wired, backward"] > 0.6 * by_kind(s)["wired, forward"]
        ),
        "some pairs that are not wired beat many that are": lambda s: (
            s.truth.loc[s.truth["kind"] == "not wired", s.value].max()
            > s.truth.loc[s.truth["kind"] == "wired, forward", s.value].median()
        ),
        "the groups predict themselves best": lambda s: (
            groups(s)[0].min() > groups(s)[1].median()
            and groups(s)[0].mean() > 2 * groups(s)[1].mean()
        ),
        "many an interval reaches from near zero to twice the mean": lambda s: (
            (s.summary["low"] < 0.25 * s.summary["mean"])[s.summary["mean"] > 0].mean() > 0.3
        ),
    },
}

# What only an eye can judge, or what the build compares with the committed output.
BY_EYE = {
    1: (
        "the set-up above",
        "straight tracks, each through one region after another",
        "the grating come on at 0 s",
    ),
    2: (
        "no two trials are alike",
        "the same ticks in another order",
        "You should see a mist",
        "the regions as coloured bands",
        "the same rows left and right",
    ),
    3: ("where the neurons sit", "salt and pepper on the left", "smooth curves in both"),
    4: (
        "from left to right: the counts",
        "the memory run straight through",
        "trials and bins in front",
        "fall back to zero between the two spikes",
        "the larger beta, the sharper",
        "only your bias on the line",
    ),
    5: (
        "each curve lowest where the rate is the count",
        "You should see 0.5379",
        "all dots close to the black curve",
        "rates of about 2 Hz",
        "both curves rise from below zero",
        "start high, at the linear model",
        "rates that differ from trial to trial",
    ),
    6: (
        "a curve that rises or falls after the stimulus",
        "tell the kinds of trials apart most",
        "paths that start near each other",
        "the recovered latents follow the true ones",
        "the same PSTH again and again",
    ),
    7: ("arrows within groups",),
}


def loss_gain(s, column):
    """By how much of the mean rate's loss the recipe's is lower."""
    table = nma.score({"mean": s.mean, "recipe": s.as_given}, s.data, n_resamples=1)
    return 1 - table.loc["recipe", column] / table.loc["mean", column]


def scored(s):
    return nma.score(s.models, s.data, n_resamples=1)


def curves(s, value="used_r2"):
    """Two LSTMs' agreement: a row a session and number of trials, a column a number of epochs."""
    lstm = s.measured[(s.measured["model"] == "LSTM") & (s.measured["epochs"] != "best")]
    lstm = lstm.assign(epochs=lstm["epochs"].astype(int))
    wide = lstm.pivot(index=["session", "n_train"], columns="epochs", values=value)
    return wide.dropna(axis=1, how="all")


def shared(s):
    return s.shared["LSTM seed 0, LSTM seed 1"].canonical_correlations


def coins(s, decoder):
    """Mean balanced accuracy of a decoder of coin tosses."""
    guesses = [np.sign(decoder(s.spike_counts, c, s.seen, s.data.test)) for c in s.coins[:60]]
    return np.mean(
        [s.balanced_accuracy(c[s.data.test], g) for c, g in zip(s.coins[:60], guesses, strict=True)]
    )


def groups(s):
    """Means over mice of groups that predict themselves, and of those that predict others."""
    itself = s.summary["source"] == s.summary["target"]
    return s.summary["mean"][itself], s.summary["mean"][~itself]


def by_kind(s):
    return s.truth.groupby("kind")[s.value].mean()


def known_bits(s):
    return s.known.pivot(index="name", columns="model", values="bits_per_spike")


def paragraphs(path):
    """Text of the markdown cells in which something is to be seen, as one line each."""
    cells = [cell.source for cell in jupytext.read(path).cells if cell.cell_type == "markdown"]
    return [" ".join(text.split()) for text in cells if "should see" in text]


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem[:2])
def test_every_claim_is_checked_or_named_as_one_for_the_eye(path):
    number, texts = int(path.stem[:2]), paragraphs(path)
    everything = " ".join(
        " ".join(cell.source.split())
        for cell in jupytext.read(path).cells
        if cell.cell_type == "markdown"
    )
    quotes = [*CLAIMS[number], *BY_EYE[number]]
    assert not [quote for quote in quotes if quote not in everything]
    assert not [text[:80] for text in texts if not any(quote in text for quote in quotes)]


def lived(path, seed, monkeypatch):
    """The names that a notebook leaves behind, run on the simulated mouse of this seed."""
    monkeypatch.setenv("NMA_SEQ2SEQ_DATA", "simulated")
    mouse = simulate.simulate_session(seed)

    first = seed

    def instead(seed, task="active", **size):  # named as the package calls it
        return simulate.simulate_session(first + seed, **size) if size else mouse

    monkeypatch.setattr(steinmetz, "simulate_session", instead)
    names = {"display": lambda *shown, **options: None}
    for cell in jupytext.read(path).cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, f"{path.name}", "exec"), names)
            plt.close("all")
            keep_what_is_renamed(names)
    return SimpleNamespace(**names)


def keep_what_is_renamed(names):
    """Of names that a notebook uses twice, the one that a claim is about."""
    found = names.get("found")
    if isinstance(found, dict) and "course's model, 15 latents" in found:
        names["found_truth"] = {name: alignment.r2 for name, alignment in found.items()}
        names.setdefault("names_truth", names["names"])


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem[:2])
def test_what_you_should_see_is_there(path, seed, monkeypatch):
    seen = lived(path, seed, monkeypatch)
    wrong = [quote for quote, holds in CLAIMS[int(path.stem[:2])].items() if not holds(seen)]
    assert not wrong
