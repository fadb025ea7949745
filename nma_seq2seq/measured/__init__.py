"""What takes too long for a notebook, as `benchmarks/` has measured it: a file for each table."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from nma_seq2seq.arguments import one_of

FOLDER = Path(__file__).parent


def measured_scores(table: str) -> pd.DataFrame:
    """Scores on simulated and recorded mice that the course shows without fitting them again.

    Bits per spike on test trials against the mean of the training trials, 0 to 0.4 s after the
    stimulus, one random split. The first line of each file says how to measure it again.

    Parameters
    ----------
    table : "attainable", "curves" or "agreement"
        "attainable", in bins of 10 ms: on simulated mice, what their true rates predict, read-outs
        of their true latents, and models that see the source neurons alone; `share` is that of the
        true rates' score. "curves", in bins of 10 ms: the regression and the course's model with
        fewer trials to learn from, or with fewer source neurons (`over`), of which there were `n`.
        "agreement", in bins of 20 ms: two networks that differ in their random start alone, after
        so many `epochs` ("best": the weights that predict the validation trials best) with
        `n_train` training trials; `model` is "LSTM", or "linear" for latents that are linear in the
        smoothed sources. `used_r2` is the share of what the one's read-out makes of its latents
        that is a linear map of the other's latents, on test trials; the map was fitted on others.
        It, `bits_per_spike` and `train_loss` are means of the two.

    Raises
    ------
    ValueError
        If there is no such table.

    Examples
    --------
    >>> nma.measured_scores("attainable")["model"].iloc[0]
    'true rates'
    >>> sorted(nma.measured_scores("curves")["over"].unique())
    ['sources', 'trials']
    >>> nma.measured_scores("agreement")["model"].unique().tolist()
    ['LSTM', 'linear']
    """
    one_of("table", table, sorted(path.stem for path in FOLDER.glob("*.csv")))
    return pd.read_csv(FOLDER / f"{table}.csv", comment="#")
