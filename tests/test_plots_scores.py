"""The figures of the network and of its scores: drawn, labelled, and of what they were given."""

import numpy as np
import pandas as pd
import pytest

import nma_seq2seq as nma


@pytest.fixture(scope="module")
def data():
    session = nma.simulate_session(
        0, n_trials=30, n_bins=80, regions={"MOs": 6, "VISp": 5, "LP": 4}
    )
    return nma.make_dataset(session, target="MOs", window=(-0.1, 0.2), seed=0)


@pytest.fixture(scope="module")
def models(data):
    return {"mean rate": nma.fit_mean(data), "PSTH": nma.fit_psth(data)}


def labelled(axes):
    axes = np.ravel(axes)
    assert all(ax.get_xlabel() or ax.get_shared_x_axes().get_siblings(ax)[1:] for ax in axes)
    axes[0].figure.canvas.draw()
    return axes


def test_drawings_name_the_sizes():
    ax = nma.plots.architecture(453, 69, n_latents=15)
    ax.figure.canvas.draw()
    written = " ".join(text.get_text() for text in ax.texts)
    assert all(size in written for size in ("453", "69", "2 x 15"))
    nma.plots.lstm_cell().figure.canvas.draw()


def test_links_are_the_functions():
    axes = labelled(nma.plots.links(betas=(10.0,)))
    x, curve = axes[0].lines[0].get_data()
    expected = np.log1p(np.exp(10 * x)) / 10
    np.testing.assert_allclose(curve, expected, rtol=1e-6, atol=1e-9)
    assert axes[1].lines[0].get_ydata().max() == pytest.approx(1, abs=0.01)


def test_step_responses_and_biases():
    axes = nma.plots.step_responses({"unit": np.ones(9)}, np.zeros(9))
    assert axes[1].get_xlabel() == "time (s)"
    labelled(nma.plots.output_biases({"a": np.full(3, 0.1)}, np.array([0.01, 0.1, 0.3])))


def test_counts_and_losses(data, models):
    axes = labelled(nma.plots.count_distribution(data))
    shares = [bar.get_height() for bar in axes[0].patches[:-1]]
    assert sum(shares) == pytest.approx(1)
    axes = labelled(nma.plots.loss_curves((0, 2)))
    rates, loss = axes[0].lines[2].get_data()  # two spikes
    assert rates[loss.argmin()] == pytest.approx(2, rel=0.02)
    ax = labelled(nma.plots.loss_by_rate(models, data, marks={"original": 0.0914}))[0]
    assert "original" in [text.get_text() for text in ax.get_legend().get_texts()]


@pytest.mark.parametrize("best", [2, 9])
def test_learning_curves_mark_the_turn(best):
    epochs = np.arange(11)
    bits = 0.3 - 0.01 * (epochs - best) ** 2
    history = pd.DataFrame(
        {"epoch": epochs, "train_bits": 0.05 * epochs, "validation_bits": bits, "seconds": epochs}
    )
    ax = labelled(nma.plots.learning_curves(history))[0]
    turn = next(line for line in ax.lines if line.get_label() == f"best: epoch {best}")
    assert (turn.get_xdata()[0], turn.get_ydata()[0]) == (best, bits[best])
    assert turn.get_label() in [text.get_text() for text in ax.get_legend().get_texts()]
    several = pd.concat([history.assign(member=0), history.assign(member=1, validation_bits=9.0)])
    assert nma.plots.learning_curves(several).get_ylim()[1] < 1
    labelled(nma.plots.validation_curves({"LSTM": history}, against="seconds"))


def test_scores(data, models):
    table = nma.score(models, data, n_resamples=50)
    ax = labelled(nma.plots.score_intervals(table))[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == list(models)
    labelled(nma.plots.score_against(table.set_index(pd.Index([1, 4])), "latents"))
    axes = labelled(nma.plots.predicted_trials(models, data, n_trials=2))
    assert {int(ax.get_title().split()[-1]) for ax in axes} <= set(data.test)
