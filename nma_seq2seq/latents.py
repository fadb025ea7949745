"""What latents are good for: compare them with the truth, and decode behaviour from them."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from nma_seq2seq.arguments import did_you_mean, positions, real, whole
from nma_seq2seq.baselines import check_sources
from nma_seq2seq.dataset import Dataset
from nma_seq2seq.metrics import as_array, r2
from nma_seq2seq.session import Session
from nma_seq2seq.smoothing import smooth

if TYPE_CHECKING:
    from sklearn.pipeline import Pipeline

# scikit-learn takes a second to import, so each function imports what it uses of it.

# Of the decoder, as scikit-learn's C: from the strongest on.
_PENALTIES = np.logspace(-5, 1, 7)


@dataclass(frozen=True, eq=False)
class Alignment:
    """How two sets of latents of the same trials map onto each other, measured on held-out trials.

    Attributes
    ----------
    aligned : array, (len(trials), time, n_reference)
        The latents mapped onto the reference; each trial by a map that was fitted without it.
    trials : array of int
        Positions of the trials in `aligned`.
    r2 : array, (n_reference,)
        Variance of each reference latent that `aligned` explains; NaN for one that never changes.
    r2_back : array, (n_latents,)
        The other way: variance of each latent that the reference explains.
    canonical_correlations : array, (at most min(n_latents, n_reference),)
        From the closest shared direction to the farthest; 1 is the same, 0 is nothing shared.
    """

    aligned: np.ndarray
    trials: np.ndarray
    r2: np.ndarray
    r2_back: np.ndarray
    canonical_correlations: np.ndarray


def align(
    latents: np.ndarray,
    reference: np.ndarray,
    *,
    train: np.ndarray | None = None,
    test: np.ndarray | None = None,
    n_folds: int = 5,
    seed: int = 0,
) -> Alignment:
    """Align latents to a reference by a linear map (with an offset), judged on held-out trials.

    A network's latents are known only up to an invertible linear map, which its read-out undoes;
    so two sets of latents say the same if a linear map takes one to the other.

    Parameters
    ----------
    latents : array, (trials, time, n_latents)
    reference : array, (trials, time, n_reference)
        True latents, another fit's, or principal components, of the same trials.
    train, test : positions or masks over trials, optional
        The map is fitted on `train` and judged on `test`. Without them every trial
        is judged by a map that was fitted on the other folds.
    n_folds, seed : int
        Of that cross-validation over trials.

    Raises
    ------
    ValueError
        If shapes disagree, a number is NaN, only one of `train` and `test` is given, they share a
        trial, or there are fewer trials than folds.

    Examples
    --------
    >>> turned = session.latents @ np.diag(np.arange(1.0, session.latents.shape[2] + 1))
    >>> nma.align(turned, session.latents).r2.min().round(3).item()
    1.0
    """
    latents, reference = (np.asarray(array, np.float64) for array in (latents, reference))
    if latents.ndim != 3 or reference.ndim != 3 or latents.shape[:2] != reference.shape[:2]:
        raise ValueError(
            f"latents {latents.shape} and reference {reference.shape} must be (trials, time, "
            "latents) of the same trials and bins; take both from one session and window"
        )
    if not latents.shape[2] or not reference.shape[2]:
        raise ValueError(
            f"latents {latents.shape} and reference {reference.shape}: there is none in one of them"
        )
    for name, array in (("latents", latents), ("reference", reference)):
        if not np.isfinite(array).all():
            raise ValueError(f"the {name} hold NaN or infinite numbers; align finite ones")
    folds = _folds(len(latents), train, test, n_folds, whole("seed", seed))
    trials = np.sort(np.concatenate([held_out for _, held_out in folds]))
    aligned, back = _mapped(latents, reference, folds), _mapped(reference, latents, folds)
    return Alignment(
        aligned=aligned[trials],
        trials=trials,
        r2=r2(reference[trials], aligned[trials]),
        r2_back=r2(latents[trials], back[trials]),
        canonical_correlations=_canonical_correlations(latents, reference, folds),
    )


def _folds(
    n_trials: int, train: np.ndarray | None, test: np.ndarray | None, n_folds: int, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Trials to fit on and trials to judge on: those that were given, or each fold in turn."""
    if train is not None and test is not None:
        train, test = positions(train, n_trials), positions(test, n_trials)
        shared = np.intersect1d(train, test)
        if len(shared):
            raise ValueError(
                f"trial {shared[0]} is in both train and test; a map must be judged on trials that "
                "it was not fitted on"
            )
        return [(train, test)]
    if train is not None or test is not None:
        raise ValueError("give both train and test trials, or neither for cross-validation")
    n_folds = whole("n_folds", n_folds, 2)
    if n_folds > n_trials:
        raise ValueError(
            f"{n_trials} trials cannot be dealt into {n_folds} folds; take from 2 folds to as many "
            "as there are trials"
        )
    from sklearn.model_selection import KFold

    return list(KFold(n_folds, shuffle=True, random_state=seed).split(np.arange(n_trials)))


def _mapped(
    x: np.ndarray, y: np.ndarray, folds: Sequence[tuple[np.ndarray, np.ndarray]]
) -> np.ndarray:
    """x mapped onto y, shape of y; trials that no fold holds out are NaN."""
    from sklearn.linear_model import LinearRegression

    mapped = np.full(y.shape, np.nan)
    for train, test in folds:
        line = LinearRegression().fit(_flat(x[train]), _flat(y[train]))
        mapped[test] = line.predict(_flat(x[test])).reshape(y[test].shape)
    return mapped


def _canonical_correlations(
    x: np.ndarray, y: np.ndarray, folds: Sequence[tuple[np.ndarray, np.ndarray]]
) -> np.ndarray:
    """Directions are found on the training trials (Björck and Golub 1973), correlated on others."""
    found = []
    for train, test in folds:
        bases, projections = [], []
        for latents in (x, y):
            flat = _flat(latents[train])
            center = flat.mean(axis=0)
            left, size, right = np.linalg.svd(flat - center, full_matrices=False)
            kept = size > 1e-8 * max(size[0], 1e-300)
            bases.append(left[:, kept])
            projections.append((_flat(latents[test]) - center) @ (right[kept].T / size[kept]))
        turn_x, _, turn_y = np.linalg.svd(bases[0].T @ bases[1], full_matrices=False)
        a, b = (p - p.mean(axis=0) for p in (projections[0] @ turn_x, projections[1] @ turn_y.T))
        size = np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0))
        found.append((a * b).sum(axis=0) / np.maximum(size, 1e-300))
    n_shared = min(map(len, found))
    return np.mean([each[:n_shared] for each in found], axis=0).clip(0, 1)


def _flat(array: np.ndarray) -> np.ndarray:
    """(trials, time, n) -> (trials * time, n)."""
    return array.reshape(-1, array.shape[2])


def principal_components(
    data: Dataset, n_components: int = 15, smoothing: float = 4.0
) -> np.ndarray:
    """Principal components of the smoothed source counts, (trials, time, n_components), all trials.

    Axes are fitted on the training trials; `smoothing` is the Gaussian's width in bins.

    Raises
    ------
    ValueError
        If there are not so many source neurons, or none of them changes its count.

    Examples
    --------
    >>> nma.principal_components(data, n_components=5).shape == (session.n_trials, 40, 5)
    True
    """
    n_components = whole("n_components", n_components, 1, data.n_sources)
    smoothing = real("smoothing", smoothing, 0)
    check_sources(data)
    from sklearn.decomposition import PCA

    seen = _flat(smooth(data.source[data.train], smoothing))
    pca = PCA(n_components, svd_solver="covariance_eigh").fit(seen)
    # Some trials at a time: Binder gives 1 GB in all.
    parts = np.array_split(data.source, max(1, len(data.source) // 50))
    flat = np.concatenate([pca.transform(_flat(smooth(part, smoothing))) for part in parts])
    return flat.reshape(*data.source.shape[:2], n_components)


def labels(session: Session) -> dict[str, np.ndarray]:
    """What can be decoded: name -> (trials,) float, NaN where a trial does not count.

    "stimulus side" (+1 right, NaN where both are equal), "choice" (+1 left, -1 right, NaN for
    no-go), "movement" (1 the wheel moved, 0 not) and "reward" (+1, -1). What the session has no
    columns for is left out.
    """
    trials, found = session.trials, {}
    if {"contrast_left", "contrast_right"} <= set(trials):
        side = np.sign((trials["contrast_right"] - trials["contrast_left"]).to_numpy(float))
        found["stimulus side"] = np.where(side != 0, side, np.nan)
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
    variables: str | Sequence[str] | None = None,
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
    variables : str or list of str, optional
        Some of `labels`; by default all that have at least five trials of each kind to fit on and
        one to test on.
    n_windows : int
        Windows that the trial is averaged in.
    n_shuffles, seed : int
        Test labels are shuffled so often for the chance level.

    Returns
    -------
    DataFrame, one row a variable and set of features
        `variable`, `features`, `n_features`, `accuracy` (balanced), `low`, `high` (95 %, from
        Wilson's interval for each kind of test trial), `chance` (mean of shuffles), `chance_high`
        (their 97.5th percentile), `n_train`, `n_test`.

    Raises
    ------
    ValueError
        If the session has none of the variables, one has too few trials of a kind, or features
        have other trials.

    Examples
    --------
    >>> components = nma.principal_components(data, 5)
    >>> table = nma.decode({"components": components}, data, variables=["stimulus side"])
    >>> bool(table["accuracy"].item() > table["chance"].item())
    True
    """
    features = _checked_features(features, data.session)
    n_windows, n_shuffles = whole("n_windows", n_windows, 1), whole("n_shuffles", n_shuffles, 1)
    seed = whole("seed", seed)
    known = labels(data.session)
    fitted_on = np.union1d(data.train, data.validation)
    parts = {
        name: [part[~np.isnan(label[part])] for part in (fitted_on, data.test)]
        for name, label in known.items()
    }
    enough = [name for name in known if _enough(*(known[name][part] for part in parts[name]))]
    if variables is None:
        variables = enough or ["stimulus side"]
    rng = np.random.default_rng(seed)
    rows = []
    for variable in [variables] if isinstance(variables, str) else variables:
        if variable not in known:
            raise ValueError(
                f"session {data.session.name} has no {variable!r} to decode; it has "
                f"{', '.join(known) or 'nothing to decode'}{did_you_mean(variable, known)}"
            )
        if variable not in enough:
            raise ValueError(
                f"{variable!r} has too few trials of a kind to decode in session "
                f"{data.session.name}; leave it out of `variables`"
            )
        label, (train, test) = known[variable], parts[variable]
        truth = label[test]
        for name, array in features.items():
            windows = _window_means(array, n_windows)
            predicted = _fitted_decoder(windows[train], label[train], seed).predict(windows[test])
            low, high = accuracy_interval(truth, predicted)
            shuffled = rng.permuted(np.tile(truth, (n_shuffles, 1)), axis=1)
            by_chance = balanced_accuracy(shuffled, predicted)
            rows.append(
                {
                    "variable": variable,
                    "features": name,
                    "n_features": array.shape[2],
                    "accuracy": float(balanced_accuracy(truth, predicted)),
                    "low": low,
                    "high": high,
                    "chance": by_chance.mean(),
                    "chance_high": np.percentile(by_chance, 97.5),
                    "n_train": len(train),
                    "n_test": len(test),
                }
            )
    return pd.DataFrame(rows)


def _checked_features(
    features: Mapping[str, np.ndarray], session: Session
) -> dict[str, np.ndarray]:
    """Features as arrays, if they are finite numbers of each of the session's trials."""
    if not isinstance(features, Mapping) or not features:
        raise ValueError('features are a dict of names and arrays, such as {"latents": latents}')
    arrays = {name: as_array(values) for name, values in features.items()}
    for name, array in arrays.items():
        if array.ndim != 3 or not array.shape[2]:
            raise ValueError(
                f"features {name!r} have the shape {array.shape}; they must be (trials, time, "
                "features), with one feature or more"
            )
        if not np.isfinite(array).all():
            raise ValueError(f"features {name!r} hold NaN or infinite numbers; decode finite ones")
        if len(array) != session.n_trials:
            raise ValueError(
                f"features {name!r} have {len(array)} trials and the session {session.n_trials}; "
                "give features of all trials"
            )
    return arrays


def _fitted_decoder(x: np.ndarray, y: np.ndarray, seed: int) -> Pipeline:
    """Scaled logistic regression; the penalty with the best balanced accuracy in five folds.

    As scikit-learn's GridSearchCV would have it, in a third of the time: each fold is scaled once,
    and each penalty starts from the solution of the stronger one before it.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    # A start at the solution leaves lbfgs no step that rounding errors allow.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "(?s).*ABNORMAL", ConvergenceWarning)
        settings: dict[str, Any] = {"class_weight": "balanced", "max_iter": 2000}
        scores = np.zeros(len(_PENALTIES))
        for train, held_out in StratifiedKFold(5, shuffle=True, random_state=seed).split(x, y):
            scaler = StandardScaler().fit(x[train])
            seen, unseen = scaler.transform(x[train]), scaler.transform(x[held_out])
            model = LogisticRegression(warm_start=True, **settings)
            for candidate, penalty in enumerate(_PENALTIES):
                predicted = model.set_params(C=penalty).fit(seen, y[train]).predict(unseen)
                scores[candidate] += balanced_accuracy(y[held_out], predicted)
        best = _PENALTIES[scores.argmax()]
        return make_pipeline(StandardScaler(), LogisticRegression(C=best, **settings)).fit(x, y)


def _enough(train: np.ndarray, test: np.ndarray) -> bool:
    """Whether there are trials of each kind to fit on, in five folds, and to test on."""
    values, counts = np.unique(train, return_counts=True)
    return len(values) > 1 and counts.min() >= 5 and set(values) == set(test)


def _window_means(array: np.ndarray, n_windows: int) -> np.ndarray:
    """(trials, time, features) -> (trials, windows * features)."""
    n_windows = min(n_windows, array.shape[1])
    parts = np.array_split(array, n_windows, axis=1)
    return np.concatenate([part.mean(axis=1, dtype=np.float32) for part in parts], axis=1)


def accuracy_interval(truth: np.ndarray, predicted: np.ndarray) -> tuple[float, float]:
    """95 % interval of the balanced accuracy, which stays open where every guess is right.

    Wilson's interval for the share of each kind; the distances to its ends, for a mean of
    independent shares, are added as squares (Newcombe 1998 has it for a difference).
    """
    from scipy.stats import binomtest

    below, above = [], []
    for value in np.unique(truth):
        right = predicted[truth == value] == value
        found = binomtest(int(right.sum()), len(right)).proportion_ci(method="wilson")
        below.append(right.mean() - found.low)
        above.append(found.high - right.mean())
    accuracy = float(balanced_accuracy(truth, predicted))
    n_kinds = len(below)
    return (
        accuracy - float(np.linalg.norm(below)) / n_kinds,
        accuracy + float(np.linalg.norm(above)) / n_kinds,
    )


def balanced_accuracy(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Mean over the values of `truth` of the share that was predicted right, over the last axis.

    Each row of `truth` must hold each of its values.
    """
    right = truth == predicted
    shares = [right.mean(axis=-1, where=truth == value) for value in np.unique(truth)]
    return np.mean(shares, axis=0)
