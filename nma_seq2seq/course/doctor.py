"""`nma-seq2seq doctor` and `nma.doctor()`: what works here, and what to do about the rest.

Nothing but the standard library is imported until a check needs it: this must run where the rest
does not.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

OK, WARNING, PROBLEM = "ok", "warning", "problem"
_NEEDED_BYTES = 1e9  # one downloaded part and its sessions, for a while side by side
_NETWORK_TIMEOUT = 5.0  # seconds


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's: `state` is "ok", "warning" or "problem"; `mend`, what to do."""

    name: str
    state: str
    what: str
    mend: str = ""

    def __str__(self) -> str:
        mend = f"\n{'':9}to mend it: {self.mend}" if self.mend else ""
        return f"{self.state:8} {self.name}: {self.what}{mend}"


def doctor() -> None:
    """Say what works here and what to do about the rest, a line each; takes about half a minute.

    Examples
    --------
    >>> nma.doctor()  # doctest: +SKIP
    """
    run(lambda text: print(text, flush=True))


def run(show: Callable[[str], None]) -> int:
    """Show every finding as it is made; the number of problems (a warning is none)."""
    counts = {OK: 0, WARNING: 0, PROBLEM: 0}
    for finding in examine():
        counts[finding.state] += 1
        show(str(finding))
    if counts[PROBLEM]:
        show(f"\n{counts[PROBLEM]} to mend: begin with the first, and run this again.")
    else:
        show("\nThe course works here.")
    return counts[PROBLEM]


def examine() -> Iterator[Finding]:
    """All checks, in an order in which the first problem explains those after it."""
    yield _python()
    course = _course()
    yield course
    broken = course.state == PROBLEM
    for finding in () if broken else _packages():
        broken |= finding.state == PROBLEM
        yield finding
    yield _tried(_widgets)
    if broken:
        yield Finding(
            "course", PROBLEM, "not tried, for a package is missing or broken", "mend that first"
        )
        return
    for check in (_torch, _cache, _network, _session, _fit):
        yield _tried(check)


def _tried(check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except Exception as error:  # whatever it is, the checks after it should be seen too
        name = check.__name__.strip("_")
        mend = "install the course anew: pip install --upgrade --force-reinstall nma-seq2seq"
        return Finding(name, PROBLEM, _short(error), mend)


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("Python", OK, f"{version} ({sys.executable})")


def _course() -> Finding:
    """The course itself: its version, and where it lies."""
    try:
        version = importlib.metadata.version("nma-seq2seq")
    except importlib.metadata.PackageNotFoundError:
        what = "not installed here, only its files are"
        return Finding("nma-seq2seq", PROBLEM, what, "in the course's folder run: pip install -e .")
    return Finding("nma-seq2seq", OK, f"{version} ({Path(__file__).parents[1]})")


def _requirements() -> list[str]:
    """The packages that the course needs, as its metadata have them, without those of extras."""
    needed = importlib.metadata.requires("nma-seq2seq") or []
    return [line for line in needed if "extra ==" not in line]


def _packages() -> Iterator[Finding]:
    """Each package that the course needs can be imported, in a version that it was made for."""
    found, modules = [], {"scikit-learn": "sklearn"}
    for line in _requirements():
        name = re.split(r"[^\w.-]", line)[0]
        mend = f'pip install --upgrade "{line}"'
        try:
            importlib.import_module(modules.get(name, name.replace("-", "_")))
            version = importlib.metadata.version(name) or "of no version"
        except ModuleNotFoundError as error:
            yield Finding(name, PROBLEM, f"is not installed ({error})", mend)
            continue
        except Exception as error:  # a broken library raises OSError, AttributeError, anything
            again = f'pip install --force-reinstall "{line}"'
            yield Finding(name, PROBLEM, f"cannot be imported ({_short(error)})", again)
            continue
        if not _in_range(version, line):
            yield Finding(name, PROBLEM, f"{version} is not among {line}", mend)
            continue
        found.append(f"{name} {version}")
    if found:
        yield Finding("packages", OK, ", ".join(found))


def _in_range(version: str, line: str) -> bool:
    try:
        from packaging.requirements import Requirement
    except ModuleNotFoundError:
        return True
    try:
        return Requirement(line).specifier.contains(version, prereleases=True)
    except ValueError:  # a version that is none
        return False


def _widgets() -> Finding:
    """The picker of notebook 3 needs ipywidgets here and, of the same age, in JupyterLab."""
    if "google.colab" in sys.modules:
        return Finding("widgets", OK, "Colab has its own")
    if importlib.util.find_spec("jupyterlab") is None:
        return Finding(
            "widgets",
            WARNING,
            "JupyterLab is not in this environment, so they cannot be tried",
            'pip install "nma-seq2seq[lab]", or open the notebooks where JupyterLab is',
        )
    try:
        here = str(importlib.metadata.version("ipywidgets"))
        there = str(importlib.metadata.version("jupyterlab_widgets"))
    except importlib.metadata.PackageNotFoundError as error:
        mend = "pip install --upgrade ipywidgets jupyterlab_widgets, then restart JupyterLab"
        return Finding("widgets", PROBLEM, f"{error.name} is not installed", mend)
    partner = {"7": "1", "8": "3"}.get(here.split(".")[0])
    if partner is not None and there.split(".")[0] != partner:
        return Finding(
            "widgets",
            PROBLEM,
            f"ipywidgets {here} needs jupyterlab_widgets {partner}, not {there}",
            "pip install --upgrade ipywidgets jupyterlab_widgets, then restart JupyterLab",
        )
    from jupyter_core.paths import jupyter_path

    places = jupyter_path("labextensions")
    if not any((Path(p) / "@jupyter-widgets/jupyterlab-manager").is_dir() for p in places):
        return Finding(
            "widgets",
            PROBLEM,
            f"JupyterLab's half of them is in none of {', '.join(places)}",
            "pip install --force-reinstall jupyterlab_widgets, then restart JupyterLab",
        )
    return Finding("widgets", OK, f"ipywidgets {here}, jupyterlab_widgets {there}")


def _torch() -> Finding:
    import torch

    from nma_seq2seq.training import pick_device

    device = pick_device()
    try:
        total = float(torch.ones(8, 8, device=device).sum())
    except RuntimeError as error:
        mend = "fit with device='cpu', or install the torch that suits this GPU's driver"
        return Finding("torch", PROBLEM, f"{device} does not compute ({_short(error)})", mend)
    if total != 64:
        mend = "pip install --force-reinstall torch"
        return Finding("torch", PROBLEM, f"{device} computes 8 x 8 ones as {total}", mend)
    name = torch.cuda.get_device_name() if device.type == "cuda" else f"{os.cpu_count()} cores"
    return Finding("torch", OK, f"computes on {device} ({name})")


def _cache() -> Finding:
    from nma_seq2seq.recordings.store import folder_in_use

    folder = folder_in_use()
    mend = "set the environment variable NMA_SEQ2SEQ_CACHE to a folder that can be written"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        what = f"{folder} cannot be written ({error.strerror or error})"
        return Finding("cache folder", PROBLEM, what, mend)
    free, there = shutil.disk_usage(folder).free, len(list(folder.glob("[0-9][0-9]_*.npz")))
    what = f"{folder} holds {there} recorded sessions; {free / 1e9:.1f} GB are free"
    if free < _NEEDED_BYTES and there == 0:
        mend = "free 1 GB there, or set NMA_SEQ2SEQ_CACHE to a folder with more"
        return Finding("cache folder", WARNING, f"{what}, too little for a download", mend)
    return Finding("cache folder", OK, what)


def _network() -> Finding:
    import requests

    from nma_seq2seq.steinmetz.catalog import PART_URLS
    from nma_seq2seq.steinmetz.network import explain, explain_status

    address = PART_URLS[0]
    headers = {"Range": "bytes=0-0"}
    try:
        # As the download does it, so that it fails for the same reasons.
        with requests.get(
            address, headers=headers, timeout=_NETWORK_TIMEOUT, stream=True
        ) as response:
            if response.ok:
                return Finding("network", OK, f"{address} answers")
            why, mend, _ = explain_status(response.status_code, address)
    except (OSError, ValueError) as error:  # proxies answer anything
        why, mend = explain(error, address)
    return Finding(
        "network",
        WARNING,
        f"{address} cannot be had: {why}; the notebooks go on with the simulated session",
        f"{mend}; or download it in a browser where there is a network, then in a notebook: "
        "nma.import_part(FILE)",
    )


def _session() -> Finding:
    from nma_seq2seq.simulate import simulate_session

    start = time.perf_counter()
    session = simulate_session(seed=0)
    seconds = time.perf_counter() - start
    what = f"{len(session.units)} neurons, {session.n_trials} trials, made in {seconds:.1f} s"
    return Finding("simulated session", OK, what)


def _fit() -> Finding:
    import numpy as np

    from nma_seq2seq.dataset import make_dataset
    from nma_seq2seq.session import Session
    from nma_seq2seq.training import fit_seq2seq

    rng = np.random.default_rng(0)
    shared = rng.normal(size=(60, 30, 1)).cumsum(axis=1)
    rates = 0.3 * np.exp(np.tanh(shared / 3) * rng.normal(size=40))
    session = Session.from_dict(
        {
            "spks": rng.poisson(rates).clip(max=127).astype(np.int8).transpose(2, 0, 1),
            "brain_area": np.array(["CA1"] * 28 + ["MOs"] * 12),
        }
    )
    start = time.perf_counter()
    fit = fit_seq2seq(make_dataset(session), n_latents=2, n_members=1, progress=False)
    seconds = time.perf_counter() - start
    best = fit.history["validation_bits"].max()
    if not best > 0:
        what = f"a network did not learn on made data ({best:.3f} bits per spike)"
        return Finding("tiny fit", PROBLEM, what, "pip install --force-reinstall torch numpy")
    return Finding("tiny fit", OK, f"{seconds:.1f} s")
