"""Training a wavelet-like transform from prepared crops: stages, checkpoints, log, validation, several processes.

Everything random at a step follows from the seed and the step, so a run that was stopped goes on from its last checkpoint to
the same numbers, bit for bit. With several processes (torchrun) each takes its share of a batch and gradients are averaged.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import distributed, nn

from voxz.errors import CorruptError, UsageError, VoxzError
from voxz.io.output import complete_file
from voxz.train.distributed import meet
from voxz.train.wavelet.data import Example, Examples, draw, load
from voxz.train.wavelet.loss import loss_of, norms_of, spread_of, straight_loss
from voxz.train.wavelet.rate import Rate
from voxz.train.wavelet.recipe import Recipe, Stage, check_enough
from voxz.train.wavelet.torch_transform import Lifting
from voxz.transforms.band_norms import NO_NORMS, Norms
from voxz.weights.safetensors_file import Arrays, pack, unpack
from voxz.weights.store import read_path

CHECKPOINT, LOG, MODEL, CARD = "checkpoint.safetensors", "log.jsonl", "model.safetensors", "model.json"

NORMS_EVERY = 100
VALIDATION_BITS = (0.5, 1.5, 4.0)
LARGEST_GRADIENT = 0.5
_BETAS = (0.9, 0.99)

Report = Callable[[dict[str, object]], None]


class Run:
    """State of a run, kept in its folder if it has one; `filters` are those to start from."""

    def __init__(
        self,
        recipe: Recipe,
        train: Examples,
        held: Examples,
        folder: Path | None,
        device: str = "cpu",
        filters: NDArray[np.float64] | None = None,
    ) -> None:
        self.recipe, self.folder = recipe, folder
        self.rank, self.world = meet()
        self.train, self.held = train, held
        self.device = torch.device(device)
        torch.manual_seed(recipe.seed)
        self.model, self.rate = Lifting(recipe.transform, filters).to(self.device), Rate().to(self.device)
        self.norms = norms_of(self.model)
        self.step = 0
        self.moments: dict[str, torch.Tensor] = {}
        if recipe.start:
            self._take(read_path(recipe.start, unpack)[0], partly=True)
        self.average = {name: p.detach().clone() for name, p in self.model.named_parameters()}

    @classmethod
    def of(cls, recipe: Recipe, data: Path, folder: Path, device: str = "cpu") -> Run:
        """Run on the crops in the folder `data`."""
        train, held = (load(crops, recipe.seed) for crops in recipe.crops(data))
        check_enough(sum(map(len, train.values())))
        return cls(recipe, train, held, folder, device)

    def parameters(self, stage: Stage) -> dict[str, nn.Parameter]:
        """Parameters that a stage trains, by name."""
        found = {f"model.{name}": p for name, p in self.model.named_parameters()}
        found |= {f"rate.{name}": p for name, p in self.rate.named_parameters()}
        return {name: p for name, p in found.items() if part_of(name) in stage.train}

    def go_on(self, report: Report) -> None:
        """Train to the end."""
        while self.step < self.recipe.steps:
            if self.step % self.recipe.validate_every == 0:
                self.validate(report)
            self._advance(report)
        self._gradients(self.recipe.stages[-1])
        self.save()
        self.validate(report)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Put the averaged parameters into the model, and their norms."""
        kept, norms = {name: p.detach().clone() for name, p in self.model.named_parameters()}, self.norms
        self._put(self.average)
        self.norms = norms_of(self.model)
        yield
        self._put(kept)
        self.norms = norms

    def _put(self, values: dict[str, torch.Tensor]) -> None:
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                parameter.copy_(values[name])

    def _advance(self, report: Report) -> None:
        """One step of the optimiser (Adam, Kingma and Ba 2015); a checkpoint is written once the loss at its step is a number."""
        started = time.perf_counter()
        stage, progress = self.recipe.stage_of(self.step)
        if progress == 0:
            self.moments = {}
        if self.step % NORMS_EVERY == 0:
            self.norms = norms_of(self.model)
        own, gradients, total = self._gradients(stage)
        if self.step and self.step % self.recipe.save_every == 0:
            self.save()
        self._update(own, gradients, stage.learning_rate * (0.55 + 0.45 * math.cos(math.pi * progress)))
        keep = min(AVERAGED, 1 - 1 / (1 + self.step))
        for name, parameter in self.model.named_parameters():
            self.average[name].mul_(keep).add_(parameter.detach(), alpha=1 - keep)
        self.step += 1
        report({"step": self.step, "loss": total, "seconds": round(time.perf_counter() - started, 3)})

    def _gradients(self, stage: Stage) -> tuple[dict[str, nn.Parameter], dict[str, torch.Tensor], float]:
        """Parameters that a stage trains, their gradients at this step, and its loss; `VoxzError` unless all are finite."""
        own = self.parameters(stage)
        for parameter in [*self.model.parameters(), *self.rate.parameters()]:
            parameter.requires_grad_(False)
        for parameter in own.values():
            parameter.requires_grad_(True)
            parameter.grad = None
        rng = np.random.default_rng([self.recipe.seed, self.step])
        batch = draw(self.train, self.recipe.batch, self.recipe.bits, rng)
        total = 0.0
        for number, (example, bits) in enumerate(batch):
            if number % self.world == self.rank:
                loss = self._loss(example, bits, stage, self._noise(number), spread=not number and len(batch)) / len(batch)
                if loss.requires_grad:
                    loss.backward()
                total += float(loss.detach())
        gradients = {n: p.grad if p.grad is not None else torch.zeros_like(p) for n, p in own.items()}
        total = self._together(gradients, total)
        if not math.isfinite(total) or not all(bool(g.isfinite().all()) for g in gradients.values()):
            kept = (self.folder or Path()) / CHECKPOINT
            last = f"The last good checkpoint is {kept}" if self.folder and kept.exists() else "There is no checkpoint yet"
            found = f"the loss is {total}{' with a gradient that is not finite' if math.isfinite(total) else ''}"
            raise VoxzError(f"{found} at step {self.step}; stopped. {last}; lower the learning_rate of the stage")
        return own, gradients, total

    def _weight(self, example: Example, bits: float) -> tuple[float, float]:
        """Quantiser step of an example, and its weight in the loss."""
        step = 1.0 if self.recipe.transform.reversible else example.step_for(bits)
        return step, 1 / max(0.3, example.bits(step))

    def _loss(self, example: Example, bits: float, stage: Stage, noise: torch.Generator, spread: float = 0.0) -> torch.Tensor:
        """Loss of an example; changes of the norms of bands count `spread` times."""
        step, weight = self._weight(example, bits)
        volume = example.volume.to(self.device)
        z, y, x = (min(n, self.recipe.levels) for n in example.levels)
        levels = z, y, x
        if self.recipe.transform.network:
            own = None if stage.rounding else noise
            rate, distortion = straight_loss(self.model, self.rate, volume, levels, self.norms, step, own)
            return weight * (rate + distortion)
        rate, distortion, deviations = loss_of(self.model, self.rate, volume, levels, self.norms, step)
        loss = weight * (rate + distortion)
        if spread and deviations and loss.requires_grad:
            change = spread_of(self.model, self.norms, levels, deviations, noise)
            loss = loss + spread * weight * (change - change.detach())
        return loss

    def _noise(self, number: int) -> torch.Generator:
        return torch.Generator(self.device).manual_seed((self.recipe.seed * 1_000_003 + self.step) * 1024 + number)

    def _together(self, gradients: dict[str, torch.Tensor], loss: float) -> float:
        """Sum gradients and losses over the processes."""
        if self.world == 1:
            return loss
        total = torch.tensor([loss], device=self.device)
        for tensor in [*gradients.values(), total]:
            distributed.all_reduce(tensor)
        return float(total)

    def _update(self, own: dict[str, nn.Parameter], gradients: dict[str, torch.Tensor], rate: float) -> None:
        norm = math.sqrt(sum(float(g.double().square().sum()) for g in gradients.values()))
        shrink = min(1.0, LARGEST_GRADIENT / max(norm, 1e-12))
        if not self.moments:
            self.moments = {f"{kind}.{n}": torch.zeros_like(p) for n, p in own.items() for kind in ("first", "second")}
            self.moments["count"] = torch.zeros((), dtype=torch.float64)
        self.moments["count"] += 1
        count = float(self.moments["count"])
        with torch.no_grad():
            for name, parameter in own.items():
                first, second = self.moments[f"first.{name}"], self.moments[f"second.{name}"]
                gradient = gradients[name] * shrink
                first.lerp_(gradient, 1 - _BETAS[0])
                second.lerp_(gradient.square(), 1 - _BETAS[1])
                size = (second / (1 - _BETAS[1] ** count)).sqrt() + 1e-8
                parameter.sub_(rate * _PACE[part_of(name)] * first / (1 - _BETAS[0] ** count) / size)

    def validate(self, report: Report) -> None:
        """Report the mean loss on held-out crops by source, with averaged parameters."""
        if not self.held:
            return
        found: dict[str, float] = {}
        with torch.no_grad(), self.averaged():
            sources = sorted(self.held)
            each = max(1, self.recipe.validation_crops // max(1, len(sources)))
            for source in sources:
                losses = []
                for number, example in enumerate(self.held[source][:each]):
                    bits = VALIDATION_BITS[number % len(VALIDATION_BITS)]
                    noise = torch.Generator(self.device).manual_seed(number)
                    losses.append(float(self._loss(example, bits, self.recipe.stages[-1], noise)))
                found[source] = float(np.mean(losses))
        if found:
            report({"step": self.step, "validation": float(np.mean(list(found.values()))), "by_source": found})

    def _take(self, arrays: Arrays, *, partly: bool) -> None:
        """Take parameters from a checkpoint; `partly`: averaged ones, and only where there are any of the same shape."""
        with torch.no_grad():
            for prefix, module in (("model", self.model), ("rate", self.rate)):
                for name, parameter in module.named_parameters():
                    key = f"average.{name}" if partly and f"average.{name}" in arrays else f"{prefix}.{name}"
                    if not partly or (key in arrays and arrays[key].shape == tuple(parameter.shape)):
                        parameter.copy_(torch.from_numpy(arrays[key]))

    def save(self) -> None:
        """Write a checkpoint, in the first process only."""
        if self.rank or self.folder is None:
            return
        arrays = {f"model.{n}": p.detach().cpu().numpy() for n, p in self.model.named_parameters()}
        arrays |= {f"rate.{n}": p.detach().cpu().numpy() for n, p in self.rate.named_parameters()}
        arrays |= {f"average.{n}": t.cpu().numpy() for n, t in self.average.items()}
        arrays |= {f"moments.{n}": t.cpu().numpy() for n, t in self.moments.items()}
        if isinstance(self.norms, Norms):
            arrays["norms"] = self.norms.table
        data = pack(arrays, {"step": str(self.step), "recipe": json.dumps(asdict(self.recipe)), "world": str(self.world)})
        with complete_file(self.folder / CHECKPOINT, force=True) as file:
            file.write(data)

    def resume(self) -> None:
        """Go on from the last checkpoint, if there is one; `UsageError` if it belongs to another recipe."""
        path = (self.folder or Path()) / CHECKPOINT
        if self.folder is None or not path.exists():
            return
        try:
            arrays, facts = unpack(path.read_bytes())
        except CorruptError as error:
            raise CorruptError(f"the checkpoint {path} is damaged ({error}); remove it to start anew") from None
        if facts.get("recipe") != json.dumps(asdict(self.recipe)) or facts.get("world") != str(self.world):
            raise UsageError(f"{path} is of another recipe or number of processes; give the same ones, or another folder")
        try:
            self._restore(arrays, facts)
        except (KeyError, ValueError, RuntimeError) as error:
            raise CorruptError(f"the checkpoint {path} is damaged ({error}); remove it to start anew") from None

    def _restore(self, arrays: Arrays, facts: dict[str, str]) -> None:
        """Load a checkpoint."""
        self._take(arrays, partly=False)
        self.average = {n: torch.from_numpy(arrays[f"average.{n}"]).to(self.device) for n, _ in self.model.named_parameters()}
        self.moments = {
            name.removeprefix("moments."): torch.from_numpy(a).to(self.device if a.ndim else "cpu")
            for name, a in arrays.items()
            if name.startswith("moments.")
        }
        self.norms = Norms(arrays["norms"]) if "norms" in arrays else NO_NORMS
        self.step = int(facts["step"])


AVERAGED = 0.98
"""Share of the averaged parameters that a step leaves."""

_PACE = {"filters": 1.0, "networks": 0.5, "gates": 0.5, "rate": 10.0}
"""Learning rates of the parts, as multiples."""


def part_of(name: str) -> str:
    """Part of the model, one of `PARTS`, that a parameter belongs to."""
    if name.startswith("rate."):
        return "rate"
    return "gates" if ".gate" in name else "networks" if ".networks" in name else "filters"
