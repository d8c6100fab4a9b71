"""Fitting one network to points: Adam, with a schedule, an early end, batches, several processes, and a state that survives.

With ``torchrun`` the first process works and the others follow (`follow`): each takes its own share of the points, and gradients
are averaged by DistributedDataParallel. Memory that runs out halves the batch.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.siren.network import Shape
from voxz.codecs.siren.options import Siren
from voxz.errors import LimitError
from voxz.train.need_torch import best_device, need_torch
from voxz.train.siren.checkpoint import Arrays, Memory
from voxz.train.siren.journal import Journal
from voxz.train.siren.torch_network import module

CHECK = 50
"""Iterations between two looks at the loss of a fixed set of points."""

CHECKED = 1 << 16
"""Points of it."""

SMALLEST_BATCH = 64
PROGRESS = 1e-3
"""Share by which the loss has to fall to count as progress."""

LAST_RATE = 0.01
"""Learning rate at the end of a cosine, as a share of the first."""


@dataclass(frozen=True)
class Task:
    """What is fitted to what.

    Attributes
    ----------
    inputs, targets : ``(points, inputs)`` and ``(points, outputs)``, float32
    start : weights
    steps : quantiser step of each weight, if the network is to compute with multiples of them
    peak : range of the targets, for the PSNR that is reported
    weights : factor of the error of each output; None for 1
    """

    inputs: NDArray[np.float32]
    targets: NDArray[np.float32]
    shape: Shape
    start: NDArray[np.float32]
    iterations: int
    learning_rate: float
    batch: int
    cosine: bool
    patience: float
    seed: int
    steps: NDArray[np.float32] | None = None
    peak: float = 1.0
    weights: NDArray[np.float32] | None = None

    @classmethod
    def of(
        cls, inputs: NDArray[np.float32], targets: NDArray[np.float32], shape: Shape, start: NDArray[np.float32], options: Siren
    ) -> "Task":
        """Fit as the options ask for."""
        cosine = options.schedule == "cosine"
        rate, patience = options.learning_rate, options.patience
        return cls(inputs, targets, shape, start, options.iterations, rate, options.batch, cosine, patience, options.seed)


@dataclass
class _State:
    """Where a fit is."""

    network: Any
    optimiser: Any
    generator: Any
    iteration: int = 0
    best: float = math.inf
    best_at: int = 0
    best_flat: NDArray[np.float32] | None = None

    def arrays(self) -> Arrays:
        moments = [self.optimiser.state.get(p, {}) for p in self.network.tensors]
        found: Arrays = {
            "flat": self.network.flat(),
            "best_flat": self.network.flat() if self.best_flat is None else self.best_flat,
            "numbers": np.array([self.iteration, self.best, self.best_at], np.float64),
            "generator": self.generator.get_state().numpy(),
        }
        for name in ("exp_avg", "exp_avg_sq"):
            if all(name in moment for moment in moments):
                found[name] = np.concatenate([moment[name].cpu().numpy().ravel() for moment in moments])
        return found

    def resume(self, arrays: Arrays, sizes: list[int]) -> None:
        torch = need_torch("fitting a network")
        iteration, self.best, best_at = map(float, arrays["numbers"])
        self.iteration, self.best_at = int(iteration), int(best_at)
        self.best_flat = arrays["best_flat"]
        self.generator.set_state(torch.from_numpy(arrays["generator"].copy()))
        if "exp_avg" in arrays:
            ends = np.cumsum(sizes)[:-1]
            for p, first, second in zip(
                self.network.tensors, np.split(arrays["exp_avg"], ends), np.split(arrays["exp_avg_sq"], ends), strict=True
            ):
                self.optimiser.state[p] = {
                    "step": torch.tensor(float(self.iteration)),
                    "exp_avg": torch.from_numpy(first.copy()).reshape(p.shape).to(p.device),
                    "exp_avg_sq": torch.from_numpy(second.copy()).reshape(p.shape).to(p.device),
                }


def fit(task: Task, name: str, memory: Memory, journal: Journal) -> NDArray[np.float32]:
    """Best weights that were found; kept under `name`, and taken from there if they are known already."""
    known = memory.recall(name)
    if known is not None:
        return known["flat"]
    running = f"{name} running"
    state = memory.recall(running)
    _share((task, state))
    while True:
        try:
            flat = _fit(task, state, _Saver(memory, running), journal)
            break
        except (MemoryError, RuntimeError) as error:
            if not isinstance(error, MemoryError) and "memory" not in str(error).lower():
                raise
            batch = (task.batch or len(task.inputs)) // 2
            if batch < SMALLEST_BATCH or _processes() > 1:
                weights = task.shape.weights
                raise LimitError(f"fitting a network of {weights} weights ran out of memory; try a smaller width") from None
            journal.tell(0.0, f"memory ran out: batches of {batch} points", batch=batch)
            task, state = replace(task, batch=batch), memory.recall(running)
    memory.keep(name, {"flat": flat}, replaces=running)
    return flat


class _Saver:
    """Keeps the state of a running fit now and then."""

    def __init__(self, memory: Memory, name: str) -> None:
        self._memory, self._name = memory, name

    def __call__(self, state: _State, *, now: bool = False) -> None:
        if now or self._memory.due():
            self._memory.keep(self._name, state.arrays())


def follow() -> None:
    """Take part in the fits of the first process until it is done."""
    while (work := _share(None)) is not None:
        _fit(work[0], work[1], None, Journal())


def _fit(task: Task, arrays: Arrays | None, saver: _Saver | None, journal: Journal) -> NDArray[np.float32]:
    torch = need_torch("fitting a network")
    device = best_device()
    rank, count = _rank(), _processes()
    network = module(task.shape, task.start if arrays is None else arrays["flat"], task.steps).to(device)
    optimiser = torch.optim.Adam(network.parameters(), lr=task.learning_rate)
    state = _State(network, optimiser, torch.Generator().manual_seed(task.seed + rank))
    if arrays is not None:
        state.resume(arrays, task.shape.tensors())
    parallel = torch.nn.parallel.DistributedDataParallel(network) if count > 1 else network
    inputs, targets = torch.from_numpy(task.inputs).to(device), torch.from_numpy(task.targets).to(device)
    factors = None if task.weights is None else torch.from_numpy(task.weights).to(device)
    checked = slice(None, None, max(1, len(inputs) // CHECKED))
    whole = task.batch == 0 or task.batch >= len(inputs)
    mine = slice(rank, None, count) if len(inputs) >= count else slice(None)
    patience = task.patience * task.iterations or math.inf
    try:
        while state.iteration < task.iterations:
            rate = _rate(task, state.iteration)
            for group in optimiser.param_groups:
                group["lr"] = rate
            if whole:
                x, y = inputs[mine], targets[mine]
            else:
                chosen = torch.randint(len(inputs), (max(1, task.batch // count),), generator=state.generator).to(device)
                x, y = inputs[chosen], targets[chosen]
            loss = _loss(parallel, x, y, factors)
            if whole and count == 1:
                _note(state, float(loss.detach()), network)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            state.iteration += 1
            if state.iteration % CHECK == 0 or state.iteration == task.iterations:
                if not whole or count > 1 or state.iteration == task.iterations:
                    with torch.no_grad():
                        measured = _loss(network, inputs[checked], targets[checked], factors)
                    _note(state, float(measured), network)
                journal.tell(state.iteration / task.iterations, _words(state, task), **_facts(state, task))
                if state.iteration - state.best_at > patience:
                    break
            if saver:
                saver(state)
    except KeyboardInterrupt:
        if saver:
            saver(state, now=True)
        raise
    return network.flat() if state.best_flat is None else state.best_flat


def _loss(network: Any, x: Any, y: Any, factors: Any) -> Any:
    """Mean squared error, each output with its factor."""
    error = network(x) - y
    return (error**2).mean() if factors is None else ((error * factors) ** 2).mean()


def _note(state: _State, loss: float, network: Any) -> None:
    """Remember the weights if none were better."""
    if loss < state.best:
        if loss < state.best * (1 - PROGRESS):
            state.best_at = state.iteration
        state.best, state.best_flat = loss, network.flat()


def _rate(task: Task, iteration: int) -> float:
    if not task.cosine:
        return task.learning_rate
    wave = 0.5 * (1 + math.cos(math.pi * iteration / task.iterations))
    return task.learning_rate * (LAST_RATE + (1 - LAST_RATE) * wave)


def _psnr(state: _State, task: Task) -> float:
    return 10 * math.log10(task.peak**2 / state.best) if state.best > 0 and math.isfinite(state.best) else math.inf


def _words(state: _State, task: Task) -> str:
    return f"loss {state.best:.3g}, {_psnr(state, task):.2f} dB"


def _facts(state: _State, task: Task) -> dict[str, float]:
    return {"iteration": state.iteration, "loss": state.best, "psnr_db": round(_psnr(state, task), 4)}


def _distributed() -> Any:
    """The module torch.distributed if several processes work together, else None."""
    torch = need_torch("fitting a network")
    active = torch.distributed.is_available() and torch.distributed.is_initialized()
    return torch.distributed if active else None


def _processes() -> int:
    distributed = _distributed()
    return distributed.get_world_size() if distributed else 1


def _rank() -> int:
    distributed = _distributed()
    return distributed.get_rank() if distributed else 0


def _share(work: Any) -> Any:
    """Give `work` of the first process to all."""
    distributed = _distributed()
    if distributed is None:
        return work
    boxes = [work]
    distributed.broadcast_object_list(boxes, src=0)
    return boxes[0]


def dismiss() -> None:
    """Tell the other processes that no more fits follow."""
    _share(None)
