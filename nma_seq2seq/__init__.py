"""Predict one brain region's spikes from others, and read the latents: the course's helpers."""

from nma_seq2seq import baselines, latents, metrics, plots, regions, simulate
from nma_seq2seq.baselines import fit_mean, fit_psth, fit_rrr
from nma_seq2seq.dataset import (
    Dataset,
    dataset_of_units,
    make_dataset,
    shuffle_within_condition,
    split_trials,
)
from nma_seq2seq.exercises import exercise, hint, progress
from nma_seq2seq.latents import align, decode, principal_components
from nma_seq2seq.metrics import bits_per_spike, compare, null_rates, poisson_nll, score
from nma_seq2seq.model import Seq2Seq
from nma_seq2seq.region_map import region_map
from nma_seq2seq.session import Session
from nma_seq2seq.simulate import simulate_session
from nma_seq2seq.steinmetz import import_part, list_sessions, load_file, load_session
from nma_seq2seq.training import RECIPE, Fit, Settings, fit, fit_recipe, fit_seq2seq, load_fit
from nma_seq2seq.widgets import RegionPicker

__all__ = [
    "Dataset",
    "Fit",
    "RECIPE",
    "RegionPicker",
    "Seq2Seq",
    "Session",
    "Settings",
    "align",
    "baselines",
    "bits_per_spike",
    "compare",
    "dataset_of_units",
    "decode",
    "exercise",
    "fit",
    "fit_mean",
    "fit_psth",
    "fit_recipe",
    "fit_rrr",
    "fit_seq2seq",
    "hint",
    "import_part",
    "latents",
    "list_sessions",
    "load_file",
    "load_fit",
    "load_session",
    "make_dataset",
    "metrics",
    "null_rates",
    "plots",
    "poisson_nll",
    "principal_components",
    "progress",
    "region_map",
    "regions",
    "score",
    "shuffle_within_condition",
    "simulate",
    "simulate_session",
    "split_trials",
]
