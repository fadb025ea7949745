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
from collections.abc import Callable
from functools import partial
from pathlib import Path

_NEEDED_BYTES = 1e9  # one downloaded part and its sessions, for a while side by side
_NETWORK_TIMEOUT = 5.0  # seconds
_ANEW = "install the course anew: pip install --upgrade --force-reinstall nma-seq2seq"
_BOTH = "pip install --upgrade ipywidgets jupyterlab_widgets, then restart JupyterLab"


class Amiss(Exception):
    """What is not as it should be, and how to mend it; a warning where the course works anyway."""

    def __init__(self, what: str, mend: str, state: str = "problem"):
        super().__init__(what)
        self.mend, self.state = mend, state


def doctor() -> None:
    """Say what works here and what to do about the rest, a line each; takes about half a minute.

    Examples
    --------
    >>> nma.doctor()  # doctest: +ELLIPSIS
    ok       Python: ...
    """
    run()


def _show(text: str) -> None:
    print(text, flush=True)


def run(show: Callable[[str], None] = _show) -> int:
    """Show what each check finds as it is made; the number of problems (a warning is none).

    They come in an order in which the first problem explains those after it.
    """
    n_problems = 0

    def tried(name: str, check: Callable[[], str], is_shown: bool = True) -> str:
        """What a check found; "" if it is a problem, which is always shown."""
        nonlocal n_problems
        state, mend = "ok", ""
        try:
            what = check()
        except Amiss as amiss:
            state, what, mend = amiss.state, str(amiss), amiss.mend
        except Exception as error:  # whatever it is, the checks after it should be seen too
            state, what, mend = "problem", _short(error), _ANEW
        if is_shown or state != "ok":
            show(f"{state:8} {name}: {what}" + (f"\n{'':9}to mend it: {mend}" if mend else ""))
        n_problems += state == "problem"
        return what if state != "problem" else ""

    tried("Python", _python)
    if tried("nma-seq2seq", _course):
        lines = {re.split(r"[^\w.-]", line)[0]: line for line in _requirements()}
        found = [tried(name, partial(_package, name, line), False) for name, line in lines.items()]
        if any(found):
            tried("packages", lambda: ", ".join(filter(None, found)))
    is_whole = not n_problems
    tried("widgets", _widgets)
    if is_whole:
        tried("torch", _torch)
        tried("cache folder", _cache)
        tried("network", _network)
        tried("simulated session", _session)
        tried("tiny fit", _fit)
    else:
        tried("course", _not_tried)
    if n_problems:
        show(f"\n{n_problems} to mend: begin with the first, and run this again.")
    else:
        show("\nThe course works here.")
    return n_problems


def _not_tried() -> str:
    raise Amiss("not tried, for a package is missing or broken", "mend that first")


def _short(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:200]


def _python() -> str:
    return f"{'.'.join(map(str, sys.version_info[:3]))} ({sys.executable})"


def _course() -> str:
    """Its version, and where it lies."""
    try:
        version = importlib.metadata.version("nma-seq2seq")
    except importlib.metadata.PackageNotFoundError:
        mend = "in the course's folder run: pip install -e ."
        raise Amiss("not installed here, only its files are", mend) from None
    return f"{version} ({Path(__file__).parents[1]})"


def _requirements() -> list[str]:
    """The packages that the course needs, as its metadata have them, without those of extras."""
    needed = importlib.metadata.requires("nma-seq2seq") or []
    return [line for line in needed if "extra ==" not in line]


def _package(name: str, line: str) -> str:
    """Name and version, if it can be imported and is of a version that the course was made for."""
    module = {"scikit-learn": "sklearn"}.get(name, name.replace("-", "_"))
    mend = f'pip install --upgrade "{line}"'
    try:
        importlib.import_module(module)
        version = importlib.metadata.version(name) or "of no version"
    except ModuleNotFoundError as error:
        raise Amiss(f"is not installed ({error})", mend) from None
    except Exception as error:  # a broken library raises OSError, AttributeError, anything
        again = f'pip install --force-reinstall "{line}"'
        raise Amiss(f"cannot be imported ({_short(error)})", again) from None
    if not _in_range(version, line):
        raise Amiss(f"{version} is not among {line}", mend)
    return f"{name} {version}"


def _in_range(version: str, line: str) -> bool:
    try:
        from packaging.requirements import Requirement
    except ModuleNotFoundError:
        return True
    try:
        return Requirement(line).specifier.contains(version, prereleases=True)
    except ValueError:  # a version that is none
        return False


def _widgets() -> str:
    """The picker of notebook 3 needs ipywidgets here and, of the same age, in JupyterLab."""
    if "google.colab" in sys.modules:
        return "Colab has its own"
    if importlib.util.find_spec("jupyterlab") is None:
        raise Amiss(
            "JupyterLab is not in this environment, so they cannot be tried",
            'pip install "nma-seq2seq[lab]", or open the notebooks where JupyterLab is',
            "warning",
        )
    try:
        here = str(importlib.metadata.version("ipywidgets"))
        there = str(importlib.metadata.version("jupyterlab_widgets"))
    except importlib.metadata.PackageNotFoundError as error:
        raise Amiss(f"{error.name} is not installed", _BOTH) from None
    partner = {"7": "1", "8": "3"}.get(here.split(".")[0])
    if partner is not None and there.split(".")[0] != partner:
        what = f"ipywidgets {here} needs jupyterlab_widgets {partner}, not {there}"
        raise Amiss(what, _BOTH)
    from jupyter_core.paths import jupyter_path

    places = jupyter_path("labextensions")
    if not any((Path(p) / "@jupyter-widgets/jupyterlab-manager").is_dir() for p in places):
        raise Amiss(
            f"JupyterLab's half of them is in none of {', '.join(places)}",
            "pip install --force-reinstall jupyterlab_widgets, then restart JupyterLab",
        )
    return f"ipywidgets {here}, jupyterlab_widgets {there}"


def _torch() -> str:
    import torch

    from nma_seq2seq.training import pick_device

    device = pick_device()
    try:
        total = float(torch.ones(8, 8, device=device).sum())
    except RuntimeError as error:
        mend = "fit with device='cpu', or install the torch that suits this GPU's driver"
        raise Amiss(f"{device} does not compute ({_short(error)})", mend) from None
    if total != 64:
        mend = "pip install --force-reinstall torch"
        raise Amiss(f"{device} computes 8 x 8 ones as {total}", mend)
    name = torch.cuda.get_device_name() if device.type == "cuda" else f"{os.cpu_count()} cores"
    return f"computes on {device} ({name})"


def _cache() -> str:
    from nma_seq2seq.recordings.store import folder_in_use

    folder = folder_in_use()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        mend = "set the environment variable NMA_SEQ2SEQ_CACHE to a folder that can be written"
        what = f"{folder} cannot be written ({error.strerror or error})"
        raise Amiss(what, mend) from None
    free, there = shutil.disk_usage(folder).free, len(list(folder.glob("[0-9][0-9]_*.npz")))
    what = f"{folder} holds {there} recorded sessions; {free / 1e9:.1f} GB are free"
    if free < _NEEDED_BYTES and there == 0:
        mend = "free 1 GB there, or set NMA_SEQ2SEQ_CACHE to a folder with more"
        raise Amiss(f"{what}, too little for a download", mend, "warning")
    return what


def _network() -> str:
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
                return f"{address} answers"
            why, mend, _ = explain_status(response.status_code, address)
    except (OSError, ValueError) as error:  # proxies answer anything
        why, mend = explain(error, address)
    raise Amiss(
        f"{address} cannot be had: {why}; the notebooks go on with the simulated session",
        f"{mend}; or download it in a browser where there is a network, then in a notebook: "
        "nma.import_part(FILE)",
        "warning",
    )


def _session() -> str:
    from nma_seq2seq.simulate import simulate_session

    start = time.perf_counter()
    session = simulate_session(seed=0)
    seconds = time.perf_counter() - start
    return f"{len(session.units)} neurons, {session.n_trials} trials, made in {seconds:.1f} s"


def _fit() -> str:
    from nma_seq2seq.dataset import make_dataset
    from nma_seq2seq.simulate import simulate_session
    from nma_seq2seq.training import fit_seq2seq

    small = simulate_session(seed=1, n_trials=80, n_bins=90, regions={"VISp": 30, "MOs": 12})
    start = time.perf_counter()
    fit = fit_seq2seq(make_dataset(small), n_latents=2, n_members=1, progress=False)
    seconds = time.perf_counter() - start
    best = fit.history["validation_bits"].max()
    if not best > 0:
        what = f"a network did not learn on made data ({best:.3f} bits per spike)"
        raise Amiss(what, "pip install --force-reinstall torch numpy")
    return f"{seconds:.1f} s"
