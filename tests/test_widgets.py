"""The picker, driven as the mouse would drive it: its value, and what it shows."""

import base64
import dataclasses
import html
import re

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

import nma_seq2seq as nma
from nma_seq2seq.widgets import Choice


@pytest.fixture
def picker(tiny):
    return nma.RegionPicker(tiny)


def control(picker, description):
    """The control with this label."""
    found, stack = [], [picker.widget]
    while stack:
        widget = stack.pop()
        stack.extend(getattr(widget, "children", ()))
        if getattr(widget, "description", None) == description:
            found.append(widget)
    assert len(found) == 1, description
    return found[0]


def shown(picker):
    """The text without its tags, and the picture's bytes (None where it is hidden)."""
    text, picture = picker.widget.children[1:]
    hidden = picture.layout.display == "none"
    words = html.unescape(re.sub("<[^>]+>", "", text.value))
    return words, None if hidden else base64.b64decode(
        re.search('base64,([^"]+)', picture.value)[1]
    )


def tick(picker, *names):
    """Tick the boxes of these regions, and no others."""
    for name in nma.regions.in_order(picker.session.units["region"]):
        if name != "root":
            n = (picker.session.units["region"] == name).sum()
            control(picker, f"{name} ({n})").value = name in names


def test_it_opens_with_the_study_s_choice(picker, tiny):
    assert picker.value == Choice("Tiny_2020-01-01", "other", "MOs", 0.0, picker.dataset().train[0])
    assert picker.message == ""
    text, picture = shown(picker)
    assert "26 source neurons predict 10 target neurons of MOs" in text
    assert picture.startswith(b"\x89PNG")
    data = picker.dataset(seed=3)
    same = nma.make_dataset(tiny, "other", "MOs", seed=3)
    np.testing.assert_array_equal(data.source, same.source)
    np.testing.assert_array_equal(data.test, same.test)
    assert picker.dataset(window=(0, 0.1)).n_bins == 10


def test_the_twin_gives_the_numbers_of_the_slides(twin):
    picker = nma.RegionPicker(twin)
    assert "453 source neurons predict 69" in shown(picker)[0]
    all_neurons = shown(picker)[1]
    control(picker, "least rate, Hz").value = 5.0
    text, picture = shown(picker)
    assert picture != all_neurons and "min_rate_hz=5" in text
    chosen = nma.make_dataset(twin, min_rate_hz=5)
    assert f"{chosen.n_sources} source neurons predict {chosen.n_targets} target" in text
    picker.choose(source="same", min_rate_hz=0)
    assert "34 source neurons predict 34" in shown(picker)[0]


@pytest.mark.parametrize(
    ("description", "setting", "field", "words"),
    [
        ("target", "VISp", "target", "16 source neurons predict 20 target neurons of VISp"),
        ("trial", 7, "trial", "26 source neurons"),
        ("sources", "same", "source", "5 source neurons predict 5"),
    ],
)
def test_a_change_reaches_value_counts_and_picture(picker, description, setting, field, words):
    before = shown(picker)
    control(picker, description).value = setting
    assert getattr(picker.value, field) == setting
    text, picture = shown(picker)
    assert words in text
    assert picture != before[1]


def test_ticking_regions_makes_them_the_sources(picker):
    tick(picker, "VISp", "CA1")
    assert picker.value.source == ("VISp", "CA1")
    assert control(picker, "sources").value == "regions"
    assert "25 source neurons predict 10" in shown(picker)[0]
    assert picker.dataset().n_sources == 25


def test_an_impossible_choice_says_why_and_can_be_left(picker):
    tick(picker, "VISp", "MOs")
    text, picture = shown(picker)
    assert text.startswith("Not possible: MOs is both source and target") and picture is None
    assert picker.message in text
    with pytest.raises(ValueError, match="MOs is both source and target"):
        picker.dataset()
    tick(picker)
    assert "no source region is ticked" in picker.message
    control(picker, "sources").value = "other"
    assert picker.message == "" and shown(picker)[1] is not None


def test_a_rate_that_nobody_has(tiny):
    quiet = nma.RegionPicker(
        nma.Session(
            spikes=np.minimum(tiny.spikes, 0), time=tiny.time, units=tiny.units, trials=tiny.trials
        )
    )
    assert quiet.message == ""
    control(quiet, "least rate, Hz").value = 3.0
    assert "no source neuron is left at 3 Hz" in shown(quiet)[0]


def test_choose_does_the_same_in_code(picker):
    assert picker.choose(target="CA1", source=["MOs"], min_rate_hz=1, trial=3) == Choice(
        "Tiny_2020-01-01", ("MOs",), "CA1", 1.0, 3
    )
    assert picker.dataset().target_name == "CA1"
    assert picker.choose(source="VISp").source == ("VISp",)


def test_the_code_that_it_shows_makes_the_same_dataset(picker, tiny):
    picker.choose(target="VISp", source=["MOs", "CA1"], min_rate_hz=20)
    code = html.unescape(re.search("<code>(.+)</code>", picker.widget.children[1].value)[1])
    data, same = picker.dataset(), eval(code, {"session": tiny, "make_dataset": nma.make_dataset})
    np.testing.assert_array_equal(data.source, same.source)
    np.testing.assert_array_equal(data.target, same.target)
    parts = f"{len(data.train)} train, {len(data.validation)} validation, {len(data.test)} test"
    assert parts in shown(picker)[0]


def test_a_region_s_name_is_text_and_root_is_no_region(tiny):
    units = tiny.units.replace({"region": {"CA1": "<b>"}})
    picker = nma.RegionPicker(dataclasses.replace(tiny, units=units), target="<b>")
    assert "neurons of <b>;" in html.unescape(picker.widget.children[1].value)
    assert "<b>;" not in picker.widget.children[1].value
    with pytest.raises(ValueError, match="no region 'root'"):
        picker.choose(target="root")
    tick(picker, "<b>")
    assert "<b> is both" in picker.message and "<b> is" not in picker.widget.children[1].value


def test_the_target_stays_where_another_session_has_it(tiny):
    picker = nma.RegionPicker({"one": tiny, "two": tiny.select(trials=range(12))}, target="CA1")
    control(picker, "session").value = "two"
    assert picker.value.target == "CA1"


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"target": "M0s"}, "no region 'M0s'; choose from 'VISp', .*; did you mean 'MOs'"),
        ({"source": ["VISp", "LP"]}, "no region 'LP'"),
        ({"trial": 40}, "trial is 40; choose a whole number from 0 to 39"),
        ({"target": "CA1", "trial": -1}, "trial is -1"),
        ({"min_rate_hz": -1}, "min_rate_hz is -1; choose a number of at least 0"),
        ({"min_rate_hz": 21}, "min_rate_hz is 21; choose from 0 to 20"),
        ({"session": "32"}, "no session '32'; choose from 'Tiny_2020-01-01'"),
    ],
)
def test_what_is_not_there_cannot_be_chosen(picker, choice, message):
    before = picker.value
    with pytest.raises(ValueError, match=message) as caught:
        picker.choose(**choice)
    assert "\n" not in str(caught.value)
    assert picker.value == before
    control(picker, "trial").value = 2  # and it still answers
    assert picker.value.trial == 2


def test_another_session_is_opened_when_it_is_chosen(tiny):
    opened = []

    def lazily():
        opened.append(1)
        return tiny.select(["VISp", "CA1"], trials=range(12))

    picker = nma.RegionPicker({"one": tiny, "two": lazily}, trial=30)
    assert not opened
    tick(picker, "VISp", "CA1")
    control(picker, "session").value = "two"
    assert opened == [1]
    assert picker.session.n_trials == 12
    assert picker.value.target == "VISp" and picker.value.trial == 11
    assert control(picker, "trial").max == 11
    assert "VISp is both" in picker.message  # the ticks are kept where the session has them
    picker.choose(source="other")
    assert "5 source neurons predict 20" in shown(picker)[0]
    picker.choose(session="one", target="MOs", trial=39)
    assert "26 source neurons predict 10" in shown(picker)[0] and opened == [1]


def test_a_session_that_does_not_open_leaves_the_other(tiny):
    def fails():
        raise OSError("the server does not answer")

    picker = nma.RegionPicker({"one": tiny, "two": fails})
    control(picker, "session").value = "two"
    assert "the server does not answer" in shown(picker)[0]
    assert picker.value.session == "one" and picker.session is tiny
    control(picker, "trial").value = 3
    assert shown(picker)[1] is not None and picker.message == ""


def test_no_session_and_no_such_start(tiny):
    with pytest.raises(ValueError, match="no session to pick from"):
        nma.RegionPicker({})
    with pytest.raises(ValueError, match="no region 'XYZ'"):
        nma.RegionPicker(tiny, target="XYZ")


def test_it_leaves_no_figure_open_and_shows_itself(picker, monkeypatch):
    before = plt.get_fignums()
    control(picker, "trial").value = 9
    assert plt.get_fignums() == before
    seen = []
    monkeypatch.setattr("nma_seq2seq.widgets.display", seen.append)
    picker._ipython_display_()
    assert seen == [picker.widget] and isinstance(picker.widget, ipywidgets.VBox)


def test_the_picture_says_what_it_shows(picker):
    picker.choose(target="CA1", source=["MOs"])
    alt = html.unescape(re.search('alt="([^"]+)"', picker.widget.children[2].value)[1])
    assert alt.startswith("10 source neurons of MOs predict 5 target neurons of CA1")
    assert "(train)" in alt  # nobody is shown a test trial unasked


def test_ink_stands_out_from_its_paper_in_every_theme(picker):
    picker.choose(source=["VISp"])
    tick(picker)
    paper, ink = re.search(
        "background:(#[0-9A-F]+);color:(#[0-9A-F]+)", picker._text.value
    ).groups()
    assert contrast(paper, ink) >= 4.5  # WCAG 2.1, level AA


def contrast(*colors):
    """Of two colours as WCAG 2.1 defines it."""
    bright = []
    for color in colors:
        rgb = np.array(to_rgb(color))
        linear = np.where(rgb <= 0.03928, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
        bright.append(linear @ [0.2126, 0.7152, 0.0722])
    return (max(bright) + 0.05) / (min(bright) + 0.05)


def test_the_plain_call_draws_the_same_counts(picker):
    axes = nma.plots.selection(picker.dataset(), trial=4)
    assert axes[2].get_title() == "26 predict 10"
    assert axes[3].get_title().startswith("trial 4")
    plt.close("all")
    with pytest.raises(ValueError, match="trial is 40; choose a whole number from 0 to 39"):
        nma.plots.selection(picker.dataset(), trial=40)
