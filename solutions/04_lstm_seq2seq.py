# %% [markdown]
# # 4. A network from spikes to spikes
#
# **By the end you can**
# - take a step of a recurrent network, and of an LSTM, by hand, and get what torch gets;
# - say what shape everything has on the way from source counts to target rates, and why;
# - write the project's network, two directions averaged into latents, yourself;
# - start a network where it should start, and choose a cell by measuring.
#
# **Builds on** notebook 3 (source and target neurons, a split over trials) and some torch: tensors and `nn.Module`.
#
# **Time** 75 minutes, of which 50 for five exercises.

# %%
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from torch import nn

import nma_seq2seq as nma

# %% [markdown]
# ## The task in one line
#
# Some neurons, the *sources*, are recorded at the same time as others, the *targets*. From the spikes of the sources in a whole trial, give for each target neuron and each time bin the number of spikes to expect: its *rate*. A sequence goes in, a sequence comes out, hence *sequence to sequence*.
#
# From here on you take the first 0.4 s after the stimulus, in which the mouse sees and decides and which keep training short; all trials are split into train, validation and test. The target region is the secondary motor cortex (MOs) where the session has it, and otherwise the region with the most neurons.

# %%
session = nma.load_session(31, fallback="simulated")
target = "MOs" if "MOs" in session.regions else session.units["region"].value_counts().index[0]
data = nma.make_dataset(session, source="other", target=target, window=(0, 0.4), seed=0)
data

# %% [markdown]
# ## The architecture
#
# The whole network, before you build it part by part:

# %%
ax = nma.plots.architecture(data.n_sources, data.n_targets, n_latents=15)
# %% [markdown]
# You should see, from left to right: the counts of the sources; a recurrent layer that reads them from the first bin to the last, and another that reads them backwards; their average, 15 numbers a bin, which are the *latents*; a linear layer that makes one number a target neuron; and a softplus that makes a rate of it.
#
# Everything that the network may say about the targets goes through the latents. That is the "reducing dimensions" of the project's title: hundreds of neurons, 15 numbers.

# %% [markdown]
# ## A recurrent step by hand
#
# A recurrent layer keeps a *state* $h$, some numbers which it takes along from one bin to the next. In every bin it mixes the state with the input $x_t$:
#
# $$h_t = \tanh(W x_t + b + U h_{t-1} + b')$$
#
# The same $W$, $U$, $b$, $b'$ serve every bin, so a sequence may have any length. Here is the step, and a check that it is what torch does. ($b$ and $b'$ do the same; torch has two for historical reasons.)

# %%
torch.manual_seed(0)
rnn = nn.RNN(input_size=3, hidden_size=4, batch_first=True)
x = torch.rand(2, 6, 3)  # (trials, time, inputs)

state = torch.zeros(2, 4)  # (trials, units)
by_hand = []
with torch.no_grad():
    for t in range(x.shape[1]):
        state = torch.tanh(
            x[:, t] @ rnn.weight_ih_l0.T
            + rnn.bias_ih_l0
            + state @ rnn.weight_hh_l0.T
            + rnn.bias_hh_l0
        )
        by_hand.append(state)
    by_torch, _ = rnn(x)  # (trials, time, units)
torch.allclose(torch.stack(by_hand, dim=1), by_torch, atol=1e-6)

# %% [markdown]
# You should see `True`.
#
# ## Why a gate
#
# Such a step has to do two things with the same numbers: remember the past, and take in the new. Each step squeezes the state through $U$ and a tanh, so a memory fades within a few bins, and so do the gradients that should teach it.
#
# A *long short-term memory* (LSTM) has a second track, the memory $c$, that is changed by multiplying and adding alone, and three *gates*, numbers between 0 and 1, that say how much.

# %%
ax = nma.plots.lstm_cell()

# %% [markdown]
# You should see the memory run straight through on top. With $\sigma$ the sigmoid and $\odot$ the product number by number:
#
# $$c_t = f \odot c_{t-1} + i \odot g, \qquad h_t = o \odot \tanh(c_t)$$
#
# The forget gate $f$ decides what is kept, the input gate $i$ what is written of the candidate $g$, and the output gate $o$ what of the memory is shown to the next layer.
#
# ## Exercise 4.1 The shapes on the way (5 minutes, difficulty 1 of 3)
#
# Most errors in torch are errors of shape. Before you write a layer, write down what goes in and what comes out. "States" are what `nn.LSTM` returns for two directions, side by side.


# %%
@nma.exercise("4.1")
def shapes(n_trials, n_bins, n_sources, n_latents, n_targets):
    """Shapes, as tuples, of what passes through the network.

    Returns
    -------
    dict with the keys "source", "states" (of the bidirectional LSTM with n_latents units in each
    direction), "latents", "rates", and "input weights of one direction" (the LSTM's weight_ih)
    """
    ### BEGIN SOLUTION
    return {
        "source": (n_trials, n_bins, n_sources),
        "states": (n_trials, n_bins, 2 * n_latents),
        "latents": (n_trials, n_bins, n_latents),
        "rates": (n_trials, n_bins, n_targets),
        "input weights of one direction": (4 * n_latents, n_sources),
    }
    ### END SOLUTION


# %%
for part, shape in shapes(len(data.train), data.n_bins, data.n_sources, 15, data.n_targets).items():
    print(f"{part:32s}{shape}")

# %% [markdown]
# You should see trials and bins in front of everything that flows through, and the last axis shrink from sources to latents and grow to targets.
#
# ## Exercise 4.2 A step of an LSTM (15 minutes, difficulty 2 of 3)
#
# torch keeps the weights of the four parts one below the other, in the order input, forget, candidate, output. So two matrix products give all four.


# %%
@nma.exercise("4.2")
def lstm_step(x, h, c, weight_ih, weight_hh, bias_ih, bias_hh):
    """One step of an LSTM, as torch's LSTMCell.

    Parameters
    ----------
    x : tensor, (trials, inputs)
    h, c : tensors, (trials, units)
        State and memory of the bin before.
    weight_ih, weight_hh : tensors, (4 * units, inputs) and (4 * units, units)
        Input gate, forget gate, candidate, output gate, one below the other.
    bias_ih, bias_hh : tensors, (4 * units,)

    Returns
    -------
    h, c : tensors, (trials, units)
    """
    ### BEGIN SOLUTION
    gates = x @ weight_ih.T + bias_ih + h @ weight_hh.T + bias_hh  # (trials, 4 * units)
    i, f, g, o = gates.chunk(4, dim=1)  # each (trials, units)
    i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    c = f * c + i * g  # (trials, units)
    h = o * c.tanh()  # (trials, units)
    return h, c
    ### END SOLUTION


# %% [markdown]
# Put your step in a loop over bins, and it is `nn.LSTM`:


# %%
def run_lstm(x, weights):
    """States (trials, time, units) of an LSTM for inputs (trials, time, inputs)."""
    n_units = weights[0].shape[0] // 4
    h = c = torch.zeros(len(x), n_units)  # (trials, units)
    states = []
    for t in range(x.shape[1]):
        h, c = lstm_step(x[:, t], h, c, *weights)
        states.append(h)
    return torch.stack(states, dim=1)


torch.manual_seed(0)
lstm = nn.LSTM(input_size=3, hidden_size=4, batch_first=True)
with torch.no_grad():
    same = torch.allclose(run_lstm(x, list(lstm.parameters())), lstm(x)[0], atol=1e-6)
same

# %% [markdown]
# You should see `True`.
#
# What do the gates buy? Take one unit, set its weights by hand, and send it two spikes. A plain unit with recurrent weight 0.7 forgets at once. An LSTM unit whose forget gate stands at 0.97 holds on: its time constant is $-10\,\text{ms}/\ln 0.97$, about 330 ms.


# %%
def gate_weights(forget):
    """Weights of a one-unit LSTM whose forget gate stands at `forget` and which writes spikes."""
    bias = torch.tensor([-4.0, float(np.log(forget / (1 - forget))), 0.0, 4.0])
    weight_ih = torch.tensor([[8.0], [0.0], [0.6], [0.0]])  # a spike opens the input gate
    return weight_ih, torch.zeros(4, 1), bias, torch.zeros(4)


spikes = torch.zeros(1, 60, 1)
spikes[0, [8, 20], 0] = 1
plain = [torch.zeros(1)]
for count in spikes[0, :, 0]:
    plain.append(torch.tanh(0.5 * count + 0.7 * plain[-1]))
responses = {
    "plain unit, recurrent weight 0.7": torch.cat(plain[1:]).numpy(),
    "LSTM unit, forget gate at 0.97": run_lstm(spikes, gate_weights(0.97))[0, :, 0].numpy(),
    "LSTM unit, forget gate at 0.5": run_lstm(spikes, gate_weights(0.5))[0, :, 0].numpy(),
}
ax = nma.plots.step_responses(responses, spikes[0, :, 0].numpy())

# %% [markdown]
# You should see the plain unit and the LSTM unit with a half-open forget gate fall back to zero between the two spikes, while the unit with the gate at 0.97 adds the second spike to what is left of the first. Training sets the gate, unit by unit and bin by bin.
#
# <details><summary>Think: movement-related activity changes over some 100 ms and a bin is 10 ms. Which forget gate has that time constant?</summary>
#
# $f = e^{-10/100} \approx 0.90$: a memory decays as $f^n$ after $n$ bins.
#
# </details>

# %% [markdown]
# ## Exercise 4.3 Two directions averaged (5 minutes, difficulty 1 of 3)
#
# We are not predicting the future: the whole trial has been recorded, so a bin may be explained by what came before and by what came after. `bidirectional=True` gives a second LSTM that reads from the last bin to the first. torch puts its states beside the forward ones in the last axis, in the order of time.
#
# The project averages the two. That keeps 15 numbers a bin; most people would keep all 30.


# %%
@nma.exercise("4.3")
def average_directions(states):
    """Average of the forward and the backward states.

    Parameters
    ----------
    states : tensor, (trials, time, 2 * latents)
        Forward states first, then the backward ones.

    Returns
    -------
    tensor, (trials, time, latents)
    """
    ### BEGIN SOLUTION
    forward, backward = states.chunk(2, dim=-1)  # each (trials, time, latents)
    return (forward + backward) / 2
    ### END SOLUTION


# %%
both = nn.LSTM(input_size=3, hidden_size=4, batch_first=True, bidirectional=True)
with torch.no_grad():
    before = average_directions(both(x)[0])
    changed = x.clone()
    changed[:, 4] += 1  # another input in bin 4
    after = average_directions(both(changed)[0])
felt = (after - before).abs().amax(dim=(0, 2)) > 0  # (time,)
felt.tolist()

# %% [markdown]
# You should see six times `True`: a change in bin 4 is felt in every bin, earlier ones too. With one direction the first four would be `False`.
#
# <details><summary>Think: you want to say that area A drives area B. Is a bidirectional network a good witness?</summary>
#
# No. It uses A's future to explain B's present, so a path from B to A serves it as well. It measures what is shared, not who leads. Notebook 7 comes back to this.
#
# </details>

# %% [markdown]
# ## From latents to rates: the softplus
#
# A linear layer gives any number; a rate must be positive. The usual choice in statistics is exp. The project takes a *softplus*, $\log(1 + e^{\beta x})/\beta$ with $\beta = 10$: close to zero on the left, a straight line on the right.

# %%
ax = nma.plots.links()

# %% [markdown]
# You should see that the larger beta, the sharper the bend. The right panel shows the slope, which is what a gradient is multiplied with on its way back: exp magnifies it for large outputs, so one bad bin can shake the whole network; a ReLU passes nothing at all below zero, so an output that once fell there never comes back.
#
# <details><summary>Think: rates of single neurons are around 0.05 spikes per 10 ms bin. Where on these curves does the network live?</summary>
#
# Just left of zero, on the bend. softplus(0) with beta 10 is already 0.069 spikes per bin, about 7 Hz. So the output must be below zero for most neurons, and the slope there is less than one half.
#
# </details>
#
# ## Exercise 4.4 The Seq2Seq network (15 minutes, difficulty 2 of 3)
#
# Now put it together. Three parts with exactly these names: `self.recurrent`, a bidirectional LSTM with `n_latents` units in each direction; `self.readout`, a linear layer; and a softplus with `beta=10`. `latents` returns the averaged states, `forward` the rates.


# %%
@nma.exercise("4.4")
class Seq2Seq(nn.Module):
    """Source counts (trials, time, n_sources) -> rates (trials, time, n_targets)."""

    def __init__(self, n_sources, n_targets, n_latents=15):
        super().__init__()
        ### BEGIN SOLUTION
        self.recurrent = nn.LSTM(n_sources, n_latents, batch_first=True, bidirectional=True)
        self.readout = nn.Linear(n_latents, n_targets)
        self.softplus = nn.Softplus(beta=10)
        ### END SOLUTION

    def latents(self, source):
        """Counts (trials, time, n_sources) -> latents (trials, time, n_latents)."""
        ### BEGIN SOLUTION
        states, _ = self.recurrent(source)  # (trials, time, 2 * n_latents)
        forward, backward = states.chunk(2, dim=-1)
        return (forward + backward) / 2  # (trials, time, n_latents)
        ### END SOLUTION

    def forward(self, source):
        """Counts (trials, time, n_sources) -> rates (trials, time, n_targets), counts per bin."""
        ### BEGIN SOLUTION
        return self.softplus(self.readout(self.latents(source)))  # (trials, time, n_targets)
        ### END SOLUTION


# %% tags=["nbval-check-output"]
model = Seq2Seq(7, 4, n_latents=3)
print("latents", tuple(model.latents(torch.rand(5, 6, 7)).shape))
print("rates  ", tuple(model(torch.rand(5, 6, 7)).shape))
print("weights", sum(p.numel() for p in model.parameters()))

# %% [markdown]
# You should see latents `(5, 6, 3)`, rates `(5, 6, 4)` and 304 weights, nearly all of them in the recurrent layer.
#
# From here on you use `nma.Seq2Seq`, which is your network with the cell as an option. With this session's neurons it has

# %%
full = nma.Seq2Seq(data.n_sources, data.n_targets, n_latents=15)
n_weights = sum(p.numel() for p in full.parameters())
n_spikes = int(data.target[data.train].sum())
print(
    f"{n_weights} weights, to be learned from {n_spikes} target spikes in {len(data.train)} trials"
)

# %% [markdown]
# You should see tens of thousands of weights or more. Compare them with the number of spikes: remember the ratio when you get to overfitting in notebook 5.
#
# ## Exercise 4.5 The output bias (10 minutes, difficulty 2 of 3)
#
# An untrained network should at least know how often each target neuron fires. That is what the bias of the linear layer is for: with latents at zero, the rate is softplus(bias).
#
# The project's code sets this bias to the mean counts of the *source* neurons. Two things are wrong with that. Find the bias with which the network starts at the mean count of each *target* neuron. A neuron that never fired gets half a spike in all, or its bias would be minus infinity.


# %%
@nma.exercise("4.5")
def output_bias(source, target, beta=10.0):
    """Bias with which softplus(bias) is the mean count per bin of each target neuron.

    Parameters
    ----------
    source : array, (trials, time, n_sources), counts
    target : array, (trials, time, n_targets), counts
    beta : float
        Of the softplus, log(1 + exp(beta * x)) / beta.

    Returns
    -------
    array, (n_targets,)
    """
    ### BEGIN SOLUTION
    n_bins = target.shape[0] * target.shape[1]
    rates = np.maximum(target.sum(axis=(0, 1)), 0.5) / n_bins  # (n_targets,)
    return np.log(np.expm1(beta * rates)) / beta
    ### END SOLUTION


# %% [markdown]
# To see what it is worth, take half of the target region to predict the other half (question 3 of the project; notebook 5 answers it). Then sources and targets are equally many, and the project's bias can be tried too.

# %%
halves = nma.make_dataset(session, source="same", target=target, window=(0, 0.4), seed=0)
seen = halves.source[halves.train], halves.target[halves.train]
biases = {
    "torch's default": None,
    "as in the project": seen[0].mean(axis=(0, 1)),
    "exercise 4.5": output_bias(*seen),
}


def new_network(data, bias=None, cell="lstm", seed=0):
    """A network of the data's size, the output bias set if one is given."""
    torch.manual_seed(seed)
    network = nma.Seq2Seq(data.n_sources, data.n_targets, cell=cell)
    if bias is not None:
        network.readout.bias.data = torch.as_tensor(bias, dtype=torch.float32)
    return network


networks = {name: new_network(halves, bias) for name, bias in biases.items()}
first_rates = {
    name: network.softplus(network.readout.bias).detach().numpy()
    for name, network in networks.items()
}
ax = nma.plots.output_biases(first_rates, nma.metrics.mean_rates(seen[1]))
# %% [markdown]
# You should see only your bias on the line. With torch's default and with the project's bias the first rates lie around 0.1 spikes per bin (10 Hz), whatever the neuron does, and most neurons start far too high.
#
# Now train each for 80 *epochs*, passes over the training trials, and look at the validation trials. The score is *bits per spike*: how much better than each neuron's mean rate the prediction explains the spikes, where 0 is no better, and 0.3 makes each spike 2^0.3 = 1.23 times as probable (notebook 5 derives it). Two words in the settings: *Adam* is gradient descent that gives each weight its own step size, and *weight decay* pulls each weight a little towards zero in every step.

# %%
recipe = nma.Settings(
    optimizer="adam", learning_rate=1e-3, weight_decay=1e-4, batch_trials=None,
    neuron_dropout=0, max_epochs=80, patience=None,
)  # fmt: skip
starts = {
    name: nma.fit(network, halves, recipe, progress=False) for name, network in networks.items()
}
ax = nma.plots.validation_curves(
    {name: fit.history for name, fit in starts.items()},
    title=f"{halves.n_sources} {target} neurons predict {halves.n_targets} others",
)
# %% [markdown]
# You should see the two other networks spend the first 50 epochs or more on finding the mean rates, which one line of arithmetic gives for nothing. Yours starts about a tenth of a bit below zero, for its untrained latents are not quite zero.

# %% [markdown]
# ## Why 15 latents?
#
# Nothing forces 15. You can ask the data, with a model so fast that you can try many numbers: a *reduced-rank regression* predicts the targets linearly through a given number of latents (exercise 5.4). Fit on training trials, scored on validation trials.

# %%
ranks = [k for k in (1, 2, 4, 8, 15, 30) if k <= min(data.n_sources, data.n_targets)]
by_rank = {k: nma.fit_rrr(data, smoothings=((6,),), ridges=(3,), ranks=(k,)) for k in ranks}
table = nma.score(by_rank, data, part="validation")
ax = nma.plots.score_against(table, "number of latents (linear model, validation trials)")
# %% [markdown]
# You should see most of the score with two to four latents, and no gain beyond eight: 15 is ample. What the single latents mean, this curve does not tell; notebook 6 takes that up.
#
# <details><summary>Think: the interval is wide. Is eight better than four?</summary>
#
# These intervals cannot say: all points share the same trials, so they move up and down together. Compare them in pairs, trial by trial: `nma.compare(by_rank[8], by_rank[4], data, part="validation")`.
#
# </details>

# %%
pairs = {f"{b} against {a}": (b, a) for a, b in zip(ranks, ranks[1:], strict=False)}
pd.DataFrame(
    {
        name: nma.compare(by_rank[more], by_rank[fewer], data, part="validation")
        for name, (more, fewer) in pairs.items()
    }
).T.round(3)

# %% [markdown]
# ## Which network to select
#
# The project's third step. Choose a network as one should: candidates, one split, one training procedure, and the score on validation trials, for the test trials are kept for the very end.
#
# - *linear, bin by bin*: no memory at all, the target's rate in a bin from the sources in that bin;
# - *linear, smoothed*: the same with the sources smoothed over time (60 ms);
# - *RNN, GRU, LSTM*: the network above with three cells. A GRU is an LSTM with two gates and without the second track;
# - *transformer*: the same network with two layers of *self-attention* in the cell's place. There is no state to take along: each bin looks at all bins at once, and learns which of them to listen to. A learned vector tells it which bin is which.
#
# All networks start with your bias (it fits latents around zero; the untrained states of a plain RNN and of the transformer are far from zero, so they start lower, and part of what they lack in the end may be that start). Trained like the others the transformer learns next to nothing; it gets what such networks need: twice the epochs, a lower learning rate, more weight decay, and six sources in ten *masked*, anew in each step. They are trained a little differently from the project's, to save you time: 32 trials a step, learning rate 0.003, at most 20 epochs, and the best epoch is kept.

# %% tags=["real-mouse"]
quick = nma.Settings(
    optimizer="adam", learning_rate=3e-3, weight_decay=1e-4, batch_trials=32,
    neuron_dropout=0, max_epochs=20, patience=5,
)  # fmt: skip
bias = output_bias(data.source[data.train], data.target[data.train])
candidates = {
    "linear, bin by bin": nma.fit_rrr(data, smoothings=((0.1,),)),
    "linear, smoothed": nma.fit_rrr(data, smoothings=((6,),)),
}
for cell in ("rnn", "gru", "lstm"):
    candidates[cell.upper()] = nma.fit(new_network(data, bias, cell), data, quick, progress=False)
masked = replace(
    quick, optimizer="adamw", learning_rate=1e-3, weight_decay=0.1, neuron_dropout=0.6,
    max_epochs=40,
)  # fmt: skip
candidates["transformer"] = nma.fit(
    new_network(data, bias, "transformer"), data, masked, progress=False
)
cells = {name: fit.history for name, fit in candidates.items() if "linear" not in name}
ax = nma.plots.validation_curves(cells, title="same split")
# %%
choice = nma.score(candidates, data, part="validation")
ax = nma.plots.score_intervals(choice, title="validation trials: which network to select")
choice.round(3)

# %% [markdown]
# You should see four things.
# 1. *Time matters.* The linear model that sees one bin alone is far behind the one that sees smoothed sources.
# 2. *Gates help.* GRU and LSTM are about equal and ahead of the plain RNN, within 20 epochs; this is one seed, so do not read more into it.
# 3. *The linear model holds its own.* A smoothed linear fit is not beaten by any of the four, and takes a second.
# 4. *Attention does not help here.* The transformer is behind the LSTM, though it was given more to learn with.
#
# The third is not a mistake. With some hundred trials there is little for a network to learn beyond what smoothing and a linear map give. Notebook 5 draws the consequence: start the network *from* the linear solution.
#
# ### When does a transformer pay?
#
# When there is much more to learn from than one session. The first on spikes, NDT, did as well as recurrent networks on one monkey's motor cortex and was faster, since it need not take bins one after the other. What came after is trained on many recordings and then adapted to a new one: NDT2 (sessions, subjects and tasks of brain-computer interfaces), POYO (158 sessions of seven monkeys), MtM (masks time, neurons or whole regions, so that one network can fill in any of them) and NEDS (83 mice; spikes and behaviour) with mice in the same kind of task as yours. You have one session and a few hundred trials. Attention knows nothing beforehand, not even that neighbouring bins are alike, and so few trials do not teach it.
#
# <details><summary>Think: the validation score chose the rank, the ridge and the best epoch. Is it a fair number to report?</summary>
#
# It is a little too good, for each choice was made to make it so. Use it to choose; report the test trials, once.
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
        "Latents of 15 from 453 neurons, 60 trials, 40 bins. What shape do the states of the bidirectional LSTM have?": {
            "(60, 40, 15)": (False, "That is after the two directions are averaged."),
            "(60, 40, 30)": (True, "Two directions with 15 units each, side by side."),
            "(60, 30, 40)": (False, "Time stays in the middle everywhere in this course."),
        },
        "A forget gate stands at 0.9, bins are 10 ms. How long does the memory last?": {
            "about 10 ms": (False, "After one bin nine tenths are still there."),
            "about 100 ms": (True, "10 ms / -ln 0.9 is 95 ms."),
            "about 900 ms": (False, "That needs a gate at 0.99."),
        },
        "Why set the output bias from the targets' means before training?": {
            "The final score gets better": (
                False,
                "Not by itself: long training finds the means too.",
            ),
            "Rates could become negative otherwise": (False, "The softplus sees to that."),
            "Training need not spend its first epochs on finding them": (
                True,
                "One line of arithmetic gives them for nothing.",
            ),
        },
        "The network reads the trial in both directions. Can its score say that area A drives area B?": {
            "no": (
                True,
                "It explains B's present from A's future too: it measures what is shared, not who leads.",
            ),
            "yes, if it beats the reverse": (
                False,
                "Either direction may use the future of the source. Notebook 7 measures what is left of such differences.",
            ),
            "yes, with a forget gate near 1": (
                False,
                "A gate says how long a unit remembers, not where from.",
            ),
        },
    }
)

# %%
plt.close("all")
nma.progress()

# %% [markdown]
# ## What you take along
# - A recurrent layer is one step, repeated. An LSTM's step adds a memory and three gates.
# - Source counts `(trials, time, n_sources)` become states with two directions, are averaged into latents `(trials, time, 15)`, and become rates `(trials, time, n_targets)`.
# - The softplus makes rates positive; the output bias has to be undone through it, and comes from the targets.
# - How many latents and which cell are questions to the validation trials. Here gated cells beat the plain one, and none beats a smoothed linear model.
#
# **Take it further** Keep both directions instead of averaging them (30 latents), or average but stack two recurrent layers, or give the network the linear model's smoothed sources as input. Does any of them beat the smoothed linear model on the validation trials, with five seeds each? Decide with `nma.compare`, and look at the test trials once.
#
# ## Further reading
#
# - **The LSTM:** Hochreiter & Schmidhuber (1997), *Long short-term memory*, Neural Computation 9: 1735-1780, [doi:10.1162/neco.1997.9.8.1735](https://doi.org/10.1162/neco.1997.9.8.1735).
# - **Transformers on spikes:** Ye & Pandarinath (2021), NDT, [arXiv:2108.01210](https://arxiv.org/abs/2108.01210); Ye et al. (2023), NDT2, [doi:10.1101/2023.09.18.558113](https://doi.org/10.1101/2023.09.18.558113); Azabou et al. (2023), POYO, [arXiv:2310.16046](https://arxiv.org/abs/2310.16046); Zhang et al. (2024), MtM, [arXiv:2407.14668](https://arxiv.org/abs/2407.14668); Zhang et al. (2025), NEDS, [arXiv:2504.08201](https://arxiv.org/abs/2504.08201).
# - **A recurrent network for single trials of spikes:** Pandarinath et al. (2018), Nature Methods 15: 805-815, [doi:10.1038/s41592-018-0109-9](https://doi.org/10.1038/s41592-018-0109-9).
