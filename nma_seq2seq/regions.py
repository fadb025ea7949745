"""Allen acronyms -> groups -> colours -> order in plots."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

_TABLE = pd.read_csv(Path(__file__).with_name("regions.csv"), comment="#", index_col="region")

GROUPS: dict[str, tuple[str, ...]] = {
    str(group): tuple(rows.index) for group, rows in _TABLE.groupby("group", sort=False)
}
#: Rough centres of regions in the Allen common coordinate framework, µm.
CENTRES_UM = _TABLE[["ap", "dv", "from_midline"]].astype(float)

# Okabe and Ito's colours, told apart with every common kind of colour blindness.
COLORS: dict[str, str] = {
    "visual cortex": "#0072B2",
    "other cortex": "#D55E00",
    "hippocampus": "#009E73",
    "thalamus": "#CC79A7",
    "midbrain": "#E69F00",
    "basal ganglia": "#56B4E9",
    "cortical subplate": "#8C6D1F",
    "other": "#7F7F7F",
}

_GROUP_OF = {region: group for group, regions in GROUPS.items() for region in regions}
_RANK = {region: rank for rank, region in enumerate(_GROUP_OF)}


# Regions of the Allen atlas with layers or fields that no group lists: those are their own parents.
_UNLISTED = (
    "FRP", "GU", "VISC", "VISal", "VISli", "VISpl", "VISpor", "TEa", "PERI", "ECT", "ENT", "AI",
    "AON", "CLA", "PAR", "PRE", "ProS",
)  # fmt: skip
# Allen's parts of regions: dorsal and ventral, primary and posterior, parts of the body.
_PARTS = {
    "ACA": ("ACAd", "ACAv"), "AI": ("AId", "AIp", "AIv"), "AUD": ("AUDd", "AUDp", "AUDpo", "AUDv"),
    "COA": ("COAa", "COAp", "COApl", "COApm"), "ENT": ("ENTl", "ENTm"), "ORB": ("ORBl", "ORBvl"),
    "RSP": ("RSPagl", "RSPd", "RSPv"), "SUB": ("SUBd", "SUBv"), "TT": ("TTd", "TTv"),
}  # fmt: skip
_PARENT_OF = {part: parent for parent, parts in _PARTS.items() for part in parts}
_LAYER = re.compile(r"(1|2|2/3|3|4|5|6|6a|6b|sp|so|slm|sr)$")


def without_layer(acronym: str) -> str:
    """The region whose layer or part an Allen acronym names, such as "SSp" for "SSp-bfd4".

    "VISp5" is "VISp" and "MOs2/3" is "MOs", but "CA1" is "CA1"; an acronym that is no part of a
    region that is known here is returned as it is.
    """
    for candidate in (
        acronym,
        _LAYER.sub("", acronym),
        _LAYER.sub("", acronym).split("-")[0],
    ):
        parent = _PARENT_OF.get(candidate, candidate)
        if is_known(parent):
            return parent
    return acronym


def is_known(acronym: str) -> bool:
    """Whether this is an Allen acronym that is known here, of a region and not of a layer."""
    return acronym in _GROUP_OF or acronym in _UNLISTED


def group_of(region: str) -> str:
    """The group of an Allen acronym, or of a group's own name; "other" where no group lists it."""
    return region if region in GROUPS else _GROUP_OF.get(region, "other")


def color_of(name: str) -> str:
    """The colour, as a hex string, of a region or of a group."""
    return COLORS[group_of(name)]


def in_order(regions: Iterable[str]) -> list[str]:
    """The distinct regions in the order in which every plot shows them: by group, then as listed.

    Regions that no group lists come last, by name.
    """
    return sorted(set(regions), key=lambda region: (_RANK.get(region, len(_RANK)), region))
