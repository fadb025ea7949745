"""Units of a recording: where each is, by what the file says of it and of its peak channel."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from nma_seq2seq import regions as allen

_EMPTY = ("", "nan", "none", "unknown", "unclassified", "n/a", "na")
#: What a channel tells of its units, in the course's names.
_OF_CHANNELS = {
    "ccf_ap": "ap", "ccf_dv": "dv", "ccf_lr": "lr", "probe": "probe", "group_name": "probe",
}  # fmt: skip


def peak_rows(
    units: pd.DataFrame, channels: pd.DataFrame, nearest: np.ndarray | None = None
) -> tuple[np.ndarray | None, str]:
    """The row of the table of channels that holds each unit's `peak_channel`.

    Whether peak channels are counted from 0 or from 1 is not written anywhere. The units' depths
    tell: counted rightly, a unit lies near its channel.

    Parameters
    ----------
    units, channels : DataFrames
        `depth` of the units and `height` of the channels are µm from the tip, where they are known.
    nearest : array, (units,), or None
        The row of the first channel of each unit's template, where a file has it.

    Returns
    -------
    rows : array of int, (units,), or None
        None where channels are counted in neither way.
    said : str
        Which way of counting it is, and why.
    """
    numbers = pd.to_numeric(units["peak_channel"], errors="coerce").to_numpy(float)
    if not (numbers % 1 == 0).all():  # NaN among them
        return None, "peak_channel is not used, for not all of it is whole numbers"
    peaks = numbers.astype(int)
    low, high = peaks.min(), peaks.max()
    possible = [base for base in (0, 1) if low >= base and high < len(channels) + base]
    if not possible:
        return None, (
            f"peak_channel is not used, for it runs from {low} to {high} where there are "
            f"{len(channels)} channels"
        )
    base, why = possible[0], f"it runs from {low} to {high}" if len(possible) == 1 else ""
    if not why and "depth" in units and "height" in channels:
        height, depth = channels["height"].to_numpy(float), units["depth"].astype(float)
        # pandas' mean passes over NaN, and of nothing else it is NaN without a warning.
        off = [(depth - height[peaks - base]).abs().clip(upper=200).mean() for base in (0, 1)]
        if abs(off[0] - off[1]) > 0.5:
            base = int(off[1] < off[0])
            why = (
                f"units are then {off[base]:.1f} µm from their channels, else {off[1 - base]:.1f} "
                "µm"
            )
    if not why and nearest is not None:
        agree = [(nearest == peaks - base).mean() for base in (0, 1)]
        if agree[0] != agree[1]:
            base = int(agree[1] > agree[0])
            why = f"it is then the first channel of {agree[base]:.0%} of the templates"
    if not why:
        return peaks, "peak_channel is taken to count from 0, for nothing in the file tells"
    return peaks - base, f"peak_channel counts from {base} ({why})"


def regions_of(
    units: pd.DataFrame,
    channels: pd.DataFrame,
    rows: np.ndarray | None,
    region: Any,
    usual: Iterable[str],
    label: str,
    hint: str = "",
) -> tuple[list[str], str]:
    """The acronym of each unit as the file has it, and in words which column that is.

    Parameters
    ----------
    units, channels : DataFrames
        In the file's own names.
    rows : array, (units,), or None
        The channel of each unit.
    region : None, a column, one acronym, or one a unit
        As it is asked for.
    usual : names of columns
        Where it is looked for if it is not asked for.
    label, hint : str
        The file, and what would tell the regions, for messages.

    Raises
    ------
    ValueError
        If there are none; the sentence lists what could be asked for.
    """
    if region is not None and not isinstance(region, str):
        given = [str(acronym) for acronym in region]
        if len(given) != len(units):
            texts = _columns_of_text(units, channels)
            raise ValueError(
                f"{label}: region= has {len(given)} names for {len(units)} units; give one a unit"
                + (f", or the name of a column: {texts}" if texts else "")
            )
        return given, ""
    for column in usual if region is None else (region,):
        for table, where in ((units, slice(None)), (channels, rows)):
            if where is None or column not in table:
                continue
            words = [str(word).strip() for word in table[column].to_numpy()[where]]
            known = [word.lower() not in _EMPTY for word in words]
            if region is not None or any(known):
                said = f"regions from {column}" if region is None else ""
                return np.where(known, words, "unknown").tolist(), said
    if region is not None and allen.is_known(allen.without_layer(region)):
        return [region] * len(units), ""  # all units are in one region
    why = (
        f"has no column {region!r}" if region is not None else
        f"does not tell the regions of its units{hint}"
    )  # fmt: skip
    texts = _columns_of_text(units, channels)
    raise ValueError(
        f"{label} {why}; choose region= {f'one of its columns ({texts}), ' if texts else ''}one "
        f"acronym for all units, such as 'MOs', or one for each of its {len(units)} units"
    )


def _columns_of_text(units: pd.DataFrame, channels: pd.DataFrame) -> str:
    listed = [
        f"{where} {', '.join(texts)}"
        for where, table in (("of units", units), ("of electrodes", channels))
        if (texts := [str(column) for column in table if _is_text(table[column])])
    ]
    return "; ".join(listed)


def _is_text(column: pd.Series) -> bool:
    """Whether a column holds words at all; electrodes often have an empty one for a place."""
    if not pd.api.types.is_string_dtype(column):
        return False
    return any(str(value).strip().lower() not in _EMPTY for value in column)


def with_channels(
    units: pd.DataFrame, channels: pd.DataFrame, rows: np.ndarray | None
) -> tuple[pd.DataFrame, str]:
    """Units with the position and the probe of their channels, and in words what was left out.

    The probe is that of the unit where it is known. Some files have the depths in the place of the
    widths.
    """
    said = ""
    for width in {"trough_to_peak", "waveform_duration"} & set(units):
        duration = units[width].to_numpy(float)
        units = units.assign(**{width: duration})
        if "depth" in units and len(units) > 2 and np.allclose(duration, units["depth"], rtol=0.01):
            units = units.drop(columns=width)
            said = "waveform_duration left out, for it is a copy of the depths"
    if rows is not None:
        of_channels = {
            ours: channels[theirs].to_numpy()[rows]
            for theirs, ours in _OF_CHANNELS.items()
            if theirs in channels and not (ours == "probe" and "probe" in units)
        }
        units = units.assign(**of_channels)
    return units, said
