# %% [markdown]
# # 1. What is in the data?
#
# > **Whose work is it?** Two names that you will meet in every notebook:
# >
# > - **The paper** is Steinmetz, Zatka-Haas, Carandini & Harris, *Distributed coding of choice, action and engagement across the mouse brain*, Nature 2019 ([doi:10.1038/s41586-019-1787-x](https://doi.org/10.1038/s41586-019-1787-x)). Thin silicon probes with hundreds of recording sites each, *Neuropixels* probes, picked up the spikes of about 30,000 neurons in 42 brain regions while mice made decisions about what they saw. The recordings are the paper's. It trained no network.
# > - **The project** is what a group of students at a summer school made of them, *Reducing Dimensions of Neural Recordings using Seq-to-Seq Modeling*. It asked three questions: (1) are activities in different areas similar during a certain process? (2) can one area's activity be predicted from other areas? (3) can a part of a region's neurons be predicted from another part? Its **recipe**, an LSTM with 15 latents, predicted 69 neurons of motor cortex from 453 neurons elsewhere at a Poisson loss of 0.0873 and 0.0914.
# >
# > This course follows the project from its first figure to its conclusion, on the paper's recordings, and asks at each step what it is worth.
#
# **By the end of this notebook you can**
# - say what the mouse does, and what one session of the data holds;
# - turn spike counts into firing rates, and event times into bins, with the offset that many projects get wrong;
# - judge from behaviour whether a mouse does the task;
# - say which variables a model of these data should have, and why.
#
# **Builds on:** numpy. No neuroscience: every term is explained where it first appears.
# **Time:** about 60 minutes, with four exercises.
#
# **What to do first:** click on the first grey cell below and press Shift+Enter. It runs, and you are on the next one; go on like that to the end.
#
# An exercise is a function whose body you write. It is checked as soon as you run its cell, and one line says what is wrong. If you are stuck, `nma.hint("1.1")` helps: call it up to four times. The notebook goes on whatever you write.

# %%
import numpy as np
import pandas as pd

import nma_seq2seq as nma

# %% [markdown]
# ## The task
#
# A mouse sits between screens with its forepaws on a small wheel. In each trial a striped patch, a *grating*, may appear on the left, on the right, on both sides or on neither. Each has one of four *contrasts*: 0 (not there), 0.25, 0.5 or 1. Turning the wheel moves the gratings: the mouse is to bring the one with the higher contrast to the middle, so to move it *towards the other side* of where it was, and to hold the wheel still if there is no grating at all. A response is named by the grating that is brought in: *left* means that the left one came to the middle. (The task: Burgess et al. 2017.)

# %%
axes = nma.plots.task(contrast_left=1.0, contrast_right=0.25)
# %% [markdown]
# You should see the set-up above and the course of one trial below. The bars are spans in which things can happen: the go cue, a tone, comes 0.5 to 1.2 s after the gratings, and the mouse has 1.5 s from there to respond, so until 2.7 s at the latest. The recording that the school hands out ends 2 s after the gratings. What comes later is in no bin: in the twin every no-go, since a no-go counts when the time is up. A correct response earns a drop of water, an incorrect one a burst of noise. When both contrasts are the same and above 0, the computer rewards a side at random.
#
# The clock of a trial starts with the gratings: **time 0 is stimulus onset**.
#
# <details><summary><b>Think:</b> why wait half a second and more before the go cue?</summary>
#
# So that seeing, deciding and acting are pulled apart in time, at least somewhat. Mice often start to turn before the cue all the same, as you will see below. What they do then tells us when the decision fell.
# </details>

# %% [markdown]
# ## What does the dataset include?
#
# That was the project's first step too. One line loads a session. The recorded one is downloaded on first use. Where that is not possible you get a *simulated twin*: a made-up session of the same shape as session 31, and a printed line that says so. Everything in the course runs on either.

# %%
session = nma.load_session(31, fallback="simulated")
session

# %% [markdown]
# All arrays of the course have their axes in this order: **(trials, time, neurons)**. `session.spikes` counts the spikes of each neuron in each time bin.

# %%
n_trials, n_bins, n_neurons = session.spikes.shape
print(f"{n_trials} trials x {n_bins} bins x {n_neurons} neurons, {session.spikes.dtype}")
print(f"bins of {session.bin_size * 1000:g} ms, the first starts at {session.time[0]:g} s")
print(
    f"{(session.spikes == 0).mean():.0%} of all counts are 0, the largest is {session.spikes.max()}"
)

# %% [markdown]
# You should see that nearly all counts are 0: in 10 ms most neurons are silent. Keep this in mind for when we choose a loss.
#
# A "neuron" here is a *unit*: what a program, a *spike sorter*, made out of the voltages on a few hundred sites. It errs. One cell can be split into two units, and its spikes can leak into a neighbour's; so units some tens of micrometres apart may "predict" each other with no biology in it (Harris et al. 2016). Keep that in mind wherever neighbours do well.
#
# Two tables go with the counts. `units` has one row a neuron. `region` is the acronym that the Allen atlas of the mouse brain gives to the place where the neuron sits; `group` is the larger part of the brain. Where it is known there is the position (`ap`, `dv`, `lr`, in µm) and `trough_to_peak`, the width of the neuron's spike. The twin has probes, and in columns that begin with `true_` which of its units are split or hold spikes of a neighbour: a truth that no recording offers.

# %%
session.units.head(4).round(1)

# %% [markdown]
# `trials` has one row a trial. What a file lacks is a missing column, never an invented one. In `response`, **+1 is left, -1 is right** and 0 is a *no-go*: the wheel was held still. `wheel`, below, has the same sign: above 0 it turns clockwise, seen from behind the mouse, which brings the left grating in. (`prev_reward` is the feedback of the trial before in the twin, +1, -1, and 0 in the first trial. The school's own loader keeps a time under that name. We use neither.)

# %%
session.trials.head(4).round(3)

# %% [markdown]
# And `behavior` has traces over time, (trials, time): speed of the wheel, motion of the face, licks, size and position of the pupil.

# %%
print(
    {name: trace.shape for name, trace in session.behavior.items()} or "no traces in this session"
)

# %% [markdown]
# ### 39 sessions at a glance
#
# There are 39 sessions from 10 mice. `nma.load_session` takes their numbers, 0 to 38. What is in a session is known only once it is on your computer, so the lower half of the figure fills in the regions of *this* session alone. Acronyms of one group share a colour, here and in every figure of the course.

# %%
axes = nma.plots.sessions(nma.list_sessions(), session)
# %% [markdown]
# You should see the ten mice with one to seven sessions each, and that a session covers only a part of the regions: a probe passes through what lies on its way. (The list is longer than the paper's 42 regions since the files' acronyms are finer in places. SCs and SCsg, for example, belong to one structure, the superior colliculus.)
#
# If you have downloaded more sessions, the next cell counts the neurons of each region in all of them.

# %%
counts = {session.name: session.units["region"].value_counts()}
cached = nma.list_sessions().query("cached")
if session.origin == "recorded":
    for name in cached["name"]:
        counts[name] = nma.load_session(name).units["region"].value_counts()
if len(counts) > 1:
    nma.plots.region_counts(pd.DataFrame(counts).T.fillna(0))
else:
    print(
        f"{len(cached)} of the 39 recorded sessions are on this computer: no more to compare yet."
    )

# %% [markdown]
# ## Exercise 1.1 Counts to Hz (5 minutes, difficulty 1 of 3)
#
# A *firing rate* is a number of spikes per second, in Hz. Compute the mean rate of each neuron over all trials and bins.


# %%
@nma.exercise("1.1")
def counts_to_hz(counts, bin_size):
    """Mean firing rate of each neuron.

    counts: array (trials, time, neurons), spikes per bin
    bin_size: length of a bin in seconds
    returns: array (neurons,), in Hz
    """
    ### BEGIN SOLUTION
    return counts.mean(axis=(0, 1)) / bin_size
    ### END SOLUTION


# %%
rates_hz = counts_to_hz(session.spikes, session.bin_size)
same = np.allclose(rates_hz, session.rates_hz)
print(f"rates by {nma.whose('1.1')} function, the same as the package's: {same}")

# %% tags=["nbval-check-output"]
print(f"median {np.median(rates_hz):.1f} Hz, busiest {rates_hz.max():.0f} Hz")

# %% [markdown]
# You should see a median of one to four Hz, and a busiest neuron with more than ten times as much.

# %% tags=["real-mouse"]
ax = nma.plots.firing_rates(session)
# %% [markdown]
# You should see that **within** a region rates spread over a factor of a thousand and more (mind the logarithmic axis), while the medians of the regions lie much closer together. Points at the bottom are neurons that hardly ever fire.
#
# <details><summary><b>Think:</b> a model is to predict all neurons of a region at once, and its errors are added up. Which neurons decide what it learns? What would you do about those that hardly ever fire?</summary>
#
# The busy ones, if errors are squared: a neuron at 20 Hz varies far more than one at 0.2 Hz. The Poisson loss of notebook 5 weighs a neuron by how much its spikes can tell. Neurons with only a handful of spikes can be left out by a minimum rate (`session.select(min_rate_hz=0.5)`), as long as that rule looks at nothing that a model is tested on.
# </details>

# %% [markdown]
# ## Recorded brain regions: where the neurons sit
#
# The positions are given in the *Allen common coordinate framework* (CCF), an average mouse brain: `ap` runs from the front to the back, `dv` from the top to the bottom, `lr` from the left to the right.

# %%
if "ap" in session.units:
    nma.plots.brain_views(session)
else:
    print("This session has no positions of its neurons, so there is no view of the brain.")

# %% [markdown]
# You should see straight tracks, each through one region after another: the sites lie along the shank of a probe, and so do the neurons. Most neurons of these data lie in the left half of the brain. The left half sees what is to the right of the nose, so **the right grating is *contralateral*** (on the other side of the body) **to the probes**, and it is the one that visual regions respond to.

# %% [markdown]
# ## Behaviour: does the mouse do the task?
#
# Before we model neurons, we look at what the animal did. A *psychometric curve* shows how often it chooses a side, against how strong the evidence for that side is: here contrast right minus contrast left.
#
# ## Exercise 1.2 The psychometric curve (10 minutes, difficulty 2 of 3)
#
# For each difference that occurs, compute the fraction of **all** trials with that difference in which the mouse chose **right**. Check the code for right once more, above: it is not the one that one expects.


# %%
@nma.exercise("1.2")
def psychometric(contrast_left, contrast_right, response):
    """How often the mouse chooses right, for each difference in contrast.

    contrast_left, contrast_right: arrays (trials,), 0 to 1
    response: array (trials,), +1 left, -1 right, 0 no-go
    returns: the differences right - left that occur, sorted, (levels,);
             the fraction of their trials in which right is chosen, (levels,)
    """
    ### BEGIN SOLUTION
    difference = contrast_right - contrast_left
    levels = np.unique(difference)
    p_right = np.array([(response[difference == level] == -1).mean() for level in levels])
    return levels, p_right
    ### END SOLUTION


# %%
if "response" in session.trials:
    trials = session.trials
    levels, p_right = psychometric(
        *(trials[c].to_numpy() for c in ("contrast_left", "contrast_right", "response"))
    )
    ax = nma.plots.psychometric(session)
    owner = f"{nma.whose('1.2')} share"
    ax.plot(levels, p_right, "x", color="black", markersize=11, label=owner, zorder=3)
    ax.legend(title="response", frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
else:
    print("This session has no responses, so there is no psychometric curve.")

# %% [markdown]
# You should see the two turns rise towards the side with the higher contrast, and no-go most often in the middle, where there was mostly nothing to see. The crosses are of your function (or of the reference's, as long as yours is not right) and lie on the squares. The bars are 95 % intervals: with a dozen trials a point, a curve is not as sure as its line looks.
#
# <details><summary><b>Think:</b> why count no-go trials among all, rather than leave them out?</summary>
#
# If they are left out, a mouse that gives up in every second trial looks as good as one that never does. Which of the two is right depends on the question. What matters is to say which.
# </details>

# %% [markdown]
# When does the mouse start to turn?

# %%
if "reaction_time" in session.trials:
    nma.plots.reaction_times(session)
    print(f"median reaction time: {session.trials['reaction_time'].median() * 1000:.0f} ms")
else:
    print("This session has no reaction times.")

# %% [markdown]
# You should see most movements start within 150 to 400 ms of the stimulus: **before** the earliest go cue, at 500 ms. A window of 0 to 0.4 s after the stimulus therefore holds seeing, deciding and the start of moving. That window is what most of this course works with.

# %% [markdown]
# One trial as it runs, with the spikes of all neurons, in slow motion. Press play (the triangle to the right).

# %%
if "wheel" in session.behavior and {"contrast_left", "contrast_right"} <= set(session.trials):
    movie = nma.plots.trial_movie(session)
else:
    movie = "This session has no wheel or no contrasts, so there is no trial to run."
movie

# %% [markdown]
# You should see the grating come on at 0 s, the wheel turn, and spikes in the colours of their regions get denser. From the go cue on, the wheel carries the grating along.

# %% [markdown]
# ## Exercise 1.3 From event times to bins (10 minutes, difficulty 2 of 3)
#
# Event times (`gocue`, `reaction_time`, ...) count in seconds from **stimulus onset**. The bins count from the **start of the recording**, here `session.time[0]` seconds from stimulus onset, which is a negative number if there is a time before the stimulus. Whoever writes `t / bin_size` is half a second off, and the plots still look plausible. Many projects with these data did it.
#
# Write the bin that each event falls into, with NaN ("not a number") where it falls into none: because it came after the last bin, or did not happen (then its time is NaN already).


# %%
@nma.exercise("1.3")
def event_bins(seconds, start, bin_size, n_bins):
    """The bin that each event falls into.

    seconds: array (trials,), from stimulus onset; NaN where the event did not happen
    start: seconds from stimulus onset at which bin 0 starts, such as -0.5
    bin_size: length of a bin in seconds
    n_bins: number of bins in a trial
    returns: array (trials,) of whole numbers from 0 to n_bins - 1 as floats; NaN for none
    """
    ### BEGIN SOLUTION
    bins = np.floor((seconds - start) / bin_size)
    inside = (bins >= 0) & (bins < n_bins)
    return np.where(inside, bins, np.nan)
    ### END SOLUTION


# %%
if "reaction_time" in session.trials and "wheel" in session.behavior:
    moved_at = session.trials["reaction_time"].to_numpy()
    yours = event_bins(moved_at, session.time[0], session.bin_size, session.n_bins)
    naive = event_bins(moved_at, 0.0, session.bin_size, session.n_bins)
    nma.plots.events_on_wheel(session, {"start of movement": yours, "without the offset": naive})
    same = np.isclose(yours, session.event_bin("reaction_time"), equal_nan=True).mean()
    print(f"{nma.whose('1.3')} bins, the same as session.event_bin in {same:.0%} of the trials")
else:
    print("This session has no movement times or no wheel, so there is nothing to mark.")

# %% [markdown]
# You should see the marks of the right bins run along the left edge of the dark band, where the wheel starts to turn, in nearly every trial that has a movement. The marks without the offset lie 0.5 s too early: many before the stimulus was even there. In the trials without a mark the wheel was still at first.
#
# <details><summary><b>Think:</b> what would happen to an average "around the movement" with the wrong bins?</summary>
#
# It would show the time around half a second before the movement. If neurons are active then, for example while the mouse waits for the stimulus, one would take it for preparation of the movement: a wrong conclusion without any error message.
# </details>

# %% [markdown]
# ## Which variables should be modelled?
#
# The project's second step. First, what is to be predicted: spike **counts**. What kind of numbers are they? A *Poisson* process is the simplest model of a count: spikes fall independently of each other at some rate. It has one mark that can be tested: the **variance of the count equals its mean**. The ratio of the two is called the *Fano factor*.
#
# ## Exercise 1.4 The Fano factor (10 minutes, difficulty 2 of 3)
#
# For each neuron: count its spikes in the whole window in each trial, then divide the variance of that count over trials by its mean over trials. The variance of a sample divides by the number of trials minus one (`ddof=1`). A neuron without a spike gets NaN.


# %%
@nma.exercise("1.4")
def fano_factor(counts):
    """Variance over mean of each neuron's spike count.

    counts: array (trials, time, neurons), spikes per bin
    returns: array (neurons,); NaN for a neuron that never fires
    """
    ### BEGIN SOLUTION
    total = counts.sum(axis=1)  # (trials, neurons)
    mean, variance = total.mean(axis=0), total.var(axis=0, ddof=1)
    fires = mean > 0
    return np.where(fires, variance / np.where(fires, mean, 1), np.nan)
    ### END SOLUTION


# %%
window = session.select(window=(0.0, 0.4))
fano = fano_factor(window.spikes)
ax = nma.plots.count_variance(session, window=(0.0, 0.4))
# %% tags=["nbval-check-output"]
active = window.spikes.sum(axis=(0, 1)) >= window.n_trials / 4
print(
    f"neurons with a spike in four trials or more often: median Fano {np.median(fano[active]):.1f}"
)

# %% [markdown]
# You should see that variance grows along with the mean over several orders of magnitude, as it does for Poisson counts, and that busy neurons lie above the line: their counts vary **more** than chance alone allows. So their rate itself differs from trial to trial. Part of that excess is shared between neurons, and so can be predicted; part is each neuron's own.
#
# <details><summary><b>Think:</b> for a Gaussian with one variance for all, the points would lie on a horizontal line. What does that say about the mean squared error as a loss?</summary>
#
# The mean squared error is the loss that fits a Gaussian whose variance is the same everywhere. These counts are far from that: where a high rate is expected, a large deviation is ordinary, and where a low one is expected it is telling. Notebook 5 derives the loss that fits: the Poisson loss.
# </details>
#
# Second, what the rates depend on. The next table lists what a model could use, and whether this session has it.

# %%
variables = pd.DataFrame(
    [
        (
            "contrast_right",
            "what is seen, by the recorded half of the brain",
            "drives many regions at once",
        ),
        ("contrast_left", "what is seen on the other side", "enters the decision"),
        ("response", "the choice", "known only after the movement"),
        ("reaction_time", "when the movement starts", "differs by trial: align to it"),
        ("wheel", "the movement itself", "activity of nearly all regions goes along with it"),
        ("face", "other movements, arousal", "the same"),
        ("pupil_area", "arousal, engagement", "slow: over trials"),
        ("feedback_type", "reward or noise", "after the response"),
    ],
    columns=["variable", "what it stands for", "note"],
).set_index("variable")
known = [*session.trials.columns, *session.behavior]
variables["here"] = ["yes" if name in known else "no" for name in variables.index]
variables

# %% [markdown]
# Now the choice that defines this course. We predict the counts of the **target** neurons from the counts of the **source** neurons in the same trial, and give the model none of the variables of the table. Whatever the source neurons know of them, they can pass on.
#
# Here is a first taste, in three lines: the busiest neuron, predicted from all others. A linear model is fitted on some of the trials and then asked about others, which it has not seen.

# %%
one = np.argsort(window.spikes.sum(axis=(0, 1)))[-1:]  # the busiest neuron
others = np.setdiff1d(np.arange(session.n_neurons), one)
data = nma.dataset_of_units(window, others, one, nma.split_trials(window.n_trials, seed=0))
model = nma.fit_rrr(data, smoothings=((6,),))
ax = nma.plots.predicted_trials({"predicted from all other neurons": model}, data)
print(nma.score({"from all others": model}, data)[["bits_per_spike", "low", "high"]].round(3))

# %% [markdown]
# You should see, in three test trials, the neuron's spikes as ticks and the rate that the others predict, which differs from trial to trial. The number is in **bits per spike**: how much better the prediction explains the spikes of the test trials than the neuron's mean rate does. 0 is no better than the mean; with 0.3, each spike is on average 2^0.3 = 1.23 times as probable. Notebook 5 derives it. `low` to `high` is its 95 % interval over trials.
#
# What the others know of a neuron may be the stimulus, the movement, the state of the mouse, or a signal that they sent. And the nearest of them may hold some of its own spikes (see above). To tell these apart is what the rest of the course is about.
#
# Predicting neurons from neurons is simple and strong, and it has a price. If a grating drives two regions at once, each predicts the other, even if no fibre runs between them. The variables of the table are what we need later to take such a *shared drive* into account.
#
# <details><summary><b>Think:</b> would it be wrong to give the model the choice (<code>response</code>) as an input?</summary>
#
# Not wrong, but another question. The choice becomes known with the movement. A model that gets it at the start of the trial knows something that no neuron knew at that time. And the better it predicts from the choice, the less it tells about what regions share.
# </details>

# %% [markdown]
# ## Summary
#
# - A session is an array of counts, (trials, time, neurons), with a table of its neurons and a table of its trials. Most counts are 0.
# - Regions differ less in rate than neurons within a region do.
# - Behaviour tells whether there is anything to explain: the mouse follows the contrast, and mostly moves before the go cue.
# - The bin of an event is floor((t - start) / bin_size). Forget the start, and nothing warns you.
# - Counts vary somewhat more than Poisson counts of a fixed rate would. The models of this course predict how the rate changes, within and between trials.
#
# **Next:** notebook 2 looks at the spikes themselves, and asks whether regions are alike.
#
# ## Take it further
#
# Choose another session (`nma.list_sessions()`, or `nma.simulate_session(seed=1)`). Is its mouse better or worse at the task, and is it as engaged at the end as at the start? Split the trials into a first and a last third, draw the two psychometric curves, and give the difference an interval: draw trials again with replacement, a thousand times. What could you do about a change over the session before you fit a model to all of it?

# ## Further reading
#
# - **The paper:** Steinmetz, Zatka-Haas, Carandini & Harris (2019), Nature 576: 266-273, [doi:10.1038/s41586-019-1787-x](https://doi.org/10.1038/s41586-019-1787-x).
# - **The task:** Burgess et al. (2017), *High-yield methods for accurate two-alternative visual psychophysics in head-fixed mice*, Cell Reports 20: 2513-2524, [doi:10.1016/j.celrep.2017.08.047](https://doi.org/10.1016/j.celrep.2017.08.047).
# - **What spike sorting does to populations:** Harris, Quian Quiroga, Freeman & Smith (2016), *Improving data quality in neuronal population recordings*, Nature Neuroscience 19: 1165-1174, [doi:10.1038/nn.4365](https://doi.org/10.1038/nn.4365).

# %% [markdown]
# ## Quick questions (3 minutes)
#
# Choose an answer, and read why it is right or wrong. Without a mouse: Tab moves on, Space chooses.

# %% tags=["hide-input"]
# @title Quick questions
nma.quiz(
    {
        "A trial's go cue comes at 0.8 s, and the bins of 10 ms start at -0.5 s. In which bin does it fall?": {
            "130": (
                True,
                "floor((0.8 - -0.5) / 0.01): times count from the stimulus, bins from the start of the recording.",
            ),
            "80": (
                False,
                "That is 0.8 s from the first bin, which starts half a second before the stimulus. Nothing warns you of it.",
            ),
            "30": (
                False,
                "That is 0.5 s taken away; the start is at -0.5 s, so its time is added.",
            ),
        },
        "In this data, a response of -1 means that the mouse chose": {
            "left": (
                False,
                "So one would think, but +1 is left here. Check a sign against the behaviour before you use it.",
            ),
            "nothing": (False, "A no-go is 0."),
            "right": (True, "+1 is left and -1 is right; 0 is a no-go."),
        },
        "Neurons within one region, compared with the medians of the regions, differ in rate": {
            "about as much": (False, "Look at the figure again: its axis is logarithmic."),
            "far more": (
                True,
                "By a factor of a thousand within a region, while the medians lie close together.",
            ),
            "far less": (
                False,
                "A region is no kind of neuron: it holds busy and nearly silent ones.",
            ),
        },
        "The Fano factor of a neuron's count over trials is 1.8. Then": {
            "it fires 1.8 times as often as a Poisson neuron": (
                False,
                "The factor is variance over mean. It says nothing about how often the neuron fires.",
            ),
            "80 % of its spikes can be predicted": (
                False,
                "Some of the excess may be shared with other neurons and be predictable. How much, the factor does not say.",
            ),
            "its rate itself differs from trial to trial, or its spikes come in bursts": (
                True,
                "A Poisson count of one fixed rate has a Fano factor of 1; more than that needs another source of variance.",
            ),
        },
    }
)

# %%
nma.progress()
