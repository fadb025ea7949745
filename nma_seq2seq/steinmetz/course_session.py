"""Any recording -> one that every notebook runs on, with a sentence on what that left out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nma_seq2seq.session import Session

_WINDOW = (-0.5, 2.0)  # s; no notebook looks farther
_MOST_COUNTS = 200 * 10**6  # as many as the largest session of the paper has


def for_the_course(session: Session) -> Session:
    """A recording as the notebooks take it: not larger than the paper's, and with two regions.

    What is beyond -0.5 to 2 s and beyond 200 million counts (the last trials) is left out; a
    recording of one region is dealt into two halves, each with a name of its own. Every change is
    printed.

    Parameters
    ----------
    session : Session
    """
    if session.spikes.size > _MOST_COUNTS:
        session = _smaller(session)
    sizes = session.units["region"].value_counts()
    if len(sizes) > 1:
        sizes = sizes.drop("root", errors="ignore")
    if (sizes >= 4).sum() < 2 and sizes.max() >= 4:
        largest = str(sizes.idxmax())
        here = np.flatnonzero(session.region_mask(largest))
        names = session.units["region"].to_numpy(object, copy=True)
        drawn = np.random.default_rng(0).permutation(here)
        for half in (0, 1):
            names[drawn[half::2]] = f"{largest} half {half + 1}"
        print(
            f"Session {session.name} has one region with four neurons or more, {largest}. So that "
            f"there is another to predict from, its neurons are dealt into {largest} half 1 and "
            f"{largest} half 2 at random: read 'region' as 'half' from here on."
        )
        session = replace(session, units=session.units.assign(region=names))
    return session


def _smaller(session: Session) -> Session:
    inside = (session.time >= _WINDOW[0] - 1e-6) & (session.time < _WINDOW[1] - 1e-6)
    part = session.select(window=_WINDOW if inside.any() else None)
    n_trials = max(_MOST_COUNTS // part.spikes[0].size, 10)
    left_out = []
    if part.n_bins < session.n_bins:
        left_out.append(f"the bins outside {_WINDOW[0]:g} to {_WINDOW[1]:g} s")
    if n_trials < session.n_trials:
        left_out.append(f"the last {session.n_trials - n_trials} trials")
    if not left_out:
        return session
    print(
        f"Session {session.name} is large ({session.n_neurons} neurons x {session.n_trials} trials "
        f"x {session.n_bins} bins). So that the notebooks stay in memory, "
        f"{' and '.join(left_out)} are left out."
    )
    part = part.select(trials=slice(n_trials))
    # A view would keep in memory what is left out.
    return replace(part, spikes=np.ascontiguousarray(part.spikes))
