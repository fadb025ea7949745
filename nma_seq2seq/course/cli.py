"""`nma-seq2seq`, the command line: options are read here, the work is done elsewhere.

What does the work is imported when it is called: `doctor` must run where torch is broken, and
`--help` should not wait for it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nma_seq2seq

if TYPE_CHECKING:
    from nma_seq2seq.session import Session


# Option and what it is given -> default, whose type it has, and help. None is no default, or one
# that the help says; False is a switch.
_Options = dict[str, tuple[Any, str]]
_START: _Options = {"--no-lab": (False, "only copy them")}
_WHICH: _Options = {
    "--session": ("31", "recorded session: 0 to 38, or its name"),
    "--simulated": (False, "the simulated session"),
    "--data FILE": (
        None,
        "a recording of one's own: a file of the course's format, NWB, or a folder of ALF",
    ),
}
_SESSION: _Options = {
    "--index": (0, "session within --data"),
    "--align NAME": (None, "of NWB and ALF: what trials are cut around (a column)"),
    "--region NAME": (None, "of NWB and ALF: the column of regions, or one for all"),
}
_PREDICT: _Options = {
    "--source": (
        "other",
        "other (all but the target), same (one half of the target predicts the other), or regions "
        "separated by commas",
    ),
    "--target": ("MOs", "region or regions"),
    "--window START,STOP": ("0,0.4", "seconds from stimulus onset, or all"),
    "--models": (
        None,
        "which models, separated by commas (default: mean,psth,rrr,recipe,seq2seq)",
    ),
    "--latents": (15, "latents of the networks"),
    "--seed": (0, "of the split and of the networks"),
    "--device": ("auto", "auto, cpu or cuda"),
    "--json FILE": (None, "write the table as JSON"),
    "--save FILE": (None, "write the predicted rates as .npz"),
}
_GRADE: _Options = {
    "--jobs": (2, "notebooks at a time"),
    "--timeout": (120.0, "seconds of processor time for a notebook, and of waiting"),
    "--memory": (4000, "MB for a notebook"),
    "--points N=P,...": (None, "what exercises are worth, such as 1.1=2,1.4=0.5 (default: 1 each)"),
    "--best": (
        False,
        "of a student's notebooks with the same exercises, the best counts (default: the newest)",
    ),
    "--against SOLUTIONS": (
        None,
        "first grade the course's own solutions with the same limits; all must be done",
    ),
}
_OUTPUTS: _Options = {
    "--csv FILE": (None, "one row a file and exercise"),
    "--students FILE": (None, "a CSV, one row a student"),
    "--html FILE": (None, "a page to look at"),
    "--feedback FOLDER": (None, "one page a student, to hand back"),
    "--moodle FILE": (None, "a CSV as Moodle's gradebook has"),
    "--canvas FILE": (None, "a CSV as Canvas's gradebook has"),
    "--nbgrader FILE": (None, "a CSV as nbgrader's gradebook has"),
}
_MAP: _Options = {
    "--sessions": (None, "numbers or names separated by commas, or all (instead of --session)"),
    "--out FOLDER": ("region_maps", "one CSV a session"),
    "--neurons": (20, "drawn on either side"),
    "--resamples": (5, "draws of neurons"),
    "--model": ("rrr", "rrr or seq2seq"),
    "--window START,STOP": (None, "seconds from stimulus onset (default: whole trial)"),
    "--seed": (0, "of the splits and the draws"),
    "--jobs": (-1, "processes; -1 is one a core"),
    "--engine": ("joblib", "joblib (this machine) or dask (a cluster)"),
    "--address": (None, "of the dask scheduler"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 when it went well, 2 with one sentence when it could not.

    1 when `doctor` finds something, or a graded notebook does not reach its end.
    """
    arguments = _parser().parse_args(argv)
    try:
        code = arguments.run(arguments)
    except (ValueError, OSError) as error:
        print(f"nma-seq2seq: {error}", file=sys.stderr)
        return 2
    except ImportError as error:  # a package is missing or broken
        why = " ".join(str(error).split())
        print(f"nma-seq2seq: {why}; nma-seq2seq doctor says what to mend", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("nma-seq2seq: interrupted", file=sys.stderr)
        return 130
    return code or 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="nma-seq2seq",
        description="Predict one brain region's spikes from others: the course's commands.",
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(metavar="command", required=True)

    def add(run: Callable[[argparse.Namespace], int | None], what: str) -> argparse.ArgumentParser:
        command = commands.add_parser(run.__name__.strip("_"), help=what, description=what)
        command.set_defaults(run=run)
        return command

    command = add(_start, "the tutorials in a folder, opened in JupyterLab")
    command.add_argument(
        "folder",
        nargs="?",
        default="nma-seq2seq",
        type=Path,
        help="made if need be; nothing in it is overwritten (default: nma-seq2seq)",
    )
    _add_options(command, _START)
    add(_doctor, "what works here, and what to do about the rest")
    command = add(_predict, "score every model on one session")
    _add_options(command.add_mutually_exclusive_group(), _WHICH)
    _add_options(command, _SESSION | _PREDICT)
    command = add(_grade, "run and judge the notebooks in a folder or a zip; see docs/grading.md")
    command.add_argument("folder", nargs="?", type=Path, help="or a zip, or one file")
    _add_options(command, _GRADE | _OUTPUTS)
    command = add(_map, "who predicts whom, in one session or many")
    _add_options(command.add_mutually_exclusive_group(), _WHICH)
    _add_options(command, _SESSION | _MAP)
    return parser


def _add_options(command: argparse._ActionsContainer, options: _Options) -> None:
    for name, (default, what) in options.items():
        flag, _, metavar = name.partition(" ")
        if default is False:
            command.add_argument(flag, action="store_true", help=what)
            continue
        kind, said = str, what
        if default is not None:
            kind, said = type(default), f"{what} (default: {default})"
        command.add_argument(flag, metavar=metavar or None, default=default, type=kind, help=said)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError

    try:
        return f"nma-seq2seq {nma_seq2seq.__version__}"
    except PackageNotFoundError:  # doctor has to run there, and says what to do
        return "nma-seq2seq, not installed: its files alone have no version"


def _session(arguments: argparse.Namespace) -> Session:
    from nma_seq2seq.simulate import simulate_session
    from nma_seq2seq.steinmetz import load_file, load_session

    if arguments.simulated:
        return simulate_session(seed=0)
    if arguments.data is not None:
        path, index = arguments.data, arguments.index
        try:
            return load_file(path, index, align=arguments.align, region=arguments.region)
        except ModuleNotFoundError as missing:
            if missing.name != "pynwb":
                raise
            raise ValueError(missing) from None
    number = arguments.session
    return load_session(int(number) if number.lstrip("-").isdigit() else number)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _window(text: str | None) -> tuple[float, float] | None:
    if text is None or text == "all":
        return None
    try:
        start, stop = (float(edge) for edge in text.split(","))
    except ValueError:
        raise ValueError(f"--window {text!r} must be two numbers, such as 0,0.4, or all") from None
    return start, stop


def _start(arguments: argparse.Namespace) -> int:
    from nma_seq2seq.course.start import start

    return start(arguments.folder, lab=not arguments.no_lab)


def _doctor(arguments: argparse.Namespace) -> int:
    from nma_seq2seq.course import doctor

    return int(doctor.run() > 0)


def _grade(arguments: argparse.Namespace) -> int:
    from nma_seq2seq.course.grading import grade

    if arguments.folder is None and arguments.against is None:
        raise ValueError("nothing to grade; name a folder or a zip of notebooks")
    kinds = [option.split()[0].removeprefix("--") for option in _OUTPUTS]
    outputs = {kind: Path(path) for kind in kinds if (path := getattr(arguments, kind)) is not None}
    run = partial(
        grade,
        jobs=arguments.jobs,
        timeout=arguments.timeout,
        memory_mb=arguments.memory,
        points=_points(arguments.points or ""),
        best=arguments.best,
        progress=sys.stderr.isatty(),
    )
    if arguments.against is not None:
        against = Path(arguments.against)
        print(f"The course's own solutions, {against}:\n")
        with tempfile.TemporaryDirectory() as fresh:  # what another machine found says nothing here
            only = outputs if arguments.folder is None else {}
            solved = run(against, state=Path(fresh), outputs=only)
        tried = [one for one in solved if one.state != "no notebook"]
        short = [one.file for one in tried if not one.is_all_done]
        if short or not tried:
            print(
                f"\nNot all is done in {', '.join(short) or against}: this machine needs "
                "a longer --timeout or more --memory, or the course is not the one that these "
                "solve."
            )
            return 1
        print("\nAll done: these limits are enough on this machine.\n")
    grades = run(arguments.folder, outputs=outputs) if arguments.folder is not None else []
    return int(any(one.state not in ("ok", "no notebook") for one in grades))


def _points(text: str) -> dict[str, float]:
    """Points by exercise, from "1.1=2,1.4=0.5"."""
    points = {}
    for part in _names(text):
        number, _, worth = part.partition("=")
        try:
            points[number.strip()] = float(worth)
        except ValueError:
            raise ValueError(f"--points {part!r} must be like 1.1=2") from None
    return points


def _predict(arguments: argparse.Namespace) -> int:
    from nma_seq2seq.course.predict import MODELS, NULL, predict
    from nma_seq2seq.dataset import make_dataset

    source = arguments.source if arguments.source in ("other", "same") else _names(arguments.source)
    if arguments.latents < 1:
        raise ValueError(f"--latents {arguments.latents} must be 1 or more")
    data = make_dataset(
        _session(arguments),
        source=source,
        target=_names(arguments.target),
        window=_window(arguments.window),
        seed=arguments.seed,
    )
    print(
        f"{data.session.name} ({data.session.origin}): {data.n_sources} neurons of "
        f"{data.source_name} predict {data.n_targets} of {data.target_name}\n"
        f"{len(data.train)} train, {len(data.validation)} validation, {len(data.test)} test "
        f"trials; {data.n_bins} bins of {data.bin_size * 1000:g} ms"
    )
    table = predict(
        data,
        list(MODELS) if arguments.models is None else _names(arguments.models),
        n_latents=arguments.latents,
        seed=arguments.seed,
        device=arguments.device,
        json_path=arguments.json,
        save_path=arguments.save,
        progress=sys.stderr.isatty(),
    )
    shown = table.drop(columns="null").rename(columns={"low": "95 % low", "high": "95 % high"})
    formats = {c: "{:.4f}".format for c in ("train_loss", "test_loss")}
    formats |= {c: "{:+.3f}".format for c in ("bits_per_spike", "95 % low", "95 % high")}
    print(shown.to_string(formatters=formats | {"seconds": "{:.1f}".format}))
    print(
        f"bits per spike on test trials, pooled over neurons, against each neuron's {NULL} mean "
        "rate; intervals by bootstrap over test trials"
    )
    if cut_short := table.attrs["cut_short"]:
        print(f"nma-seq2seq: interrupted: {cut_short}", file=sys.stderr)
        return 130
    return 0


def _sessions(arguments: argparse.Namespace) -> dict[str, Callable[[], Session]]:
    """Name -> how to open it: those that --sessions lists, all of a file, or the one session."""
    from nma_seq2seq.steinmetz import count_sessions, list_sessions, load_file, load_session

    if arguments.data is not None and arguments.sessions is not None:
        indices: Sequence[int] = range(count_sessions(arguments.data))
        if arguments.sessions != "all":
            indices = [int(index) for index in _names(arguments.sessions)]
        return {
            f"{Path(arguments.data).stem}_{index}": partial(load_file, arguments.data, index)
            for index in indices
        }
    if arguments.sessions is not None:
        names = list(list_sessions()["name"])
        if arguments.sessions != "all":
            wanted = _names(arguments.sessions)
            names = [names[int(w)] if w.isdigit() and int(w) < len(names) else w for w in wanted]
        return {name: partial(load_session, name) for name in names}
    session = _session(arguments)
    return {session.name: lambda: session}


def _map(arguments: argparse.Namespace) -> None:
    from nma_seq2seq.course.maps import engine, map_sessions

    with engine(arguments.engine, arguments.address):
        summary = map_sessions(
            _sessions(arguments),
            arguments.out,
            n_neurons=arguments.neurons,
            n_resamples=arguments.resamples,
            model=arguments.model,
            window=_window(arguments.window),
            seed=arguments.seed,
            n_jobs=arguments.jobs,
            progress=sys.stderr.isatty(),
        )
    print(summary.round(3).to_string(index=False))
    print(f"bits per spike on test trials against the train mean; maps in {arguments.out}")
