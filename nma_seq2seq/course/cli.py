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
from typing import TYPE_CHECKING

import nma_seq2seq

if TYPE_CHECKING:
    from nma_seq2seq.session import Session


# What `grade` writes.
_OUTPUTS = {
    "csv": "one row a file and exercise",
    "students": "a CSV, one row a student",
    "html": "a page to look at",
    "feedback": "one page a student, to hand back",
    "moodle": "a CSV as Moodle's gradebook has",
    "canvas": "a CSV as Canvas's gradebook has",
    "nbgrader": "a CSV as nbgrader's gradebook has",
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

    command = commands.add_parser("start", help="the tutorials in a folder, opened in JupyterLab")
    command.add_argument(
        "folder",
        nargs="?",
        default="nma-seq2seq",
        type=Path,
        help="made if need be; nothing in it is overwritten (default: nma-seq2seq)",
    )
    command.add_argument("--no-lab", action="store_true", help="only copy them")
    command.set_defaults(run=_start)

    command = commands.add_parser("doctor", help="what works here, and what to do about the rest")
    command.set_defaults(run=_doctor)

    command = commands.add_parser("predict", help="score every model on one session")
    _add_session_options(command)
    command.add_argument(
        "--source",
        default="other",
        help="other (all but the target), same (one half of the target predicts the other), "
        "or regions separated by commas (default: other)",
    )
    command.add_argument("--target", default="MOs", help="region or regions (default: MOs)")
    command.add_argument(
        "--window",
        metavar="START,STOP",
        default="0,0.4",
        help="seconds from stimulus onset, or all (default: 0,0.4)",
    )
    command.add_argument(
        "--models",
        help="which models, separated by commas (default: mean,psth,rrr,recipe,seq2seq)",
    )
    command.add_argument("--latents", type=int, default=15, help="latents of the networks")
    command.add_argument("--seed", type=int, default=0, help="of the split and of the networks")
    command.add_argument("--device", default="auto", help="auto, cpu or cuda (default: auto)")
    command.add_argument("--json", metavar="FILE", help="write the table as JSON")
    command.add_argument("--save", metavar="FILE", help="write the predicted rates as .npz")
    command.set_defaults(run=_predict)

    command = commands.add_parser(
        "grade",
        help="run and judge the notebooks of a class",
        description="Run and judge every notebook below a folder or in a zip; see docs/grading.md.",
    )
    command.add_argument("folder", nargs="?", type=Path, help="or a zip, or one file")
    command.add_argument("--jobs", type=int, default=2, help="notebooks at a time (default: 2)")
    command.add_argument(
        "--timeout",
        type=float,
        default=120,
        help="seconds of processor time for a notebook, and of waiting (default: 120)",
    )
    command.add_argument(
        "--memory", type=int, default=4000, help="MB for a notebook (default: 4000)"
    )
    command.add_argument(
        "--points",
        metavar="N=P,...",
        default="",
        help="what exercises are worth, such as 1.1=2,1.4=0.5 (default: 1 each)",
    )
    command.add_argument(
        "--best",
        action="store_true",
        help="of a student's notebooks with the same exercises, the best counts (default: the "
        "newest)",
    )
    for kind, what in _OUTPUTS.items():
        metavar = "FOLDER" if kind == "feedback" else "FILE"
        command.add_argument(f"--{kind}", metavar=metavar, type=Path, help=what)
    command.add_argument(
        "--against",
        metavar="SOLUTIONS",
        type=Path,
        help="first grade the course's own solutions with the same limits; all must be done",
    )
    command.set_defaults(run=_grade)

    command = commands.add_parser("map", help="who predicts whom, in one session or many")
    _add_session_options(command)
    command.add_argument(
        "--sessions", help="numbers or names separated by commas, or all (instead of --session)"
    )
    command.add_argument("--out", metavar="FOLDER", default="region_maps", help="one CSV a session")
    command.add_argument(
        "--neurons", type=int, default=20, help="drawn on either side (default: 20)"
    )
    command.add_argument("--resamples", type=int, default=5, help="draws of neurons (default: 5)")
    command.add_argument("--model", default="rrr", help="rrr or seq2seq (default: rrr)")
    command.add_argument(
        "--window", metavar="START,STOP", help="seconds from stimulus onset (default: whole trial)"
    )
    command.add_argument("--seed", type=int, default=0)
    command.add_argument("--jobs", type=int, default=-1, help="processes (default: one a core)")
    command.add_argument(
        "--engine", choices=("joblib", "dask"), default="joblib", help="this machine, or a cluster"
    )
    command.add_argument("--address", help="of the dask scheduler")
    command.set_defaults(run=_map)
    return parser


def _version() -> str:
    from importlib.metadata import PackageNotFoundError

    try:
        return f"nma-seq2seq {nma_seq2seq.__version__}"
    except PackageNotFoundError:  # doctor has to run there, and says what to do
        return "nma-seq2seq, not installed: its files alone have no version"


def _add_session_options(command: argparse.ArgumentParser) -> None:
    which = command.add_mutually_exclusive_group()
    which.add_argument(
        "--session", default="31", help="recorded session: 0 to 38, or its name (default: 31)"
    )
    which.add_argument("--simulated", action="store_true", help="the simulated session")
    which.add_argument(
        "--data",
        metavar="FILE",
        help="a recording of one's own: a file of the course's format, NWB, or a folder of ALF",
    )
    command.add_argument("--index", type=int, default=0, help="session within --data (default: 0)")
    command.add_argument(
        "--align", metavar="NAME", help="of NWB and ALF: what trials are cut around (a column)"
    )
    command.add_argument(
        "--region", metavar="NAME", help="of NWB and ALF: the column of regions, or one for all"
    )


def _session(arguments: argparse.Namespace) -> Session:
    from nma_seq2seq.simulate import simulate_session
    from nma_seq2seq.steinmetz import load_file, load_session

    if arguments.simulated:
        return simulate_session(seed=0)
    if arguments.data is not None:
        given = {"align": arguments.align, "region": arguments.region}
        options = {name: value for name, value in given.items() if value is not None}
        try:
            return load_file(arguments.data, arguments.index, **options)
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

    return int(doctor.run(lambda text: print(text, flush=True)) > 0)


def _grade(arguments: argparse.Namespace) -> int:
    from nma_seq2seq.course.grading import grade

    if arguments.folder is None and arguments.against is None:
        raise ValueError("nothing to grade; name a folder or a zip of notebooks")
    outputs = {kind: path for kind in _OUTPUTS if (path := getattr(arguments, kind)) is not None}
    run = partial(
        grade,
        jobs=arguments.jobs,
        timeout=arguments.timeout,
        memory_mb=arguments.memory,
        points=_points(arguments.points),
        best=arguments.best,
        progress=sys.stderr.isatty(),
    )
    if arguments.against is not None:
        print(f"The course's own solutions, {arguments.against}:\n")
        with tempfile.TemporaryDirectory() as fresh:  # what another machine found says nothing here
            solved = run(
                arguments.against,
                state=Path(fresh),
                outputs=outputs if arguments.folder is None else {},
            )
        tried = [one for one in solved if one.state != "no notebook"]
        short = [one.file for one in tried if not one.is_all_done]
        if short or not tried:
            print(
                f"\nNot all is done in {', '.join(short) or arguments.against}: this machine needs "
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
