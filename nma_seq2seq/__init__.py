"""Predict one brain region's spikes from others, and read the latents: the course's helpers."""

from importlib import import_module
from typing import Any

# Public name -> the module that has it. Loaded when it is first used: `nma-seq2seq doctor` must run
# where torch is broken, and `--help` should not wait for it.
_HOMES = {
    "Dataset": "dataset",
    "Fit": "training",
    "RECIPE": "training",
    "RegionPicker": "widgets",
    "Seq2Seq": "model",
    "Session": "session",
    "Settings": "training",
    "align": "latents",
    "baselines": "",
    "bits_per_spike": "metrics",
    "compare": "metrics",
    "dataset_of_units": "dataset",
    "decode": "latents",
    "doctor": "course.doctor",
    "exercise": "exercises",
    "fit": "training",
    "fit_glm": "baselines",
    "fit_mean": "baselines",
    "fit_population": "baselines",
    "fit_psth": "baselines",
    "fit_recipe": "training",
    "fit_rrr": "baselines",
    "fit_seq2seq": "training",
    "hint": "exercises",
    "import_part": "steinmetz",
    "latents": "",
    "list_sessions": "steinmetz",
    "load_file": "steinmetz",
    "load_fit": "training",
    "load_session": "steinmetz",
    "make_dataset": "dataset",
    "metrics": "",
    "null_rates": "metrics",
    "plots": "",
    "poisson_nll": "metrics",
    "principal_components": "latents",
    "progress": "exercises",
    "region_map": "region_maps",
    "regions": "",
    "score": "metrics",
    "shuffle_within_condition": "dataset",
    "simulate": "",
    "simulate_session": "simulate",
    "smooth": "smoothing",
    "split_trials": "dataset",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    place = f"{__name__}.{_HOMES.get(name) or name}"
    try:
        home = import_module(place)
    except ModuleNotFoundError as error:
        if name in _HOMES or error.name != place:
            raise
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    found = getattr(home, name) if _HOMES.get(name) else home
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
