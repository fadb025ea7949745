# %% [markdown]
# # 5. What a loss says, and who predicts best
#
# **By the end you can**
# - derive the Poisson loss, and say why it fits spike counts and a squared error does not;
# - turn a loss into *bits per spike*, against a null that you name;
# - see a network overfit, and stop it in time;
# - build the linear model that beats it, and the network that beats both;
# - answer two of the project's questions with numbers and intervals.
#
# **Builds on** notebook 3 (datasets, splits) and notebook 4 (the network).
#
# **Time** 90 minutes, of which 65 for five exercises. Half-way there is a mark at which you can stop, and resume another day.

# %%
import copy
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from scipy.optimize import brentq

import nma_seq2seq as nma
from nma_seq2seq.training import folds

# %% [markdown]
# The set-up is that of notebook 4: all other regions predict one target region, in the first 0.4 s after the stimulus. The test trials are for scores, and for nothing else.

# %%
session = nma.load_session(31, fallback="simulated")
target = "MOs" if "MOs" in session.regions else session.units["region"].value_counts().index[0]
data = nma.make_dataset(session, source="other", target=target, window=(0, 0.4), seed=0)
data


# %%
@dataclass
class Model:
    """What `nma.score` needs: counts (trials, time, sources) -> rates, and the seconds it took."""

    predict: Callable[[np.ndarray], np.ndarray]
    seconds: float


# %% [markdown]
# ## Counts are not Gaussian
#
# A model gives a rate, the expected count in a bin. How far may the count be from it? A squared error assumes: equally far everywhere, to both sides. Look at the counts.

# %%
axes = nma.plots.count_distribution(data)

# %% [markdown]
# You should see on the left that even the busiest target neuron is silent in most bins of 10 ms, and that the Gaussian puts a part of itself where no count can be. The *Poisson* distribution, which has one number, the mean, lies close to the bars. On the right, each dot is a neuron: the variance follows the mean over a factor of a hundred or so. A squared error, which takes one variance for all, would listen to the busy neurons and forget the quiet ones.
#
# ## The loss, derived
#
# If spikes come independently at a rate $r$ (expected count per bin), the probability of count $y$ is
#
# $$p(y \mid r) = \frac{r^y e^{-r}}{y!}, \qquad -\ln p(y \mid r) = r - y \ln r + \ln y!$$
#
# The best rates make the data most probable, so minimise the sum of $-\ln p$. The last term does not depend on the rates. Leave it out, average over everything, and you have the project's loss:
#
# $$\text{loss} = \text{mean}(r - y \ln r)$$

# %%
axes = nma.plots.loss_curves()

# %% [markdown]
# You should see each curve lowest where the rate is the count (dots). But the Poisson loss is steep on the left: to predict nearly nothing and see a spike costs without limit. With no spike observed it is a straight line, so each silent bin asks for a little less. (It may be negative: $\ln y!$ is left out, and only differences on the same counts mean anything.)
#
# ## Exercise 5.1 The Poisson loss (10 minutes, difficulty 1 of 3)


# %%
@nma.exercise("5.1")
def poisson_nll(rates, counts):
    """Mean Poisson loss, without the term ln(counts!).

    Parameters
    ----------
    rates, counts : tensors, (trials, time, neurons)
        Expected and observed spikes per bin; rates are above 0.

    Returns
    -------
    scalar tensor, through which gradients flow
    """
    ### BEGIN SOLUTION
    return (rates - counts * torch.log(rates)).mean()
    ### END SOLUTION


# %% tags=["nbval-check-output"]
print(f"{poisson_nll(torch.tensor([0.5, 0.5, 2.0]), torch.tensor([0.0, 1.0, 3.0])).item():.4f}")

# %% [markdown]
# You should see 0.5379.
#
# ## Motor cortex from other areas
#
# The project predicted 69 MOs neurons from 453 others with the network of notebook 4: 15 latents, Adam, learning rate 0.001, weight decay 0.0001, all training trials in each step. It reports a Poisson loss of 0.0873 and of 0.0914; the second is taken to be that of the held-out trials.
#
# `nma.fit_recipe` does the same. It returns two fits of one run: *as given*, with the weights after the last epoch (pass over the training trials), and *early stopped*, with those of the epoch that predicted the validation trials best. To save time you take three times the learning rate, so that 130 epochs do what nearly 400 do at the project's own (`nma.fit_recipe(data)` is the recipe to the letter).

# %%
recipe = replace(nma.RECIPE, learning_rate=3e-3, max_epochs=130)
early_stopped, as_given = nma.fit_recipe(data, recipe)
mean = nma.fit_mean(data)
table = nma.score({"mean rate": mean, "recipe, as given": as_given}, data)
beside = table[["train_loss", "test_loss"]].copy()
beside.loc["the project (session 31, whole trials)"] = [0.0873, 0.0914]
beside.round(4)

# %% [markdown]
# Look at the row "mean rate" first: a model that knows how often each neuron fires on average, and nothing of any trial. Where its own two losses differ, the test trials just hold more spikes, or fewer: a loss can be compared between models on the same trials only. You should see the recipe gain more on its training trials than on the test trials, where the two losses are less than ten per cent apart.
#
# So is 0.0914 good? It cannot be said. Here is the loss of each neuron, against how often it fires:

# %%
ax = nma.plots.loss_by_rate(
    {"mean rate": mean, "recipe, as given": as_given}, data, marks={"the project, 0.0914": 0.0914}
)

# %% [markdown]
# You should see all dots close to the black curve, $\mu - \mu \ln \mu$: the loss of a neuron is given by its rate $\mu$, nearly whatever the model does. Turn the project's figures round:

# %% tags=["nbval-check-output"]
for loss in (0.0873, 0.0914, 0.1019, 0.1024):
    rate = brentq(lambda r, loss=loss: r - r * np.log(r) - loss, 1e-6, 1)
    print(
        f"loss {loss}: neurons that fire at {rate / 0.01:.2f} Hz, and a model that knows only that"
    )

# %% [markdown]
# You should see rates of about 2 Hz: neurons that fire so often give the project's losses with no network at all.
#
# ## Bits per spike
#
# So compare with a *null* model on the same counts, and divide by the number of spikes, for each spike is a chance to be right:
#
# $$\text{bits per spike} = \frac{\sum (y \ln r - r) - \sum (y \ln \mu - \mu)}{\ln 2 \cdot \sum y}$$
#
# Sums run over trials, bins and neurons; $\mu$ is the null's rate. 0 is the null, above 0 is better. With 0.3, each spike is on average $2^{0.3} = 1.23$ times as probable as under the null. A score without its null says as little as a loss. Three are usual: `"train"`, each neuron's mean in the training trials; `"test"`, its mean in the test trials, so that drifts of the mean do not count; `"psth"`, the average training trial, so that only what differs from trial to trial is left.
#
# ## Exercise 5.2 Bits per spike (10 minutes, difficulty 2 of 3)


# %%
@nma.exercise("5.2")
def bits_per_spike(rates, counts, null):
    """How much better than a null the rates predict the counts, in bits per spike.

    Parameters
    ----------
    rates, counts : arrays, (trials, time, neurons)
        Expected and observed spikes per bin.
    null : array, (neurons,)
        The null's expected spikes per bin, the same in every bin of every trial.

    Returns
    -------
    float
    """
    ### BEGIN SOLUTION
    model = (counts * np.log(rates) - rates).sum()
    baseline = (counts * np.log(null) - null + np.zeros(counts.shape)).sum()
    return (model - baseline) / (np.log(2) * counts.sum())
    ### END SOLUTION


# %%
test_counts = data.target[data.test]
null = nma.null_rates(data, "train")
for name, model in {"early stopped": early_stopped, "as given": as_given}.items():
    rates = model.predict(data.source[data.test])
    print(f"recipe, {name}: {bits_per_spike(rates, test_counts, null):.3f} bits per spike")

# %% [markdown]
# You should see the early-stopped weights ahead of the weights as given. `nma.score` gives the same number with a 95 % interval, by drawing test trials with replacement (a *bootstrap*; trials, for neighbouring bins are not independent).

# %%
fits = {"recipe, early stopped": early_stopped, "recipe, as given": as_given}
nulls = {
    which: nma.score(fits, data, null=which)["bits_per_spike"]
    for which in ("train", "test", "psth")
}
pd.DataFrame(nulls).round(3)

# %% [markdown]
# You should see the same rates get three scores. Here it is `"train"` unless said otherwise, with bins of 10 ms.
#
# ## The curve that turns: overfitting

# %% tags=["real-mouse"]
ax = nma.plots.learning_curves(as_given.history, title="the recipe, at learning rate 0.003")

# %% [markdown]
# You should see both curves rise from below zero, where the network still learns the mean rates (exercise 4.5 saves you these epochs). Then they part: on the training trials the score goes on rising, on the validation trials it has its best epoch (dot) and goes down. From there on the network learns the noise of the training trials.
#
# <details><summary>Think: the loss on the training trials, 0.0873, is close to that on the held-out trials, 0.0914. Does that rule out overfitting?</summary>
#
# No. The whole distance between a model that knows nothing and a good one is about a hundredth on this scale, so a difference of 0.004 may be a good part of it.
#
# </details>
#
# ## Exercise 5.3 Training with early stopping (20 minutes, difficulty 3 of 3)
#
# The cure costs nothing: after each epoch ask the validation trials, keep the best weights, and stop when they have not got better for a while (*patience*). The test trials stay out of it: who stops on them, tunes on them.


# %%
def loss_of(model, source, target):
    """Poisson loss of a network; a rate of exactly 0 would make it infinite."""
    return poisson_nll(model(source).clamp(min=1e-6), target)


# %%
@nma.exercise("5.3")
def train(
    model, source, target, held_source, held_target, n_epochs=300, patience=20, learning_rate=1e-3
):
    """Train a network on all training trials at once, and stop early.

    An epoch is one step of the optimizer on the training trials, then the loss on the held-out
    (validation) trials. Stop when `patience` epochs have passed since the best one. At the end the
    network has the weights of the best epoch.

    Parameters
    ----------
    model : nn.Module
        Counts (trials, time, n_sources) -> rates (trials, time, n_targets).
    source, target : tensors, (trials, time, n_sources) and (trials, time, n_targets)
    held_source, held_target : tensors, as source and target, of the validation trials
    n_epochs : int
        At most.
    patience : int
    learning_rate : float

    Returns
    -------
    train_losses, validation_losses : lists of float, one each an epoch
        The training loss is the one whose gradient was taken, so before the step; the validation
        loss is after it. Use `loss_of`.
    """
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate, weight_decay=1e-4)
    ### BEGIN SOLUTION
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
    ### END SOLUTION


# %% [markdown]
# ## Within motor cortex
#
# Try it on the project's second set-up: one half of the target region's neurons predicts the other half (34 and 34 of MOs). It reports losses of 0.1019 and 0.1024. `nma.score` takes whatever has `predict` and `seconds`, so a two-line class makes a model of anything.


# %%
halves = nma.make_dataset(session, source="same", target=target, window=(0, 0.4), seed=0)
tensors = [
    torch.as_tensor(counts[trials]).float()
    for trials in (halves.train, halves.validation)
    for counts in (halves.source, halves.target)
]
torch.manual_seed(0)
network = nma.Seq2Seq(halves.n_sources, halves.n_targets, n_latents=15)
start = time.perf_counter()
train_losses, validation_losses = train(network, *tensors, learning_rate=3e-3)
seconds = time.perf_counter() - start


def network_rates(source):
    with torch.no_grad():
        return network(torch.as_tensor(source).float()).numpy().clip(min=1e-6)


within = {
    "mean rate": nma.fit_mean(halves),
    f"recipe, {nma.whose('5.3')} training": Model(network_rates, seconds),
}
within_table = nma.score(within, halves)
beside = within_table[["train_loss", "test_loss"]].copy()
beside.loc["the project (session 31, whole trials)"] = [0.1019, 0.1024]
print(f"{len(train_losses)} epochs, the best was number {int(np.argmin(validation_losses)) + 1}")
beside.round(4)

# %% [markdown]
# You should see it stop 20 epochs after the best one (if it was your function, the row is called yours). Its loss is again not far from that of the mean rate; the bits per spike are below, where question 3 is answered.
#
# ---
#
# **Half-way.** If you come back another day, run the cells above "Counts are not Gaussian" and the next one, which takes half a minute, and go on from here.


# %%
if "within" not in globals():  # resumed here
    recipe = replace(nma.RECIPE, learning_rate=3e-3, max_epochs=130)
    early_stopped, as_given = nma.fit_recipe(data, recipe)
    mean = nma.fit_mean(data)
    halves = nma.make_dataset(session, source="same", target=target, window=(0, 0.4), seed=0)
    within = {"mean rate": nma.fit_mean(halves)}

# %% [markdown]
# ## Honest baselines
#
# A network with tens of thousands of weights must beat what takes no network. In order of what they know: the *mean rate*, 0 by definition; the *PSTH*, what time since the stimulus explains; *population coupling*, how many spikes all sources fire together (Okun et al. 2015); and *reduced-rank regression*, a linear map from the smoothed sources through few latents to the targets.
#
# The last is the network without everything that makes it a network: rates $\approx$ mean + smoothed sources $\times W$, where $W =$ (sources, latents) $\times$ (latents, targets).
#
# ## Exercise 5.4 Reduced-rank regression (15 minutes, difficulty 2 of 3)
#
# First *ridge regression* without a limit to the rank: $W = (X^\top X + \lambda I)^{-1} X^\top Y$, where $\lambda$ keeps weights small. Then see along which few directions of target space the fitted values $XW$ vary most (their leading right singular vectors), and project $W$ on these.


# %%
@nma.exercise("5.4")
def reduced_rank_regression(x, y, rank, ridge):
    """Weights of a linear map of low rank.

    Parameters
    ----------
    x, y : arrays, (samples, sources) and (samples, targets)
        Centred: each column has mean 0.
    rank : int
    ridge : float
        Added to the diagonal of x'x.

    Returns
    -------
    array, (sources, targets), of the given rank
    """
    ### BEGIN SOLUTION
    penalised = x.T @ x + ridge * np.eye(x.shape[1])  # (sources, sources)
    weights = np.linalg.solve(penalised, x.T @ y)  # (sources, targets)
    _, _, axes = np.linalg.svd(x @ weights, full_matrices=False)  # axes in rows
    leading = axes[:rank]  # (rank, targets)
    return weights @ leading.T @ leading
    ### END SOLUTION


# %% [markdown]
# As a model: smooth the sources over time (60 ms), take means from the training trials alone, and let no rate fall below a fifth of its mean, since a line may go below zero and a rate may not.


# %%
def your_regression(data, width=6, rank=8):
    """A model of `reduced_rank_regression` on sources smoothed by `width` bins."""
    start = time.perf_counter()
    smoothed = nma.smooth(data.source[data.train], width).reshape(-1, data.n_sources)
    counts = data.target[data.train].reshape(-1, data.n_targets)
    center, mean = smoothed.mean(axis=0), nma.metrics.mean_rates(data.target[data.train])
    x = (smoothed - center).astype(float)
    ridge = 3 * (x**2).sum() / x.shape[1]
    weights = reduced_rank_regression(x, counts - mean, min(rank, data.n_targets), ridge)

    def predict(source):
        rates = mean + (nma.smooth(source, width) - center) @ weights
        return np.maximum(rates, 0.2 * mean)

    return Model(predict, time.perf_counter() - start)


# %% [markdown]
# `nma.fit_rrr` does the same, weighs neurons by their rates, and chooses width, ridge, rank and floor on the validation trials.

# %%
rrr = nma.fit_rrr(data)
models = {
    "mean rate": mean,
    "PSTH": nma.fit_psth(data),
    "population coupling": nma.fit_population(data),
    f"{nma.whose('5.4')} regression": your_regression(data),
    "reduced-rank regression": rrr,
    "recipe, as given": as_given,
    "recipe, early stopped": early_stopped,
}
table = nma.score(models, data)
ax = nma.plots.score_intervals(
    table, title=f"{data.n_sources} other neurons predict {data.n_targets} of {target}"
)

# %% [markdown]
# You should see both regressions ahead of the recipe, even of the early-stopped one. The intervals overlap, since they also hold what all models share: some test trials are hard for everybody. So compare in pairs, trial by trial:

# %%
against_recipe = nma.compare(rrr, early_stopped, data)
ax = nma.plots.paired_differences(against_recipe.rename("regression against recipe"))
against_recipe.round(3)

# %% [markdown]
# You should see a difference whose interval stays above zero, and a majority of neurons that the linear model predicts better. This is no quirk of one session: on each of the eight recorded sessions that we measured, the early-stopped recipe stays below the linear model (docs/benchmark.md in the course's repository).
#
# **This is the result to remember.** Without the baseline, 0.0914 looked like a success of deep learning.
#
# <details><summary>Think: a network can do all that a linear model can. Why does it lose?</summary>
#
# It has to find it, with tens of thousands of weights and some hundred trials, and it finds the noise at the same time. The linear model is told what matters: activity is slow (smoothing), few dimensions are shared (rank), weights are small (ridge).
#
# </details>
#
# ## A network that beats both, and by how much
#
# So tell the network the same, and let it go on from there. `nma.fit_seq2seq` is the network of notebook 4 with six changes:
# 1. **Warm start.** Sources are read in linearly and smoothed with two widths, 20 and 80 ms; read-in and read-out are copied from a reduced-rank regression. Epoch 0 *is* the linear model. The LSTM adds to the latents, with a share that starts at zero.
# 2. **Neuron dropout.** In each step 70 % of the source neurons are silenced for a whole trial, so that no target hangs on one neighbour.
# 3. **A floor in the softplus**, a fifth of the mean rate.
# 4. **Early stopping**, as you wrote it.
# 5. **Five networks, averaged**, each with another fifth of the trials as validation trials.
# 6. **Calibration.** What each network predicted for the fifth that it held out is compared with what came: where predictions were too timid or too bold, rate / mean is raised to a power, for each neuron one for whole trials and one for what changes within them; and what they missed at the same time of every trial is made up for.
#
# ## Exercise 5.5 Dropping whole neurons (10 minutes, difficulty 2 of 3)
#
# `nn.Dropout` would zero single bins. A bin says little, and its neighbours say the same. So a dropped neuron is replaced by its mean for the whole trial, and what the others are above or below their means is divided by the share that is kept, $1 - p$.


# %%
@nma.exercise("5.5")
def drop_neurons(source, mean, keep, p):
    """Source counts in which some neurons are replaced by their mean.

    Parameters
    ----------
    source : tensor, (trials, time, neurons)
        Counts.
    mean : tensor, (neurons,)
        Mean count per bin of each neuron.
    keep : tensor, (trials, neurons)
        1 where a neuron is kept in a trial, 0 where it is dropped.
    p : float
        Chance of being dropped.

    Returns
    -------
    tensor, (trials, time, neurons)
    """
    ### BEGIN SOLUTION
    scale = keep[:, None, :] / (1 - p)  # (trials, 1, neurons)
    return mean + (source - mean) * scale
    ### END SOLUTION


# %%
some = torch.as_tensor(data.source[data.train[:32]]).float()
average = some.mean(dim=(0, 1))
generator = torch.Generator().manual_seed(0)
keep = torch.bernoulli(torch.full((32, data.n_sources), 0.3), generator=generator)
dropped = drop_neurons(some, average, keep, p=0.7)
print(f"share of neurons kept: {keep.mean():.2f}")
print(f"mean count before {some.mean():.4f}, after {dropped.mean():.4f}")

# %% [markdown]
# You should see the mean count stay nearly as it was, though 70 % of the neurons are gone. Now fit the five networks, which takes ten seconds to a minute.

# %%
seq2seq = nma.fit_seq2seq(data)
ax = nma.plots.learning_curves(seq2seq.history, title="the first of five networks")

# %% [markdown]
# You should see it start high, at the linear model, and gain a little on its validation trials, most of it in the first epochs. (The training score falls after epoch 0, for from then on it is measured with 70 % of the neurons dropped.)

# %% tags=["real-mouse"]
models["seq2seq"] = seq2seq
table = nma.score(models, data)
ax = nma.plots.score_intervals(
    table, title=f"{data.n_sources} other neurons predict {data.n_targets} of {target}"
)

# %% tags=["real-mouse"]
pairs = pd.DataFrame(
    {
        "seq2seq against regression": nma.compare(seq2seq, rrr, data),
        "seq2seq against recipe": nma.compare(seq2seq, early_stopped, data),
    }
).T
ax = nma.plots.paired_differences(pairs, title="the same test trials, in pairs")
pairs.round(3)

# %% [markdown]
# You should see the network at the best score of all, ahead of the regression by some hundredths of a bit and of the recipe by far more.
#
# ### Which of the five does it?
#
# Set the recurrent layer's share to zero; and be fair to the regression: give it five folds and an average too, with what the single one has chosen.


# %%
def without_recurrence(fit):
    """The fit with the recurrent layer's share of the latents set to zero."""
    networks = [copy.deepcopy(network) for network in fit.models]
    for network in networks:
        network.recurrent_share.data.zero_()
    return replace(fit, models=tuple(networks))


chosen = dict(
    smoothings=(rrr.smoothing,), ridges=(rrr.ridge,), ranks=(rrr.rank,), floors=(rrr.floor,)
)
refits = [nma.fit_rrr(part, **chosen) for part in folds(data, 5, seed=0)]
parts = {
    "seq2seq": seq2seq,
    "without the recurrent layer": without_recurrence(seq2seq),
    "one network alone": replace(seq2seq, models=seq2seq.models[:1]),
    "five regressions, averaged": Model(
        lambda source: np.mean([fit.predict(source) for fit in refits], axis=0),
        sum(fit.seconds for fit in refits),
    ),
    "reduced-rank regression": rrr,
}
ablation = nma.score(parts, data)
ax = nma.plots.score_intervals(ablation, title="parts taken away")

# %% [markdown]
# You should see the averaged regressions above the single one, and **hardly any difference without the recurrent layer**. docs/benchmark.md has the same on recorded sessions: averaging over folds is worth most, to the regression too; then neuron dropout and the warm start; the recurrent layer adds little. That is worth saying aloud, in a course on LSTMs: do not tell a story about its gates.
#
# ## How much can be known?
#
# Is 0.3 much? Of a simulated mouse you know what no experiment tells: the rates from which its spikes were drawn. Nothing tells more of the spikes than they do (but for spikes that the sorter counts in two units). Below them stand the true latents, read out as well as an exponential of a weighted sum can (what is missing is each neuron's own drift) and as well as a line can; then what models make of the sources' spikes. These fits take minutes, so the scores come from the course's benchmark (`make bench-known`).

# %%
known = nma.measured_scores("attainable")
ax = nma.plots.attainable(known)

# %% [markdown]
# You should see a good part of what can be known lost with the true latents already: what is missing is the drift of each single neuron, which no other neuron shows. Of the rest, noisy spikes of some hundred sources and some hundred trials give the models most. seq2seq is even ahead of the best line through the true latents, which it was never shown: rates are no straight line of latents.
#
# So what would help, more trials or more neurons? The same two models with less of either, on a simulated and two recorded mice; dots are fits on one split:

# %%
axes = nma.plots.data_curves(nma.measured_scores("curves"))

# %% [markdown]
# You should see both models rise with the trials (above) and with the sources (below), seq2seq ahead all along; no curve has clearly come to its end. **The data are a limit**, and not the model alone. So name the number of trials with a score, as you name its null.
#
# One target neuron in three test trials, with few, some and many spikes (ticks):

# %% tags=["real-mouse"]
shown = {"recipe, early stopped": early_stopped, "regression": rrr, "seq2seq": seq2seq}
axes = nma.plots.predicted_trials(shown, data)

# %% [markdown]
# You should see rates that differ from trial to trial and go with the spikes, though no model has seen a spike of this neuron in these trials.
#
# ## Question 2: can one area's activity be predicted from other areas?
#
# Part of what is predicted is the stimulus, to which both sides respond. The control: shuffle the sources' trials among trials with the same contrasts, fit again, score again. What is lost was shared in the single trial.

# %%
rows = {"from other areas": nma.score({"": rrr}, data)}
if {"contrast_left", "contrast_right"} & set(session.trials.columns):
    shuffled = nma.shuffle_within_condition(data, seed=0)
    rows["sources shuffled within condition"] = nma.score({"": nma.fit_rrr(shuffled)}, shuffled)
else:
    print("This session has no contrasts, so the shuffle within condition is left out.")
rows["from other areas (seq2seq)"] = nma.score({"": seq2seq}, data)
question_2 = pd.concat(rows).droplevel(1)
ax = nma.plots.score_intervals(question_2, title=f"question 2: {target} from other areas")
question_2[["bits_per_spike", "low", "high", "null"]].round(3)

# %%
psth_null = nma.score({"reduced-rank regression": rrr, "seq2seq": seq2seq}, data, null="psth")
psth_null[["bits_per_spike", "low", "high", "null"]].round(3)

# %% [markdown]
# You should see the two true scores with intervals clearly above zero, and the shuffled one far below them. Against the average trial as null (second table) most of the score stays. So: **yes, and mostly beyond the stimulus**. Movement and arousal reach the whole brain, so this is no proof of a connection (notebook 7).
#
# ## Question 3: can a part of a region's neurons be predicted from another part?

# %%
within["PSTH"] = nma.fit_psth(halves)
within["reduced-rank regression"] = nma.fit_rrr(halves)
within["seq2seq"] = nma.fit_seq2seq(halves)
question_3 = nma.score(within, halves)
ax = nma.plots.score_intervals(
    question_3,
    title=f"question 3: {halves.n_sources} {target} neurons predict {halves.n_targets} others",
)
question_3[["train_loss", "test_loss", "bits_per_spike", "low", "high", "null"]].round(4)

# %%
against_regression = nma.compare(within["seq2seq"], within["reduced-rank regression"], halves)
ax = nma.plots.paired_differences(against_regression.rename("seq2seq against regression"))
against_regression.round(3)

# %% [markdown]
# You should see **yes** again, with intervals above zero. With so few neurons the regression and the network are about equal: look whether the interval of their difference holds zero. (Some of it may be spikes that leaked between neighbours on the probe.)
#
# <details><summary>Think: which models of this notebook have seen test trials, in any way?</summary>
#
# None was fitted, smoothed, stopped or chosen on them. But you have looked at ten scores on the same test trials. If you picked the best of fifty in this way, its score would be too good; then take a fresh split.
#
# </details>

# %% [markdown]
# ## Quick questions (3 minutes)
#
# Choose an answer, and read why it is right or wrong. Without a mouse: Tab moves on, Space chooses.

# %% tags=["hide-input"]
# @title Quick questions
nma.quiz(
    {
        "A model's Poisson loss on held-out trials is 0.09. Is it good?": {
            "it cannot be said": (
                True,
                "The loss is mostly how often the neurons fire. Compare with a null on the same counts.",
            ),
            "yes, it is close to 0": (
                False,
                "0 has no meaning here: ln y! is left out, and quiet neurons alone give small losses.",
            ),
            "no, it should be negative": (
                False,
                "For busy neurons it can be. That says no more about the model.",
            ),
        },
        "A score is 0 bits per spike, null: train mean. The model": {
            "predicts nothing at all": (
                False,
                "It predicts as well as each neuron's mean rate, which is something.",
            ),
            "is as good as knowing each neuron's mean rate": (
                True,
                "That is what the null knows. Below 0 it is worse than that.",
            ),
            "is right in half of the bins": (
                False,
                "Bits per spike are no share of right guesses.",
            ),
        },
        "The 95 % intervals of two models overlap. Is one better?": {
            "no": (
                False,
                "Both intervals hold what makes a trial hard for every model, and that cancels in the difference.",
            ),
            "yes, the one with the higher mean": (
                False,
                "It may be chance. Ask the interval of the difference.",
            ),
            "ask the paired difference": (
                True,
                "The same trials are drawn for both. Its interval may well leave out 0.",
            ),
        },
        "You stop training at the epoch with the best test loss. What is wrong?": {
            "the test score is too good": (
                True,
                "It was used to choose. Stop on validation trials.",
            ),
            "nothing, the weights never saw the test trials": (
                False,
                "The choice of the epoch did, and it is part of the fit.",
            ),
            "validation trials are wasted": (
                False,
                "They are, but that is not what makes the score wrong.",
            ),
        },
        "A network loses to a linear model with a hundred-odd training trials. The likeliest reason:": {
            "it has more freedom than the data can pin down": (
                True,
                "The linear model is told what matters: slow, few dimensions, small weights.",
            ),
            "it cannot represent a linear map": (
                False,
                "It can. It has to find it among tens of thousands of weights.",
            ),
            "the relation between regions is linear": (
                False,
                "Nobody showed that. With more data a network may win.",
            ),
        },
    }
)

# %%
nma.progress()

# %% [markdown]
# ## What you take along
# - Counts are Poisson-like, so the loss is mean(rate − count · ln rate). By itself it measures mostly how often neurons fire.
# - Bits per spike compare with a null. Name the null, the bin width and the interval.
# - A network with more weights than spikes overfits: stop early, on validation trials.
# - The linear baseline beats the project's recipe. The network that starts from it is ahead of both where there are many source neurons; with few, no difference is found. Averaging helps the regression as well.
# - Questions 2 and 3: yes, with intervals.
#
# **Take it further** The project's recipe was not tuned, ours was. Give it the output bias of exercise 4.5, small batches, weight decay, neuron dropout (`nma.Settings` has them all), choosing on the validation trials alone. Which one closes most of the distance to the regression?
#
# ## Further reading
#
# - **Bits per spike:** Pei et al. (2021), *Neural Latents Benchmark '21*, [arXiv:2109.04463](https://arxiv.org/abs/2109.04463).
# - **Population coupling:** Okun et al. (2015), Nature 521: 511-515, [doi:10.1038/nature14273](https://doi.org/10.1038/nature14273).
# - **Reduced-rank regression between areas:** Semedo et al. (2019), Neuron 102: 249-259, [doi:10.1016/j.neuron.2019.01.026](https://doi.org/10.1016/j.neuron.2019.01.026).
