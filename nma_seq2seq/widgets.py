"""A picker of source and target neurons by mouse or keyboard, for ipywidgets 7.7 (Colab) and 8."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ipywidgets
import matplotlib.pyplot as plt
from IPython.display import display

from nma_seq2seq.arguments import given, one_of, real, whole
from nma_seq2seq.dataset import Dataset, make_dataset, split_trials
from nma_seq2seq.plots.datasets import selection
from nma_seq2seq.plots.style import alt_text
from nma_seq2seq.session import Session

_MODES = [
    ("all other regions", "other"),
    ("the other half of the target", "same"),
    ("the regions ticked below", "regions"),
]
# Ink on its own paper, which can be read in a light and in a dark theme.
_WARNING = "background:#FDE7E9;color:#8B0016;padding:2px 6px"
_MAX_RATE_HZ = 20.0


@dataclass(frozen=True)
class Choice:
    """What is chosen in a picker.

    Attributes
    ----------
    session : str
        Name in the picker's list.
    source : "other", "same" or tuple of str
        As `make_dataset` takes it.
    target : str
    min_rate_hz : float
    trial : int
        The trial shown.
    """

    session: str
    source: str | tuple[str, ...]
    target: str
    min_rate_hz: float = 0.0
    trial: int = 0


class RegionPicker:
    """Choose session, sources, target, least rate and trial; brain, counts and raster follow.

    The plain-call equivalent is `plots.selection(make_dataset(session, source, target), trial)`.
    Nothing waits for a click: `value` and `dataset()` hold the choice at any time. It has neither
    lists nor sliders, since JupyterLab keeps the arrow keys that these need to itself: one gets
    everywhere with Tab, ticks with Space, and types numbers.

    Parameters
    ----------
    sessions : Session, or mapping of a name to a Session or to a function that returns one
        A function is called when its session is first chosen.
    target : str, optional
        MOs where there is one, else the region with the most neurons.
    source : "other", "same" or regions
    min_rate_hz : float
    trial : int, optional
        The first training trial without it: a test trial is not for looking at.

    Attributes
    ----------
    message : str
        Why the choice is not possible; empty where it is.

    Raises
    ------
    ValueError
        If a name is not one of those to choose from.

    Examples
    --------
    >>> picker = nma.RegionPicker(session, target="MOs")
    >>> picker.choose(source="same").source
    'same'
    >>> picker.dataset().n_targets
    34
    """

    def __init__(
        self,
        sessions: Session | Mapping[str, Session | Callable[[], Session]],
        *,
        target: str | None = None,
        source: str | tuple[str, ...] | list[str] = "other",
        min_rate_hz: float = 0.0,
        trial: int | None = None,
    ):
        self._sessions: dict[str, Any] = (
            {sessions.name: sessions} if isinstance(sessions, Session) else dict(sessions)
        )
        if not self._sessions:
            raise ValueError("there is no session to pick from; give one, or a mapping of some")
        self.message = ""
        self._busy = False
        self._make_widgets()
        self._opened = ""
        self._open(next(iter(self._sessions)))
        if trial is None:
            trial = int(split_trials(self.session.n_trials, seed=0)[0][0])
        self.choose(
            target=self._controls["target"].value if target is None else target,
            source=source,
            min_rate_hz=min_rate_hz,
            trial=trial,
        )

    # ------------------------------------------------------------------ what is chosen

    @property
    def value(self) -> Choice:
        """What is chosen now, possible or not."""
        chosen = {name: control.value for name, control in self._controls.items()}
        mode = chosen.pop("mode")
        return Choice(source=self._ticked() if mode == "regions" else mode, **chosen)

    @property
    def session(self) -> Session:
        """The session chosen now."""
        return self._sessions[self._opened]

    def dataset(self, seed: int = 0, window: tuple[float, float] | None = None) -> Dataset:
        """The dataset of the choice; `seed` and `window` as in `make_dataset`.

        Raises
        ------
        ValueError
            If the choice is not possible; the picker shows the same sentence.
        """
        choice = self.value
        if not choice.source:
            raise ValueError("no source region is ticked; tick one or more, or take all others")
        return make_dataset(
            self.session,
            choice.source,
            choice.target,
            min_rate_hz=choice.min_rate_hz,
            window=window,
            seed=seed,
        )

    def choose(
        self,
        *,
        session: str | None = None,
        source: str | Sequence[str] | None = None,
        target: str | None = None,
        min_rate_hz: float | None = None,
        trial: int | None = None,
    ) -> Choice:
        """Set what is given, as a click would; the rest stays as it is.

        Parameters
        ----------
        session : str
            Its name.
        source : "other", "same" or regions
        target : str
        min_rate_hz : float
        trial : int

        Returns
        -------
        Choice
            What is chosen now.

        Raises
        ------
        ValueError
            If there is no such name, region or trial; nothing changes then.
        """
        name = self._opened if session is None else one_of("session", session, self._sessions)
        choice = given(source=source, target=target, min_rate_hz=min_rate_hz, trial=trial)
        settings = _settings(self._loaded(name), choice)
        with self._silent():
            if name != self._opened:
                self._open(name)
            if "ticked" in settings:
                ticked = settings.pop("ticked")
                for region, box in self._boxes.items():
                    box.value = region in ticked
            for key, setting in settings.items():
                self._controls[key].value = setting
        self._redraw()
        return self.value

    def _loaded(self, name: str) -> Session:
        session = self._sessions[name]
        if not isinstance(session, Session):
            session = self._sessions[name] = session()
        return session

    def _ticked(self) -> tuple[str, ...]:
        return tuple(name for name, box in self._boxes.items() if box.value)

    # ------------------------------------------------------------------ the widgets

    def _make_widgets(self) -> None:
        wide = {"style": {"description_width": "90px"}, "layout": {"width": "330px"}}
        self._controls: dict[str, Any] = {
            "session": ipywidgets.Dropdown(
                options=list(self._sessions), description="session", **wide
            ),
            "target": ipywidgets.Dropdown(description="target", **wide),
            "mode": ipywidgets.Dropdown(options=_MODES, description="sources", **wide),
            "min_rate_hz": ipywidgets.BoundedFloatText(
                max=_MAX_RATE_HZ, step=0.5, description="least rate, Hz", **wide
            ),
            "trial": ipywidgets.BoundedIntText(max=1, description="trial", **wide),
        }
        self._boxes: dict[str, ipywidgets.Checkbox] = {}  # by region; made with the session
        self._regions = ipywidgets.Box(layout={"flex_flow": "row wrap", "width": "440px"})
        self._text = ipywidgets.HTML()
        # An image in HTML, since ipywidgets.Image has no alternative text.
        self._picture = ipywidgets.HTML()
        left = [self._controls[name] for name in ("session", "target", "min_rate_hz", "trial")]
        columns = [
            ipywidgets.VBox(left),
            ipywidgets.VBox([self._controls["mode"], self._regions]),
        ]
        controls = ipywidgets.HBox(columns, layout={"flex_flow": "row wrap"})
        self.widget = ipywidgets.VBox([controls, self._text, self._picture])
        for name, control in self._controls.items():
            control.observe(lambda change, name=name: self._changed(name), names="value")

    def _make_boxes(self, options: list[tuple[str, str]]) -> None:
        """A box to tick for each region; ticks are kept where the new session has the region."""
        ticked = self._ticked()
        narrow = {"indent": False, "layout": {"width": "105px"}}
        self._boxes = {
            name: ipywidgets.Checkbox(value=name in ticked, description=text, **narrow)
            for text, name in options
        }
        self._regions.children = tuple(self._boxes.values())
        for box in self._boxes.values():
            box.observe(lambda change: self._changed("ticked"), names="value")

    def _ipython_display_(self) -> None:
        display(self.widget)

    @contextmanager
    def _silent(self) -> Iterator[None]:
        """Change controls without acting on each of the changes."""
        busy, self._busy = self._busy, True
        try:
            yield
        finally:
            self._busy = busy

    def _open(self, name: str) -> None:
        """Take a session and offer its regions and trials; keep what is chosen where it has it."""
        session = self._loaded(name)
        counts, names = session.units["region"].value_counts(), _regions(session)
        options = [(f"{region} ({counts[region]})", region) for region in names]
        target, trial = (self._controls[k] for k in ("target", "trial"))
        keep, largest = target.value, max(names, key=lambda region: counts[region])
        with self._silent():
            self._opened = name
            self._controls["session"].value = name
            target.options = options
            self._make_boxes(options)
            target.value = next(r for r in (keep, "MOs", largest) if r in names)
            trial.value, trial.max = min(trial.value, session.n_trials - 1), session.n_trials - 1

    def _changed(self, name: str) -> None:
        if self._busy:
            return
        if name == "session":
            self._text.value = "loading the session ..."
            try:
                self._open(self._controls["session"].value)
            except (OSError, ValueError) as problem:
                with self._silent():
                    self._controls["session"].value = self._opened
                self._complain(str(problem))
                return
        if name == "ticked" and self._controls["mode"].value != "regions":
            # Whoever ticks a region wants it to count. This redraws.
            self._controls["mode"].value = "regions"
            return
        self._redraw()

    def _redraw(self) -> None:
        choice = self.value
        try:
            data = self.dataset()
        except ValueError as problem:
            self._complain(str(problem))
            return
        self.message = ""
        rate = f", min_rate_hz={choice.min_rate_hz:g}" if choice.min_rate_hz else ""
        call = f"make_dataset(session, {choice.source!r}, {choice.target!r}{rate})"
        self._text.value = (
            f"<b>{data.n_sources}</b> source neurons predict <b>{data.n_targets}</b> target "
            f"neurons of {html.escape(data.target_name)}; {len(data.train)} train, "
            f"{len(data.validation)} validation, {len(data.test)} test trials. The same in code: "
            f"<code>{html.escape(call)}</code>"
        )
        figure = selection(data, choice.trial)[0].figure
        with io.BytesIO() as file:
            figure.savefig(file, format="png", dpi=85)
            data_url = f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
        alt = html.escape(alt_text(figure), quote=True)
        self._picture.value = f'<img src="{data_url}" alt="{alt}" style="max-width:100%">'
        plt.close(figure)
        self._picture.layout.display = ""

    def _complain(self, problem: str) -> None:
        self.message = problem
        text = f"Not possible: {html.escape(problem)}."
        self._text.value = f'<span role="alert" style="{_WARNING}">{text}</span>'
        self._picture.layout.display = "none"


def _settings(session: Session, choice: Mapping[str, Any]) -> dict[str, Any]:
    """What to put into which control for a choice; raises if the session does not allow it."""
    regions, settings = _regions(session), dict[str, Any]()
    if "target" in choice:
        settings["target"] = one_of("region", choice["target"], regions)
    if "min_rate_hz" in choice:
        rate = settings["min_rate_hz"] = real("min_rate_hz", choice["min_rate_hz"], 0)
        if rate > _MAX_RATE_HZ:
            raise ValueError(f"min_rate_hz is {rate:g}; choose from 0 to {_MAX_RATE_HZ:g}")
    if "trial" in choice:
        settings["trial"] = whole("trial", choice["trial"], 0, session.n_trials - 1)
    if (source := choice.get("source")) in ("other", "same"):
        settings["mode"] = source
    elif source is not None:
        names = [source] if isinstance(source, str) else source
        ticked = [one_of("region", name, regions) for name in names]
        settings |= {"mode": "regions", "ticked": ticked}
    return settings


def _regions(session: Session) -> list[str]:
    """The regions that can be chosen."""
    return [region for region in session.regions if region != "root"]
