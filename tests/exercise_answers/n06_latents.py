"""Right and wrong answers to the exercises of 06_latents."""

import numpy as np
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.metrics import balanced_accuracy_score, r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tests.exercise_answers import variants

# ---------------------------------------------------------------------- 6.1


def turn_by_solving(latents, weight, matrix):
    return np.einsum("tbl,lk->tbk", latents, matrix), np.linalg.solve(matrix, weight.T).T


def turn_in_loops(latents, weight, matrix):
    new = np.zeros_like(latents)
    for trial in range(len(latents)):
        for time in range(latents.shape[1]):
            new[trial, time] = matrix.T @ latents[trial, time]
    return new, (np.linalg.pinv(matrix) @ weight.T).T


def turn_to_lists(latents, weight, matrix):
    return (latents @ matrix).tolist(), (weight @ np.linalg.inv(matrix.T)).tolist()


def turn_transposed(latents, weight, matrix):
    return latents @ matrix, np.linalg.inv(matrix) @ weight.T


# ---------------------------------------------------------------------- 6.2


def align_with_ones(latents, reference, train, test):
    def rows(trials):
        x = np.concatenate([latents[t] for t in trials])
        return np.column_stack([x, np.ones(len(x))])

    y_train, y_test = (np.concatenate([reference[t] for t in part]) for part in (train, test))
    weights = np.linalg.lstsq(rows(train), y_train, rcond=None)[0]
    return r2_score(y_test, rows(test) @ weights, multioutput="raw_values")


def align_centred(latents, reference, train, test):
    x, y = latents[train], reference[train]
    mx, my = x.mean(axis=(0, 1)), y.mean(axis=(0, 1))
    gram = np.einsum("tbi,tbj->ij", x - mx, x - mx)
    cross = np.einsum("tbi,tbj->ij", x - mx, y - my)
    said = (latents[test] - mx) @ np.linalg.solve(gram, cross) + my
    truth = reference[test]
    return 1 - np.mean((truth - said) ** 2, axis=(0, 1)) / truth.var(axis=(0, 1))


def align_one_by_one(latents, reference, train, test):
    return [align_with_ones(latents, reference[..., [k]], train, test)[0]
            for k in range(reference.shape[2])]  # fmt: skip


def align_everything(latents, reference, train, test):
    x = np.column_stack([latents.reshape(-1, latents.shape[2]), np.ones(latents[..., 0].size)])
    y = reference.reshape(-1, reference.shape[2])
    weights = np.linalg.lstsq(x, y, rcond=None)[0]
    said = (x @ weights).reshape(reference.shape)
    truth = reference[test]
    return 1 - ((truth - said[test]) ** 2).sum(axis=(0, 1)) / (
        (truth - truth.mean(axis=(0, 1))) ** 2
    ).sum(axis=(0, 1))


def align_without_offset(latents, reference, train, test):
    x, y = (z[train].reshape(-1, z.shape[2]) for z in (latents, reference))
    weights = np.linalg.lstsq(x, y, rcond=None)[0]
    said = latents[test].reshape(-1, latents.shape[2]) @ weights
    return r2_score(reference[test].reshape(said.shape), said, multioutput="raw_values")


def align_averaged(latents, reference, train, test):
    return align_with_ones(latents, reference, train, test).mean()


def align_prints(latents, reference, train, test):
    print(align_with_ones(latents, reference, train, test))


# ---------------------------------------------------------------------- 6.3


def beyond_in_loops(rates, counts, psth):
    found = []
    for neuron in range(psth.shape[1]):
        a = (rates[:, :, neuron] - psth[None, :, neuron]).ravel()
        b = (counts[:, :, neuron] - psth[None, :, neuron]).ravel()
        found.append(np.corrcoef(a, b)[0, 1])
    return np.array(found)


def beyond_in_z_scores(rates, counts, psth):
    a, b = rates - psth, counts - psth
    a, b = ((z - z.mean(axis=(0, 1))) / z.std(axis=(0, 1)) for z in (a, b))
    return np.einsum("tbn,tbn->n", a, b) / a[..., 0].size


def beyond_in_float32(rates, counts, psth):
    return beyond_in_loops(*(z.astype(np.float32) for z in (rates, counts, psth))).tolist()


def beyond_plain(rates, counts, psth):
    return np.array([np.corrcoef(rates[..., n].ravel(), counts[..., n].ravel())[0, 1]
                     for n in range(psth.shape[1])])  # fmt: skip


def beyond_averaged(rates, counts, psth):
    a, b = (rates - psth).mean(axis=0), (counts - psth).mean(axis=0)
    return np.array([np.corrcoef(a[:, n], b[:, n])[0, 1] for n in range(psth.shape[1])])


def beyond_together(rates, counts, psth):
    return np.corrcoef((rates - psth).ravel(), (counts - psth).ravel())[0, 1]


# ---------------------------------------------------------------------- 6.4


def accuracy_in_loops(truth, said):
    right, total = {}, {}
    for t, s in zip(truth, said, strict=True):
        total[t] = total.get(t, 0) + 1
        right[t] = right.get(t, 0) + (t == s)
    return sum(right[t] / total[t] for t in total) / len(total)


def accuracy_by_weights(truth, said):
    _, which, counts = np.unique(truth, return_inverse=True, return_counts=True)
    return np.average(truth == said, weights=1 / counts[which])


def accuracy_per_said(truth, said):
    return np.mean([(truth[said == k] == k).mean() for k in np.unique(said)])


# ---------------------------------------------------------------------- 6.5


def decode_with_a_scaler(features, label, train, test, n_best=20):
    correlation = [abs(np.corrcoef(f, label[train])[0, 1]) for f in features[train].T]
    best = np.argsort(correlation)[-n_best:]
    model = make_pipeline(StandardScaler(), Ridge(alpha=10))
    return model.fit(features[train][:, best], label[train]).predict(features[test][:, best])


def decode_in_closed_form(features, label, train, test, n_best=20):
    x, y = features[train], label[train]
    mean, spread = x.mean(axis=0), x.std(axis=0)
    x = (x - mean) / spread
    best = sorted(range(x.shape[1]), key=lambda f: -abs((x[:, f] * (y - y.mean())).mean()))[:n_best]
    x = x[:, best]
    weights = np.linalg.solve(x.T @ x + 10 * np.eye(n_best), x.T @ (y - y.mean()))
    return ((features[test] - mean) / spread)[:, best] @ weights + y.mean()


def decode_by_differences(features, label, train, test, n_best=20):
    x, y = features[train].astype(np.float32), label[train]
    z = (features - x.mean(axis=0)) / x.std(axis=0)
    seen = z[train]
    apart = np.abs(seen[y == 1].mean(axis=0) - seen[y == -1].mean(axis=0))
    best = np.argpartition(-apart, n_best)[:n_best]
    return Ridge(alpha=10).fit(seen[:, best], y).predict(z[test][:, best]).tolist()


def decode_chosen_on_all(features, label, train, test, n_best=20):
    correlation = [abs(np.corrcoef(f, label)[0, 1]) for f in features.T]
    best = np.argsort(correlation)[-n_best:]
    z = (features - features[train].mean(axis=0)) / features[train].std(axis=0)
    return Ridge(alpha=10).fit(z[train][:, best], label[train]).predict(z[test][:, best])


def decode_scaled_on_all(features, label, train, test, n_best=20):
    z = StandardScaler().fit_transform(features)
    strength = np.abs(z[train].T @ (label[train] - label[train].mean()))
    best = np.argsort(-strength)[:n_best]
    return Ridge(alpha=10).fit(z[train][:, best], label[train]).predict(z[test][:, best])


def decode_by_sign(features, label, train, test, n_best=20):
    z = (features - features[train].mean(axis=0)) / features[train].std(axis=0)
    strength = z[train].T @ (label[train] - label[train].mean())
    best = np.argsort(-strength)[:n_best]
    return Ridge(alpha=10).fit(z[train][:, best], label[train]).predict(z[test][:, best])


def decode_the_training_trials(features, label, train, test, n_best=20):
    return decode_with_a_scaler(features, label, train, train, n_best)


RIGHT = {
    "6.1": [turn_by_solving, turn_in_loops, turn_to_lists],
    "6.2": [align_with_ones, align_centred, align_one_by_one],
    "6.3": [beyond_in_loops, beyond_in_z_scores, beyond_in_float32],
    "6.4": [balanced_accuracy_score, accuracy_in_loops, accuracy_by_weights],
    "6.5": [decode_with_a_scaler, decode_in_closed_form, decode_by_differences],
}
WRONG = {
    "6.1": [
        (lambda latents, weight, matrix: (latents @ matrix, weight @ matrix), "the same way"),
        (
            lambda latents, weight, matrix: (latents @ matrix, weight @ np.linalg.inv(matrix)),
            "needs a transpose",
        ),
        (lambda latents, weight, matrix: (latents @ matrix, weight), "left as it was"),
        (turn_transposed, "transposed"),
        (lambda latents, weight, matrix: latents @ matrix, "only the first"),
    ],
    "6.2": [
        (align_everything, "test trials as well"),
        (align_without_offset, "no offset"),
        (align_averaged, "averaged over the reference latents"),
        (align_prints, "return"),
    ],
    "6.3": [
        (beyond_plain, "PSTH is not taken away"),
        (beyond_averaged, "averaged over trials first"),
        (beyond_together, "one correlation for all neurons"),
    ],
    "6.4": [
        (lambda truth, said: np.mean(truth == said), "plain accuracy"),
        (accuracy_per_said, "predicted to be of a kind"),
        (lambda truth, said: 1 - balanced_accuracy_score(truth, said), "the error rate"),
        (lambda truth, said: 100 * balanced_accuracy_score(truth, said), "100"),
    ],
    "6.5": [
        (decode_chosen_on_all, "worst leak"),
        (decode_scaled_on_all, "over all trials"),
        (decode_by_sign, "absolute value"),
        (decode_the_training_trials, "for the training trials"),
    ],
}


def turn_in_steps(latents, weight, matrix):
    new_latents = np.matmul(latents, matrix)
    inverse = np.linalg.inv(matrix)
    new_weight = weight @ inverse.T
    return new_latents, new_weight


def align_in_steps(latents, reference, train, test):
    def flat(a, trials):
        return a[trials].reshape(len(trials) * a.shape[1], a.shape[2])

    model = LinearRegression()
    model.fit(flat(latents, train), flat(reference, train))
    predicted = model.predict(flat(latents, test))
    actual = flat(reference, test)
    ss_res = ((actual - predicted) ** 2).sum(axis=0)
    ss_tot = ((actual - actual.mean(axis=0)) ** 2).sum(axis=0)
    return 1 - ss_res / ss_tot


def beyond_in_steps(rates, counts, psth):
    r = (rates - psth).reshape(-1, rates.shape[2])
    c = (counts - psth).reshape(-1, counts.shape[2])
    r = r - r.mean(0)
    c = c - c.mean(0)
    top = (r * c).mean(0)
    return top / (r.std(0) * c.std(0))


def accuracy_in_steps(truth, predicted):
    shares = []
    for kind in np.unique(truth):
        these = truth == kind
        shares.append((predicted[these] == kind).sum() / these.sum())
    return sum(shares) / len(shares)


def decode_in_steps(features, label, train, test, n_best=20):
    X, Xt, y = features[train], features[test], label[train]
    mu, sd = X.mean(0), X.std(0)
    X, Xt = (X - mu) / sd, (Xt - mu) / sd
    r = np.array([np.corrcoef(X[:, k], y)[0, 1] for k in range(X.shape[1])])
    top = np.argsort(-np.abs(r))[:n_best]
    model = Ridge(alpha=10)
    model.fit(X[:, top], y)
    return model.predict(Xt[:, top])


RIGHT["6.1"] += [turn_in_steps]
RIGHT["6.2"] += [align_in_steps]
RIGHT["6.3"] += [beyond_in_steps]
RIGHT["6.4"] += [accuracy_in_steps, lambda t, p: np.mean([(p == k)[t == k].mean() for k in set(t)])]
RIGHT["6.5"] += [decode_in_steps]
WRONG["6.1"] += variants(
    turn_in_steps,
    {
        "inverse.T -> inverse": "needs a transpose",
        "weight @ inverse.T -> weight @ matrix": "same way",
        "weight @ inverse.T -> weight @ matrix.T": "only for a rotation",
        "weight @ inverse.T -> weight": "as it was",
        "weight @ inverse.T -> weight @ (1 / matrix)": "inverts each number",
        "np.matmul(latents, matrix) -> np.matmul(latents, matrix.T)": "not by its transpose",
        "np.matmul(latents, matrix) -> latents": "left as they were",
        "np.matmul(latents, matrix) -> np.matmul(latents, "
        "np.linalg.inv(matrix))": "not by its inverse",
        "np.matmul(latents, matrix) -> latents * matrix": "raises",
        "return new_latents, new_weight -> return new_weight, new_latents": "another order",
        "return new_latents, new_weight -> return new_latents": "only the first",
        "return new_latents, new_weight -> return new_latents, new_weight.T": "transposed",
        "weight @ inverse.T -> inverse @ weight": "raises",
        "    return ->     out =": "return",
        "weight @ inverse.T -> weight @ np.linalg.inv(matrix.T @ matrix)": "",
        "weight @ inverse.T -> -weight @ inverse.T": "sign",
    },
)
WRONG["6.2"] += variants(
    align_in_steps,
    {
        "1 - ss_res / ss_tot -> ss_res / ss_tot": "`1 -` is missing",
        "1 - ss_res / ss_tot -> 1 - ss_tot / ss_res": "upside down",
        "1 - ss_res / ss_tot -> (1 - ss_res / ss_tot).mean()": "averaged over the reference",
        "1 - ss_res / ss_tot -> ss_res": "squared error",
        "1 - ss_res / ss_tot -> 1 - ss_res.sum() / ss_tot.sum()": "pooled",
        "1 - ss_res / ss_tot -> r2_score(predicted, actual, "
        "multioutput='raw_values')": "comes first",
        "1 - ss_res / ss_tot -> r2_score(actual, predicted)": "averaged over the reference",
        "1 - ss_res / ss_tot -> np.sqrt(np.abs(1 - ss_res / ss_tot))": "square root",
        "1 - ss_res / ss_tot -> np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(actual.T, "
        "predicted.T)])": "correlation",
        "1 - ss_res / ss_tot -> np.array([np.corrcoef(a, b)[0, 1] ** 2 for a, b in "
        "zip(actual.T, predicted.T)])": "squared correlation",
        "actual.mean(axis=0) -> flat(reference, train).mean(axis=0)": "mean of the training",
        "actual - actual.mean(axis=0) -> actual": "around zero",
        "actual.mean(axis=0) -> actual.mean()": "one mean",
        "ss_res = ((actual - predicted) ** 2).sum(axis=0) -> ss_res = ((actual - predicted) ** "
        "2).mean(axis=0)": "mixed",
        "model.fit(flat(latents, train), flat(reference, train)) -> model.fit(flat(latents, "
        "test), flat(reference, test))": "judge it",
        "model.fit(flat(latents, train), flat(reference, train)) -> model.fit(flat(latents, "
        "[*train, *test]), flat(reference, [*train, *test]))": "as well",
        "LinearRegression() -> LinearRegression(fit_intercept=False)": "no offset",
        "LinearRegression() -> Ridge()": "ridge",
        (
            "model.predict(flat(latents, test)) -> model.predict(flat(latents, train)) ;; "
            "actual = flat(reference, test) -> actual = flat(reference, train)"
        ): "on the training trials",
        "reshape(len(trials) * a.shape[1], a.shape[2]) -> reshape(a.shape[2], "
        "-1).T": "mixes latents",
        "reshape(len(trials) * a.shape[1], a.shape[2]) -> mean(1)": "averaged first",
        "    return 1 - ss ->     out = 1 - ss": "return",
    },
)
WRONG["6.3"] += variants(
    beyond_in_steps,
    {
        "(rates - psth) -> rates": "from the counts but",
        "(counts - psth) -> counts": "from the rates but",
        "(rates - psth) -> rates ;; (counts - psth) -> counts": "not taken away, so neurons",
        (
            "(rates - psth) -> (rates - rates.mean(0)) ;; "
            "(counts - psth) -> (counts - counts.mean(0))"
        ): "psth is given",
        "(counts - psth) -> (psth - counts)": "wrong sign",
        "(rates - psth) -> (rates + psth) ;; (counts - psth) -> (counts + psth)": "is added",
        (
            "    r = r - r.mean(0)\n    c = c - c.mean(0)\n ->  ;; "
            "return top / (r.std(0) * c.std(0)) -> return (r * c).sum(0) / "
            "np.sqrt((r**2).sum(0) * (c**2).sum(0))"
        ): "cosine",
        (
            "(r * c).mean(0) -> (r * c).mean() ;; (r.std(0) * c.std(0)) -> (r.std() * c.std())"
        ): "all neurons together",
        "return top / (r.std(0) * c.std(0)) -> return top": "covariance",
        "return top / (r.std(0) * c.std(0)) -> return top / r.std(0)": "one side's size",
        "return top / (r.std(0) * c.std(0)) -> return top / r.var(0)": "one side's size",
        "return top / (r.std(0) * c.std(0)) -> return top / (r.var(0) * "
        "c.var(0))": "root is missing",
        "return top / (r.std(0) * c.std(0)) -> return (top / (r.std(0) * c.std(0))) "
        "** 2": "squared",
        "return top / (r.std(0) * c.std(0)) -> return np.abs(top / (r.std(0) * "
        "c.std(0)))": "absolute",
        "return top / (r.std(0) * c.std(0)) -> return (top / (r.std(0) * "
        "c.std(0))).mean()": "averaged over axis 0",
        "return top / (r.std(0) * c.std(0)) -> "
        "return np.corrcoef(r.ravel(), c.ravel())[0, 1]": "all neurons together",
        "return top / (r.std(0) * c.std(0)) -> return np.corrcoef(r.T, c.T)": "with each other",
        "(r * c).mean(0) -> (r * c).sum(0)": "summed over axes",
        "(r * c).mean(0) -> (r * c).sum(0) / (len(r) - 1)": "ddof=1",
        "    return top ->     out = top": "return",
    },
)
WRONG["6.4"] += variants(
    accuracy_in_steps,
    {
        "sum(shares) / len(shares) -> sum(shares)": "summed",
        "sum(shares) / len(shares) -> sum(shares) / 2": "divided by two",
        "sum(shares) / len(shares) -> sum(shares) / len(truth)": "divided by all trials",
        "sum(shares) / len(shares) -> shares": "not yet averaged",
        "sum(shares) / len(shares) -> np.median(shares)": "median",
        "sum(shares) / len(shares) -> min(shares)": "worst",
        "sum(shares) / len(shares) -> max(shares)": "best",
        "sum(shares) / len(shares) -> np.prod(shares)": "product",
        "sum(shares) / len(shares) -> 1 - sum(shares) / len(shares)": "error rate",
        "sum(shares) / len(shares) -> 100 * sum(shares) / len(shares)": "percentage",
        "sum(shares) / len(shares) -> (predicted == truth).mean()": "plain accuracy",
        "sum(shares) / len(shares) -> shares[-1]": "one kind alone",
        "sum(shares) / len(shares) -> round(sum(shares) / len(shares))": "",
        "these.sum() -> len(truth)": "divided by all trials",
        "(predicted[these] == kind).sum() / these.sum() -> (predicted[these] == "
        "kind).sum()": "are counted",
        "(predicted[these] == kind).sum() / these.sum() -> (predicted[these] == kind).sum() / "
        "(predicted == kind).sum()": "predicted to be",
        "(predicted[these] == kind).sum() / these.sum() -> (predicted == "
        "kind).mean()": "whether right or wrong",
        "(predicted[these] == kind).sum() / these.sum() -> (these == (predicted == "
        "kind)).mean()": "rejections",
        "np.unique(truth) -> np.unique(predicted)": "those predicted",
        "np.unique(truth) -> [-1, 1]": "written out",
        "np.unique(truth) -> [0, 1, 2]": "written out",
        "np.unique(truth) -> [0, 1]": "written out",
        "these = truth == kind -> these = predicted == kind": "",
        "    return sum ->     out = sum": "return",
    },
)
WRONG["6.5"] += variants(
    decode_in_steps,
    {
        "mu, sd = X.mean(0), X.std(0) -> mu, sd = features.mean(0), "
        "features.std(0)": "over all trials",
        "(Xt - mu) / sd -> (Xt - Xt.mean(0)) / Xt.std(0)": "their own mean",
        "(Xt - mu) / sd -> Xt": "test trials are not",
        "X, Xt = (X - mu) / sd, (Xt - mu) / sd -> pass": "not scaled",
        "np.corrcoef(X[:, k], y)[0, 1] -> np.corrcoef(features[:, k], label)[0, 1]": "worst leak",
        "np.corrcoef(X[:, k], y)[0, 1] -> np.corrcoef(features[test][:, k], "
        "label[test])[0, 1]": "on the test trials",
        "np.corrcoef(X[:, k], y)[0, 1] -> features[train][:, k].var()": "how much a feature varies",
        "np.corrcoef(X[:, k], y)[0, 1] -> np.cov(features[train][:, k], y)[0, 1]": "covariance",
        "np.abs(r) -> r": "absolute value",
        "-np.abs(r) -> np.abs(r)": "worst features",
        "[:n_best] -> [:20]": "written out",
        "[:n_best] -> ": "all features",
        "[:n_best] -> [-n_best:]": "worst features",
        "np.argsort(-np.abs(r))[:n_best] -> np.arange(n_best)": "first features",
        "np.argsort(-np.abs(r))[:n_best] -> np.abs(r) > 0.3": "",
        "Ridge(alpha=10) -> Ridge()": "default alpha",
        "Ridge(alpha=10) -> Ridge(alpha=100)": "another alpha",
        "Ridge(alpha=10) -> Ridge(alpha=0)": "without the ridge",
        "Ridge(alpha=10) -> Ridge(alpha=10, fit_intercept=False)": "no offset",
        "X.std(0) -> X.std(0, ddof=1)": "ddof=1",
        "X.std(0) -> X.var(0)": "variance",
        "X.mean(0), X.std(0) -> X.mean(), X.std()": "one mean",
        "model.predict(Xt[:, top]) -> np.sign(model.predict(Xt[:, top]))": "classes",
        "model.predict(Xt[:, top]) -> model.predict(X[:, top])": "training trials",
        "model.predict(Xt[:, top]) -> model.coef_": "",
        "model.fit(X[:, top], y) -> model.fit(Xt[:, top], label[test])": "on the test trials",
        "    return model ->     out = model": "return",
    },
)
