"""Latents and predicted rates of a fit, for other tools: a table, a CSV file or an NWB file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nma_seq2seq.dataset import Dataset
from nma_seq2seq.files import check_writable, whole_file
from nma_seq2seq.metrics import as_array
from nma_seq2seq.nwb_writing import clock, write_nwb


def export_latents(fit: Any, data: Dataset, path: str | os.PathLike | None = None) -> pd.DataFrame:
    """Latents and predicted rates of a fit on all trials, one row a trial and bin.

    Parameters
    ----------
    fit : Fit, or any model with `predict` (and `latents`, for those)
    data : Dataset
        What it is given; `part` says which trials it had learned from.
    path : path, optional
        Written as well: a table where it ends in .csv; where it ends in .nwb the session with
        series `latents` and `predicted_rates` in the processing module `nma_seq2seq`, which
        pynapple and others read.

    Returns
    -------
    DataFrame
        `trial` (label in `session.trials`), `part` ("train", "validation" or "test"), `time`
        (seconds from alignment, start of the bin), `clock` (on the recording's own clock, or with
        the trials laid one after the other), `latent_0`, ..., and `rate_LABEL` of each target
        neuron in Hz, by its label in `session.units`.

    Raises
    ------
    ValueError
        If the path ends in neither.
    OSError
        If it cannot be written there, before anything is computed.

    Examples
    --------
    >>> rrr = nma.fit_rrr(data, smoothings=((4,),), ranks=(5,))
    >>> nma.export_latents(rrr, data).columns[:5].tolist()
    ['trial', 'part', 'time', 'clock', 'latent_0']
    """
    ending = "" if path is None else Path(path).suffix.lower()
    if path is not None:
        if ending not in (".csv", ".nwb"):
            raise ValueError(f"{Path(path).name} ends in neither .csv nor .nwb; choose one of them")
        check_writable(path)
    session = data.session
    rates = as_array(fit.predict(data.source)) / data.bin_size
    network = getattr(fit, "models", (fit,))[0]  # a network of a reader's own may have no latents
    latents = as_array(fit.latents(data.source)) if hasattr(network, "latents") else None
    part = np.empty(session.n_trials, dtype=object)
    for name in ("train", "validation", "test"):
        part[data.trials(name)] = name
    onsets, _ = clock(session)
    columns: dict[str, Any] = {
        "trial": np.repeat(session.trials.index.to_numpy(), data.n_bins),
        "part": np.repeat(part.astype(str), data.n_bins),
        "time": np.tile(session.time, session.n_trials),
        "clock": (onsets[:, None] + session.time).ravel(),
    }
    if latents is not None:
        flat = latents.reshape(-1, latents.shape[2])
        columns |= {f"latent_{k}": flat[:, k] for k in range(flat.shape[1])}
    labels = session.units.index.to_numpy()[data.target_units]
    flat = rates.reshape(-1, rates.shape[2])
    columns |= {f"rate_{label}": flat[:, n] for n, label in enumerate(labels)}
    table = pd.DataFrame(columns)
    if ending == ".csv":
        with whole_file(path or "") as temporary:
            table.to_csv(temporary, index=False)
    elif ending == ".nwb":
        series = {
            "predicted_rates": (
                rates, "Hz", "Of the neurons in the table target_units, a column each.",
            )
        }  # fmt: skip
        if latents is not None:
            series["latents"] = (latents, "a.u.", "A column a latent; their axes are arbitrary.")
        regions = session.units["region"].to_numpy()[data.target_units]
        targets = pd.DataFrame({"unit": labels, "location": regions})
        parts = pd.DataFrame({"trial": session.trials.index.to_numpy(), "part": part.astype(str)})
        write_nwb(path or "", session, series, {"target_units": targets, "parts": parts})
    return table
