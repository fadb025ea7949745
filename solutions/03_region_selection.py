# %% [markdown]
# # 3. Choosing neurons: who predicts whom
#
# A model that predicts spikes needs three choices before the first weight is fitted: which neurons it reads, which
# neurons it predicts, and which trials it never sees. All three are easy to get wrong in ways that make the result
# look *better*. Here you make them, by mouse and in code, and you measure what a wrong one is worth.
#
# **By the end you can**
# - choose source and target neurons, and say what a least firing rate costs;
# - set up two questions of the project: other areas predict motor cortex, and half of motor cortex predicts the other;
# - split a session into training, validation and test trials;
# - show that a split over time bins leaks, with a score that noise alone can earn.
#
# **Builds on** notebooks 1 (what a session holds) and 2 (rasters). **Time:** about 70 minutes, 45 of them exercises.
#
# Words that you need: the *sources* are the neurons that a model reads, the *targets* those that it predicts. A
# *raster* is a plot with a mark for every spike, a row a neuron. Brain regions are named by acronyms of the Allen
# atlas: `MOs` is secondary motor cortex, where a mouse's decision to turn the wheel shows early.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import nma_seq2seq as nma

# %%
session = nma.load_session(31, fallback="simulated")
session

# %% [markdown]
# The target of the project is `MOs`. A session without it gets the region with the most neurons, so that everything
# below runs on any session.

# %%
n_neurons = session.units["region"].value_counts()
target = "MOs" if "MOs" in session.regions else n_neurons.drop("root", errors="ignore").idxmax()
print(f"target: {target}, with {n_neurons[target]} of {session.n_neurons} neurons")

# %% [markdown]
# ## What is known, and what is predicted?
#
# A session offers many pairs of "known" and "predicted". The project asks about regions, so both sides are spikes:
#
# | question | sources | targets |
# |---|---|---|
# | Question 2: can one area be predicted from other areas? | every other region | motor cortex |
# | Question 3: can a part of a region be predicted from another part? | half of motor cortex | the other half |
#
# Stimulus, response and wheel are *not* inputs. They are what you will look for in the model later (notebook 6), and
# what could explain away a connection (notebook 7).
#
# ## Pick by mouse
#
# Run the next cell and try it: change the target, tick some sources, raise the least rate, move to another trial.
# The brain, the counts and the raster follow at once. Ticking a region switches the sources to "the regions ticked
# below". It works without a mouse too: Tab moves on, Space ticks and opens a list, and numbers can be typed.

# %%
if session.origin == "simulated":
    others = {"another simulated mouse": lambda: nma.simulate_session(seed=1, n_trials=120)}
elif session.name in set(nma.list_sessions()["name"]):
    others = {"session 30": lambda: nma.load_session(30, fallback="simulated")}
else:
    others = {}
picker = nma.RegionPicker({session.name: session, **others}, target=target)
picker

# %% [markdown]
# The picker holds a value whether you have touched it or not. `picker.value` is what is chosen, `picker.dataset()`
# makes it into a dataset. If you changed something above, run the next cells again.

# %%
print(picker.value)
data = picker.dataset(seed=0)
data

# %% [markdown]
# Everything that the mouse does, code does too. This one call draws the picker's figure:

# %%
axes = nma.plots.selection(data, trial=picker.value.trial)

# %% [markdown]
# **You should see**, in the colours of the region groups, where the neurons sit, from the side and from above
# (or a note that this recording has no positions), how many there are of each region, and the spikes of one
# trial, with the targets above the black line. Some rows are nearly black and many nearly empty: firing rates differ a
# hundredfold.
#
# <details><summary><b>Think:</b> the picker refuses <code>MOs</code> as both source and target. Why, when the other
# half of <code>MOs</code> is allowed?</summary>
#
# With all of `MOs` on both sides, each neuron would find itself among its own inputs. The model would copy it, and the
# score would say nothing about the brain. In two halves no neuron is on both sides.
# </details>

# %% [markdown]
# ## Exercise 3.1 Choosing neurons (10 minutes, difficulty 1 of 3)
#
# Write the choice yourself: sources are all neurons *outside* the target region, targets those inside, and on both
# sides only neurons that fire at `min_rate_hz` or more.


# %%
@nma.exercise("3.1")
def choose_neurons(region, rates_hz, target, min_rate_hz):
    """Positions of the source and of the target neurons.

    Parameters
    ----------
    region : array of str, (neurons,)
        Each neuron's region.
    rates_hz : array, (neurons,)
        Each neuron's mean firing rate, in spikes per second (Hz).
    target : str
        The region that is predicted.
    min_rate_hz : float
        The least rate of a neuron that is kept; exactly this rate is kept.

    Returns
    -------
    source_units, target_units : arrays of int
        Positions (0 for the first neuron), ascending.
    """
    ### BEGIN SOLUTION
    active = rates_hz >= min_rate_hz
    source_units = np.flatnonzero((region != target) & active)
    target_units = np.flatnonzero((region == target) & active)
    return source_units, target_units
    ### END SOLUTION


# %% tags=["nbval-check-output"]
region = session.units["region"].to_numpy()
for least in (0, 0.5, 1, 5):
    source_units, target_units = choose_neurons(region, session.rates_hz, target, least)
    print(f"at {least} Hz or more: {len(source_units)} neurons predict {len(target_units)}")

# %% [markdown]
# **You should see**, on session 31 and on its simulated twin, 453 neurons that predict 69 in the first line. Those are
# the project's numbers: it left out nothing for its rate.
#
# What does a least rate cost? Neurons are cheap, spikes are what carries information:

# %%
ax = nma.plots.neurons_left(session, target)
# %% [markdown]
# **You should see** the solid lines (neurons) fall well before the dashed ones (spikes). At 1 Hz a good part of the
# neurons has gone, but few of the spikes.
#
# <details><summary><b>Think:</b> above, the rate was measured over all trials. Is that allowed?</summary>
#
# Strictly no. A neuron that fires in the test trials alone would be kept because of the test trials. The effect is tiny,
# but the rule costs nothing: choose by the *training* trials only. `nma.make_dataset(..., min_rate_hz=1)` splits the
# trials first and measures the rates after that.
# </details>
#
# ## Set-up A. Question 2: motor cortex from other areas

# %%
across = nma.make_dataset(session, source="other", target=target, seed=0)
print(across)
print("source counts:", across.source.shape, "(trials, time, neurons)")
print("target counts:", across.target.shape, "(trials, time, neurons)")

# %% [markdown]
# ## Set-up B. Question 3: within motor cortex
#
# The project had 34 neurons predict the other 34, of 69. One is left out, so that the halves are equal.
#
# ## Exercise 3.2 Two halves of one region (10 minutes, difficulty 1 of 3)
#
# Draw the halves at random. The order of the file follows the probe: a cut in the middle of the list would compare
# the upper with the lower part of the region.


# %%
@nma.exercise("3.2")
def halves(units, rng):
    """Two random halves of some neurons.

    Parameters
    ----------
    units : array of int, (neurons,)
        Positions of the neurons to halve.
    rng : numpy.random.Generator
        All randomness comes from it.

    Returns
    -------
    source_units, target_units : arrays of int
        As many in one as in the other, none in both; an odd neuron is left out.
    """
    ### BEGIN SOLUTION
    half = len(units) // 2
    drawn = rng.permutation(units)
    return np.sort(drawn[:half]), np.sort(drawn[half : 2 * half])
    ### END SOLUTION


# %% tags=["nbval-check-output"]
inside = np.flatnonzero(region == target)
one_half, other_half = halves(inside, np.random.default_rng(0))
print(f"{len(inside)} neurons: {len(one_half)} predict {len(other_half)}")
print("neurons on both sides:", len(np.intersect1d(one_half, other_half)))

# %% [markdown]
# In one call, with the halves drawn by `seed`:

# %%
within = nma.make_dataset(session, source="same", target=target, seed=0)
print(within)
axes = nma.plots.selection(within)

# %% [markdown]
# **You should see** one bar with two parts, source and target (black edge), and everything else grey.
#
# <details><summary><b>Think:</b> which of the two set-ups do you expect to predict better, and what would you have to
# hold equal for a fair comparison?</summary>
#
# Neighbours share inputs, so half a region is a good predictor of the other half: neuron for neuron, the best there
# is. But set-up A has many times as many sources. And the targets differ (34 of 69 neurons against all of them). A fair
# comparison takes the same targets and as many sources on both sides: that is notebook 7.
# </details>
#
# ### Neighbours on one probe
#
# A half drawn at random lies among the other half. A spike sorter may have split one cell into a unit of each, or counted
# spikes of one in the other, and then one "predicts" the other with no biology. `min_distance_um=100` is the control: the
# halves are then two ends of the region (or two probes), and sources within 100 µm of any target are left out.

# %%
rows = []
for least in (0, 100):
    for seed in range(4):
        try:
            apart = nma.make_dataset(
                session, "same", target, window=(-0.1, 0.5), min_distance_um=least, seed=seed
            )
        except ValueError as problem:
            print(f"not at {least} µm, for {problem}")
            break
        model = nma.fit_rrr(
            apart, smoothings=((3,), (6,)), ridges=(3,), ranks=(1, 3), floors=(0.1,)
        )
        rates, counts = model.predict(apart.source[apart.test]), apart.target[apart.test]
        bits = nma.bits_per_spike(rates, counts, nma.null_rates(apart, "train"))
        rows.append({"least distance (µm)": least, "sources": apart.n_sources, "bits": bits})
controlled = pd.DataFrame(rows).groupby(["least distance (µm)", "sources"])["bits"]
controlled.agg(["count", "mean", "min", "max"]).round(3)

# %% [markdown]
# A row is `count` splits, in bits per spike on test trials against the mean rate (notebook 5 derives it); bins are as long as
# in the recording, -0.1 to 0.5 s from the stimulus. If the control takes part of the score away, that part may have been the
# sorter's; but other neurons are then the targets, and there may be fewer sources. Compare the difference with the range
# between splits before you believe in either. A file without positions, such as those that hold counts and regions
# alone, cannot be controlled in this way, and the cell says so.
#
# ## Which trials? The split
#
# A model is judged on trials that it has never seen. It takes three parts:
# - **train**: weights are fitted here;
# - **validation**: choices are made here (how many latents, when to stop, how much to smooth);
# - **test** (20 %, as in the project): looked at once, for the score.
#
# Whatever is fitted, chosen, tuned or smoothed sees no test trial.
#
# ## Exercise 3.3 A split over trials (10 minutes, difficulty 1 of 3)


# %%
@nma.exercise("3.3")
def split_trials(n_trials, test_fraction, rng):
    """Positions of the train and of the test trials, drawn at random.

    Parameters
    ----------
    n_trials : int
    test_fraction : float
        Share of the trials that is held out; round(n_trials * test_fraction) of them.
    rng : numpy.random.Generator
        All randomness comes from it.

    Returns
    -------
    train, test : arrays of int
        Every trial is in one of them, once.
    """
    ### BEGIN SOLUTION
    order = rng.permutation(n_trials)
    n_test = round(n_trials * test_fraction)
    return np.sort(order[n_test:]), np.sort(order[:n_test])
    ### END SOLUTION


# %% tags=["nbval-check-output"]
train, test = split_trials(session.n_trials, 0.2, np.random.default_rng(0))
print(f"{len(train)} trials to train on, {len(test)} held out")

# %% [markdown]
# `nma.make_dataset` does this, and takes the validation trials from the rest: `across.train`, `across.validation`,
# `across.test`.
#
# ## What leaks when bins are split
#
# It is tempting to split *bins* instead: a session has hundreds of trials but tens of thousands of bins, and
# every library splits rows at random. Here are three ways to hold out a fifth, as pictures:

# %%
part = session.select(
    window=(-0.1, 0.5)
)  # seconds from stimulus onset, or as much of it as there is
n_trials, n_bins = part.n_trials, part.n_bins


def held_out(way, seed):
    """Which bins are held out, (trials, time) of True and False."""
    rng = np.random.default_rng(seed)
    if way == "bins":
        return rng.random((n_trials, n_bins)) < 0.2
    is_test = np.zeros((n_trials, n_bins), dtype=bool)
    if way == "trials":
        is_test[split_trials(n_trials, 0.2, rng)[1]] = True
    else:  # a stretch of trials that follow one another, from a random start
        size = round(n_trials * 0.2)
        start = rng.integers(n_trials - size + 1)
        is_test[start : start + size] = True
    return is_test


ways = ("bins", "trials", "a block of trials")
masks = {way: held_out(way, seed=0) for way in ways}
axes = nma.plots.held_out_bins(masks, part.bin_size, start=part.time[0])
# %% [markdown]
# **You should see** salt and pepper on the left: nearly every held-out bin has training bins just before and just after
# it, of the same trial. In the middle whole rows are held out, on the right rows that follow one another.
#
# Why would neighbours matter? Whatever drives a neuron changes slowly (over 100 ms, say), and one bin is 10 ms. What
# was true 10 ms ago is nearly true now. So a bin whose neighbours were trained on is a question whose answer has been
# seen.
#
# To *measure* that, you need inputs that cannot know anything: noise. We make as many noise channels as there are
# source neurons, each smoothed as much as the spikes are, and ask them to predict motor cortex. An honest
# score must say: nothing.

# %%
# Rates over all trials, for once, so that every split below has the same neurons.
source_units, target_units = choose_neurons(
    part.units["region"].to_numpy(), part.rates_hz, target, 0.5
)
# 500 sources are enough to show it, and a large recording would fill the memory.
source_units = np.sort(np.random.default_rng(0).permutation(source_units)[:500])
counts = part.spikes[:, :, target_units]  # (trials, time, targets)
# Smoothed over time, within each trial, by a Gaussian with a standard deviation of 8 bins (80 ms).
brain = nma.smooth(part.spikes[:, :, source_units], width=8)
noise = np.random.default_rng(0).standard_normal(brain.shape, dtype=np.float32)
noise = nma.smooth(noise, width=8)

figure, axes = plt.subplots(2, 1, figsize=(8, 3.6), sharex=True, layout="constrained")
for ax, inputs, name in zip(
    axes, (brain, noise), ("three source neurons", "three noise channels"), strict=True
):
    busiest = np.argsort(inputs.var(axis=(0, 1)))[-3:]
    ax.plot(part.time, inputs[0][:, busiest])
    ax.set(ylabel="smoothed\n(a.u.)", title=name)
axes[-1].set_xlabel("time from stimulus onset (s)")
axes = nma.plots.described(
    axes, "Three smoothed source neurons above and three smoothed noise channels below: alike."
)

# %% [markdown]
# **You should see** smooth curves in both: by eye, noise and brain signals look alike.
#
# The model is the plainest there is, *ridge regression*: each target's rate is its mean plus a weighted sum of the inputs,
# with a penalty that keeps the weights small. The penalty is fixed beforehand, so nothing is tuned on anything.


# %%
def ridge(inputs, counts, penalty=10):
    """Fit; returns a function that predicts rates (bins, targets) from inputs (bins, inputs)."""
    center, mean = inputs.mean(axis=0), counts.mean(axis=0)
    x = inputs - center
    gram = x.T @ x  # (inputs, inputs)
    gram[np.diag_indices_from(gram)] += penalty * np.trace(gram) / len(gram)
    weights = np.linalg.solve(gram, x.T @ (counts - mean).astype(x.dtype))  # (inputs, targets)
    # A weighted sum can fall below zero, a rate cannot.
    return lambda new: np.maximum(mean + (new - center) @ weights, 0.1 * mean)


# %% [markdown]
# ## Exercise 3.4 A score on what was held out (15 minutes, difficulty 3 of 3)
#
# The score is in **bits per spike**: how much better than a *null* the predicted rates explain the held-out spikes. The
# null knows each neuron's mean rate and nothing else, and is worth 0. Below 0 means worse than the mean. (Notebook 5
# derives it; here `nma.bits_per_spike(rates, counts, null)` computes it.)
#
# Write the function that fits on what is not held out, and scores on what is. Mind that the null is a model too: what
# may *it* have seen?


# %%
@nma.exercise("3.4")
def held_out_score(fit, inputs, counts, is_test):
    """Bits per spike on the held-out bins, against the mean rate.

    Parameters
    ----------
    fit : function
        `predict = fit(inputs, counts)` with inputs (bins, inputs) and counts (bins, targets);
        `predict(inputs)` then gives rates (bins, targets), in counts per bin.
    inputs : array, (trials, time, inputs)
    counts : array, (trials, time, targets)
        Spikes per bin.
    is_test : array of bool, (trials, time)
        True where held out. `inputs[is_test]` has the shape (held-out bins, inputs).

    Returns
    -------
    float
        `nma.bits_per_spike(rates, counts, null)` of the held-out bins. The null is each
        neuron's mean count in the bins that were trained on, (targets,). Rates and counts want three axes:
        `rates[None]` puts an axis of length 1 in front.
    """
    ### BEGIN SOLUTION
    train = ~is_test
    predict = fit(inputs[train], counts[train])
    rates = predict(inputs[is_test])
    null = counts[train].mean(axis=0)
    return nma.bits_per_spike(rates[None], counts[is_test][None], null)
    ### END SOLUTION


# %% [markdown]
# Now the measurement: brain and noise, three ways of holding out, five random splits of each.

# %%
rows = []
for way in ways:
    for name, inputs in (("the brain", brain), ("noise", noise)):
        for seed in range(5):
            bits = held_out_score(ridge, inputs, counts, held_out(way, seed))
            rows.append({"held out": way, "input": name, "seed": seed, "bits_per_spike": bits})
scores = pd.DataFrame(rows)
ax = nma.plots.leak(scores)
scores.groupby(["held out", "input"], sort=False)["bits_per_spike"].agg(
    ["mean", "min", "max"]
).round(3)

# %% [markdown]
# A point is one random split (five each, with their range in the table); bins are as long as in the recording, the null is
# the mean rate over the bins trained on.
#
# **You should see** that noise earns bits when bins are split, and none (a little less than none: it overfits)
# when trials are. The noise has learned nothing about the brain: it has enough channels to tell *which trial and when*,
# and the neighbouring bins give the answer away. The brain's score may be inflated in the same way, and nothing in
# the score itself says by how much.

# %% tags=["nbval-check-output"]
mean = scores.groupby(["held out", "input"])["bits_per_spike"].mean()
print("noise has a positive score when bins are split:  ", bool(mean["bins", "noise"] > 0.01))
print("noise has a positive score when trials are split:", bool(mean["trials", "noise"] > 0.01))

# %% [markdown]
# <details><summary><b>Think:</b> would a network with memory, such as an LSTM, leak more or less than ridge regression?</summary>
#
# More. It sees the whole trial, and with thousands of weights it can recognise a training trial from a few bins. And
# the damage grows with everything that widens a bin's neighbourhood: longer smoothing, slower signals, smoothed *targets*.
# </details>
#
# <details><summary><b>Think:</b> and a split over trials: does nothing leak there?</summary>
#
# Something can. Engagement, arousal and the drift of the probe change over minutes, so trial 100 resembles trial 101. A
# model may learn "what this part of the session is like". Compare "trials" with "a block of trials" in the figure: if
# the brain's score is lower for blocks, part of it was slow drift. (On the simulated twin the difference is small
# beside the spread between splits, on recorded sessions often larger.) Blocks are not unfair, they ask a harder question: does it hold in another part
# of the session? `nma.make_dataset(..., split="blocked")` makes them.
# </details>
#
# <details><summary><b>Think:</b> name three more ways in which test trials can reach a model, none of which is called
# "training".</summary>
#
# Z-scoring with the mean and standard deviation of all trials; a PCA on all trials before the split; stopping the training where the *test* loss is
# lowest; choosing, of five architectures, the one that is best on the test trials; dropping neurons
# or trials that "do not work".
# </details>

# %% [markdown]
# ## Summary
#
# - Sources, targets and trials are chosen before anything is fitted, and no neuron is on both sides.
# - Set-up A: all other regions predict motor cortex. Set-up B: half of motor cortex predicts the other half.
# - A least rate drops neurons, hardly spikes; measure it on the training trials.
# - Split trials, not bins. With bins, noise "predicts" the brain. When you read a score, ask first what was held out.
#
# `across` and `within` are the two datasets of the project; notebook 4 builds the network for them and notebook 5
# fits it.
#
# **Take it further.** How slow must a signal be to leak? Make noise with `width` from 0.5 to 20 bins and plot the
# score under a split over bins against it. Then leave a gap: hold out bins, and throw away the training bins within
# 5, 10, 20 of them. How wide must the gap be until noise earns nothing, and how much data does that cost?

# ## Further reading
#
# - **Held-out neurons, and bits per spike as a benchmark:** Pei et al. (2021), *Neural Latents Benchmark '21*, [arXiv:2109.04463](https://arxiv.org/abs/2109.04463).

# %% [markdown]
# ## Quick questions (3 minutes)
#
# Choose an answer, and read why it is right or wrong. Without a mouse: Tab moves on, Space chooses.

# %% tags=["hide-input"]
# @title Quick questions
nma.quiz(
    {
        "Why may no neuron be both source and target?": {
            "The matrix could not be inverted": (
                False,
                "A ridge penalty would take care of that. The score would still be worthless.",
            ),
            "It would count twice in the loss": (
                False,
                "It would stand in the loss once, as target. The trouble is that it is its own input.",
            ),
            "The model would copy it, and the score would say nothing": (
                True,
                "A neuron predicts itself perfectly.",
            ),
        },
        "Smoothed noise earns bits per spike when bins are split at random. Why?": {
            "the neighbours of a held-out bin were trained on": (
                True,
                "The noise tells which trial and when, and the bins beside give the answer away.",
            ),
            "noise correlates with neurons by chance": (
                False,
                "By chance it would fall as often below as above, and be found out on held-out data.",
            ),
            "the penalty was too small": (
                False,
                "A larger one would weaken the effect, and would not make the question honest.",
            ),
        },
        "A minimum rate of 1 Hz is measured on all trials. What is wrong?": {
            "Test trials take part in choosing the neurons": (
                True,
                "The effect is small, and the rule costs nothing: measure on training trials.",
            ),
            "1 Hz is too much": (False, "That is a matter of how many neurons you want to keep."),
            "Rates should be measured before the stimulus": (
                False,
                "One could, but it is the test trials that are the trouble.",
            ),
        },
        "The brain's score is lower when a block of trials is held out than when single trials are. That hints at": {
            "a mistake in the split": (False, "Both splits hold out whole trials."),
            "too few neurons": (False, "Both splits have the same neurons."),
            "slow drift that the model uses": (
                True,
                "Neighbouring trials are alike: the mouse tires, the probe moves. A block is far from its training trials.",
            ),
        },
    }
)

# %%
nma.progress()
