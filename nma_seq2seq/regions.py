"""Allen acronyms -> groups -> colours -> order in plots."""

from __future__ import annotations

from collections.abc import Iterable

# The grouping is the summer school's, with its " TT" mended and its eighth name given a list.
GROUPS: dict[str, tuple[str, ...]] = {
    "visual cortex": ("VISp", "VISl", "VISrl", "VISam", "VISpm", "VISa"),
    "other cortex": (
        "MOs", "MOp", "ACA", "PL", "ILA", "ORB", "ORBm", "SSp", "SSs", "RSP", "AUD", "DP",
        "TT", "OLF", "PIR", "COA",
    ),
    "hippocampus": ("CA1", "CA2", "CA3", "CA", "DG", "SUB", "POST"),
    "thalamus": (
        "LGd", "LP", "LD", "LH", "VPL", "VPM", "VAL", "PO", "POL", "MD", "CL", "MG", "PT", "RT",
        "SPF", "TH",
    ),
    "midbrain": ("SCs", "SCm", "SCig", "SCsg", "MRN", "APN", "RN", "ZI", "PAG", "NB", "IC", "MB"),
    "basal ganglia": ("CP", "ACB", "GPe", "SNr", "SI", "LS", "LSc", "LSr", "MS", "OT"),
    "cortical subplate": ("BLA", "BMA", "EP", "EPd", "MEA"),
    "other": ("root",),
}  # fmt: skip

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


def group_of(region: str) -> str:
    """The group that an Allen acronym belongs to; "other" where no group lists it."""
    return _GROUP_OF.get(region, "other")


def color_of(name: str) -> str:
    """The colour, as a hex string, of a region or of a group."""
    return COLORS[name] if name in COLORS else COLORS[group_of(name)]


def in_order(regions: Iterable[str]) -> list[str]:
    """The distinct regions in the order in which every plot shows them: by group, then as listed.

    Regions that no group lists come last, by name.
    """
    return sorted(set(regions), key=lambda region: (_RANK.get(region, len(_RANK)), region))
