"""Predict one brain region's spikes from others, and read the latents: the course's helpers."""

from nma_seq2seq import baselines, metrics, plots, regions
from nma_seq2seq.baselines import fit_mean, fit_psth, fit_rrr
from nma_seq2seq.dataset import Dataset, make_dataset
from nma_seq2seq.exercises import exercise, hint, progress
from nma_seq2seq.metrics import bits_per_spike, compare, null_rates, poisson_nll, score
from nma_seq2seq.model import Seq2Seq
from nma_seq2seq.region_map import region_map
from nma_seq2seq.session import Session
from nma_seq2seq.simulate import simulate_session
from nma_seq2seq.steinmetz import import_part, list_sessions, load_file, load_session
from nma_seq2seq.training import RECIPE, Fit, Settings, fit, fit_recipe, fit_seq2seq, load_fit

__all__ = [
    "Dataset",
    "Fit",
    "RECIPE",
    "Seq2Seq",
    "Session",
    "Settings",
    "baselines",
    "bits_per_spike",
    "compare",
    "exercise",
    "fit",
    "fit_mean",
    "fit_psth",
    "fit_recipe",
    "fit_rrr",
    "fit_seq2seq",
    "hint",
    "import_part",
    "list_sessions",
    "load_file",
    "load_fit",
    "load_session",
    "make_dataset",
    "metrics",
    "null_rates",
    "plots",
    "poisson_nll",
    "progress",
    "region_map",
    "regions",
    "score",
    "simulate_session",
]
