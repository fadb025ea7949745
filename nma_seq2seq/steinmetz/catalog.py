"""Which recorded sessions there are, and which of the three files holds each."""

from __future__ import annotations

# Where the summer school keeps its three files of thirteen sessions each.
PART_URLS = (
    "https://osf.io/agvxh/download",
    "https://osf.io/uv3mw/download",
    "https://osf.io/ehmw2/download",
)
PER_PART = 13

_DATES = {
    "Cori": "2016-12-14 2016-12-17 2016-12-18",
    "Forssmann": "2017-11-01 2017-11-02 2017-11-04 2017-11-05",
    "Hench": "2017-06-15 2017-06-16 2017-06-17 2017-06-18",
    "Lederberg": "2017-12-05 2017-12-06 2017-12-07 2017-12-08 2017-12-09 2017-12-10 2017-12-11",
    "Moniz": "2017-05-15 2017-05-16 2017-05-18",
    "Muller": "2017-01-07 2017-01-08 2017-01-09",
    "Radnitz": "2017-01-08 2017-01-09 2017-01-10 2017-01-11 2017-01-12",
    "Richards": "2017-10-29 2017-10-30 2017-10-31 2017-11-01 2017-11-02",
    "Tatum": "2017-12-06 2017-12-07 2017-12-08 2017-12-09",
    "Theiler": "2017-10-11",
}
PUBLISHED = tuple(f"{mouse}_{date}" for mouse in _DATES for date in _DATES[mouse].split())


def part_name(number: int) -> str:
    return f"steinmetz_part{number}.npz"
