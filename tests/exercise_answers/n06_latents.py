"""Right and wrong answers to the exercises of 06_latents."""

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.metrics import balanced_accuracy_score, r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

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
        (turn_transposed, "shape"),
        (lambda latents, weight, matrix: latents @ matrix, "expected"),
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
        (accuracy_per_said, "said to be of a kind"),
        (lambda truth, said: 1 - balanced_accuracy_score(truth, said), "expected"),
        (lambda truth, said: 100 * balanced_accuracy_score(truth, said), "100"),
    ],
    "6.5": [
        (decode_chosen_on_all, "worst leak"),
        (decode_scaled_on_all, "over all trials"),
        (decode_by_sign, "absolute value"),
        (decode_the_training_trials, "shape"),
    ],
}
