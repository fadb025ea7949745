"""What latents are good for: compare them with the truth, and decode behaviour from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nma_seq2seq.baselines import smooth
from nma_seq2seq.dataset import Dataset
from nma_seq2seq.metrics import r2
from nma_seq2seq.session import Session


@dataclass(frozen=True, eq=False)
class Alignment:
    """How two sets of latents of the same trials map onto each other.

    Attributes
    ----------
    aligned : array, (trials, time, n_reference)
        The latents mapped onto the reference; each trial by a map fitted without it.
    r2 : array, (n_reference,)
        Variance of each reference latent that `aligned` explains.
    r2_back : array, (n_latents,)
        The other way: variance of each latent that the reference explains.
    canonical_correlations : array, (min(n_latents, n_reference),)
        From the closest shared direction to the farthest; 1 is the same.
    """

    aligned: np.ndarray
    r2: np.ndarray
    r2_back: np.ndarray
    canonical_correlations: np.ndarray


def align(
    latents: np.ndarray, reference: np.ndarray, *, n_folds: int = 5, seed: int = 0
) -> Alignment:
    """Align latents to a reference by a linear map, cross-validated over trials.

    A network's latents are known only up to an invertible linear map, which its read-out undoes;
    so two sets of latents say the same if a linear map takes one to the other.

    Parameters
    ----------
    latents : array, (trials, time, n_latents)
    reference : array, (trials, time, n_reference)
        True latents, another fit's, or principal components, of the same trials.

    Raises
    ------
    ValueError
        If trials or bins disagree, or there are fewer trials than folds.
    """
    if latents.shape[:2] != reference.shape[:2]:
        raise ValueError(
            f"latents {latents.shape} and reference {reference.shape} must have the same trials "
            "and bins; take both from the same session, window and trials"
        )
    if len(latents) < n_folds:
        raise ValueError(f"{len(latents)} trials are too few for {n_folds} folds")
    trial = np.repeat(np.arange(len(latents)), latents.shape[1])
    folds = list(KFold(n_folds, shuffle=True, random_state=seed).split(np.arange(len(latents))))
    by_bin = [(np.isin(trial, a), np.isin(trial, b)) for a, b in folds]
    by_bin = [(np.flatnonzero(a), np.flatnonzero(b)) for a, b in by_bin]

    def mapped(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        flat_x, flat_y = x.reshape(-1, x.shape[2]), y.reshape(-1, y.shape[2])
        return cross_val_predict(LinearRegression(), flat_x, flat_y, cv=by_bin).reshape(y.shape)

    aligned = mapped(latents, reference)
    return Alignment(
        aligned=aligned,
        r2=r2(reference, aligned),
        r2_back=r2(latents, mapped(reference, latents)),
        canonical_correlations=_canonical_correlations(latents, reference),
    )


def _canonical_correlations(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Cosines of the angles between the two spans (Björck and Golub 1973)."""
    bases = []
    for latents in (x, y):
        flat = latents.reshape(-1, latents.shape[2]).astype(np.float64)
        left, size, _ = np.linalg.svd(flat - flat.mean(axis=0), full_matrices=False)
        bases.append(left[:, size > 1e-8 * size[0]])
    return np.linalg.svd(bases[0].T @ bases[1], compute_uv=False).clip(0, 1)


def principal_components(
    data: Dataset, n_components: int = 15, smoothing: float = 4.0
) -> np.ndarray:
    """Principal components of the smoothed source counts, (trials, time, n_components), all trials.

    Axes are fitted on the training trials; `smoothing` is the Gaussian's width in bins.
    """
    counts = smooth(data.source, smoothing)
    pca = PCA(n_components, svd_solver="covariance_eigh")
    pca.fit(counts[data.train].reshape(-1, data.n_sources))
    flat = pca.transform(counts.reshape(-1, data.n_sources))
    return flat.reshape(*counts.shape[:2], n_components)


def labels(session: Session) -> dict[str, np.ndarray]:
    """What can be decoded: name -> (trials,) float, NaN where a trial does not count.

    "stimulus side" (+1 right, NaN where both are equal), "choice" (+1 left, -1 right, NaN for
    no-go), "movement" (1 the wheel moved, 0 not) and "reward" (+1, -1). What the session has no
    columns for is left out.
    """
    trials, found = session.trials, {}
    if {"contrast_left", "contrast_right"} <= set(trials):
        side = np.sign(trials["contrast_right"] - trials["contrast_left"])
        found["stimulus side"] = side.where(side != 0).to_numpy(float)
    if "response" in trials:
        found["choice"] = trials["response"].where(trials["response"] != 0).to_numpy(float)
    if "reaction_time" in trials:
        found["movement"] = trials["reaction_time"].notna().to_numpy(float)
    if "feedback_type" in trials:
        found["reward"] = trials["feedback_type"].to_numpy(float)
    return found


def decode(
    features: Mapping[str, np.ndarray],
    data: Dataset,
    *,
    variables: list[str] | None = None,
    n_windows: int = 4,
    n_shuffles: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Decode stimulus, choice, movement and reward from single held-out trials.

    A logistic regression reads the features' means in a few windows of the trial. It is fitted, and
    its penalty chosen by cross-validation, on training and validation trials; what is reported is
    its balanced accuracy on test trials, which no feature was fitted on either.

    Parameters
    ----------
    features : dict of name -> array, (trials, time, features)
        Latents, principal components, raw counts; of all trials of the session.
    data : Dataset
        Whose split is used.
    variables : list of str, optional
        Some of `labels`; all by default.
    n_windows : int
        Windows that the trial is averaged in.
    n_shuffles, seed : int
        Test labels are shuffled so often for the chance level.

    Returns
    -------
    DataFrame, one row a variable and set of features
        `variable`, `features`, `n_features`, `accuracy` (balanced), `low`, `high` (95 %, bootstrap
        over test trials), `chance` (mean of shuffles), `chance_high` (their 97.5th percentile),
        `n_train`, `n_test`.

    Raises
    ------
    ValueError
        If the session has none of the variables, or one has a single value.
    """
    known = labels(data.session)
    variables = list(known) if variables is None else variables
    for variable in variables or ["stimulus side"]:
        if variable not in known:
            raise ValueError(
                f"session {data.session.name} has no {variable!r} to decode; it has "
                f"{', '.join(known) or 'nothing to decode'}"
            )
    rng = np.random.default_rng(seed)
    fitted_on = np.union1d(data.train, data.validation)
    rows = []
    for variable in variables:
        label = known[variable]
        train = fitted_on[~np.isnan(label[fitted_on])]
        test = data.test[~np.isnan(label[data.test])]
        counts = np.unique(label[train], return_counts=True)[1]
        if len(counts) < 2 or counts.min() < 2:
            raise ValueError(
                f"{variable!r} has too few trials of a kind to decode in session "
                f"{data.session.name}; leave it out of `variables`"
            )
        for name, array in features.items():
            windows = _window_means(array, n_windows)
            decoder = GridSearchCV(
                make_pipeline(
                    StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=2000)
                ),
                {"logisticregression__C": np.logspace(-5, 1, 7)},
                cv=StratifiedKFold(min(5, counts.min()), shuffle=True, random_state=seed),
                scoring="balanced_accuracy",
            )
            decoder.fit(windows[train], label[train])
            said, truth = decoder.predict(windows[test]), label[test]
            drawn = rng.integers(len(test), size=(n_shuffles, len(test)))
            low, high = np.percentile([_balanced(truth[d], said[d]) for d in drawn], [2.5, 97.5])
            shuffles = [_balanced(rng.permutation(truth), said) for _ in range(n_shuffles)]
            rows.append(
                {
                    "variable": variable,
                    "features": name,
                    "n_features": array.shape[2],
                    "accuracy": balanced_accuracy_score(truth, said),
                    "low": low,
                    "high": high,
                    "chance": np.mean(shuffles),
                    "chance_high": np.percentile(shuffles, 97.5),
                    "n_train": len(train),
                    "n_test": len(test),
                }
            )
    return pd.DataFrame(rows)


def _window_means(array: np.ndarray, n_windows: int) -> np.ndarray:
    """(trials, time, features) -> (trials, windows * features)."""
    parts = np.array_split(np.asarray(array, np.float32), n_windows, axis=1)
    return np.concatenate([part.mean(axis=1) for part in parts], axis=1)


def _balanced(truth: np.ndarray, said: np.ndarray) -> float:
    """Mean over the values of `truth` of the share that was said right."""
    return float(np.mean([(said[truth == value] == value).mean() for value in np.unique(truth)]))
