"""Fitting a brick by latents and a small network that refines them.

1. Principal components along the series; those above the quantiser's step become latents, with the step that meets the goal.
2. A network learns, from the decoded latents, their surroundings and the coordinates, what the components still lack.
3. Its weights are rounded, and fitted once more with the rounding; it is kept if it saves more than it costs.
4. The step is adjusted for what the network takes, or gives.
"""

import math
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.masked import Prepared
from voxz.codecs.siren.field import Field, Networks
from voxz.codecs.siren.latents import Latents
from voxz.codecs.siren.network import Shape
from voxz.codecs.siren.options import Siren
from voxz.codecs.siren.weights import decode_weights
from voxz.codecs.wavelet.transform_choice import choose_basis, choose_scales
from voxz.train.siren.brick_goal import BrickGoal, Outcome
from voxz.train.siren.checkpoint import Memory
from voxz.train.siren.fit_network import Task, fit
from voxz.train.siren.journal import Journal
from voxz.train.siren.points import components, offset_of, seen_points
from voxz.train.siren.torch_network import architecture, initial
from voxz.train.siren.weight_steps import coded, sensitivities, steps_of
from voxz.volume.bricks import middle_of

WORTH = 0.07
"""Squared error, in squared steps, that a bit is worth."""

QUIET = 0.05
"""Components whose root mean square is below that share of the step have no latents."""

CORE = (16, 96, 96)
"""Voxels in the middle of a brick, on which the first steps are tried."""

QUICK = 1
"""Scale whose effort the first steps are tried with."""

MOST_NUMBERS = 1 << 26
"""Inputs of all points together that a network is fitted to."""

MOST_POINTS = 1 << 19

WIDTHS = (48, 32, 24, 16, 12, 8)
"""Widths to choose from,"""

SHARE = 0.04
"""so that the network takes about that share of the brick."""

BITS_PER_WEIGHT = 5.5

FINENESS = (1.0, 0.5, 0.25)
"""Steps of weights that are tried, as multiples of where the error of rounding is about what a bit is worth."""

FINISH, FINISH_RATE = 0.25, 0.2
"""Iterations and learning rate of the fit with rounded weights, as shares of those before."""


@dataclass(frozen=True)
class _Source:
    """What latents are made of."""

    values: NDArray[np.float64]
    scales: tuple[int, int, int]
    field: Field
    effort: int
    peak: float

    @classmethod
    def of(cls, prepared: Prepared, log_step: float, effort: int, peak: float) -> "_Source":
        offset = offset_of(prepared)
        volumes = prepared.filled(offset)
        scales = choose_scales(volumes, 2.0**log_step)
        basis = choose_basis(volumes, scales, 2.0**log_step)
        count, z, y, x = volumes.shape
        none = np.zeros((0, 0))
        field = Field(count, (z, y, x), 3, None, None, np.zeros(0, np.int64), none, none, basis, offset)
        return cls(components(volumes, basis), scales, field, effort, peak)

    def core(self) -> "_Source":
        """Only the middle, coded quickly."""
        box = (slice(None), *middle_of(self.values.shape[1:], CORE))
        return replace(self, values=np.ascontiguousarray(self.values[box]), effort=QUICK)

    def loud(self, step: float) -> int:
        """First components up to the last that is not quiet, at least one."""
        loud = np.sqrt(np.mean(self.values**2, axis=(1, 2, 3))) >= QUIET * step
        return int(np.flatnonzero(loud)[-1]) + 1 if loud.any() else 1

    def latents(self, step: float, channels: int) -> Latents:
        """Latents with this step, of the first components."""
        return Latents.encode(self.values[:channels], self.scales, step, self.effort)


def fit_latents(prepared: Prepared, goal: BrickGoal, options: Siren, effort: int, memory: Memory, journal: Journal) -> Outcome:
    """Field of a brick as near to the goal as can be; at least one sample must not be missing."""
    known = memory.recall("step")
    first = float(known["first"][0]) if known else goal.log_step
    source = _Source.of(prepared, first, effort, goal.peak)
    if known is None and goal.size is not None:
        first = _on_core(source, goal.size, first)
        source = _Source.of(prepared, first, effort, goal.peak)
    guess = float(known["log"][0]) if known else first
    journal.tell(0.05, "trying steps")
    step, channels = guess, 0
    while channels < source.loud(2.0**step):
        channels = source.loud(2.0**step)
        step, outcome = goal.solve(partial(_bare, prepared, source, channels), step)
    if (used := _used(_latents_of(outcome))) < channels:
        outcome = _outcome(prepared, source, source.latents(2.0**step, used))
    memory.keep("step", {"log": np.array([step]), "first": np.array([first])})
    journal.tell(0.2, f"latents take {len(outcome.payload)} bytes", size=len(outcome.payload))
    networks, gains = _refined(prepared, source, outcome, 2.0**step, options, memory, journal)
    if networks is None:
        return outcome
    channels = len(_latents_of(outcome).grid)

    def attempt(log: float) -> Outcome:
        return _outcome(prepared, source, source.latents(2.0**log, channels), networks, gains)

    adjusted = memory.recall("adjusted")
    step, outcome = goal.solve(attempt, float(adjusted["log"][0]) if adjusted else step)
    memory.keep("adjusted", {"log": np.array([step])})
    return outcome


def _on_core(source: _Source, size: float, guess: float) -> float:
    """First guess of the step from the middle of the brick: bits per sample are about the same there."""
    core = source.core()
    share = core.values.size / source.values.size
    wanted = math.log2(max(16.0, size * share))
    low, high = guess - 14, guess + 14
    for _ in range(9):
        middle = (low + high) / 2
        if math.log2(len(core.latents(2.0**middle, core.loud(2.0**middle)).payload)) > wanted:
            low = middle
        else:
            high = middle
        if high - low < 0.2:
            break
    return (low + high) / 2


def _outcome(
    prepared: Prepared,
    source: _Source,
    latents: Latents,
    networks: Networks | None = None,
    gains: NDArray[np.int64] | None = None,
) -> Outcome:
    field = replace(source.field, latents=latents)
    if networks is not None and gains is not None:
        field = replace(field, networks=networks, gains=gains)
    return Outcome(prepared, field, source.peak)


def _used(latents: Latents) -> int:
    """Components up to the last of which something is left: a network should not look at zeros."""
    used = np.flatnonzero(latents.grid.any(axis=(1, 2, 3)))
    return int(used[-1]) + 1 if used.size else 1


def _bare(prepared: Prepared, source: _Source, channels: int, log_step: float) -> Outcome:
    """Outcome without a network."""
    return _outcome(prepared, source, source.latents(2.0**log_step, channels))


def _latents_of(outcome: Outcome) -> Latents:
    assert outcome.field is not None
    assert outcome.field.latents is not None
    return outcome.field.latents


def _refined(
    prepared: Prepared, source: _Source, outcome: Outcome, step: float, options: Siren, memory: Memory, journal: Journal
) -> tuple[Networks | None, NDArray[np.int64]]:
    """Network that makes up for more errors of the latents than its weights are worth, or None."""
    latents = _latents_of(outcome)
    gains = _gains(latents)
    inputs = 3 + latents.features
    outputs = len(latents.grid)
    width = options.width or _width(inputs, outputs, options, len(outcome.payload))
    if not width:
        return None, gains
    shape = architecture(inputs, outputs, width, options)
    x, y, unit = _points(prepared, source, latents, gains, options.seed)
    start = initial(shape, np.random.default_rng(options.seed), silent=True)
    task = Task.of(x, y / unit, shape, start, options)
    flat = fit(task, "network", memory, journal.part(1, 4, stage="network"))
    worth = WORTH * step * step
    best, kept = outcome.tally.squares + worth * 8 * len(outcome.payload), None
    sensitivity = sensitivities(shape, flat, x, options.seed) * unit * unit
    # The errors of n points, h step^2 / 12 each for every weight, against a bit a weight: steps where both slopes are equal.
    factor = math.sqrt(12 * worth * 1.44 / max(1, prepared.missing[0].size))
    for number, fineness in enumerate(FINENESS):
        steps = steps_of(sensitivity, fineness * factor)
        finish = replace(
            task,
            start=flat,
            steps=np.repeat(steps, shape.tensors()),
            iterations=max(1, round(FINISH * options.iterations)),
            learning_rate=FINISH_RATE * options.learning_rate,
            patience=0.0,
        )
        fine = fit(finish, f"network finished {number}", memory, journal.part(2 + number // 2, 4, stage=f"rounded {number}"))
        networks = _networks(_unscaled(fine, shape, unit), _unscaled_steps(steps, unit), shape)
        found = _outcome(prepared, source, latents, networks, gains)
        cost = found.tally.squares + worth * 8 * len(found.payload)
        if cost >= best:
            break
        best, kept = cost, networks
    return kept, gains


def _networks(flat: NDArray[np.float32], steps: NDArray[np.float32], shape: Shape) -> Networks:
    payload = coded(flat[None], steps, shape)
    return Networks(shape, decode_weights(payload, 1, shape), payload, floats=False)


def _unscaled(flat: NDArray[np.float32], shape: Shape, unit: float) -> NDArray[np.float32]:
    """Weights of a network whose outputs are `unit` times larger."""
    last = sum(shape.tensors()[-2:])
    return np.concatenate([flat[:-last], flat[-last:] * np.float32(unit)])


def _unscaled_steps(steps: NDArray[np.float32], unit: float) -> NDArray[np.float32]:
    return np.concatenate([steps[:-2], steps[-2:] * np.float32(unit)])


def _width(inputs: int, outputs: int, options: Siren, size: int) -> int:
    """Largest width that takes its share of a payload of `size` bytes; 0 if none does."""
    for width in WIDTHS:
        weights = architecture(inputs, outputs, width, options).weights
        if weights * BITS_PER_WEIGHT / 8 <= SHARE * size:
            return width
    return 0


def _gains(latents: Latents) -> NDArray[np.int64]:
    """Exponents that bring every feature to a root mean square of about 1."""
    squares, count = np.zeros(latents.features), 0
    shape = latents.grid.shape[1:]
    z, y, x = (np.arange(n, dtype=np.float64) for n in shape)
    for _, features in latents.at((z, y, x), max(1, MOST_POINTS // (shape[1] * shape[2]))):
        squares += np.square(features).sum(axis=(1, 2, 3))
        count += features[0].size
    rms = np.sqrt(squares / count)
    return np.where(rms > 0, np.clip(-np.rint(np.log2(np.maximum(rms, 1e-15))), -40, 40), 0).astype(np.int64)


def _points(
    prepared: Prepared, source: _Source, latents: Latents, gains: NDArray[np.int64], seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
    """Inputs, targets and the unit of the targets: what the components lack at voxels that are not missing."""
    inputs = 3 + latents.features
    places = seen_points(prepared, min(MOST_POINTS, MOST_NUMBERS // inputs), np.random.default_rng(seed))
    z, y, x = source.field.own_positions()
    count = len(latents.grid)
    scale = np.ldexp(1.0, gains)[:, None]
    xs, ys, first = [], [], 0
    slice_ = len(y) * len(x)
    for fine, features in latents.at((z, y, x), max(1, MOST_POINTS // slice_)):
        rows = fine.shape[1]
        inside = places[(places >= first * slice_) & (places < (first + rows) * slice_)] - first * slice_
        coordinates = source.field.coordinates((z[first : first + rows], y, x))[:, inside]
        chosen = features.reshape(len(features), -1)[:, inside] * scale
        xs.append(np.concatenate([chosen, coordinates]).T.astype(np.float32))
        lacking = source.values[:count, first : first + rows] - fine
        ys.append(lacking.reshape(count, -1)[:, inside].T.astype(np.float32))
        first += rows
    x_all, y_all = np.concatenate(xs), np.concatenate(ys)
    return x_all, y_all, float(np.sqrt(np.mean(y_all.astype(np.float64) ** 2))) or 1.0
