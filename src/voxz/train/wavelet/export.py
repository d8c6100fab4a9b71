"""From what was trained to a model's file and its card."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from voxz.train.wavelet.recipe import Recipe
from voxz.train.wavelet.torch_transform import Lifting
from voxz.transforms.band_norms import TABLE, AnyNorms, Norms
from voxz.transforms.trained_model import Model


def to_model(name: str, lifting: Lifting, norms: AnyNorms) -> Model:
    """Convert a trained model to the one that codecs use."""
    filters = lifting.filters().detach().cpu().numpy().astype(np.float64)
    exact = lifting.family.untrained()
    change = filters - exact
    counts = lifting.counts.cpu().numpy().astype(np.float64)
    change[..., 0, 0, 0] -= (change * counts).sum((-1, -2, -3)) / counts[0, 0, 0]  # float32 sums are not quite 0
    networks = {n: p.detach().cpu().numpy().astype(np.float64) for n, p in lifting.network_arrays().items()}
    table = norms if isinstance(norms, Norms) else Norms(np.ones(TABLE))
    return Model(name, lifting.family, exact + change, table, networks)


def card_of(model: Model, recipe: Recipe, entries: list[dict[str, Any]]) -> bytes:
    """Card of a model, in JSON: what it is, how it was trained, what it reached, its SHA-256."""
    validations = [entry for entry in entries if "validation" in entry]
    card = {
        "name": model.name,
        "sha256": model.digest().hex(),
        "bytes": len(model.to_bytes()),
        "numbers": int(model.filters.size + sum(values.size for values in model.networks.values())),
        "family": asdict(model.family),
        "recipe": asdict(recipe),
        "steps": recipe.steps,
        "validation_loss": {"first": validations[0], "last": validations[-1]} if validations else None,
        "about": recipe.about,
    }
    return (json.dumps(card, indent=2) + "\n").encode()


def plot_of(entries: list[dict[str, Any]], path: Path) -> bool:
    """Draw the losses to a PNG; without matplotlib do nothing."""
    try:
        from matplotlib.figure import Figure  # noqa: PLC0415 - optional
    except ImportError:
        return False
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    losses = [(entry["step"], entry["loss"]) for entry in entries if "loss" in entry]
    window = max(1, len(losses) // 50)
    means = [float(np.mean([loss for _, loss in losses[max(0, k - window) : k + 1]])) for k in range(len(losses))]
    axes.plot([step for step, _ in losses], means, label=f"training, mean of {window} steps")
    held = [(entry["step"], entry["validation"]) for entry in entries if "validation" in entry]
    axes.plot([step for step, _ in held], [value for _, value in held], "o-", label="held out")
    axes.set_xlabel("step")
    axes.set_ylabel("bits and worths of a bit, relative")
    axes.legend()
    figure.savefig(path)
    return True
