# %% [markdown]
# # 7. Who predicts whom: a map of regions
#
# So far one region was the target. Now every region predicts every other, one pair at a time. The result is a map that
# looks very much like a map of connections. It is not one, and most of this notebook is about what stands between the
# two: how many neurons were used, what both regions saw, and what "predicts" means in which direction.
#
# **By the end you can**
# - compare regions fairly, with as many neurons on each side;
# - build a control that keeps what the stimulus does and destroys the rest;
# - read a map of predictions, its strong entries and its asymmetry;
# - say what may be called connectivity and what may not.
#
# **Builds on** notebook 3 (sources, targets, splits) and notebook 5 (bits per spike, reduced-rank regression).
# **Time:** about 80 minutes, 45 of them exercises.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import display

import nma_seq2seq as nma

# %%
session = nma.load_session(31, fallback="simulated")
session = session.select(window=(-0.1, 0.5))  # seconds from stimulus onset, or as much as there is
n_neurons = session.units["region"].value_counts()
region = session.units["region"].to_numpy()
target = "MOs" if "MOs" in session.regions else n_neurons.drop("root", errors="ignore").idxmax()
print(n_neurons.to_dict())
sizes = n_neurons.drop("root", errors="ignore")
N = int(min(15, sizes.nlargest(2).min() // 2))  # neurons that are drawn of a region

# %% [markdown]
# ## The goal: how does one area's information predict another's?
#
# This is where the project wanted to arrive: to learn about the brain's connectivity. The score is, as before, **bits per spike** on held-out trials: how much better the predicted rates explain the spikes
# than each neuron's mean rate over the training trials does (the *null*, worth 0). Bins are 10 ms, the model is the
# reduced-rank regression of notebook 5. It is quick and hard to beat, and a map needs hundreds of fits.
#
# ## Why the numbers of neurons must match
#
# Take one target and three source regions, and give the model more and more neurons of each.

# %%
QUICK = dict(smoothings=((3,), (6,), (12,)), ridges=(1, 10), ranks=(1, 2, 3, 5, 8), floors=(0.1,))
targets = np.flatnonzero(region == target)
parts = nma.split_trials(session.n_trials, seed=0)  # train, validation, test
sources = n_neurons.drop([target, "root"], errors="ignore").index[:3]

rows = []
for source in sources:
    units = np.flatnonzero(region == source)
    for n in [n for n in (3, 6, 12, 24, 48) if n <= len(units)]:
        for draw in range(2):
            some = np.random.default_rng(draw).permutation(units)[:n]
            data = nma.dataset_of_units(session, some, targets, parts, source, target)
            score = nma.score({"rrr": nma.fit_rrr(data, **QUICK)}, data, n_resamples=1)
            bits = score.loc["rrr", "bits_per_spike"]
            rows.append({"source": source, "n_sources": n, "bits_per_spike": bits})
by_number = pd.DataFrame(rows)
ax = nma.plots.neuron_numbers(by_number)
title = ax.set_title(f"predicting {target}")

# %% [markdown]
# **You should see** curves that climb with the number of neurons and have not levelled off at the end. A pale mark is
# one random draw of neurons, one split of the trials; the line is the mean of two.
#
# So a region can look like a strong partner because the probe happened to pass through more of it. Number is not the
# only nuisance (busy neurons carry more spikes to predict from), but it is the largest and the easiest to remove: draw
# as many neurons from each region.
#
# ## Exercise 7.1 Matched subsampling (10 minutes, difficulty 2 of 3)
#
# A region may also predict *itself*: one part of it the other, as in notebook 3. Then the two draws must have no neuron
# in common.


# %%
@nma.exercise("7.1")
def matched_draw(region, source, target, n, rng):
    """Positions of n source and n target neurons, none in both.

    Parameters
    ----------
    region : array of str, (neurons,)
        Each neuron's region.
    source, target : str
        Two regions, or twice the same.
    n : int
        Neurons on each side; every region has enough.
    rng : numpy.random.Generator
        All randomness comes from it.

    Returns
    -------
    source_units, target_units : arrays of int, (n,)
        Positions among all neurons, drawn at random, no neuron twice.
    """
    ### BEGIN SOLUTION
    target_units = rng.choice(np.flatnonzero(region == target), n, replace=False)
    left = np.setdiff1d(np.flatnonzero(region == source), target_units)
    source_units = rng.choice(left, n, replace=False)
    return source_units, target_units
    ### END SOLUTION


# %% tags=["nbval-check-output"]
for source in (sources[0], target):
    source_units, target_units = matched_draw(region, source, target, N, np.random.default_rng(0))
    common = len(np.intersect1d(source_units, target_units))
    print(
        f"{source} -> {target}: {len(source_units)} predict {len(target_units)}, {common} in common"
    )

# %% [markdown]
# <details><summary><b>Think:</b> why draw several times, and what does the spread over draws not tell you?</summary>
#
# Fifteen neurons are a small sample of a region: another fifteen give another score. The spread over draws says how much
# that matters. It does not say how another *mouse* would differ: all draws are of one session. What you claim about
# mouse brains needs mice as its samples (see the end).
# </details>
#
# ## What shared stimulus drive does
#
# Suppose that two regions have no connection whatever, and a grating on the screen makes both fire. Then one predicts
# the other, on held-out trials, without a leak: from the spikes of the first you read that the grating is there, and
# that tells you about the second. The prediction is real. A connection does not follow.
#
# The control: keep the stimulus, break the trial. Give every trial the *sources of another trial with the same
# stimulus*. What the stimulus does is still there; what the two regions shared in this one trial is gone. A score that
# survives is stimulus; what is lost was shared within single trials.
#
# ## Exercise 7.2 The shuffle control (15 minutes, difficulty 2 of 3)
#
# Mind one trap: `rng.permutation` leaves, on average, one element where it is, however many there are. With
# many conditions of a few trials each, that is a good part of all trials.


# %%
@nma.exercise("7.2")
def shuffle_within(condition, rng):
    """An order of the trials in which each is replaced by another one of its condition.

    Parameters
    ----------
    condition : array of int, (trials,)
        The stimulus of each trial, numbered.
    rng : numpy.random.Generator
        All randomness comes from it.

    Returns
    -------
    order : array of int, (trials,)
        Every trial once, and `condition[order]` equals `condition`. No trial stays at its own
        place, unless it is the only one of its condition.
    """
    ### BEGIN SOLUTION
    order = np.arange(len(condition))
    for value in np.unique(condition):
        alike = rng.permutation(np.flatnonzero(condition == value))
        order[alike] = np.roll(alike, 1)
    return order
    ### END SOLUTION


# %%
contrasts = [c for c in ("contrast_left", "contrast_right") if c in session.trials]
if contrasts:
    condition = session.trials.groupby(contrasts).ngroup().to_numpy()
    order = shuffle_within(condition, np.random.default_rng(0))
    plain = np.random.default_rng(0).permutation(session.n_trials)
    print(f"{condition.max() + 1} stimuli in {session.n_trials} trials")
    print("trials that got another stimulus:", int((condition[order] != condition).sum()))
    print("trials that kept their own sources:", int((order == np.arange(len(order))).sum()))
else:
    print("This session has no contrasts, so the control is left out below.")

# %% [markdown]
# In a model the shuffle must respect the split as well: a test trial may not get the sources of a training trial.
# `nma.shuffle_within_condition(data)` shuffles within train, validation and test, each by itself. The model is *fitted
# again* on shuffled trials: asked what the stimulus alone can do, it must be allowed to learn just that.
#
# ## The map
#
# `nma.region_map` does this for all pairs: a matched draw of every region, a split, a fit, a shuffled fit, and that
# again for each resample. One region's draw is the target of all sources and the source of all targets, so that
# A -> B and B -> A differ in direction alone.

# %%
mapped = nma.regions.in_order(sizes[sizes >= 2 * N].nlargest(12).index)
if len(mapped) < (sizes >= 2 * N).sum():
    print(f"The 12 largest of {(sizes >= 2 * N).sum()} regions: all pairs of more would take long.")
table = nma.region_map(session, mapped, n_neurons=N, n_resamples=2, seed=0, progress=False)
print(
    f"{len(table)} rows: {table['source'].nunique()} regions with at least {2 * N} neurons, 2 resamples"
)
table.head(3)

# %% [markdown]
# ## Exercise 7.3 From rows to a matrix (5 minutes, difficulty 1 of 3)


# %%
@nma.exercise("7.3")
def as_matrix(table, value):
    """Mean over resamples, sources as rows and targets as columns.

    Parameters
    ----------
    table : DataFrame
        Columns `source`, `target`, `resample` and scores; one row for each combination.
    value : str
        The column that is wanted, such as "bits_per_spike".

    Returns
    -------
    DataFrame, (sources, targets)
    """
    ### BEGIN SOLUTION
    return table.pivot_table(index="source", columns="target", values=value, aggfunc="mean")
    ### END SOLUTION


# %% tags=["real-mouse"]
predicted = as_matrix(table, "bits_per_spike")
ax = nma.plots.region_matrix(predicted, "bits per spike (null: mean rate)")

# %% [markdown]
# A row is a region that predicts, a column one that is predicted; framed are the regions that predict themselves. Names
# have the colours of their groups. Bins are 10 ms, the null is each target neuron's mean training rate, the number is the
# mean of two resamples.
#
# **You should see** three things: bright and dark *columns* (some targets are predicted by nearly everything), the frame
# among the brightest of its column or close to it, and groups of regions that predict each other.
#
# <details><summary><b>Think:</b> a whole column is bright. What is special about that region?</summary>
#
# That its neurons are *predictable*: busy, with large swings that are shared across the brain (movement, say). It says
# more about the target than about any of the sources. Compare entries within a column before comparing columns.
# </details>
#
# ### The frame, and the sorter
#
# Within a region both draws come from the same piece of a probe. Notebook 3 said what that can do: a spike that leaks to a
# neighbour is counted in two units, a cell that is split is two units, and each then "predicts" the other with no biology.
# Here are the largest regions again, without and with the control: no source within 100 µm of a target.

# %%
kept_apart = {}
largest = list(sizes[mapped].nlargest(4).index)
if {"ap", "dv", "lr"} <= set(session.units) and len(largest) > 1:
    for least in (0, 100):
        near = nma.region_map(
            session,
            largest,
            n_neurons=min(N, 10),
            n_resamples=4,
            min_distance_um=least,
            progress=False,
        )
        itself = near[near["source"] == near["target"]]
        kept_apart[f"{least} µm"] = itself.groupby("source")["bits_per_spike"].mean()
    display(pd.DataFrame(kept_apart).rename_axis("a region predicts itself").round(3))
else:
    print("Without positions, and two regions, neighbours cannot be kept apart.")

# %% [markdown]
# (Bits per spike, up to 10 neurons predict as many, the mean of four resamples; the null is the mean training rate.) **You should
# see** on a simulated mouse that MOs predicts less of itself from a distance. That is where the control matters: a few
# neurons, close together. It does not prove that the rest was the sorter's: the ends of a region can also share less. Another
# region may well change the other way, since other neurons are drawn and resamples are few. If positions are known, report
# both; if not, say that you could not look.
#
# ### What is left beyond the stimulus?

# %%
if table["shuffled"].notna().any():
    ax = nma.plots.shuffle_control(table)
else:
    print("This session has no contrasts, so there is no control to show.")

# %% [markdown]
# A mark is a pair of regions. On the dotted line the shuffled sources predict as well as the real ones, so all is
# stimulus; on the horizontal line the stimulus explains nothing.
#
# **You should see** most marks close to the horizontal line: what the regions share here is mostly not locked to the
# contrasts. Which pairs rise above it, the colours of the target's group tell; a region that responds to
# the grating should be among the targets there, but need not be the highest.
#
# The difference of the two is `beyond_stimulus`, and this is the map to read:

# %%
value = "beyond_stimulus" if table["shuffled"].notna().any() else "bits_per_spike"
matrix = as_matrix(table, value)
labels = {"beyond_stimulus": "beyond stimulus (bits per spike)", "bits_per_spike": "bits per spike"}
ax = nma.plots.region_matrix(matrix, labels[value])

# %% [markdown]
# <details><summary><b>Think:</b> the shuffle kept the stimulus. What else do two regions share that is not a connection
# between them?</summary>
#
# Whatever differs between trials of the same stimulus and reaches the whole brain: the mouse turns the wheel on this
# trial and not on that one, it is awake or drowsy, it licks, it whisks. "Beyond stimulus" is an upper bound of
# what the regions could tell each other. You could shuffle within stimulus *and response* (there are then few trials
# of each kind), or compare with a model that also reads wheel and face.
# </details>
#
# ## The strongest paths as a graph
#
# The same numbers, as the picture that everybody remembers:

# %%
ax = nma.plots.region_graph(matrix, n_strongest=14)

# %% [markdown]
# **You should see** arrows within groups and between a few of them, most of them in pairs, there and back. How many arrows
# to draw was our choice; with 40 it would look like a connected brain, with 5 like a circuit diagram. The matrix has
# no such dial. Look at it first.
#
# ## Reading asymmetry
#
# `MOs` predicts another region at 0.12, say, and is predicted by it at 0.15. Does the information flow from the second to
# the first? Think of what makes a good source (busy neurons, well isolated) and what makes an easy target. If each
# region had just one number, "how much better it predicts than it is predicted", all differences between pairs would
# follow from these numbers, and no pair would have a direction of its own.
#
# ## Exercise 7.4 Reading asymmetry (15 minutes, difficulty 3 of 3)
#
# Compute the difference between the directions, one number for each region, and the share of the differences that these
# numbers explain. (The mean of a row of differences is the least-squares answer for that region's number.)


# %%
@nma.exercise("7.4")
def asymmetry(matrix):
    """Forward minus backward, one number a region that best explains it, and how well.

    Parameters
    ----------
    matrix : array, (regions, regions)
        Entry (i, j): how well region i predicts region j.

    Returns
    -------
    difference : array, (regions, regions)
        Entry (i, j): how well i predicts j, minus how well j predicts i.
    of_region : array, (regions,)
        Mean of each row of `difference`.
    share : float
        Let `explained[i, j] = of_region[i] - of_region[j]`: the sum of its squares, over
        the sum of squares of `difference`.
    """
    ### BEGIN SOLUTION
    difference = matrix - matrix.T
    of_region = difference.mean(axis=1)
    explained = of_region[:, None] - of_region[None, :]
    share = (explained**2).sum() / (difference**2).sum()
    return difference, of_region, share
    ### END SOLUTION


# %%
difference, of_region, share = asymmetry(matrix.to_numpy())
frame = pd.DataFrame(difference, index=matrix.index, columns=matrix.columns)
ax = nma.plots.region_matrix(frame, "forward minus backward (bits per spike)", signed=True)
noise = np.random.default_rng(0).normal(size=(200, *difference.shape))
by_chance = np.mean([asymmetry(one)[2] for one in noise])
print(
    f"one number a region explains {share:.0%} of the asymmetry; of independent noise, {by_chance:.0%}"
)

# %% [markdown]
# Is a pair's asymmetry a property of the pair, or of the neurons and trials that were drawn? The two resamples drew anew. If
# it is real, they agree:

# %%
pairs = np.triu_indices(len(matrix), k=1)
whole, beyond = [], []
for resample in (0, 1):
    once = as_matrix(table[table["resample"] == resample], value).to_numpy()
    d, r, _ = asymmetry(once)
    whole.append(d[pairs])
    beyond.append((d - (r[:, None] - r[None, :]))[pairs])
scores = [as_matrix(table[table["resample"] == k], value).to_numpy()[pairs] for k in (0, 1)]
if len(pairs[0]) > 2:
    print(f"agreement of two resamples (correlation over {len(pairs[0])} pairs)")
    print(f"  the scores themselves:                 {np.corrcoef(*scores)[0, 1]:.2f}")
    print(f"  their asymmetry:                       {np.corrcoef(*whole)[0, 1]:.2f}")
    print(f"  what one number a region leaves of it: {np.corrcoef(*beyond)[0, 1]:.2f}")
else:
    print(f"{len(matrix)} regions make {len(pairs[0])} pairs: too few for a correlation.")

# %% [markdown]
# **You should see** on the simulated twin that the scores agree well between resamples, their asymmetry much less,
# and what is left for single pairs hardly at all, or not at all. The arrow heads of the graph are mostly a property of the
# draw. In a recorded session even the scores may agree little: 15 neurons of a varied region are a small sample. Then take
# more neurons and more resamples before reading single entries.

# %% [markdown]
# ## Who leads whom?
#
# The asymmetry of the scores says little about direction. Time can say more: what goes from A to B reaches B later, so B *now* is predicted best from A *a little earlier*. `nma.make_dataset(..., lag=k)` gives the model the sources as they were `k` bins before the target's bin (below zero: as they will be after it). All lags predict the same target bins, of the same test trials.

# %%
source, toward = matrix.index[1], matrix.index[0]
if target in matrix.columns:
    toward, source = target, matrix[target].drop(target).idxmax()
if session.origin == "simulated" and "LP" in session.regions:
    source = "LP"  # whose path to motor cortex is known, see below
lags = sorted({round(s / session.bin_size) for s in (-0.08, -0.05, -0.02, 0, 0.02, 0.05, 0.08)})
inner = (session.time[0] + 0.1, session.time[-1] + session.bin_size - 0.1)  # room for every lag

rows = []
for seed in range(4):
    for lag in lags:
        led = nma.make_dataset(session, source, toward, window=inner, lag=lag, seed=seed)
        regression = nma.fit_rrr(led, smoothings=((2,),), ridges=(3,), ranks=(2,), floors=(0.1,))
        rates = regression.predict(led.source[led.test])
        bits = nma.bits_per_spike(rates, led.target[led.test], nma.null_rates(led, "train"))
        rows.append({"split": seed, "lead (ms)": lag * session.bin_size * 1000, "bits": bits})
by_lag = pd.DataFrame(rows).pivot(index="lead (ms)", columns="split", values="bits")

figure, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
ax.plot(by_lag.index, by_lag, color="#BBBBBB", linewidth=1, label=["single splits", *[None] * 3])
ax.plot(by_lag.index, by_lag.mean(axis=1), "o-", color="black", label="mean of four splits")
ax.axvline(0, color="black", linewidth=1, linestyle=":")
ax.set(xlabel=f"{source} before {toward} (ms)", ylabel="bits per spike (null: mean rate)")
ax.legend(frameon=False)
nma.plots.described(
    ax, f"Bits per spike with which {source} predicts {toward}, by how long before it is read; "
    f"highest at {by_lag.mean(axis=1).idxmax():.0f} ms."
)  # fmt: skip
lead = by_lag[by_lag.index > 0].mean() - by_lag[by_lag.index < 0].mean()
print(f"{source} -> {toward}: highest when read {by_lag.mean(axis=1).idxmax():.0f} ms before")
print(f"earlier minus later, in each split: {', '.join(f'{x:+.3f}' for x in lead)} bits per spike")

# %% [markdown]
# In the simulated session what thalamus (LP) holds arrives in motor cortex 30 ms later, and on a second way, through visual and frontal cortex, 90 ms later. So its past should predict better than its future, in every split. The top is broad: activity that lasts 100 ms and more is nearly the same 20 ms earlier, the regression smooths over 2 bins on top of that, and what the whole brain shares, such as movement, has no delay at all.
#
# <details><summary><b>Think:</b> A predicts B best from 50 ms before. Does A drive B?</summary>
#
# Perhaps. A third region that drives both, and reaches A sooner, gives the same curve. A lag rules out some explanations, such as that B alone drives A; it proves none.
# </details>

# %% [markdown]
# ## Against the truth
#
# A simulated session has what no recording has: its wiring. There each area has its own latent activity, and some areas
# pass theirs on with a delay. (In a recording this cell has nothing to compare with, and says so.)

# %%
if session.origin == "simulated":
    from nma_seq2seq.simulate import PATHS, area_of

    wired = {(source, target) for source, target, _ in PATHS}

    def kind(source, target):
        forward, backward = (area_of(source), area_of(target)), (area_of(target), area_of(source))
        if source == target:
            return "same region, other half"
        if forward[0] == forward[1]:
            return "same area"
        if forward in wired:
            return "wired, forward"
        return "wired, backward" if backward in wired else "not wired"

    truth = table.groupby(["source", "target"], as_index=False)[value].mean()
    truth["kind"] = [kind(s, t) for s, t in zip(truth["source"], truth["target"], strict=True)]
    print(truth.groupby("kind")[value].agg(["count", "mean", "min", "max"]).round(3))
    strong = truth[truth["kind"] == "not wired"].nlargest(3, value)
    for row in strong.itertuples():
        print(f"not wired, and yet: {row.source} -> {row.target} {getattr(row, value):.2f}")
else:
    print("A recorded session: nobody knows its wiring, so there is nothing to compare with.")

# %% [markdown]
# **You should see** on the twin:
# - pairs that are wired score higher than those that are not, so the map *is* about the wiring, on average;
# - backward scores nearly as high as forward. One likely reason: the regression smooths over time in both directions,
#   so it reads a source's future as well as its past;
# - some pairs that are not wired beat many that are. They are fed by the same third area, or one reaches the other through
#   one, or both follow the movement.
#
# ## What may be called connectivity, and what may not
#
# | you may say | you may not say |
# |---|---|
# | "15 neurons of A predict 15 of B by 0.1 bits per spike on held-out trials, 0.09 of them beyond the stimulus" | "A is connected to B" |
# | "A and B share activity within single trials" (*functional* connectivity, and the control is named) | "A sends information to B": the model has no direction in time, and the shared part may come from a third region |
# | "A predicts B better than C does, with as many neurons, the same targets and trials" | "A predicts B better than B predicts A, so A drives B" |
# | "nothing was found with 15 neurons and these trials" | "A and B are not connected": 15 of a million neurons were seen |
# | "in so many of so many mice" | "in the mouse brain", from one mouse |
#
# *Anatomical* connectivity needs tracers; *causal* (effective) connectivity needs that somebody switches A off and
# looks at B. Prediction is neither. It says where to look.
#
# ## Over mice
#
# All of that was one mouse. Resamples of a session share its neurons and its day, sessions of a mouse share the mouse: a
# claim about mice has as many samples as it has mice. So average the rows of a session, then the sessions of a mouse,
# and take the interval over mice.
#
# Two mice seldom have the same regions recorded, so here *groups* of regions predict each other. `nma.load_sessions`
# opens every recording that is at hand, one at a time: all of your file, or all that are in the cache (a download brings
# thirteen). Where there is none, it simulates five mice with the same wiring and other neurons and trials.

# %%
tables = []
for one in nma.load_sessions(fallback="simulated"):
    in_group = one.units["group"].value_counts().drop("other", errors="ignore")
    groups = in_group.index[in_group >= 30]  # 15 neurons that predict, 15 that are predicted
    if len(groups) > 1:
        quick = dict(n_neurons=15, n_resamples=1, window=(0, 0.4), progress=False)
        tables.append(nma.region_map(one, groups, **quick))
many = pd.concat(tables, ignore_index=True) if tables else None

# %% tags=["real-mouse"]
if many is None:
    print("No recording here has two groups of regions with 30 neurons: left out, here and below.")
else:
    score = "beyond_stimulus" if many["beyond_stimulus"].notna().any() else "bits_per_spike"
    summary = nma.over_mice(many, score)
    print(f"{score}: {many['session'].nunique()} sessions of {many['mouse'].nunique()} mice")
    if summary["n_mice"].max() < 3:
        print("Too few mice for an interval.")
    else:
        ax = nma.plots.over_mice(many, score)
        enough = summary[summary["n_mice"] >= 3].set_index(["source", "target"])
        display(enough.head(10).round(3))

# %%
if many is not None:
    units = {"mice": many}
    if many["session"].nunique() > many["mouse"].nunique():
        units["sessions, as if each were another mouse"] = many.assign(mouse=many["session"])
    for unit, rows in units.items():
        seen = nma.over_mice(rows, score).query("n_mice >= 3")
        print(
            f"{(seen['low'] > 0).sum()} of {len(seen)} pairs have an interval over {unit} above 0"
        )

# %% [markdown]
# A diamond is the mean of the mice, a grey dot a mouse, the number in brackets how many there are; bins are 10 ms, from 0
# to 0.4 s, one draw of neurons a session.
#
# **You should see** on the simulated mice that the groups predict themselves best, and that the mice differ: many an
# interval reaches from near zero to twice the mean. With recorded sessions a pair has three or four mice, and one unusual
# mouse makes an interval that says nothing. Where mice have several sessions, taking the session for the unit finds
# more pairs "above 0", of which nobody knows whether another mouse would have them.
#
# The command `nma-seq2seq map` does the same on all cores or on a cluster, with more neurons and resamples.
#
# <details><summary><b>Think:</b> the map has many entries. Which are "significant"?</summary>
#
# With 100 entries and a threshold of 5 %, five pass by chance. Resamples are no independent samples, so a t-test over
# them is not valid. Test over mice, correct for the number of pairs, or ask few questions that were fixed
# beforehand. The intervals above are not corrected: of 36 such intervals about two leave out the true mean.
# </details>
#
# ## Summary
#
# - Match the numbers of neurons, or the map shows where the probe was.
# - A shuffle within stimulus says what is shared in single trials; it must not leave trials in place, nor cross the split.
# - Compare within a column; columns differ by how predictable the target is.
# - The asymmetry of a prediction is mostly about single regions and single draws. It is no direction.
# - Prediction is not connection. It is still the best reason to look for one.
#
# **Take it further.** Give the model a direction: predict the target's bin from source bins at least 20 ms *earlier* (shift the
# counts, and smooth with a window that looks back only), and compare with the other direction, with the target's own past
# as an additional source. That is Granger's idea. On the twin you know the delays: does the asymmetry now have the right sign,
# and what do common inputs do to it?
#
# ## Further reading
#
# - **Regression of low rank between areas:** Semedo et al. (2019), *Cortical areas interact through a communication subspace*, Neuron 102: 249-259, [doi:10.1016/j.neuron.2019.01.026](https://doi.org/10.1016/j.neuron.2019.01.026).
# - **Movement in every region:** Musall et al. (2019), Nature Neuroscience 22: 1677-1686, [doi:10.1038/s41593-019-0502-4](https://doi.org/10.1038/s41593-019-0502-4), and the paper.

# %% [markdown]
# ## Quick questions (3 minutes)
#
# Choose an answer, and read why it is right or wrong. Without a mouse: Tab moves on, Space chooses.

# %% tags=["hide-input"]
# @title Quick questions
nma.quiz(
    {
        "Region A predicts B with 60 neurons better than C does with 20. What follows?": {
            "A is closer to B": (False, "More neurons predict better, whatever the region."),
            "nothing yet": (True, "Match the numbers of neurons first."),
            "C has no connection with B": (
                False,
                "A lower score with fewer neurons says nothing of the kind.",
            ),
        },
        "The sources' trials are shuffled within stimulus, and the score stays. Then the regions share": {
            "single-trial fluctuations": (False, "These are what the shuffle destroys."),
            "a connection": (False, "Two regions that see the same grating need none for this."),
            "mostly what the stimulus does": (
                True,
                "The shuffle keeps the stimulus and breaks everything else that is bound to the single trial.",
            ),
        },
        "A predicts B at 0.15 and B predicts A at 0.12. Does information flow from A to B?": {
            "it cannot be said from this": (
                True,
                "The model looks to both sides in time, and most of the asymmetry belongs to single regions.",
            ),
            "yes": (
                False,
                "Good sources and easy targets make such differences, and two resamples hardly agree on them.",
            ),
            "no, from B to A": (False, "The same objection holds."),
        },
        "Ten resamples of one session agree. For a claim about mouse brains you have": {
            "ten samples": (False, "They share one mouse, one probe and one day."),
            "one sample": (
                True,
                "The mouse is the unit. More neurons or trials of it do not change that.",
            ),
            "as many samples as there are neurons": (
                False,
                "Neurons of one mouse are not independent of each other.",
            ),
        },
    }
)

# %%
nma.progress()
