"""Every public figure, in one table: drawn where it is told to, labelled, in its colours."""

import dataclasses
import os
from functools import cache
from types import SimpleNamespace

import matplotlib as mpl
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest
from conftest import tiny_dict
from IPython.core.formatters import DisplayFormatter
from matplotlib.animation import HTMLWriter
from matplotlib.colors import same_color, to_hex
from nbclient import NotebookClient

import nma_seq2seq as nma
from nma_seq2seq import plots
from nma_seq2seq.latents import align
from nma_seq2seq.plots import style
from nma_seq2seq.regions import COLORS, color_of

# Public, and no figures.
HELPERS = {"alt_text", "described", "model_colors", "neuron_order", "trial_movie"}


@cache
def made() -> SimpleNamespace:
    """What the figures are drawn from, made once."""

    session = nma.Session.from_dict(tiny_dict())
    data = nma.make_dataset(session, seed=0)
    models = {"mean rate": nma.fit_mean(data), "seq2seq": nma.fit_psth(data)}
    table = nma.score(models, data, n_resamples=20)
    latents = np.random.default_rng(0).normal(size=(session.n_trials, session.n_bins, 4))
    alignment = {
        "seq2seq": align(latents, latents[..., :2], train=data.train, test=data.test),
        "PSTH": align(latents[..., :2], latents[..., :2], train=data.train, test=data.test),
    }
    psth = nma.metrics.psth(data)
    rates = models["seq2seq"].predict(data.source[data.test])
    epochs = np.arange(12)
    history = pd.DataFrame(
        {
            "epoch": epochs,
            "train_bits": 0.05 * epochs,
            "validation_bits": 0.3 - 0.01 * (epochs - 5) ** 2,
            "seconds": 0.1 * epochs,
        }
    )
    decoded = pd.DataFrame(
        [
            {"variable": v, "features": f, "accuracy": 0.7, "low": 0.6, "high": 0.9}
            | {"chance_high": 0.65, "n_test": 20}
            for v in ("choice", "movement")
            for f in ("15 latents", "all source neurons")
        ]
    )
    leak = pd.DataFrame(
        [
            {"held out": way, "input": name, "bits_per_spike": bits}
            for way, name, bits in (("bins", "noise", 0.1), ("trials", "noise", -0.001))
        ]
    )
    names = ["VISp", "MOs", "CA1"]
    pairs = pd.DataFrame(
        [
            {"source": a, "target": b, "bits_per_spike": 0.1 + 0.2 * (a == b), "shuffled": 0.02}
            | {"target_group": nma.regions.group_of(b)}
            for a in names
            for b in names
        ]
    )
    mice = pd.concat([pairs.assign(mouse=m, session=m) for m in ("Ada", "Bea", "Cid")])
    matrix = pairs.pivot(index="source", columns="target", values="bits_per_spike")
    numbers = pd.DataFrame({"source": "VISp", "n_sources": [3, 6, 12], "bits_per_spike": [0, 1, 2]})
    counts = pd.DataFrame([[3, 0, 9], [1, 2, 3]], ["a", "b"], names)
    by_rank = table.set_index(pd.Index([1, 4]))
    difference = nma.compare(models["seq2seq"], models["mean rate"], data)
    return SimpleNamespace(**locals())


# name: (how it is called with ax or axes, the number of axes)
FIGURES = {
    "activity_map": (lambda **k: plots.activity_map(made().session, **k), 1),
    "agreement": (lambda **k: plots.agreement(nma.measured_scores("agreement"), **k), 3),
    "aligned_latents": (
        lambda **k: plots.aligned_latents(
            made().alignment["seq2seq"], made().latents, made().session, ["a", "b"], n_trials=2, **k
        ),
        4,
    ),
    "alignment": (lambda **k: plots.alignment(made().alignment, ["a", "b"], bar=0.8, **k), 1),
    "architecture": (lambda **k: plots.architecture(453, 69, **k), 1),
    "brain_views": (lambda **k: plots.brain_views(made().session, **k), 3),
    "canonical_correlations": (lambda **k: plots.canonical_correlations(made().alignment, **k), 1),
    "count_distribution": (lambda **k: plots.count_distribution(made().data, **k), 2),
    "count_variance": (lambda **k: plots.count_variance(made().session, (0.0, 0.15), **k), 1),
    "attainable": (lambda **k: plots.attainable(nma.measured_scores("attainable"), **k), 1),
    "data_curves": (lambda **k: plots.data_curves(nma.measured_scores("curves"), **k), 6),
    "decoding": (lambda **k: plots.decoding(made().decoded, **k), 1),
    "denoised_neurons": (
        lambda **k: plots.denoised_neurons(
            made().data, made().rates, made().psth, [0, 1], n_trials=2, **k
        ),
        4,
    ),
    "denoised_trial": (
        lambda **k: plots.denoised_trial(made().data, made().rates, made().psth, **k),
        3,
    ),
    "events_on_wheel": (
        lambda **k: plots.events_on_wheel(
            made().session, {"go cue": made().session.event_bin("gocue")}, **k
        ),
        1,
    ),
    "firing_rates": (lambda **k: plots.firing_rates(made().session, **k), 1),
    "held_out_bins": (lambda **k: plots.held_out_bins({"a": np.eye(4) > 0}, **k), 1),
    "latent_grid": (
        lambda **k: plots.latent_grid(made().latents, made().session, "response", **k),
        4,
    ),
    "latent_pair": (lambda **k: plots.latent_pair(made().latents, made().session, **k), 2),
    "leak": (lambda **k: plots.leak(made().leak, **k), 1),
    "learning_curves": (lambda **k: plots.learning_curves(made().history, **k), 1),
    "links": (lambda **k: plots.links(**k), 2),
    "loss_by_rate": (lambda **k: plots.loss_by_rate(made().models, made().data, **k), 1),
    "loss_curves": (lambda **k: plots.loss_curves(**k), 2),
    "lstm_cell": (lambda **k: plots.lstm_cell(**k), 1),
    "neuron_numbers": (lambda **k: plots.neuron_numbers(made().numbers, **k), 1),
    "neurons_left": (lambda **k: plots.neurons_left(made().session, "MOs", **k), 1),
    "output_biases": (
        lambda **k: plots.output_biases({"a": np.full(3, 0.1)}, np.array([0.01, 0.1, 0.3]), **k),
        1,
    ),
    "over_mice": (lambda **k: plots.over_mice(made().mice, "bits_per_spike", **k), 1),
    "paired_differences": (lambda **k: plots.paired_differences(made().difference, **k), 1),
    "population_raster": (lambda **k: plots.population_raster(made().session, 3, **k), 1),
    "predicted_trials": (lambda **k: plots.predicted_trials(made().models, made().data, **k), 3),
    "psth": (lambda **k: plots.psth(made().session, "MOs", by="response", **k), 1),
    "psychometric": (lambda **k: plots.psychometric(made().session, **k), 1),
    "raster": (lambda **k: plots.raster(made().session, 25, by="response", **k), 2),
    "reaction_times": (lambda **k: plots.reaction_times(made().session, **k), 2),
    "region_counts": (lambda **k: plots.region_counts(made().counts, **k), 1),
    "region_graph": (lambda **k: plots.region_graph(made().matrix, **k), 1),
    "region_matrix": (lambda **k: plots.region_matrix(made().matrix, "bits per spike", **k), 1),
    "score_against": (lambda **k: plots.score_against(made().by_rank, "latents", **k), 1),
    "score_intervals": (lambda **k: plots.score_intervals(made().table, **k), 1),
    "selection": (lambda **k: plots.selection(made().data, **k), 4),
    "sessions": (lambda **k: plots.sessions(nma.list_sessions(), made().session, **k), 2),
    "shuffle_control": (lambda **k: plots.shuffle_control(made().pairs, **k), 1),
    "similarity": (lambda **k: plots.similarity({"a": made().matrix, "b": made().matrix}, **k), 2),
    "step_responses": (lambda **k: plots.step_responses({"u": np.ones(9)}, np.ones(9), **k), 2),
    "task": (lambda **k: plots.task(**k), 2),
    "trajectories": (
        lambda **k: plots.trajectories(made().latents, made().session, "response", **k),
        2,
    ),
    "validation_curves": (lambda **k: plots.validation_curves({"LSTM": made().history}, **k), 1),
}
TAKES_ONE = {name for name, (_, n) in FIGURES.items() if n == 1} - {"held_out_bins"}


def test_the_table_holds_every_figure():
    assert set(FIGURES) == set(plots.__all__) - HELPERS


def content(ax):
    return [*ax.lines, *ax.collections, *ax.patches, *ax.images, *ax.texts]


@pytest.mark.parametrize("name", FIGURES)
def test_it_is_drawn_on_the_axes_given_and_nowhere_else(name):
    draw, n = FIGURES[name]
    projection = {"projection": "3d"} if name == "trajectories" else {}
    figure, given = plt.subplots(1, n, squeeze=False, subplot_kw=projection, layout="constrained")
    elsewhere, current = plt.subplots()
    before, settings = plt.get_fignums(), dict(mpl.rcParams)
    back = draw(ax=given[0, 0]) if name in TAKES_ONE else draw(axes=list(given[0]))
    assert list(np.ravel(back)) == list(given[0])
    assert all(content(ax) for ax in given[0])
    assert plt.get_fignums() == before and plt.gca() is current
    assert elsewhere.axes == [current] and not content(current) and not elsewhere.legends
    assert dict(mpl.rcParams) == settings  # a reader's own settings
    figure.canvas.draw()


@pytest.mark.parametrize("name", sorted(set(FIGURES) - TAKES_ONE))
def test_too_few_axes_are_named(name):
    n = FIGURES[name][1]
    with pytest.raises(ValueError, match=f"axes has {n + 1} axes; this figure needs {n}"):
        FIGURES[name][0](axes=np.ravel(plt.subplots(1, n + 1)[1]))


def test_what_is_no_axes_is_named():
    with pytest.raises(TypeError, match="a Figure is no Axes; give ax or axes of plt.subplots"):
        plots.psth(made().session, ax=plt.figure())
    with pytest.raises(ValueError, match="a path needs axes in 3-D"):
        flat = plt.subplots(1, 2)[1]
        plots.trajectories(made().latents, made().session, "response", axes=flat)


@pytest.mark.parametrize("name", FIGURES)
def test_it_is_labelled_with_units_and_described(name):
    axes = np.ravel(FIGURES[name][0]())
    figure = axes[0].figure
    figure.canvas.draw()
    for ax in axes:
        if not ax.axison or name == "selection" and ax is axes[0]:
            continue
        shared = ax.get_shared_x_axes().get_siblings(ax), ax.get_shared_y_axes().get_siblings(ax)
        labels = [figure.get_supxlabel() or "".join(a.get_xlabel() for a in shared[0])]
        labels += [figure.get_supylabel() or "".join(a.get_ylabel() for a in shared[1])]
        for label, ticks in zip(labels, (ax.get_xticklabels(), ax.get_yticklabels()), strict=True):
            numbers = [tick for tick in ticks if tick.get_text().strip("−0123456789.") == ""]
            assert label or not any(tick.get_text() for tick in numbers), "numbers without a label"
        for label in labels:
            if any(word in label for word in ("time from", "rate", "loss", "position", "speed")):
                assert "(" in label and ")" in label, f"{label!r} has no unit"
    _, metadata = DisplayFormatter().format(figure)
    said = metadata["image/png"]["alt"]
    assert said == plots.alt_text(figure)
    assert len(said) > 50 and said.endswith(".") and "  " not in said and "nan" not in said


@pytest.mark.parametrize("name", FIGURES)
def test_no_label_lies_on_another(name):
    axes = np.ravel(FIGURES[name][0]())
    figure = axes[0].figure
    figure.canvas.draw()
    for ax in figure.axes:
        along = [ax.get_xticklabels(), ax.get_yticklabels()] if ax.name != "3d" else []
        legend = [ax.get_legend()] if ax.get_legend() else []
        for texts in (*along, [*legend, ax.title, *figure.legends]):
            boxes = [
                text.get_window_extent()
                for text in texts
                if text.get_visible() and (not hasattr(text, "get_text") or text.get_text())
            ]
            for k, box in enumerate(boxes):
                for other in boxes[k + 1 :]:
                    # Turned labels overlap by the corners of their boxes.
                    turned = texts in along and texts[0].get_rotation() not in (0, 90)
                    assert turned or not box.padded(-1.5).overlaps(other), f"in {ax.get_title()}"


def test_a_notebook_shows_and_describes_every_figure():
    draw = "nma.plots.loss_curves()"
    cells = [nbformat.v4.new_code_cell(f"import nma_seq2seq as nma\nax = {draw}")]
    cells += [nbformat.v4.new_code_cell(f"ax = {draw}") for _ in range(2)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    inside = {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}
    NotebookClient(notebook, kernel_name="python3", timeout=120).execute(env=inside)
    for cell in notebook.cells:
        (output,) = cell.outputs
        assert output.data["image/png"]
        assert output.metadata["image/png"]["alt"].startswith("Poisson loss (left)")


def test_texts_of_one_figure_are_put_together():
    figure, (left, right) = plt.subplots(1, 2)
    plots.described(left, "A curve.")
    plots.psth(made().session, ax=right)
    assert plots.alt_text(figure).startswith("A curve. Mean rate of 36 neurons")
    assert plots.alt_text(plt.figure()) == ""


# ---------------------------------------------------------------------- colours


def test_a_model_has_one_colour_in_every_figure():
    expected = plots.model_colors(["seq2seq"])["seq2seq"]
    lines = [
        plots.score_intervals(made().table).lines[-1],
        plots.loss_by_rate(made().models, made().data).lines[-1],
        plots.predicted_trials(made().models, made().data)[0].lines[1],
        plots.validation_curves({"seq2seq": made().history}).lines[-1],
        plots.paired_differences(made().difference.rename("seq2seq against PSTH")).lines[-1],
    ]
    assert all(same_color(line.get_color(), expected) for line in lines)
    bars = plots.alignment(made().alignment, ["a", "b"]).containers[0]
    assert all(same_color(bar.get_facecolor(), expected) for bar in bars)


def test_models_of_one_figure_can_be_told_apart():
    for names in (
        ["mean rate", "PSTH", "population coupling", "recipe, as given", "recipe, early stopped"],
        ["RNN", "GRU", "LSTM", "linear, smoothed"],
        ["course's model", "LSTM, seed 0", "LSTM, seed 1", "15 principal components"],
        ["mine", "yours", "seq2seq", "reduced-rank regression"],
    ):
        colors = plots.model_colors(names)
        assert list(colors) == names and len(set(colors.values())) == len(names)
    assert plots.model_colors(["mine"]) == plots.model_colors(["mine"])
    assert len(plots.model_colors([f"model {k}" for k in range(20)])) == 20


def test_regions_have_the_colours_of_their_groups():
    ax = plots.firing_rates(made().session)
    drawn = [to_hex(points.get_facecolor()[0]).upper() for points in ax.collections[::2]]
    assert drawn == [color_of(region) for region in made().session.regions]


def test_what_the_mouse_did_has_no_colour_of_a_region():
    regions = {color.upper() for color in COLORS.values()}
    others = [*style.RESPONSES.values(), *style.EVENTS.values()]
    assert not regions & {color.upper() for _, color, *_ in others}


def test_text_in_colour_can_be_read_on_white():
    for color in COLORS.values():
        ink = mpl.colors.to_rgb(style.readable(color))
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in ink]
        assert 1.05 / (np.dot(linear, [0.2126, 0.7152, 0.0722]) + 0.05) >= 4.5


# ---------------------------------------------------------------------- what is asked for


@pytest.mark.parametrize(
    "draw",
    [
        lambda s: plots.raster(s, 0, by="many"),
        lambda s: plots.psth(s, by="many"),
        lambda s: plots.latent_grid(made().latents, s, "many"),
        lambda s: plots.trajectories(made().latents, s, "many"),
    ],
)
@pytest.mark.parametrize("n_values", [8, 9])
def test_too_many_values_are_refused_everywhere_above_the_same_number(draw, n_values):
    trials = made().session.trials.assign(many=np.arange(made().session.n_trials) % n_values)
    session = nma.Session(made().session.spikes, made().session.time, made().session.units, trials)
    if n_values == 8:
        draw(session)
        return
    with pytest.raises(ValueError, match="'many' has 9 values, too many to draw; choose .* most 8"):
        draw(session)


@pytest.mark.parametrize("draw", [plots.latent_grid, plots.trajectories])
def test_without_a_column_all_trials_are_drawn_as_one(draw):
    ax = draw(made().latents, made().session)[0]
    assert [x.get_label() for x in ax.lines if "trials" in x.get_label()] == [
        "all trials (40 trials)"
    ]
    assert ("band: all trials" in plots.alt_text(ax.figure)) == (draw is plots.latent_grid)


def test_lines_are_told_apart_without_their_colours():
    """As in print, or by those who see few colours."""
    session, latents, models = made().session, made().latents, made().models
    by_dashes = [
        plots.validation_curves(dict.fromkeys("abcd", made().history)).lines[1:],
        plots.predicted_trials(models, made().data)[0].lines[:2],
        plots.links((1.0, 3.0))[0].lines,
        plots.loss_curves()[0].lines[::2],
        plots.psth(session, by="response").lines[:3],
        plots.trajectories(latents, session, "response")[0].lines[:12:4],
        plots.latent_pair(latents, session, n_single=0)[0].lines[:2],
    ]
    for lines in by_dashes:
        assert len({line.get_linestyle() for line in lines}) == len(lines) > 1
    by_marks = [
        plots.loss_by_rate(models, made().data).lines[1:],
        plots.data_curves(nma.measured_scores("curves"))[0].lines,
    ]
    for lines in by_marks:
        assert len({line.get_marker() for line in lines}) == len(lines) > 1


def test_words_come_after_numbers_where_a_column_has_both():
    trials = made().session.trials.assign(mixed=["late", 2.0, 1.0, "early"] * 10)
    ax = plots.psth(dataclasses.replace(made().session, trials=trials), by="mixed")
    names = [text.get_text().split()[0] for text in ax.get_legend().get_texts()]
    assert names == ["1", "2", "early", "late"]


def test_a_raster_can_be_sorted_by_what_has_many_values():
    axes = plots.raster(made().session, 25, sort="contrast_left")
    order = np.argsort(made().session.trials["contrast_left"], kind="stable")
    trial, _ = np.nonzero(made().session.spikes[order, :, 25])
    assert np.allclose(axes[0].collections[0].get_offsets()[:, 1], trial + 0.5)


def test_differences_are_filled_where_the_interval_leaves_out_zero():
    table = pd.DataFrame(
        {"difference": [0.1, 0.01], "low": [0.05, -0.02], "high": [0.15, 0.04]},
        index=["a against b", "b against c"],
    )
    ax = plots.paired_differences(table)
    filled = [line.get_markerfacecolor() != "white" for line in ax.lines[1:]]
    assert filled == [True, False]
    assert [text.get_text() for text in ax.texts] == ["+0.100", "+0.010"]
    ends = [segment[:, 0].tolist() for lines in ax.collections for segment in lines.get_segments()]
    assert ends == [[0.05, 0.15], [-0.02, 0.04]]


def test_a_movie_of_a_trial_fits_into_a_notebook():
    session = nma.simulate_session(0, n_trials=20, n_bins=250)
    before = plt.get_fignums()
    page = plots.trial_movie(session, n_frames=4).data
    assert plt.get_fignums() == before
    assert page.count("data:image/png;base64,") == 4 and '<img alt="Trial ' in page
    # The default is 26 pictures, and a notebook stays below a megabyte.
    assert 26 * len(page) / 4 < 1e6
    with pytest.raises(ValueError, match="trial is 40; choose a whole number from 0 to 19"):
        plots.trial_movie(session, 40)
    bare = nma.Session(session.spikes, session.time, session.units, session.trials)
    with pytest.raises(ValueError, match="no 'wheel' in its behavior"):
        plots.trial_movie(bare)


def test_each_picture_of_a_movie_is_of_its_moment(monkeypatch):
    """Read from the figure when a picture of it is kept."""
    times = {"reaction_time": 0.15, "gocue": 0.07}
    trials = made().session.trials.assign(contrast_left=1.0, contrast_right=0.25, **times)
    wheel = np.arange(40.0)[:, None] * np.ones(30)  # a trial can be told by it
    behavior = made().session.behavior | {"wheel": wheel}
    session = dataclasses.replace(made().session, behavior=behavior, trials=trials)
    seen, keep = [], HTMLWriter.grab_frame

    def grab(writer, **options):
        screens, wheel, spikes = writer.fig.axes
        shown = [image for image in screens.images if image.get_visible()]
        bars = [ax.lines[-1].get_xdata()[0] for ax in (wheel, spikes)]
        ticks = np.sort(spikes.collections[0].get_offsets()[:, 0])
        at = [np.mean(image.get_extent()[:2]) for image in shown]
        contrast = [np.ptp(image.get_array()) / np.ptp(style.grating(1)) for image in shown]
        parts = [*bars, spikes.patches[-1].get_x()], ticks, wheel.lines[1].get_xydata()
        seen.append((*parts, screens.texts[0].get_text(), at, contrast))
        keep(writer, **options)

    monkeypatch.setattr(HTMLWriter, "grab_frame", grab)
    plots.trial_movie(session, 5, n_frames=4)
    middles = session.time + session.bin_size / 2
    moments = np.linspace(middles[0], middles[-1], 4)
    for (moved, ticks, turned, _, at, contrast), now in zip(seen, moments, strict=True):
        np.testing.assert_allclose(moved, now)
        np.testing.assert_allclose(ticks, middles[np.sort(session.spikes[5].nonzero()[0])])
        np.testing.assert_allclose(turned, [(time, 5) for time in middles if time <= now])
        # They come with the stimulus, and from the go cue on the left one goes to the centre.
        way = max(0, (now - 0.07) / (moments[-1] - 0.07))
        np.testing.assert_allclose(at, 0.35 * np.array([way - 1, way + 1])[: 2 * (now >= 0)])
        np.testing.assert_allclose(contrast, [1, 0.25][: 2 * (now >= 0)])
    texts = [
        "before the stimulus",
        "stimulus at 0.00 s",
        ", go cue at 0.07 s",
        ", movement at 0.15 s",
    ]
    assert [text for *_, text, _, _ in seen] == [texts[0], *np.cumsum(np.array(texts[1:], object))]


def test_a_movie_is_of_the_first_trial_with_one_grating_and_a_movement():
    columns = {"contrast_left": 0.0, "contrast_right": 0.0, "reaction_time": np.nan}
    trials = made().session.trials.assign(**columns)
    for trial, row in enumerate(((1, 1, 0.1), (0, 1, np.nan), (1, 0.5, 0.1), (0, 1, 0.1))):
        trials.loc[trials.index[trial], list(columns)] = row
    page = plots.trial_movie(dataclasses.replace(made().session, trials=trials), n_frames=2).data
    assert '<img alt="Trial 3 ' in page
