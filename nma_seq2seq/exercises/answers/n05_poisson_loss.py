"""The answers of solutions/05_poisson_loss.py, from which the build makes this file."""

import copy

import numpy as np
import torch


def poisson_nll(rates, counts):
    return (rates - counts * torch.log(rates)).mean()


def bits_per_spike(rates, counts, null):
    model = (counts * np.log(rates) - rates).sum()
    baseline = (counts * np.log(null) - null + np.zeros(counts.shape)).sum()
    return (model - baseline) / (np.log(2) * counts.sum())


def loss_of(model, source, target):
    return poisson_nll(model(source).clamp(min=1e-6), target)


def train(
    model, source, target, held_source, held_target, n_epochs=300, patience=20, learning_rate=1e-3
):
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, weight_decay=1e-4)
    train_losses, validation_losses = [], []
    best_loss, best_epoch, best_state = np.inf, 0, None
    for epoch in range(n_epochs):
        loss = loss_of(model, source, target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            held_out = loss_of(model, held_source, held_target).item()
        train_losses.append(loss.item())
        validation_losses.append(held_out)
        if held_out < best_loss:
            best_loss, best_epoch = held_out, epoch
            best_state = copy.deepcopy(model.state_dict())
        if epoch - best_epoch >= patience:
            break
    model.load_state_dict(best_state)
    return train_losses, validation_losses


def reduced_rank_regression(x, y, rank, ridge):
    penalised = x.T @ x + ridge * np.eye(x.shape[1])  # (sources, sources)
    weights = np.linalg.solve(penalised, x.T @ y)  # (sources, targets)
    _, _, axes = np.linalg.svd(x @ weights, full_matrices=False)  # axes in rows
    leading = axes[:rank]  # (rank, targets)
    return weights @ leading.T @ leading


def drop_neurons(source, mean, keep, p):
    scale = keep[:, None, :] / (1 - p)  # (trials, 1, neurons)
    return mean + (source - mean) * scale
