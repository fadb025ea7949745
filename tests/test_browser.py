"""The notebooks in a real JupyterLab, by mouse and keyboard in a real browser."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator

import nbformat
import pytest

from nma_seq2seq.course.start import copy_tutorials

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no chromium on this machine")
PATIENCE = 120_000  # ms; a loaded machine takes its time


_KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"}}
_BY_KEYBOARD = (
    "import nma_seq2seq as nma",
    "nma.RegionPicker(nma.simulate_session(0, n_trials=20, n_bins=40))",
    'nma.quiz({"How many?": {"one": (False, "There are two."), "two": (True, "Count them.")}})',
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Iterator[str]:
    """Address of a JupyterLab on a folder with the tutorials."""
    folder = tmp_path_factory.mktemp("lab")
    copy_tutorials(folder)
    cells = [nbformat.v4.new_code_cell(source) for source in _BY_KEYBOARD]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=_KERNEL)
    nbformat.write(notebook, folder / "by_keyboard.ipynb")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--no-browser", f"--port={port}", "--ServerApp.token=", "--allow-root"]
    with (folder / "lab.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options],
            cwd=folder,
            stdout=log,
            stderr=log,
            env=os.environ
            | {
                "JUPYTER_CONFIG_DIR": str(folder / ".jupyter"),  # nobody's own settings
                "NMA_SEQ2SEQ_DATA": "simulated",
                "OMP_NUM_THREADS": "1",
            },
        )
    try:
        yield f"http://127.0.0.1:{port}/lab/tree"
    finally:
        server.terminate()
        server.wait(30)


@pytest.fixture
def page(lab) -> Iterator[playwright.Page]:
    with playwright.sync_playwright() as play:
        quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = play.chromium.launch(executable_path=BROWSER, args=quiet)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(PATIENCE)
        yield page
        browser.close()


def open_notebook(page: playwright.Page, lab: str, name: str) -> None:
    for _ in range(60):
        try:
            page.goto(f"{lab}/{name}?reset")
            break
        except playwright.Error:  # the server is not up yet
            page.wait_for_timeout(1000)
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
    # Run before there is a kernel, JupyterLab asks for one.
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()


def test_the_picker_follows_the_mouse(page, lab):
    open_notebook(page, lab, "03_region_selection.ipynb")
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.locator("#jp-mainmenu-run").get_by_text("Run All Cells", exact=True).click()
    target = page.get_by_label("target", exact=True)
    target.wait_for(state="attached")
    target.scroll_into_view_if_needed()
    counts = page.locator(".widget-html", has_text="source neurons predict")
    picture = page.locator(".widget-html img")
    before = counts.text_content(), picture.get_attribute("src")
    assert "target neurons of MOs" in before[0]

    offered = target.locator("option").all_text_contents()
    position, other = next((i, text) for i, text in enumerate(offered) if "MOs" not in text)
    region, n_neurons = other.rstrip(")").replace("(", "").split()
    target.select_option(index=position)
    page.get_by_text(f"target neurons of {region}").wait_for()
    assert f"predict {n_neurons} target neurons of {region}" in " ".join(
        counts.text_content().split()
    )
    page.wait_for_function(
        "before => document.querySelector('.widget-html img').src !== before", arg=before[1]
    )


def test_picker_and_quiz_are_used_by_keyboard_alone(page, lab):
    open_notebook(page, lab, "by_keyboard.ipynb")
    press = page.keyboard.press
    for source in _BY_KEYBOARD:
        run_cell(page, source[:20])
    counts = page.locator(".widget-html", has_text="source neurons predict")
    counts.wait_for()
    n_cells = page.locator(".jp-CodeCell").count()
    # One click to begin with, then keys alone; with Escape, the notebook is in its command mode.
    page.get_by_text("source neurons predict").click()
    press("Escape")
    page.get_by_label("session", exact=True).focus()

    press("Tab")  # the target
    press("Space")
    press("ArrowDown")
    press("Enter")
    page.get_by_text("target neurons of ACA").wait_for()
    press("Tab")  # the least rate
    page.keyboard.type("5")
    press("Enter")
    page.get_by_text("min_rate_hz=5").wait_for()
    press("Tab")  # the trial
    press("ArrowUp")
    for _ in range(2):
        press("Tab")  # the sources, and the first region
    press("Space")
    page.get_by_text("make_dataset(session, ('VISp',)").wait_for()
    page.locator('.widget-html img[alt*="source neurons of VISp predict"]').wait_for()

    page.get_by_role("button", name="a", exact=True).focus()
    press("Space")
    page.get_by_text("Not this one. There are two.").wait_for()
    press("Tab")
    press("Enter")
    page.get_by_text("0 of 1 right at the first try.").wait_for()
    assert page.locator(".jp-CodeCell").count() == n_cells


def test_a_wrong_answer_is_diagnosed_on_the_page(page, lab):
    open_notebook(page, lab, "01_data_exploration.ipynb")
    run_cell(page, "import nma_seq2seq as nma")
    run_cell(page, '@nma.exercise("1.1")')
    page.get_by_text("Exercise 1.1 not yet").wait_for()
    cell = '@nma.exercise("1.1")\ndef counts_to_hz(counts, bin_size):\nreturn counts.mean((0, 1))'
    run_cell(page, '@nma.exercise("1.1")', cell)
    page.get_by_text("Exercise 1.1 wrong").wait_for()
    said = page.locator(".jp-OutputArea-output", has_text="Exercise 1.1").inner_text()
    assert "likely cause: the mean count per bin" in " ".join(said.split())


def run_cell(page: playwright.Page, text: str, replacement: str | None = None) -> None:
    """Click into the cell that holds a text, type over it where asked to, and run it."""
    editor = page.locator(".jp-CodeCell", has_text=text).first.locator(".cm-content")
    editor.scroll_into_view_if_needed()
    editor.click()
    if replacement is not None:
        page.keyboard.press("Control+A")
        page.keyboard.type(replacement)  # the editor indents by itself, as for a student
    page.keyboard.press("Control+Enter")
