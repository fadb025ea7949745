# %% [markdown]
# # 6. Latents
#
# The network squeezes hundreds of neurons through 15 numbers a time bin: its **latents**. The project plotted two of them and concluded that they keep the information about spiking, with less noise, and are easier to analyse. You will find out what can be said of latents at all, and then put that conclusion to the test.
#
# **By the end you can**
# - say why a single latent has no meaning by itself, and which questions do,
# - align latents to another set of latents, or to the truth, and judge it on held-out trials,
# - say what a denoised rate knows of a single trial that the average trial does not,
# - decode what the mouse saw and did without letting a test trial leak into the decoder,
# - say which part of the project's conclusion holds.
#
# **Builds on** notebooks 4 (the network) and 5 (bits per spike, early stopping, the warm start). **Time** about 85 minutes, 55 of them for exercises. Half-way there is a mark at which you can stop, and resume another day.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from IPython.display import display
from sklearn.linear_model import LinearRegression, Ridge

import nma_seq2seq as nma

plt.rcParams["figure.dpi"] = 72

# %% [markdown]
# ## Networks to look into
#
# A session, in bins of 20 ms, which are short enough for what you look at here. The **target** is secondary motor cortex, MOs, where the session has it; all other regions are the **source**.

# %%
session = nma.load_session(31, fallback="simulated").rebin(2)
target = "MOs" if "MOs" in session.regions else session.units["region"].value_counts().index[0]
data = nma.make_dataset(session, source="other", target=target, seed=0)
data

# %%
# The course's model, for a few epochs: it starts from a reduced-rank regression.
quick = nma.Settings(max_epochs=6, patience=3)
fit = nma.fit_seq2seq(data, quick, n_members=1, smoothing=(1.5, 6.0))


# Two plain LSTMs, the project's network, that differ in nothing but their random start.
def plain_lstm(seed):
    torch.manual_seed(seed)
    model = nma.Seq2Seq(data.n_sources, data.n_targets, n_latents=15, cell="lstm")
    settings = nma.Settings(learning_rate=1e-2, neuron_dropout=0.3, max_epochs=10, patience=3)
    return nma.fit(model, data, settings, seed=seed)


lstms = [plain_lstm(seed) for seed in (0, 1)]
models = {"course's model": fit, "LSTM, seed 0": lstms[0], "LSTM, seed 1": lstms[1]}
nma.score(models, data)[["bits_per_spike", "low", "high", "null"]].round(3)

# %% [markdown]
# Bits per spike on test trials, with the 95 % interval over trials, against each neuron's mean rate in training. You should see the course's model well ahead, and the two LSTMs close together: they predict about as well as each other. Do they also *think* alike?
#
# From here on you look at **test trials** alone, which the networks have never met.

# %%
latents = fit.latents(data.source)  # (trials, time, 15)
lstm_latents = lstms[0].latents(data.source)  # (trials, time, 15)
seen = np.union1d(data.train, data.validation)  # what anything may be fitted on
print(f"latents of shape {latents.shape}: trials, bins, latents")
print(f"{len(seen)} trials to fit on, {len(data.test)} test trials to look at")

# %% [markdown]
# ## Two of the fifteen
#
# The project showed 2 of its 15 LSTM latents. Here are two of ours, of the plain LSTM, and the same two of the other one, which predicts just as well.

# %%
axes = nma.plots.latent_pair(lstm_latents, session, which=(0, 1), trials=data.test)
# %% [markdown]
# You should see a curve that rises or falls after the stimulus, and single trials scattered widely around the mean. It looks like a finding. Now the other network (means alone):

# %%
axes = nma.plots.latent_pair(
    lstms[1].latents(data.source), session, which=(0, 1), trials=data.test, n_single=0
)
# %% [markdown]
# Is latent 0 of one network the latent 0 of the next? Compare them over all test trials:

# %%
other = lstms[1].latents(data.source)[data.test].reshape(-1, 15)
same_number = [
    np.corrcoef(a, b)[0, 1]
    for a, b in zip(lstm_latents[data.test].reshape(-1, 15).T, other.T, strict=True)
]
print("correlation of latent k of one with latent k of the other:")
print(np.round(same_number, 2))

# %% [markdown]
# You should see all sizes and both signs: the numbers of the latents mean nothing.
#
# ## All fifteen
#
# So look at all of them. Each is shown in its own standard deviations, averaged over test trials with the same **contrast** on the right (contralateral, the side that the left half of the brain sees), none or full; the band is the 95 % interval of the mean.

# %% tags=["real-mouse"]
if "contrast_right" in session.trials:
    contrast = session.trials["contrast_right"].to_numpy()[data.test]
    nma.plots.latent_grid(
        latents, session, by="contrast_right", trials=data.test[np.isin(contrast, [0, 1])]
    )
else:
    print(f"Session {session.name} has no contrasts to sort the trials by.")

# %% [markdown]
# Now by the mouse's response: which grating it brought in, or none ("no-go").

# %%
if "response" in session.trials:
    nma.plots.latent_grid(latents, session, by="response", trials=data.test)
else:
    print(f"Session {session.name} has no responses to sort the trials by.")

# %% [markdown]
# You should see the first latents tell the kinds of trials apart most: the course's model starts from a reduced-rank regression, whose latents come by how much of the target they explain. A plain LSTM's come in no order.
#
# Any direction in this space is as good as the axes. Take the three in which the average trials differ most, and draw the trial as a path.

# %%
by = "response" if "response" in session.trials else "feedback_type"
if by in session.trials:
    nma.plots.trajectories(latents, session, by=by, trials=data.test)
else:
    print(f"Session {session.name} has neither responses nor feedback to sort the trials by.")

# %% [markdown]
# You should see paths that start near each other and part once the mouse has decided, or has been rewarded.
#
# <details><summary>Think: the paths of two kinds of trials part before the stimulus. Name two reasons, one real and one not.</summary>
#
# Real: something slow, such as engagement, makes one response likelier and shows in the neurons before the stimulus. Not real: averages over few test trials differ by chance; and a network that reads both directions, or smooths, carries what comes after the stimulus into the bins before it.
# </details>
#
# ## Known only up to a linear map
#
# Why do two equally good networks have other latents? The read-out is `rates = g(latents @ weight.T + bias)`. Mix the latents with any matrix that can be inverted, un-mix them in the read-out, and not one rate changes.
#
# ## Exercise 6.1 Turning the latents (8 minutes, difficulty 2 of 3)
# Write the latents and the weights of the turned network.


# %%
@nma.exercise("6.1")
def turn(latents, weight, matrix):
    """Latents and read-out weights in other axes, which give the same rates.

    Parameters
    ----------
    latents : array, (trials, time, n_latents)
    weight : array, (n_neurons, n_latents)
        As in torch's `nn.Linear`: the read-out is latents @ weight.T.
    matrix : array, (n_latents, n_latents)
        Can be inverted; it need not be a rotation.

    Returns
    -------
    new_latents : array, (trials, time, n_latents)
        latents @ matrix.
    new_weight : array, (n_neurons, n_latents)
        Such that new_latents @ new_weight.T is latents @ weight.T.
    """
    ### BEGIN SOLUTION
    return latents @ matrix, weight @ np.linalg.inv(matrix).T
    ### END SOLUTION


# %% tags=["nbval-check-output"]
matrix = np.random.default_rng(0).normal(size=(15, 15))
weight = lstms[0].models[0].readout.weight.detach().numpy().astype(float)
turned, turned_weight = turn(lstm_latents.astype(float), weight, matrix)
before, after = lstm_latents @ weight.T, turned @ turned_weight.T
print(f"same read-out: {np.allclose(before, after, atol=1e-4)}")
print(f"same latents: {np.allclose(lstm_latents, turned, atol=1e-4)}")
inside = [bool(np.abs(some).max() <= 1) for some in (lstm_latents, turned)]
print(f"between -1 and 1: {inside[0]} before, {inside[1]} after")

# %% [markdown]
# You should see the same read-out from other latents, so "what does latent 3 mean?" has no answer. What does have one: which **space** the latents span, and what a linear map can read from it.
#
# Mind what this does *not* say. The read-out does not care; training may. An LSTM's states lie between -1 and 1, and most turned latents lie outside: no LSTM makes them. Weight decay is not the same for all maps either. So two networks need not be linear maps of each other. The most that can be said: what the read-out *uses* is known up to a linear map where the kind of model allows every such map (latents that are linear in the smoothed sources do; the course's are, but for a small share) and where the trials and the training suffice to find the one best solution. How far that holds is to be measured.
#
# ## Exercise 6.2 Aligning latents (15 minutes, difficulty 2 of 3)
# Two sets of latents say the same if a linear map, with an offset, takes one to the other. Fit that map on training trials, and see on test trials how much of the reference's variance it explains: R², 1 for all of it, 0 for no more than the mean, below 0 for less.


# %%
@nma.exercise("6.2")
def alignment_r2(latents, reference, train, test):
    """R2 on test trials of each reference latent, by a linear map fitted on training trials.

    Parameters
    ----------
    latents : array, (trials, time, n_latents)
    reference : array, (trials, time, n_reference)
    train, test : arrays of int
        Trial positions.

    Returns
    -------
    array, (n_reference,)
        1 - sum of squared residuals / sum of squares around the mean of the test trials.
    """
    ### BEGIN SOLUTION
    x_train = latents[train].reshape(-1, latents.shape[2])  # (train trials * time, latents)
    y_train = reference[train].reshape(-1, reference.shape[2])
    x_test = latents[test].reshape(-1, latents.shape[2])
    y_test = reference[test].reshape(-1, reference.shape[2])
    line = LinearRegression().fit(x_train, y_train)
    residual = y_test - line.predict(x_test)
    return 1 - (residual**2).sum(axis=0) / ((y_test - y_test.mean(axis=0)) ** 2).sum(axis=0)
    ### END SOLUTION


# %%
other_lstm = lstms[1].latents(data.source)
between_seeds = alignment_r2(lstm_latents, other_lstm, seen, data.test)
same_number = [
    np.corrcoef(lstm_latents[data.test, :, k].ravel(), other_lstm[data.test, :, k].ravel())[0, 1]
    for k in range(15)
]
print("from LSTM seed 0 to LSTM seed 1, on test trials")
print(f"  latent k with latent k: mean squared correlation {np.mean(np.square(same_number)):.2f}")
print(f"  after alignment: mean R2 {between_seeds.mean():.2f}, from {between_seeds.min():.2f} "
      f"to {between_seeds.max():.2f}")  # fmt: skip
other_weight = lstms[1].models[0].readout.weight.detach().numpy()  # (neurons, 15)
used = other_lstm @ other_weight.T  # (trials, time, neurons)
by_neuron = alignment_r2(lstm_latents, used, seen, data.test)
used_r2 = np.average(by_neuron, weights=used[data.test].var(axis=(0, 1)))
print(f"  of what the read-out uses: R2 {used_r2:.2f}, over all neurons")

# %% [markdown]
# You should see the alignment find far more than a comparison number by number, and still not everything. Of what the **read-out uses** (latents @ weight.T, all that reaches the rates) it finds more than of the latents themselves: a network may hold in its latents what it hardly uses, and there two networks need not agree.
#
# How many dimensions *are* shared? **Canonical correlations**: the direction in each space whose activities correlate best, then the next best pair that is uncorrelated with the first, and so on. `nma.align` does your exercise and this, on held-out trials. **Principal components** are the directions in which the sources themselves vary most; they have never seen the target.

# %%
n_pcs = min(15, data.n_sources)
pcs = nma.principal_components(data, n_pcs)  # (trials, time, 15); fitted on training trials
split = {"train": seen, "test": data.test}
shared = {
    "LSTM seed 0, LSTM seed 1": nma.align(lstm_latents, other_lstm, **split),
    "LSTM seed 0, course's model": nma.align(lstm_latents, latents, **split),
    "course's model, principal components": nma.align(latents, pcs, **split),
}
nma.plots.canonical_correlations(shared)
for name, found in shared.items():
    print(f"{name}: {(found.canonical_correlations > 0.7).sum()} directions above 0.7")

# %% [markdown]
# You should see two networks that were trained apart share a handful of directions well and the rest hardly.
#
# ### Trained to the end
#
# That was after ten epochs, for your time. Would they agree if you were patient? `make bench-latents` trained pairs of such LSTMs for up to 100 or 300 epochs, on all and on a part of the training trials, of a simulated session (520 trials) and of two recorded ones, 0 to 0.4 s after the stimulus; one pair and one split each. Its numbers come with the course:

# %%
measured = nma.measured_scores("agreement")
axes = nma.plots.agreement(measured)
best = measured[measured["epochs"] == "best"].set_index(["session", "n_train", "model"])
display(best[["bits_per_spike", "used_r2"]].unstack("model").round(2))

# %% [markdown]
# The curves are what the read-out uses after so many epochs; the table has the weights that predict the validation trials best, and their score on test trials. You should see three things:
# - The agreement grows while the networks find what holds for other trials too. Train on, and every curve ends below its top: each network learns the noise of the training trials in its own way. (With 333 simulated trials it falls from 10 to 30 epochs although the score grows.) More training is not what is missing.
# - Trained for as long, networks agree better the more trials they have seen.
# - Networks whose latents are linear in the smoothed sources (diamonds), for which every linear map is open, agree better than LSTMs at their best. None comes to 1.
#
# So with some hundred trials, "known up to a linear map" is true of a good part of what two networks use, not of all of it.
#
# ---
#
# **Half-way.** If you come back another day, run the cells of "Networks to look into" and the next one, and go on from here.

# %%
if "shared" not in globals():  # resumed here
    latents, lstm_latents = fit.latents(data.source), lstms[0].latents(data.source)
    seen = np.union1d(data.train, data.validation)
    split = {"train": seen, "test": data.test}
    pcs = nma.principal_components(data, 15)

# %% [markdown]
# ## Against the truth
#
# With a recording, that is as far as it goes. A simulated session knows its own latents: four are brain-wide (engagement, movement, choice, reward), and each area has one of its own. MOs reads the brain-wide ones and that of motor cortex. The network has never seen any of them, nor a spike of MOs on these trials. How much of them can be read from its 15 latents?

# %%
DRIVERS = [*nma.simulate.BRAIN_WIDE, "motor cortex"]
if session.latents is None:
    print(f"Session {session.name} was recorded: nobody knows its true latents.")
else:
    names = DRIVERS + [name for name in nma.simulate.LATENTS if name not in DRIVERS]
    truth = session.latents[:, :, [nma.simulate.LATENTS.index(name) for name in names]]
    found = {
        "course's model, 15 latents": nma.align(latents, truth, **split),
        "LSTM seed 0, 15 latents": nma.align(lstm_latents, truth, **split),
        "15 principal components": nma.align(pcs, truth, **split),
    }
    nma.plots.alignment(found, names, bar=0.8)
    display(pd.DataFrame({k: a.r2 for k, a in found.items()}, index=names).round(2))

# %% [markdown]
# On the simulated session you should see the five latents that drive MOs recovered at an R² near or above 0.8 (dashed) by the course's model, better than by principal components and much better than by the plain LSTM (which was trained briefly). Most of the others are recovered worse by the course's model than by the principal components, and hippocampus, whose own latent is tied to nothing else in the simulation, it keeps least of, though its neurons are among the sources. That is what *supervised* dimensionality reduction means.

# %%
if session.latents is not None:
    nma.plots.aligned_latents(
        nma.align(latents, truth[:, :, :5], **split), truth[:, :, :5], session, DRIVERS, n_trials=3
    )
else:
    print(f"Session {session.name} was recorded: there is nothing to draw here.")

# %% [markdown]
# You should see the recovered latents follow the true ones trial by trial, noisier than these and with their fast peaks blunted. Choice and reward begin too early: a network that smooths, and reads both directions, looks a little ahead.
#
# <details><summary>Think: why is R² not 1, and would a better network reach it?</summary>
#
# The network sees a few hundred neurons that fire a few spikes a second, so every latent is known with noise, however good the network. And the latent of motor cortex is not in the other regions as such: only what they send it, and what it sends on. Try it: align `nma.smooth(data.source, 4)` to the truth, a linear decoder that was shown the true latents, as no network is.
# </details>
#
# ## Denoised rates
#
# Read the rates out of the latents, and you have an estimate of every target neuron's rate in every single trial: a **denoised** trial. The rival is the **PSTH**, the average training trial: free of noise, and blind to single trials.

# %%
rates = fit.predict(data.source[data.test])  # (test trials, time, neurons), counts per bin
psth = nma.null_rates(data, "psth")  # (time, neurons), from training trials
axes = nma.plots.denoised_trial(data, rates, psth, position=3)
# %%
busiest = np.argsort(data.target[data.train].mean(axis=(0, 1)))[::-1]
axes = nma.plots.denoised_neurons(data, rates, psth, busiest[:2])

# %% [markdown]
# You should see the same PSTH again and again, and a denoised rate that changes from trial to trial. On the simulated session the true rate (grey) says whether it is right to.
#
# ## Exercise 6.3 Denoised single trials (12 minutes, difficulty 2 of 3)
# Take the average trial away from both the rates and the counts: if what is left of the one goes along with what is left of the other, the denoised trial knows something about *this* trial. Spikes are noisy, so expect small correlations even from perfect rates.


# %%
@nma.exercise("6.3")
def beyond_psth(rates, counts, psth):
    """Correlation of what rates and counts do beyond the average trial, one number a neuron.

    Parameters
    ----------
    rates, counts : arrays, (trials, time, neurons)
        Expected and observed spikes per bin in the same trials.
    psth : array, (time, neurons)
        Expected count per bin of the average trial.

    Returns
    -------
    array, (neurons,)
        Pearson's correlation, over all trials and bins, of rates - psth with counts - psth.
    """
    ### BEGIN SOLUTION
    expected, happened = rates - psth, counts - psth  # (trials, time, neurons)
    expected = expected - expected.mean(axis=(0, 1))
    happened = happened - happened.mean(axis=(0, 1))
    size = np.sqrt((expected**2).sum(axis=(0, 1)) * (happened**2).sum(axis=(0, 1)))
    return (expected * happened).sum(axis=(0, 1)) / size
    ### END SOLUTION


# %%
counts = data.target[data.test].astype(float)
firing = counts.sum(axis=(0, 1)) > 0
single = beyond_psth(rates[..., firing], counts[..., firing], psth[:, firing])
shifted = beyond_psth(np.roll(rates, 1, axis=0)[..., firing], counts[..., firing], psth[:, firing])

figure, ax = plt.subplots(figsize=(7, 3.2), layout="constrained")
bins = np.linspace(-0.2, 0.5, 36)
color = nma.plots.model_colors(["denoised rates"])["denoised rates"]
ax.hist(shifted, bins, color="#BBBBBB", label="rates of another trial")
ax.hist(single, bins, color=color, alpha=0.8, label="rates of the same trial")
ax.axvline(0, color="black", linewidth=1, linestyle=":")
ax.set(xlabel="correlation beyond the PSTH", ylabel="neurons")
ax.legend(frameon=False)
nma.plots.described(
    ax, "Histograms of the neurons' correlations beyond the PSTH, with rates of the same trial and "
    "of another: the latter gather nearer to 0."
)  # fmt: skip
print(f"median over {firing.sum()} neurons: {np.median(single):.3f} in the same trial, "
      f"{np.median(shifted):.3f} with the rates of another trial")  # fmt: skip
print(f"neurons above 0: {(single > 0).mean():.0%}")

# %% [markdown]
# You should see nearly all neurons above 0, and with the rates of another test trial the correlations gather much nearer to 0. On the simulated session you can also ask how close to the *true* rate each estimate is. The rival from the trial itself is its own counts, smoothed.

# %%
if session.rates is None:
    print(f"Session {session.name} was recorded: nobody knows its true rates.")
else:
    true_rates = session.rates[data.test][:, :, data.target_units]
    estimates = {f"its own counts, smoothed by {width * 20} ms": nma.smooth(counts, width)
                 for width in (1, 4, 16)}  # fmt: skip
    estimates |= {"PSTH": np.broadcast_to(psth, counts.shape), "denoised rates": rates}
    close = {name: nma.metrics.r2(true_rates, rate) for name, rate in estimates.items()}
    table = pd.DataFrame(close).quantile([0.25, 0.5, 0.75]).T
    display(table.set_axis(["quarter", "median", "three quarters"], axis=1).round(2)
            .rename_axis("R2 with the true rate, over neurons"))  # fmt: skip

# %% [markdown]
# On the simulated session you should see the denoised rates far ahead, although they have seen none of the neuron's own spikes, and the neuron's own counts with an R² *below* 0 unless they are smoothed a lot. "Less noise" holds, by number.
#
# ## Decoding: same information, easier to analyse?
#
# **Decoding** means to guess from the neurons what the mouse saw or did. If 15 latents allow the same guesses as hundreds of neurons, they keep that information.
#
# ## Exercise 6.4 Balanced accuracy (5 minutes, difficulty 1 of 3)
# Suppose the mouse moves in 85 of 100 trials. "It moved", always, is right in 85 % and knows nothing. Count each kind of trial by itself, and average the shares: then knowing nothing gives one half, for two kinds.


# %%
@nma.exercise("6.4")
def balanced_accuracy(truth, predicted):
    """Mean over the kinds of trials of the share that was predicted right.

    Parameters
    ----------
    truth, predicted : arrays, (trials,)
        What each trial is, and what the decoder predicts.

    Returns
    -------
    float, from 0 to 1
    """
    ### BEGIN SOLUTION
    return np.mean([np.mean(predicted[truth == kind] == kind) for kind in np.unique(truth)])
    ### END SOLUTION


# %% tags=["nbval-check-output"]
truth_of_100 = np.repeat([1, 0], [85, 15])
always = np.ones(100)
print(f"accuracy {np.mean(always == truth_of_100):.2f}, "
      f"balanced {balanced_accuracy(truth_of_100, always):.2f}")  # fmt: skip

# %% [markdown]
# ## Exercise 6.5 A decoder without leaks (15 minutes, difficulty 3 of 3)
# A decoder learns more than weights. Here it learns three things: the scale of each feature (mean and standard deviation), which features are the best, and the weights of a ridge regression on them. A test trial may be seen in none of the three.


# %%
@nma.exercise("6.5")
def decode_honestly(features, label, train, test, n_best=20):
    """Evidence for label +1 in each test trial, from the best features of the training trials.

    Parameters
    ----------
    features : array, (trials, n_features)
        None is constant over the training trials.
    label : array, (trials,)
        +1 or -1.
    train, test : arrays of int
        Trial positions.
    n_best : int
        Take so many features: those whose correlation with the label is largest, either sign.

    Returns
    -------
    array, (len(test),)
        What scikit-learn's Ridge(alpha=10), fitted to the labels from the best features, each with
        mean 0 and standard deviation 1 (numpy's default, `ddof=0`), predicts.
    """
    ### BEGIN SOLUTION
    mean, std = features[train].mean(axis=0), features[train].std(axis=0)
    z = (features - mean) / std  # every trial in the units of the training trials
    centred = label[train] - label[train].mean()
    strength = np.abs(z[train].T @ centred)  # (features,), as good as a correlation for ranking
    best = np.argsort(strength)[::-1][:n_best]
    return Ridge(alpha=10).fit(z[train][:, best], label[train]).predict(z[test][:, best])
    ### END SOLUTION


# %% [markdown]
# How bad can a leak be? Give every trial a label by the toss of a coin: an honest decoder must stay at one half. The leaky one below differs in a single place: it *chooses* its 20 neurons on all trials.

# %%
spike_counts = data.source.sum(axis=1).astype(float)  # (trials, neurons)
spike_counts = spike_counts[:, spike_counts[seen].std(axis=0) > 0]


def decode_leakily(features, label, train, test, n_best=20):
    z = (features - features[train].mean(axis=0)) / features[train].std(axis=0)
    strength = np.abs(z.T @ (label - label.mean()))  # with the labels of the test trials
    best = np.argsort(strength)[::-1][:n_best]
    return Ridge(alpha=10).fit(z[train][:, best], label[train]).predict(z[test][:, best])


rng = np.random.default_rng(0)
coins = [rng.choice([-1.0, 1.0], session.n_trials) for _ in range(200)]
for name, decoder in {"leaky": decode_leakily, "honest": decode_honestly}.items():
    predicted = [np.sign(decoder(spike_counts, coin, seen, data.test)) for coin in coins]
    by_coin = [
        balanced_accuracy(coin[data.test], s) for coin, s in zip(coins, predicted, strict=True)
    ]
    print(f"{name} decoder of coin tosses: balanced accuracy {np.mean(by_coin):.2f} "
          f"(one half is chance)")  # fmt: skip

# %% [markdown]
# You should see the honest decoder at about 0.5, and the leaky one clearly above it, at decoding *nothing*. (The network's latents were computed for the test trials too, but its weights come from other trials, and no label was used: no leak.)
#
# <details><summary>Think: the latents and the principal components were computed for the test trials too. Is that a leak?</summary>
#
# Computed, not fitted: the weights come from other trials, and the labels were never used. It would be a leak to fit the network or the PCA on all trials, for a decoder that stands on them would be judged on trials that its features know.
# </details>
#
# ### Three sets of features
#
# `nma.decode` reads the mean of each feature in four windows of the trial with a logistic regression, scales and tunes it on training and validation trials, and scores it on test trials, with an interval (Wilson's, for each kind of trial) and with what chance reaches (shuffled labels).

# %% tags=["real-mouse"]
features = {
    "15 latents": latents,
    "15 principal components": pcs,
    "all source neurons": data.source,
}
try:
    decoded = nma.decode(features, data)
    nma.plots.decoding(decoded)
    display(decoded.round(2))
except ValueError as problem:
    decoded = None
    print(f"Decoding is left out, here and below: {problem}.")

# %% [markdown]
# **Stimulus side** is that of the higher contrast, **choice** the grating that was brought in, **movement** whether the wheel was turned, **reward** whether the response was correct. You should see intervals that overlap: one split leaves a few dozen test trials. Even where every guess is right the interval does not close.
#
# ### Before the movement
#
# Choice is decoded nearly or wholly without an error on the simulated session. Is the mouse's mind read? No: the whole trial holds the movement itself, which many neurons follow. What is worth asking is whether the choice shows *before* the wheel turns. So take the 200 ms that end with the start of the movement, in each trial where it is. Not from the latents: they smooth and read backwards, and would bring the movement along. Counts know nothing of the bins after them.

# %%
if {"reaction_time", "response"} <= set(session.trials):
    onset = session.event_bin("reaction_time")  # (trials,), NaN without a movement
    first = np.clip(np.nan_to_num(onset) - 10, 0, None).astype(int)  # no movement: not decoded
    before = np.stack(
        [trial[start : start + 10] for trial, start in zip(data.source, first, strict=True)]
    )
    early = {"200 ms before movement": before, "whole trial": data.source}
    choice = nma.decode(early, data, variables=["choice"])
    display(choice[["features", "accuracy", "low", "high", "chance_high", "n_test"]].round(2))
else:
    print(f"Session {session.name} has no movement times or responses.")

# %% [markdown]
# On the simulated session you should see less than from the whole trial, and more than chance (`chance_high`, below which 97.5 % of shuffles stay), though with an interval that is wide: some thirty or forty test trials. (The paper finds neurons that tell the choice rare, and confined to a few regions.)
#
# ### Several splits
#
# So do it again with other splits of the trials, a new network for each, and look at the differences, which are *paired*: each is within one split, on the same test trials.

# %%
if decoded is not None:
    tables = [decoded.assign(split=0)]
    for seed in (1, 2):
        again = nma.make_dataset(session, source="other", target=target, seed=seed)
        refit = nma.fit_seq2seq(again, quick, n_members=1, smoothing=(1.5, 6.0), seed=seed)
        features = {
            "15 latents": refit.latents(again.source),
            "15 principal components": nma.principal_components(again, n_pcs),
            "all source neurons": again.source,
        }
        tables.append(nma.decode(features, again, seed=seed).assign(split=seed))
    splits = pd.concat(tables)
    accuracy = splits.pivot(index=["variable", "split"], columns="features", values="accuracy")
    display(accuracy.groupby("variable").mean().round(2))

# %%
if decoded is not None:
    for rival in ("all source neurons", "15 principal components"):
        difference = accuracy["15 latents"] - accuracy[rival]
        print(
            f"15 latents minus {rival}, balanced accuracy on test trials, over {len(tables)} splits:"
        )
        for variable, values in difference.groupby("variable", sort=False):
            print(
                f"  {variable}: {values.mean():+.2f} (from {values.min():+.2f} to {values.max():+.2f})"
            )

# %% [markdown]
# ## The project's conclusion: is it right?
#
# It concludes that the embedding keeps the information about spiking across trials and actions, with less noise, and is easier to analyse. Collect the numbers.

# %%
print(f"{data.n_sources} neurons -> 15 latents, {data.n_sources / 15:.0f} times fewer numbers")
if decoded is not None:
    names = "all source neurons", "15 principal components"
    neurons, pcs15 = (accuracy[name] for name in names)
    gap = (accuracy["15 latents"] - neurons).mean()
    gap_pcs = (accuracy["15 latents"] - pcs15).mean()
    print(f"decoding, mean over variables and splits: latents {gap:+.3f} against all neurons, "
          f"{gap_pcs:+.3f} against as many principal components")  # fmt: skip
bits = nma.bits_per_spike(rates, data.target[data.test], psth)
print(f"denoised rates: {bits:+.3f} bits per spike beyond the PSTH, on test trials")
if session.rates is not None:
    print(f"R2 with the true rates, median neuron: PSTH {np.median(close['PSTH']):.2f}, "
          f"denoised {np.median(close['denoised rates']):.2f}")  # fmt: skip
if decoded is not None:
    by_variable = (accuracy["15 latents"] - neurons).groupby("variable").mean()
    worst = by_variable.idxmin()
    print(
        f"what the latents lose most of, on average over splits: {worst}, {by_variable[worst]:+.3f}"
    )
    for variable, values in (accuracy["15 latents"] - neurons).groupby("variable", sort=False):
        full = (
            " (all decode it)" if accuracy.loc[variable, list(features)].min().min() > 0.99 else ""
        )
        print(
            f"  {variable}: worse than all neurons in {(values < 0).sum()} of {len(values)} splits{full}"
        )
print(f"less noise, single trials predicted beyond the PSTH: {'yes' if bits > 0 else 'no'}")

# %% [markdown]
# - **Keeps the information:** nearly, about what is decoded here; look at the variables one by one, for one that everything decodes perfectly says nothing. Not about everything: of areas that the target does not read less is kept, and of hippocampus least. "No difference found" over a few dozen trials is not "no difference".
# - **Less noise:** yes. Single trials are predicted beyond the average trial, from other neurons' spikes.
# - **Easier to analyse:** smaller, yes. Yet principal components, which need no training, are as small, and often do nearly as well in decoding; and a latent cannot be read by itself, only the space can.
#
# ## Summary
# - What a read-out uses is known up to an invertible linear map at best. Ask what can be read from the latents' space; never what latent 3 means.
# - Align on training trials, judge on test trials. Networks that predict equally well share a few directions, and differ in the rest; they agree the better the more trials they have seen.
# - Denoised rates say something true about single trials that a PSTH cannot.
# - Everything learned from data can leak: scale, choice, weights. A leaky decoder decodes coin tosses.
# - A conclusion such as "same information, less noise" is worth the number behind it, with its interval, its chance level, and a plain rival beside it.
#
# ## Take it further
# Do two LSTMs agree better if they have fewer latents to disagree in? Train pairs with 2, 4, 8 and 15, and draw the mean R² after alignment, of all latents and of what the read-out uses, beside the score on test trials. How many latents can you trust, and what do they cost?
#
# ## Further reading
#
# - **Latents of single trials:** Pandarinath et al. (2018), Nature Methods 15: 805-815, [doi:10.1038/s41592-018-0109-9](https://doi.org/10.1038/s41592-018-0109-9).
# - **Where choice is found, and when:** the paper, [doi:10.1038/s41586-019-1787-x](https://doi.org/10.1038/s41586-019-1787-x).
# - **A benchmark of latent variable models:** Pei et al. (2021), [arXiv:2109.04463](https://arxiv.org/abs/2109.04463).

# %% [markdown]
# ## Quick questions (3 minutes)
#
# Choose an answer, and read why it is right or wrong. Without a mouse: Tab moves on, Space chooses.

# %% tags=["hide-input"]
# @title Quick questions
nma.quiz(
    {
        "Latent 3 of your network rises with the choice. What may you write?": {
            "the choice can be read from the space of the latents": (
                True,
                "If a held-out decoder says so: the space has a meaning, its axes have none.",
            ),
            "latent 3 encodes the choice": (
                False,
                "Train once more, and latent 3 is another direction.",
            ),
            "the network has found the choice neurons": (
                False,
                "Latents are mixtures of many neurons, and none of them is looked at here.",
            ),
        },
        "Latents are aligned to a reference. Where is the linear map fitted, and where is it judged?": {
            "on training trials, and on test trials": (True, "As any other fit."),
            "on all trials, both": (
                False,
                "With 15 latents and many bins the map can fit noise. Judge it on trials it has not seen.",
            ),
            "on test trials, both": (False, "Then the test trials were trained on."),
        },
        "Denoised rates correlate with the counts beyond the PSTH only weakly. So they are bad.": {
            "true": (False, "Even the true rates would: spikes scatter around any rate."),
            "false": (
                True,
                "Compare with the rates of another trial, or with the true rate where it is known.",
            ),
        },
        "Which of these is a leak into a decoder?": {
            "computing latents of test trials with a network fitted on others": (
                False,
                "Computing is no fitting.",
            ),
            "scaling features with the mean of all trials": (
                True,
                "The test trials took part in what was learned. It is a small leak, but it is one.",
            ),
            "choosing the penalty by cross-validation on training trials": (
                False,
                "That is how it should be done.",
            ),
        },
        "The mouse moves in 85 of 100 trials and your decoder always says so. Its balanced accuracy is": {
            "0.85": (False, "That is the plain accuracy, which pays for guessing the common kind."),
            "0.5": (True, "All of one kind right, none of the other."),
            "0.15": (False, "That is the share of the trials that it gets wrong."),
        },
    }
)

# %%
nma.progress()
