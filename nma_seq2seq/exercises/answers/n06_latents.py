"""The answers of solutions/06_latents.py, from which the build makes this file."""

import numpy as np
from sklearn.linear_model import LinearRegression, Ridge


def turn(latents, weight, matrix):
    return latents @ matrix, weight @ np.linalg.inv(matrix).T


def alignment_r2(latents, reference, train, test):
    x_train = latents[train].reshape(-1, latents.shape[2])  # (train trials * time, latents)
    y_train = reference[train].reshape(-1, reference.shape[2])
    x_test = latents[test].reshape(-1, latents.shape[2])
    y_test = reference[test].reshape(-1, reference.shape[2])
    line = LinearRegression().fit(x_train, y_train)
    residual = y_test - line.predict(x_test)
    return 1 - (residual**2).sum(axis=0) / ((y_test - y_test.mean(axis=0)) ** 2).sum(axis=0)


def beyond_psth(rates, counts, psth):
    expected, happened = rates - psth, counts - psth  # (trials, time, neurons)
    expected = expected - expected.mean(axis=(0, 1))
    happened = happened - happened.mean(axis=(0, 1))
    size = np.sqrt((expected**2).sum(axis=(0, 1)) * (happened**2).sum(axis=(0, 1)))
    return (expected * happened).sum(axis=(0, 1)) / size


def balanced_accuracy(truth, predicted):
    return np.mean([np.mean(predicted[truth == kind] == kind) for kind in np.unique(truth)])


def decode_honestly(features, label, train, test, n_best=20):
    mean, std = features[train].mean(axis=0), features[train].std(axis=0)
    z = (features - mean) / std  # every trial in the units of the training trials
    centred = label[train] - label[train].mean()
    strength = np.abs(z[train].T @ centred)  # (features,), as good as a correlation for ranking
    best = np.argsort(strength)[::-1][:n_best]
    return Ridge(alpha=10).fit(z[train][:, best], label[train]).predict(z[test][:, best])
