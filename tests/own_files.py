"""Recordings as other people store them: NWB and ALF, with spikes drawn from a session's counts."""

from __future__ import annotations

import datetime
import io
import tarfile
from pathlib import Path

import numpy as np

import nma_seq2seq as nma

SIZES = {"MOs": 8, "VISp": 10, "CA1": 6}

PITCH = 4.0  # s between stimuli
FIRST = 10.0  # s
PASSIVE = {"left": np.array([1.0, 0.5, 0.0]), "right": np.array([0.0, 0.25, 1.0])}


class Clock:
    """A session of the school's format on a clock of its own: what a lab has before it is cut.

    Half as many clusters again as neurons: every third is one that the paper leaves out. Two
    probes, whose channels lie two to a row, 20 µm apart.
    """

    def __init__(self, session: nma.Session, seed: int = 0):
        rng = np.random.default_rng(seed)
        self.session = session
        self.onset = FIRST + PITCH * np.arange(session.n_trials) + rng.uniform(0, 0.3)
        self.passive = self.onset[-1] + 1 + np.arange(3) / 2
        n = session.n_neurons
        self.is_kept = np.arange(n + n // 2) % 3 != 2
        self.is_kept[n + n // 2 - 1] |= self.is_kept.sum() < n
        self.unit = np.cumsum(self.is_kept) - 1
        self.spikes = [
            self._train(rng, self.unit[cluster]) if kept else np.sort(rng.uniform(5, 40, 30))
            for cluster, kept in enumerate(self.is_kept)
        ]
        # Channels: one a neuron's region and place, so that the peak channel decides both.
        self.n_channels = 2 * (len(self.spikes) // 2 + 2)
        self.height = np.arange(self.n_channels) % (self.n_channels // 2) // 2 * 20.0
        self.probe = np.arange(self.n_channels) // (self.n_channels // 2)
        self.peak = np.arange(len(self.spikes)) + 1  # a channel is left free at either end
        self.depth = self.height[self.peak] + rng.normal(0, 2, len(self.peak))
        region = session.units["layer_region" if "layer_region" in session.units else "region"]
        self.region = np.full(self.n_channels, "root", dtype="U12")
        self.region[self.peak[self.is_kept]] = region
        self.ccf = rng.uniform(0, 8000, (self.n_channels, 3))
        if "ap" in session.units:
            self.ccf[self.peak[self.is_kept]] = session.units[["ap", "dv", "lr"]]
        self.annotation = np.where(self.is_kept, 2 + np.arange(len(self.spikes)) % 2, 1)
        self.width = np.full(len(self.spikes), 12.0)
        if "trough_to_peak" in session.units:
            self.width[self.is_kept] = session.units["trough_to_peak"]

    def _train(self, rng: np.random.Generator, unit: int) -> np.ndarray:
        """Times in the bins that hold the counts, with spikes between the trials as well."""
        counts = self.session.spikes[:, :, unit]
        trial, where = np.nonzero(counts)
        n = counts[trial, where]
        start = (self.onset[:, None] + self.session.time)[trial, where]
        spread = rng.uniform(0.02, 0.98, n.sum()) * self.session.bin_size
        between = self.onset[:-1] + self.session.time[-1] + 3 * self.session.bin_size
        return np.sort(np.concatenate([np.repeat(start, n) + spread, between[:3]]))

    def event(self, column: str) -> np.ndarray:
        return self.session.trials[column].to_numpy() + self.onset

    def moves(self) -> tuple[np.ndarray, np.ndarray]:
        """Intervals (n, 2) and kinds of the wheel's movements, a flinch before each."""
        moved = self.session.trials["reaction_time"].notna().to_numpy()
        starts = self.event("reaction_time")[moved]
        side = self.session.trials["movement_direction"].to_numpy()[moved]
        kinds = np.where(side > 0, 1, 2)
        starts = np.column_stack([starts - 0.02, starts]).ravel()
        return np.column_stack([starts, starts + 0.01]), np.column_stack([0 * kinds, kinds]).ravel()

    def trace(self, key: str) -> tuple[np.ndarray, np.ndarray]:
        """Times and values of a trace, a sample in the middle of each bin."""
        times = self.onset[:, None] + self.session.time + self.session.bin_size / 2
        return times.ravel(), self.session.behavior[key].astype(float).ravel()


def write_nwb(path: Path, clock: Clock, *, counts_from: int = 1) -> Path:
    """As DANDI 000017 is: (units, 1) columns, template channels, periods for rates, and all."""
    import h5py
    import pynwb
    from pynwb.behavior import (
        BehavioralEpochs,
        BehavioralEvents,
        BehavioralTimeSeries,
        IntervalSeries,
        PupilTracking,
    )  # fmt: skip

    session = clock.session
    file = pynwb.NWBFile(
        "a copy of a session", f"{session.mouse}_2017-10-31",
        datetime.datetime(2017, 10, 31, 12, tzinfo=datetime.UTC),
        subject=pynwb.file.Subject(subject_id=session.mouse, species="Mus musculus"),
    )  # fmt: skip
    groups = []
    for probe in range(2):
        device = file.create_device(f"{probe}")
        groups.append(file.create_electrode_group(f"Probe{probe + 1}", "Neuropixels", "", device))
    for channel in range(clock.n_channels):
        file.add_electrode(
            location=str(clock.region[channel]), group=groups[clock.probe[channel]], x=np.nan,
            y=np.nan, z=np.nan,
        )  # fmt: skip
    for name, data in (
        ("site_id", np.arange(clock.n_channels)),
        ("site_position", np.column_stack([np.full(clock.n_channels, 16.0), clock.height])),
        ("ccf_ap", clock.ccf[:, 0]), ("ccf_dv", clock.ccf[:, 1]), ("ccf_lr", clock.ccf[:, 2]),
    ):  # fmt: skip
        file.add_electrode_column(name, name, data=data)
    for name in ("peak_channel", "waveform_duration", "phy_annotations", "cluster_depths"):
        file.add_unit_column(name, name)
    for cluster, spikes in enumerate(clock.spikes):
        near = (clock.peak[cluster] + np.arange(3)) % clock.n_channels
        file.add_unit(
            spike_times=spikes, electrodes=near.tolist(), id=cluster,
            electrode_group=groups[clock.probe[clock.peak[cluster]]],
            peak_channel=[clock.peak[cluster] + counts_from],
            waveform_duration=[clock.width[cluster]],
            phy_annotations=int(clock.annotation[cluster]),
            cluster_depths=[clock.depth[cluster]],
        )  # fmt: skip
    for onset in clock.onset:
        file.add_trial(start_time=onset - 0.6, stop_time=onset + 3.0)
    there = session.trials
    for name, data in (
        ("included", np.arange(session.n_trials) % 7 != 0),
        ("go_cue", clock.event("gocue")), ("visual_stimulus_time", clock.onset),
        ("visual_stimulus_left_contrast", there["contrast_left"].to_numpy()),
        ("visual_stimulus_right_contrast", there["contrast_right"].to_numpy()),
        ("response_time", clock.event("response_time")),
        ("response_choice", there["response"].to_numpy()),
        ("feedback_time", clock.event("feedback_time")),
        ("feedback_type", there["feedback_type"].to_numpy().astype(int)),
        ("rep_num", np.ones(session.n_trials)),
    ):  # fmt: skip
        file.add_trial_column(name, name, data=data)

    behavior = file.create_processing_module("behavior", "behavior module")
    intervals, kinds = clock.moves()
    behavior.add(
        BehavioralEpochs(
            IntervalSeries(
                name="wheel_moves", data=np.repeat(kinds, 2), timestamps=intervals.ravel()
            )
        )
    )
    licks, n_licks = clock.trace("licks")
    licks = np.repeat(licks, n_licks.astype(int))
    behavior.add(
        BehavioralEvents(
            pynwb.TimeSeries(name="lick_times", data=licks > 0, unit="", timestamps=licks)
        )
    )
    times, face = clock.trace("face")
    behavior.add(
        BehavioralTimeSeries(
            pynwb.TimeSeries(name="face_motion_energy", data=face, unit="a", timestamps=times)
        )
    )
    _, area = clock.trace("pupil_area")
    xy = np.column_stack([clock.trace("pupil_x")[1], clock.trace("pupil_y")[1]])
    pupil = PupilTracking(pynwb.TimeSeries(name="eye_area", data=area, unit="a", timestamps=times))
    pupil.add_timeseries(
        pynwb.TimeSeries(name="eye_xy_positions", data=xy, unit="a", timestamps=times)
    )
    behavior.add(pupil)
    file.add_acquisition(
        pynwb.TimeSeries(
            name="wheel_position", data=wheel_ticks(clock), unit="mm", conversion=0.135,
            starting_time=0.0, rate=0.01,
        )
    )  # fmt: skip
    quiet = pynwb.epoch.TimeIntervals(name="spontaneous", description="nothing happens")
    quiet.add_interval(start_time=1.0, stop_time=5.0)
    quiet.add_interval(start_time=5.0, stop_time=9.0)
    file.add_time_intervals(quiet)
    for side, contrast in PASSIVE.items():
        file.add_stimulus(
            pynwb.TimeSeries(
                name=f"passive_{side}_contrast", data=contrast, unit="p", timestamps=clock.passive
            )
        )
    save(path, file)
    # Today's pynwb refuses to write one kind for two times, as the published files have it.
    with h5py.File(path, "r+") as written:
        place = written["processing/behavior/BehavioralEpochs/wheel_moves"]
        facts = dict(place["data"].attrs)
        del place["data"]
        place["data"] = kinds
        place["data"].attrs.update(facts)
    return path


def save(path: Path, file) -> Path:
    import pynwb

    with pynwb.NWBHDF5IO(str(path), "w") as io_:
        io_.write(file)
    return path


def wheel_ticks(clock: Clock) -> np.ndarray:
    """The wheel's position, 100 a second from 0 s, that turns steadily at 50 ticks a second."""
    return np.arange(int(100 * (clock.onset[-1] + 5))) * 0.5


def alf_arrays(clock: Clock, *, counts_from: int = 1) -> dict[str, np.ndarray | str]:
    """As figshare's are: (n, 1) arrays, and the spikes of all clusters in order of time."""
    times = np.concatenate(clock.spikes)
    whose = np.repeat(np.arange(len(clock.spikes)), [len(train) for train in clock.spikes])
    order = np.argsort(times, kind="stable")
    there = clock.session.trials
    intervals, kinds = clock.moves()
    samples, face = clock.trace("face")
    rows = [
        f"{ap}\t{dv}\t{lr}\t{region}"
        for (ap, dv, lr), region in zip(clock.ccf, clock.region, strict=True)
    ]
    ticks = wheel_ticks(clock)
    columns = {
        "spikes.times": times[order], "spikes.clusters": whose[order].astype(np.uint32),
        "clusters.peakChannel": clock.peak + counts_from,
        "clusters.probes": clock.probe[clock.peak],
        "clusters.depths": clock.depth, "clusters._phy_annotation": clock.annotation,
        "clusters.waveformDuration": clock.width, "channels.probe": clock.probe,
        "trials.visualStim_times": clock.onset,
        "trials.visualStim_contrastLeft": there["contrast_left"].to_numpy(),
        "trials.visualStim_contrastRight": there["contrast_right"].to_numpy(),
        "trials.goCue_times": clock.event("gocue"),
        "trials.response_times": clock.event("response_time"),
        "trials.response_choice": there["response"].to_numpy(),
        "trials.feedback_times": clock.event("feedback_time"),
        "trials.feedbackType": there["feedback_type"].to_numpy(),
        "trials.included": np.arange(len(there)) % 7 != 0,
        "trials.repNum": np.ones(len(there)),
        "wheelMoves.type": kinds, "wheel.position": ticks,
        "face.motionEnergy": face,
        "licks.times": np.repeat(clock.trace("licks")[0], clock.trace("licks")[1].astype(int)),
        "eye.area": clock.trace("pupil_area")[1],
        "passiveVisual.times": clock.passive,
        "passiveVisual.contrastLeft": PASSIVE["left"],
        "passiveVisual.contrastRight": PASSIVE["right"],
    }  # fmt: skip
    columns = {name: array[:, None] for name, array in columns.items()}
    stamps = np.column_stack([np.arange(len(samples)), samples])
    return columns | {
        "channels.sitePositions": np.column_stack([np.zeros(clock.n_channels), clock.height]),
        "trials.intervals": np.column_stack([clock.onset - 0.6, clock.onset + 3]),
        "wheelMoves.intervals": intervals,
        "wheel.timestamps": np.array([[0.0, 0.0], [len(ticks) - 1, (len(ticks) - 1) / 100]]),
        "face.timestamps": stamps, "eye.timestamps": stamps,
        "channels.brainLocation.tsv": "ccf_ap\tccf_dv\tccf_lr\tallen_ontology\n" + "\n".join(rows),
    }  # fmt: skip


def write_alf(folder: Path, clock: Clock, **options) -> Path:
    folder.mkdir(parents=True)
    for name, content in alf_arrays(clock, **options).items():
        if isinstance(content, str):
            (folder / name).write_text(content)
        else:
            np.save(folder / f"{name}.npy", content)
    return folder


def write_tar(path: Path, folder: Path, extra: dict[str, bytes] | None = None) -> Path:
    """A .tar of the folder; `extra` are members with names of their own choosing."""
    with tarfile.open(path, "w") as archive:
        archive.add(folder, arcname=path.stem)
        for name, content in (extra or {}).items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path
