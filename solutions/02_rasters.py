# %% [markdown]
# # 2. Rasters, averages, and are regions alike?
#
# Notebook 1 looked at what was recorded. Now you look at the spikes: of one neuron over all trials, of all neurons in one trial, averaged over trials, and as one number a trial and region. At the end stands an answer to the first question of the project.
#
# **By the end of this notebook you can**
# - read a raster plot, and make a PSTH from it;
# - align activity to an event that comes at another time in each trial;
# - sort neurons so that structure shows, and tell it from structure that the sorting made;
# - measure how similar regions are, and say with a shuffle how much of it counts.
#
# **Builds on:** notebook 1 (bins, rates, event times).
# **Time:** about 70 minutes, with four exercises.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import nma_seq2seq as nma

plt.rcParams["figure.dpi"] = 80  # rasters are full of small ticks: keeps the notebook small

# %%
session = nma.load_session(31, fallback="simulated")
session

# %% [markdown]
# The region we look at most closely is secondary motor cortex, *MOs*, as in the project. Where a session has none, we take its largest region.

# %%
sizes = session.units["region"].value_counts().drop("root", errors="ignore")
target = "MOs" if "MOs" in session.regions else sizes.index[0]
print(f"target region: {target}, {session.region_mask(target).sum()} neurons")

# %% [markdown]
# ## One neuron over trials
#
# A *raster* has one row a trial and a tick wherever there was a spike. We take the neuron of the target region whose mean rate changes most within the trial, measured against what chance would do (for a Poisson count the standard deviation is the root of the mean).

# %%
mean_count = session.rebin(5).spikes.mean(axis=0)  # (time, neurons), bins of 50 ms
change = mean_count.std(axis=0) / np.sqrt(mean_count.mean(axis=0) + 0.01)
neuron = int(np.argmax(np.where(session.region_mask(target), change, 0)))
axes = nma.plots.raster(session, neuron)
# %% [markdown]
# You should see that no two trials are alike, and that the ticks are nevertheless denser at some times than at others. The curve below the raster is their average over trials. If the session has event times, coloured dots mark them: the go cue and the feedback come at other times in each trial.
#
# Sorting the rows shows what a neuron goes along with. Here by the response and then by the time of the movement, or by the contrast where responses are not known.

# %%
by = next((c for c in ("response", "contrast_right") if c in session.trials), None)
axes = nma.plots.raster(session, neuron, by=by)

# %% [markdown]
# You should see the same ticks in another order of rows, and bands that differ in density.
#
# The lower curves have a name: *PSTH*, peri-stimulus time histogram, the mean rate at each time around the stimulus. The shaded bands are 95 % intervals over trials. Both are smoothed with a Gaussian of 30 ms, for the eye.
#
# ## Exercise 2.1 A PSTH (5 minutes, difficulty 1 of 3)
#
# Average the counts of some of the trials, and turn them into Hz. Do not smooth.


# %%
@nma.exercise("2.1")
def psth(counts, trials, bin_size):
    """Mean rate of each neuron at each time, over some trials.

    counts: array (trials, time, neurons), spikes per bin
    trials: array (trials,), bool: which of them to average
    bin_size: length of a bin in seconds
    returns: array (time, neurons), in Hz
    """
    ### BEGIN SOLUTION
    return counts[trials].mean(axis=0) / bin_size
    ### END SOLUTION


# %%
inside = session.region_mask(target)
after = (session.time >= 0) & (session.time < 0.4)
has_contrast = {"contrast_left", "contrast_right"} <= set(session.trials)
if has_contrast:
    contrast = session.trials["contrast_right"].to_numpy()
    seen, unseen = (
        psth(session.spikes, trials, session.bin_size)[:, inside].mean(axis=1)
        for trials in (contrast == contrast.max(), contrast == 0)
    )  # (time,) each
else:
    print("This recording has no contrasts: what compares gratings is left out.")

# %% tags=["nbval-check-output"]
if has_contrast:
    print(
        f"{target}, 0 to 0.4 s: {seen[after].mean():.1f} Hz with a full right grating, {unseen[after].mean():.1f} Hz with none"
    )

# %% [markdown]
# Now for a whole region at once, a line for each contrast. We compare the target with the region that responds most strongly to a right grating.

# %% tags=["real-mouse"]
if has_contrast:
    bright, dark = (
        psth(session.spikes, trials, session.bin_size)[after].mean(axis=0)
        for trials in (contrast == contrast.max(), contrast == 0)
    )  # (neurons,) each
    response = pd.Series((bright - dark) / np.sqrt(bright + dark + 0.1)).groupby(
        session.units["region"].to_numpy()
    )
    others = response.mean().drop(["root", target], errors="ignore")
    strongest = others.idxmax() if len(others) else target

    figure, axes = plt.subplots(1, 2, figsize=(9.2, 3.4), layout="constrained")
    for ax, region in zip(axes, (strongest, target), strict=True):
        nma.plots.psth(session, region, by="contrast_right", window=(-0.2, 0.8), ax=ax)
    axes[0].get_legend().remove()

# %% [markdown]
# You should see the left region respond soon after the stimulus, and more strongly to the two high contrasts than to a low one or none. A motor region, if that is your target, follows later, and its lines are less clearly in order: it need not care how bright a grating is.
#
# <details><summary><b>Think:</b> we picked the region for its response, and then show that it responds. What is wrong with that, and when would it matter?</summary>
#
# The same trials were used to choose and to show. With many regions, the strongest of them looks strong even if none responds: the winner's luck. As an illustration that is all right. As a result it is not: choose on one half of the trials, and show the other. The next section does so.
# </details>

# %% [markdown]
# ## All neurons of the session
#
# The project drew all neurons of session 31 at once. In one trial, in the order of the file:

# %%
moved = session.trials["reaction_time"].notna() if "reaction_time" in session.trials else None
trial = 0 if moved is None else int(np.flatnonzero(moved)[0])
ax = nma.plots.population_raster(session, trial)
# %% [markdown]
# You should see a mist. Now the same spikes, with the neurons sorted by region, and within each region by the **first principal component**: the one time course which, weighted up or down for each neuron, explains the most of all neurons' mean time courses. Neurons with a large positive weight come first.

# %% tags=["real-mouse"]
order = nma.plots.neuron_order(session, by="component")
ax = nma.plots.population_raster(session, trial, order)
# %% [markdown]
# You should see the regions as coloured bands. Look for a stretch of time in which the upper rows of several bands get denser at once. In a single trial this is still hard to see.
#
# Averages over trials show it better. But careful: **sorting makes patterns**. Sort pure noise by a component found in that noise, and it will show a neat slope from the first row to the last. So the order is found on one half of the trials (the even ones), and the other half is drawn.

# %%
even = np.arange(session.n_trials) % 2 == 0
order = nma.plots.neuron_order(session, by="component", trials=even)

figure, axes = plt.subplots(1, 2, figsize=(9.2, 4.8), layout="constrained", sharex=True)
nma.plots.activity_map(session, trials=~even, ax=axes[0], colorbar=False)
nma.plots.activity_map(session, order, trials=~even, ax=axes[1])
for ax, title in zip(axes, ("order of the file", "sorted on the other half"), strict=True):
    ax.set_title(title)
# %% [markdown]
# You should see the same rows left and right. On the right, many bands begin with neurons that become active (orange) at about the same time, and some end with neurons that fall silent (purple). As the order comes from other trials, this is no artefact of the sorting.
#
# What happens without that care? The next cell sorts all neurons by the **time of their peak**, found on the even trials, and draws the map twice: from the same trials, and from the other half.

# %%
coarse = session.rebin(5)
peak = psth(coarse.spikes, even, coarse.bin_size).argmax(axis=0)  # (neurons,), bins of 50 ms
by_peak = np.argsort(peak, kind="stable")

figure, axes = plt.subplots(1, 2, figsize=(9.2, 4.4), layout="constrained", sharex=True)
nma.plots.activity_map(session, by_peak, trials=even, ax=axes[0], colorbar=False)
nma.plots.activity_map(session, by_peak, trials=~even, ax=axes[1])
for ax, title in zip(axes, ("the trials that were sorted by", "the other half"), strict=True):
    ax.set_title(title)

# %% [markdown]
# You should see a clean diagonal on the left, as if the neurons fired one after the other from the first moment to the last. On the right most of it is gone. What is left of it is real, and lies where something happens in the trial. A diagonal like the left one has been taken for a "sequence" more than once.

# %% [markdown]
# ## Aligning to the movement
#
# A mouse moves at another time in each trial. In an average around the stimulus, whatever belongs to the movement is smeared out over half a second. So we cut a window around the movement out of each trial, and average those.
#
# ## Exercise 2.2 Aligning to an event (15 minutes, difficulty 3 of 3)
#
# Cut `before` bins before the event's bin and `after` bins from it on (the event's bin is the first of these) out of each trial. Leave a trial out if it has no event (NaN), or if its window does not lie wholly within the recording; and say which trials you kept.


# %%
@nma.exercise("2.2")
def align(counts, event_bin, before, after):
    """Windows around an event.

    counts: array (trials, time, neurons), spikes per bin
    event_bin: array (trials,), bin of the event as a float, NaN for none
    before, after: numbers of bins
    returns: array (kept trials, before + after, neurons);
             which trials are kept, array (trials,), bool
    """
    ### BEGIN SOLUTION
    n_bins = counts.shape[1]
    kept = (event_bin - before >= 0) & (event_bin + after <= n_bins)  # False where NaN
    pieces = [
        counts[trial, int(event_bin[trial]) - before : int(event_bin[trial]) + after]
        for trial in np.flatnonzero(kept)
    ]
    return np.stack(pieces), kept
    ### END SOLUTION


# %%
has_movement = "reaction_time" in session.trials
if has_movement:
    before = round(0.3 / session.bin_size)
    around, kept = align(
        session.spikes, session.event_bin("reaction_time"), before, round(0.5 / session.bin_size)
    )
    course = around[:, :, inside].mean(axis=(0, 2)) / session.bin_size  # (time,)
    print(
        f"{kept.sum()} of {session.n_trials} trials; {target} is busiest {(course.argmax() - before) * session.bin_size * 1000:.0f} ms from the movement"
    )
else:
    print("This session has no movement times, so there is nothing to align to.")

# %%
if has_movement:
    kinds = "response" if "response" in session.trials else None
    figure, axes = plt.subplots(1, 2, figsize=(9.2, 3.4), layout="constrained", sharey=True)
    nma.plots.psth(session, target, by=kinds, window=(-0.3, 0.8), ax=axes[0])
    nma.plots.psth(session, target, by=kinds, align="reaction_time", window=(-0.3, 0.5), ax=axes[1])
    if kinds:
        lines = axes[0].get_legend_handles_labels()
        for ax in axes:
            ax.get_legend().remove()
        figure.legend(*lines, title="response", loc="outside right upper", frameon=False)

# %% [markdown]
# If the session has movements, you should see a higher peak on the right, around the movement, than on the left, around the stimulus; and that the rise begins **before** the wheel turns. By how much, this figure cannot say: each bin is an average over some 40 ms to either side of it (a Gaussian of 20 ms), so spikes at the movement reach back to before it. Draw it with `smooth=0` to see what remains. No-go trials are missing on the right: they have no movement.
#
# <details><summary><b>Think:</b> activity that starts before the movement: does it cause the movement?</summary>
#
# It comes before, so it may take part. But whatever else comes before the movement, such as the grating itself, is as good a candidate, and the region may just be told what was decided elsewhere. An average over trials cannot decide that.
# </details>

# %% [markdown]
# ## Question 1: are activities in different areas similar during a certain process?
#
# What could *similar* mean? Here: **if one region is more active than usual in a trial, is the other one too?** For each process (a *phase* of the trial) we count every neuron's spikes in 0.4 s, which gives one number a trial and neuron.


# %%
def phases(session):
    """Name of a phase -> spike counts (trials, neurons) in 0.4 s, and which trials they are of."""
    found = {}
    everything = np.ones(session.n_trials, bool)
    for name, window in {"before the stimulus": (-0.4, 0.0), "stimulus": (0.0, 0.4)}.items():
        if session.time[0] <= window[0] + 1e-6:
            found[name] = session.select(window=window).spikes.sum(axis=1), everything
    if "reaction_time" in session.trials:
        bins = round(0.2 / session.bin_size)
        around, kept = align(session.spikes, session.event_bin("reaction_time"), bins, bins)
        found["movement"] = around.sum(axis=1), kept
    return found


table = session.units["region"].value_counts()
names = [r for r in session.regions if table[r] >= 10 and r != "root"]
print(f"{len(names)} regions with 10 neurons or more: {', '.join(names)}")
for name, (counts, _) in phases(session).items():
    print(f"{name}: {len(counts)} trials x {counts.shape[1]} neurons")

# %% [markdown]
# ## Exercise 2.3 The region similarity matrix (15 minutes, difficulty 2 of 3)
#
# Three steps:
# 1. *z-score* each neuron over the trials: take away its mean and divide by its standard deviation (numpy's default, `ddof=0`), so that busy neurons do not drown the others. A neuron that never fires gets zeros.
# 2. A region's activity in a trial is the mean z-score of its neurons.
# 3. The similarity of two regions is the correlation of their activities over trials.


# %%
@nma.exercise("2.3")
def region_similarity(counts, region, names):
    """Activity of regions in each trial, and their correlations over trials.

    counts: array (trials, neurons), spikes in a phase of the trial
    region: array (neurons,) of acronyms
    names: list of the regions to compare; the results are in this order
    returns: activity, array (trials, regions);
             similarity, array (regions, regions), correlations
    """
    ### BEGIN SOLUTION
    std = counts.std(axis=0)
    z = (counts - counts.mean(axis=0)) / np.where(std > 0, std, 1)
    activity = np.stack([z[:, region == name].mean(axis=1) for name in names], axis=1)
    return activity, np.corrcoef(activity.T)
    ### END SOLUTION


# %%
region = session.units["region"].to_numpy()
compared = phases(session) if len(names) > 1 else {}
if not compared:
    print("Question 1 compares regions, and this recording has no two with 10 neurons: left out.")
activity, similarity = {}, {}
for name, (counts, _) in compared.items():
    activity[name], matrix = region_similarity(counts, region, names)
    similarity[name] = pd.DataFrame(matrix, index=names, columns=names)

if compared:
    axes = nma.plots.similarity(similarity)

# %% [markdown]
# You should see a patchwork of correlations, one matrix for each phase that the session has, most of them positive (orange).
#
# But how large a correlation would there be between regions that have **nothing** to do with each other? With two hundred trials chance alone gives correlations of 0.1 or so, and among dozens of pairs some are bound to be larger.
#
# ## Exercise 2.4 What a shuffle gives (15 minutes, difficulty 3 of 3)
#
# Give the trials of each region a random order of its own. That breaks every link between regions, and leaves each region's own values as they are. Then take the **largest size** of a correlation among all pairs of different regions. Do that many times: this is the *null distribution* of the largest correlation. A real correlation above 95 % of it is one that chance would produce in *any* pair with a probability of 5 % at most.


# %%
@nma.exercise("2.4")
def shuffled_maxima(activity, n_shuffles, seed):
    """Largest absolute correlation between two regions, when nothing links them.

    activity: array (trials, regions)
    n_shuffles: how often to shuffle
    seed: for np.random.default_rng
    returns: array (n_shuffles,)
    """
    ### BEGIN SOLUTION
    rng = np.random.default_rng(seed)
    n_regions = activity.shape[1]
    off_diagonal = ~np.eye(n_regions, dtype=bool)
    maxima = []
    for _ in range(n_shuffles):
        shuffled = np.stack([rng.permutation(activity[:, r]) for r in range(n_regions)], axis=1)
        r = np.corrcoef(shuffled.T)
        maxima.append(np.abs(r[off_diagonal]).max())
    return np.array(maxima)
    ### END SOLUTION


# %% tags=["real-mouse"]
def above(similarity, threshold):
    """Fraction of the pairs of regions whose correlation is larger in size than the threshold."""
    pairs = np.abs(similarity.to_numpy()[np.triu_indices(len(similarity), k=1)])
    return (pairs > threshold).mean()


thresholds = {
    name: np.quantile(shuffled_maxima(a, 500, seed=0), 0.95) for name, a in activity.items()
}
for name, threshold in thresholds.items():
    print(
        f"{name}: null |r| up to {threshold:.2f}, exceeded by {above(similarity[name], threshold):.0%} of the pairs"
    )
if compared:
    axes = nma.plots.similarity(similarity, thresholds)
# %% [markdown]
# You should see part of the cells turn white: what is left exceeds the null (500 shuffles of the trials, 95 %, the largest of all pairs; counts in 0.4 s). If the session has the phase before the stimulus, compare it with the others. Mind that the phases are not on equal terms: the one around movement has only the trials with a movement, so its threshold is higher, and it overlaps the one after the stimulus. Compare the correlations themselves, not only which cells are white.
#
# ### What the shuffle does not tell
#
# "More than chance" is a low bar. Two regions that both respond to the right grating go up and down together from trial to trial for that reason alone. We take out this *shared stimulus drive*: from each region's activity, subtract its mean over the trials with the same two contrasts. What remains are called *noise correlations*.

# %%
condition = [session.trials[c].to_numpy() for c in session.trials if c.startswith("contrast_")]
if not condition:
    print("This recording has no contrasts, so no drive of theirs can be taken out.")
residual, rest = {}, {}
for name, (_, kept) in compared.items() if condition else ():
    values = pd.DataFrame(activity[name], columns=names)
    residual[name] = values - values.groupby([c[kept] for c in condition]).transform("mean")
    rest[name] = residual[name].corr()

rest_thresholds = {
    name: np.quantile(shuffled_maxima(r.to_numpy(), 500, seed=0), 0.95)
    for name, r in residual.items()
}
if rest:
    axes = nma.plots.similarity(rest, rest_thresholds)
pd.DataFrame(
    {
        "pairs above the null": {n: above(similarity[n], thresholds[n]) for n in similarity},
        "without the stimulus": {n: above(rest[n], rest_thresholds[n]) for n in rest},
        "median r": {
            n: similarity[n].to_numpy()[np.triu_indices(len(names), 1)] for n in similarity
        },
        "median r without the stimulus": {
            n: rest[n].to_numpy()[np.triu_indices(len(names), 1)] for n in rest
        },
    }
).map(np.median).round(2)

# %% [markdown]
# You should see that taking out the stimulus changes some of the cells after the stimulus and hardly any before it, and that many correlations stay. So regions share more than the grating: whether the mouse moves, how *engaged* it is (at work, or drowsy and idle), and perhaps what they send each other.
#
# **Answer to question 1.** In a given phase, many pairs of regions are more similar than the shuffle allows, and not only because both see the same grating. How many, the table says.
#
# <details><summary><b>Think:</b> over a session the mouse gets tired, and many regions slowly change. Is our shuffle fair to that?</summary>
#
# No. Two regions that drift, each for reasons of its own, correlate over trials: neighbouring trials are alike, so there are fewer independent ones than trials. The shuffle destroys the drift along with the link, and takes every trial as independent. Its threshold is therefore too low for slow changes. "Take it further" mends a part of it.
# </details>
#
# <details><summary><b>Think:</b> two regions with a correlation of zero: do they have nothing in common?</summary>
#
# They may. We averaged all neurons of a region. If half of them go up with a left choice and the other half down, the mean does not move, though each neuron knows the choice. A model that weighs neurons one by one can find that. This is what the rest of the course does.
# </details>

# %% [markdown]
# ## Summary
#
# - A raster shows every spike; a PSTH is its average over trials. Which trials, which bins, which smoothing: say so.
# - Align to the event that the question is about. What belongs to the movement shows best around the movement.
# - Sorting and choosing make patterns. Sort on some trials, and look at others.
# - A correlation means something only beside a null. A shuffle over trials answers "more than chance?"; taking out the stimulus answers "more than the stimulus?". They are different questions.
#
# **Next:** notebook 3 chooses the neurons for the two prediction tasks, and shows how a careless split of the data leaks.
#
# ## Take it further
#
# Write a null that keeps each region's slow drift: instead of a random order, roll the trials of each region in a circle by a random number of trials (`np.roll`). Is the 95 % threshold higher than that of the shuffle, and in which phase most of all? Then draw the fraction of pairs above either null for windows of 0.2 s that slide through the trial. When do regions become similar, and does it depend on whether the response was correct? (A circular shift is no cure for everything: Harris 2020 shows drifts that fool it.)
#
# ## Further reading
#
# - **Correlations between neurons, and what moves them:** Cohen & Kohn (2011), Nature Neuroscience 14: 811-819, [doi:10.1038/nn.2842](https://doi.org/10.1038/nn.2842).
# - **Drift that looks like a link:** Harris (2020), *Nonsense correlations in neuroscience*, bioRxiv, [doi:10.1101/2020.11.29.402719](https://doi.org/10.1101/2020.11.29.402719).
# - **How movement reaches the whole cortex:** Musall et al. (2019), Nature Neuroscience 22: 1677-1686, [doi:10.1038/s41593-019-0502-4](https://doi.org/10.1038/s41593-019-0502-4).

# %% [markdown]
# ## Quick questions (3 minutes)
#
# Choose an answer, and read why it is right or wrong. Without a mouse: Tab moves on, Space chooses.

# %% tags=["hide-input"]
# @title Quick questions
nma.quiz(
    {
        "You sort neurons by the time of their peak and draw the same trials. You see a clean diagonal. It shows": {
            "that the neurons fire in sequence": (
                False,
                "Noise, sorted by its own peaks, gives the same diagonal.",
            ),
            "that the peaks are significant": (
                False,
                "No test was made, and the sorting would make any peak stand in line.",
            ),
            "nothing yet": (
                True,
                "Sort on one half of the trials and draw the other: what stays is real.",
            ),
        },
        "Activity rises 100 ms before the wheel turns, in a PSTH smoothed with a Gaussian of 30 ms. What may the smoothing have done?": {
            "moved the rise to an earlier time": (
                True,
                "By up to two or three times 30 ms. Smooth less, or only from the past, before you name a time.",
            ),
            "nothing, it only takes noise away": (
                False,
                "The Gaussian takes in bins after the one that it writes, so what comes later reaches back.",
            ),
            "moved it to a later time": (
                False,
                "A Gaussian that looks to both sides makes a rise begin earlier, not later.",
            ),
        },
        "Two regions' activities correlate at 0.15 over 250 trials. Is that much?": {
            "yes, it is above 0": (
                False,
                "Chance alone gives correlations of 0.1 or so with that many trials.",
            ),
            "that depends on what the largest of all shuffled pairs reaches": (
                True,
                "This is what exercise 2.4 measures.",
            ),
            "yes, if p is below 0.05 for this pair": (
                False,
                "Among dozens of pairs a few pass 0.05 by chance. The largest of all pairs is what to compare with.",
            ),
        },
        "After the stimulus is taken out, most correlations stay. So the regions are connected.": {
            "true": (False, "Movement and wakefulness reach both as well, and were not taken out."),
            "false": (
                True,
                "They share more than the stimulus. What that is, a correlation does not say.",
            ),
        },
    }
)

# %%
nma.progress()
