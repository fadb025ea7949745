"""A picker of source and target neurons by mouse, for ipywidgets 7.7 (Colab) and 8."""

from __future__ import annotations

import html
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import ipywidgets
import matplotlib.pyplot as plt
from IPython.display import display

from nma_seq2seq.dataset import Dataset, make_dataset
from nma_seq2seq.plots.selection import selection
from nma_seq2seq.session import Session

_MODES = [
    ("all other regions", "other"),
    ("the other half of the target", "same"),
    ("the regions marked below", "regions"),
]


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
    Nothing waits for a click: `value` and `dataset()` hold the choice at any time.

    Parameters
    ----------
    sessions : Session, or mapping of a name to a Session or to a function that returns one
        A function is called when its session is first chosen.
    target : str, optional
        MOs where there is one, else the region with the most neurons.
    source : "other", "same" or regions
    min_rate_hz : float
    trial : int

    Attributes
    ----------
    message : str
        Why the choice is not possible; empty where it is.

    Raises
    ------
    ValueError
        If a name is not one of those to choose from.
    """

    def __init__(
        self,
        sessions: Session | Mapping[str, Session | Callable[[], Session]],
        *,
        target: str | None = None,
        source: str | tuple[str, ...] | list[str] = "other",
        min_rate_hz: float = 0.0,
        trial: int = 0,
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
        mode, marked = chosen.pop("mode"), tuple(chosen.pop("marked"))
        return Choice(source=marked if mode == "regions" else mode, **chosen)

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
            raise ValueError("no source region is marked; mark one or more, or take all others")
        return make_dataset(
            self.session,
            choice.source,
            choice.target,
            min_rate_hz=choice.min_rate_hz,
            window=window,
            seed=seed,
        )

    def choose(self, **choice: Any) -> Choice:
        """Set `session`, `source`, `target`, `min_rate_hz` or `trial`, as the mouse would.

        Returns
        -------
        Choice
            What is chosen now.

        Raises
        ------
        ValueError
            If there is no such name, region or trial; nothing changes then.
        """
        unknown = set(choice) - set(Choice.__dataclass_fields__)
        if unknown:
            raise ValueError(
                f"nothing to choose called {', '.join(sorted(unknown))}; choose among "
                f"{', '.join(Choice.__dataclass_fields__)}"
            )
        name = choice.get("session", self._opened)
        if name not in self._sessions:
            raise ValueError(f"no session {name!r}; choose one of {', '.join(self._sessions)}")
        before = self.value
        self._busy = True
        try:
            if name != self._opened:
                self._open(name)
            self._set({key: value for key, value in choice.items() if key != "session"})
        except ValueError:
            if before.session != self._opened:
                self._open(before.session)
            self._set({key: getattr(before, key) for key in ("source", "target")})
            self._controls["min_rate_hz"].value = before.min_rate_hz
            self._controls["trial"].value = before.trial
            raise
        finally:
            self._busy = False
        self._redraw()
        return self.value

    def _set(self, choice: Mapping[str, Any]) -> None:
        """Put a choice into the controls, or raise before anything of it is there."""
        regions, settings = self.session.regions, {}
        if "target" in choice:
            _require_region(choice["target"], regions)
            settings["target"] = choice["target"]
        if "source" in choice:
            source = choice["source"]
            if source in ("other", "same"):
                settings["mode"] = source
            else:
                names = (source,) if isinstance(source, str) else tuple(source)
                for name in names:
                    _require_region(name, regions)
                settings |= {"mode": "regions", "marked": names}
        for key, least in (("min_rate_hz", 0.0), ("trial", 0)):
            if key in choice:
                most = self._controls[key].max
                if not least <= choice[key] <= most:
                    raise ValueError(f"{key} is {choice[key]}; choose from {least:g} to {most:g}")
                settings[key] = choice[key]
        for key, setting in settings.items():
            self._controls[key].value = setting

    # ------------------------------------------------------------------ the widgets

    def _make_widgets(self) -> None:
        wide = {"style": {"description_width": "90px"}, "layout": {"width": "330px"}}
        late = {"continuous_update": False}
        self._controls = {
            "session": ipywidgets.Dropdown(
                options=list(self._sessions), description="session", **wide
            ),
            "target": ipywidgets.Dropdown(description="target", **wide),
            "mode": ipywidgets.Dropdown(options=_MODES, description="sources", **wide),
            "marked": ipywidgets.SelectMultiple(description="regions", rows=5, **wide),
            "min_rate_hz": ipywidgets.FloatSlider(
                max=20.0, step=0.1, description="least rate, Hz", **late, **wide
            ),
            "trial": ipywidgets.IntSlider(max=1, description="trial", **late, **wide),
        }
        self._text = ipywidgets.HTML()
        self._picture = ipywidgets.Image(format="png", layout={"max_width": "100%"})
        columns = [
            ipywidgets.VBox([self._controls[name] for name in names])
            for names in (("session", "target", "min_rate_hz", "trial"), ("mode", "marked"))
        ]
        self.widget = ipywidgets.VBox([ipywidgets.HBox(columns), self._text, self._picture])
        for name, control in self._controls.items():
            control.observe(lambda change, name=name: self._changed(name), names="value")

    def _ipython_display_(self) -> None:
        display(self.widget)

    def _open(self, name: str) -> None:
        """Take a session and offer its regions and trials; keep what is chosen where it has it."""
        session = self._sessions[name]
        if not isinstance(session, Session):
            session = self._sessions[name] = session()
        counts = session.units["region"].value_counts()
        names = [region for region in session.regions if region != "root"]
        options = [(f"{region} ({counts[region]})", region) for region in names]
        target, marked, trial = (self._controls[k] for k in ("target", "marked", "trial"))
        keep, still = target.value, [region for region in marked.value if region in names]
        largest = max(names, key=lambda region: counts[region])
        busy, self._busy = self._busy, True
        try:
            self._opened = name
            self._controls["session"].value = name
            target.options = marked.options = options
            target.value = next(r for r in (keep, "MOs", largest) if r in names)
            marked.value = still
            trial.value, trial.max = min(trial.value, session.n_trials - 1), session.n_trials - 1
        finally:
            self._busy = busy

    def _changed(self, name: str) -> None:
        if self._busy:
            return
        if name == "session":
            self._text.value = "loading the session ..."
            try:
                self._open(self._controls["session"].value)
            except (OSError, ValueError) as problem:
                self._busy = True
                self._controls["session"].value = self._opened
                self._busy = False
                self._complain(str(problem))
                return
        if name == "marked" and self._controls["mode"].value != "regions":
            # Whoever marks a region wants it to count. This redraws.
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
            self._picture.value = file.getvalue()
        plt.close(figure)
        self._picture.layout.display = ""

    def _complain(self, problem: str) -> None:
        self.message = problem
        self._text.value = (
            f"<span style='color:#B00020'>Not possible: {html.escape(problem)}.</span>"
        )
        self._picture.layout.display = "none"


def _require_region(name: str, regions: list[str]) -> None:
    if name not in regions or name == "root":
        there = ", ".join(region for region in regions if region != "root")
        raise ValueError(f"no region {name!r} to choose; this session has {there}")
