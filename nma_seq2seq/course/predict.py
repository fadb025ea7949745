"""`nma-seq2seq predict`: every model on one session, as a table, a JSON file and the rates."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nma_seq2seq import baselines, metrics, training
from nma_seq2seq.dataset import Dataset
from nma_seq2seq.files import check_writable, whole_file

NULL = "train"


def _recipe(data: Dataset, seed: int, options: dict[str, Any]) -> dict[str, Any]:
    early_stopped, as_given = training.fit_recipe(data, seed=seed, **options)
    return {"recipe": early_stopped, "recipe_as_given": as_given}


def _seq2seq(data: Dataset, seed: int, options: dict[str, Any]) -> dict[str, Any]:
    return {"seq2seq": training.fit_seq2seq(data, seed=seed, **options)}


MODELS: dict[str, Callable[[Dataset, int, dict[str, Any]], dict[str, Any]]] = {
    "mean": lambda data, seed, options: {"mean": baselines.fit_mean(data)},
    "psth": lambda data, seed, options: {"psth": baselines.fit_psth(data)},
    "rrr": lambda data, seed, options: {"rrr": baselines.fit_rrr(data)},
    "recipe": _recipe,
    "seq2seq": _seq2seq,
}


def predict(
    data: Dataset,
    models: Sequence[str] = tuple(MODELS),
    *,
    n_latents: int = 15,
    seed: int = 0,
    device: str = "auto",
    json_path: str | Path | None = None,
    save_path: str | Path | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """Fit the models, score them on the test trials, and write what is asked for.

    Returns
    -------
    DataFrame
        As `metrics.score` gives it; "recipe" makes two rows, early-stopped and as given. After
        Ctrl-C it holds what there is: `table.attrs["cut_short"]` says what was cut short, and a
        column `interrupted` marks it.

    Raises
    ------
    ValueError, OSError
        For an unknown model or a path that cannot be written, before anything is fitted.
    KeyboardInterrupt
        After Ctrl-C, if no model can predict yet; nothing is written then.
    """
    if not models:
        raise ValueError(f"no model is asked for; choose from {', '.join(MODELS)}")
    unknown = [name for name in models if name not in MODELS]
    if unknown:
        raise ValueError(f"no model {unknown[0]!r}; choose from {', '.join(MODELS)}")
    for path in (json_path, save_path):
        if path is not None:
            check_writable(path)
    training.pick_device(device)

    fitted: dict[str, Any] = {}
    cut_short = ""
    for name in models:
        options = {"n_latents": n_latents, "device": device, "progress": progress}
        try:
            fitted |= MODELS[name](data, seed, options)
        except KeyboardInterrupt:
            cut_short = f"{name} was interrupted before it could predict, and it is left out"
        else:
            if any(getattr(model, "interrupted", False) for model in fitted.values()):
                cut_short = f"the training of {name} was interrupted, so its scores are too low"
        if cut_short:
            left = list(models)[list(models).index(name) + 1 :]
            cut_short += f"; {', '.join(left)} did not run" if left else ""
            break
    if not fitted:
        raise KeyboardInterrupt
    table = metrics.score(fitted, data, null=NULL)
    table["interrupted"] = [getattr(model, "interrupted", False) for model in fitted.values()]
    if not table["interrupted"].any():
        table = table.drop(columns="interrupted")
    table.attrs["cut_short"] = cut_short

    if json_path is not None:
        with whole_file(json_path) as path:
            path.write_text(json.dumps(_as_json(data, table), indent=2) + "\n")
    if save_path is not None:
        source = data.source[data.test]
        rates = {f"rates_{name}": model.predict(source) for name, model in fitted.items()}
        with whole_file(save_path) as path, path.open("wb") as file:
            np.savez_compressed(
                file,
                cut_short=cut_short,
                test_trials=data.test,
                target_units=data.target_units,
                time=data.session.time,
                **rates,
            )
    return table


def _as_json(data: Dataset, table: pd.DataFrame) -> dict[str, Any]:
    return {
        "session": data.session.name,
        "origin": data.session.origin,
        "target": data.target_name,
        "n_sources": data.n_sources,
        "n_targets": data.n_targets,
        "n_trials": {part: len(data.trials(part)) for part in ("train", "validation", "test")},
        "bin_size": data.bin_size,
        "null": NULL,
        **({"cut_short": cut_short} if (cut_short := table.attrs["cut_short"]) else {}),
        "models": {
            name: {
                "train_loss": row["train_loss"],
                "test_loss": row["test_loss"],
                "test_bits_per_spike": row["bits_per_spike"],
                "interval": [row["low"], row["high"]],
                "seconds": row["seconds"],
                **({"interrupted": True} if row.get("interrupted") else {}),
            }
            for name, row in table.iterrows()
        },
    }
