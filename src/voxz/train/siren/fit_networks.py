"""Fitting a brick by networks of coordinates alone: one for each slice, one for the volume, or one of time as well.

Outputs are scaled to 0 .. 1: volumes of a slice each by itself, or components of a series, whose errors then count by their
range. With coded weights, steps follow from the size that is asked for, and a second fit takes the rounding into account.
"""

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.masked import Prepared
from voxz.codecs.siren.field import Field, Networks, normalised
from voxz.codecs.siren.network import Shape
from voxz.codecs.siren.options import Siren
from voxz.codecs.siren.weights import decode_floats, decode_weights, encode_floats
from voxz.errors import UsageError
from voxz.train.siren.brick_goal import BrickGoal, Outcome
from voxz.train.siren.checkpoint import Memory
from voxz.train.siren.fit_network import Task, fit
from voxz.train.siren.journal import Journal
from voxz.train.siren.points import components, offset_of, seen_points
from voxz.train.siren.torch_network import architecture, initial
from voxz.train.siren.weight_steps import coded, factor_of_size, sensitivities, steps_of
from voxz.transforms import klt

BITS_PER_WEIGHT = 6.5
NARROWEST, WIDEST = 4, 1024
FREE_WIDTH = 64
MOST_COMPONENTS = 16
BASIS_STEP = 1e-3
"""What rounding the basis may cost, as a share of the largest sample."""

MOST_POINTS = 1 << 20
ROUNDING = 0.02
"""Share by which rounding the weights may raise the error where no size is asked for."""

FINISH, FINISH_RATE = 0.2, 0.2
"""Iterations and learning rate of the fit with rounded weights, as shares of those before."""

GROWTH = 1.5
"""Factor of the widths that are tried for a PSNR."""


@dataclass(frozen=True)
class _Work:
    """Points of all networks, and the field they belong to.

    Attributes
    ----------
    inputs, targets : for each network ``(points, inputs)``, ``(points, outputs)``
    weights : factor of the error of each output
    peak : max - min of the whole volume
    """

    field: Field
    inputs: list[NDArray[np.float32]]
    targets: list[NDArray[np.float32]]
    weights: NDArray[np.float32]
    peak: float

    @property
    def outputs(self) -> int:
        return int(self.targets[0].shape[1])


def fit_networks(prepared: Prepared, goal: BrickGoal, options: Siren, memory: Memory, journal: Journal) -> Outcome:
    """Field of a brick as near to the goal as can be.

    Raises
    ------
    UsageError
        Not even the smallest network is small enough, or the largest good enough.
    """
    work = _work(prepared, options, goal.peak)
    if options.weights == "float32" and goal.size is not None:
        raise UsageError("weights in float32 cannot meet a size, which follows from the width alone; take weights='coded'")
    if goal.goal is None or goal.size is not None:
        return _of_width(prepared, work, options.width or _width(work, goal, options), goal, options, memory, journal)
    width = options.width or 24
    while True:
        outcome = _of_width(prepared, work, width, goal, options, memory, journal)
        if goal.meets(outcome) or options.width or width >= WIDEST:
            return outcome
        width = min(WIDEST, max(width + 8, round(width * GROWTH)))


def _work(prepared: Prepared, options: Siren, peak: float) -> _Work:
    """What networks have to give at which coordinates."""
    offset = offset_of(prepared)
    volumes = prepared.filled(offset)
    count, depth, height, width = volumes.shape
    basis = None
    if options.outputs == "components" and options.axes != 4 and count > 1:
        flat = volumes.reshape(count, -1)
        basis = klt.principal_basis(flat, BASIS_STEP * float(np.abs(flat).max())) if flat.any() else None
    values = components(volumes, basis)
    if basis is not None:
        values, basis = values[:MOST_COMPONENTS], basis.first(MOST_COMPONENTS)
    none = np.zeros((0, 0))
    field = Field(count, (depth, height, width), options.axes, None, None, np.zeros(0, np.int64), none, none, basis, offset)
    groups = list(np.moveaxis(values, 1, 0)[:, :, None]) if options.axes == 2 else [values]
    if options.axes == 4:
        low = np.full((1, 1), values.min(), np.float32)
        extent = np.full((1, 1), values.max() - values.min(), np.float32)
    else:
        low = np.array([g.min(axis=(1, 2, 3)) for g in groups], np.float32)
        extent = np.array([g.max(axis=(1, 2, 3)) for g in groups], np.float32) - low
    field = replace(field, low=low.astype(np.float64), extent=extent.astype(np.float64))
    rng = np.random.default_rng(options.seed)
    places = seen_points(prepared, MOST_POINTS, rng) if options.foreground else np.arange(depth * height * width)
    coordinates = field.coordinates(field.own_positions())
    safe = np.where(extent > 0, extent, 1).astype(np.float64)
    inputs, targets = [], []
    for number, group in enumerate(groups):
        here = places
        if options.axes == 2:
            first = number * height * width
            here = places[(places >= first) & (places < first + height * width)]
            here = here if len(here) else np.arange(first, first + height * width)
            inputs.append(coordinates[1:, here].T)
            here = here - first
        else:
            inputs.append(coordinates[:, here].T)
        flat = group.reshape(len(group), -1)[:, here]
        targets.append(((flat - low[number].astype(np.float64)[:, None]) / safe[number][:, None]).T)
    if options.axes == 4:
        inputs, targets = [_with_time(inputs[0], count)], [targets[0].T.reshape(-1, 1)]
    weights = np.ones(targets[0].shape[1], np.float32)
    if basis is not None:
        weights = (extent.max(axis=0) / max(float(extent.max()), 1e-30)).astype(np.float32)
    as_floats = [[np.ascontiguousarray(a, np.float32) for a in arrays] for arrays in (inputs, targets)]
    return _Work(field, as_floats[0], as_floats[1], weights, peak)


def _with_time(points: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Points of all volumes, with the volume as one more coordinate."""
    times = normalised(np.arange(count, dtype=np.float64), count)
    return np.concatenate([np.column_stack([points, np.full(len(points), time)]) for time in times])


def _width(work: _Work, goal: BrickGoal, options: Siren) -> int:
    """Width whose weights take what is asked for."""
    if goal.size is None:
        return FREE_WIDTH
    budget = (goal.size - _overhead(work)) * 8 / BITS_PER_WEIGHT / len(work.inputs)
    for before, width in pairwise(range(NARROWEST - 1, WIDEST + 1)):
        if architecture(work.inputs[0].shape[1], work.outputs, width, options).weights > budget:
            if before < NARROWEST:
                raise UsageError(
                    f"{goal.size:.0f} bytes a brick are too few for the smallest network of {NARROWEST} units a layer; ask for a "
                    "lower ratio, or take model='latents'"
                )
            return before
    return WIDEST


def _overhead(work: _Work) -> float:
    """Bytes about the weights."""
    basis = work.field.basis
    return 64 + 8 * work.field.low.size + (0 if basis is None else 2 * basis.entries.size)


def _of_width(
    prepared: Prepared, work: _Work, width: int, goal: BrickGoal, options: Siren, memory: Memory, journal: Journal
) -> Outcome:
    """Fit all networks with this many units a layer."""
    shape = architecture(work.inputs[0].shape[1], work.outputs, width, options)
    points = math.prod(work.field.grid)
    shape.check_work(points * work.field.series if options.axes == 4 else points, points * work.field.series)
    rng = np.random.default_rng(options.seed)
    exact = options.weights == "float32"
    flats: list[NDArray[np.float32]] = []
    for number in range(len(work.inputs)):
        start = flats[-1] if options.warm and flats else initial(shape, rng)
        task = _task(work, number, shape, start, options)
        part = journal.part(number, len(work.inputs) * (1 if exact else 2), network=number, stage="network")
        flats.append(fit(task, f"width {width} network {number}", memory, part))
    if exact:
        payload = encode_floats(np.stack(flats))
        return _outcome(prepared, work, Networks(shape, decode_floats(payload, len(flats), shape), payload, floats=True))
    chosen = np.concatenate([x[:: len(work.inputs)] for x in work.inputs])
    sensitivity = sensitivities(shape, flats[0], chosen, options.seed)
    factor = _factor(prepared, work, np.stack(flats), sensitivity, shape, goal)
    steps = steps_of(sensitivity, factor)
    wide = np.repeat(steps, shape.tensors())
    for number, flat in enumerate(flats):
        task = replace(
            _task(work, number, shape, flat, options),
            steps=wide,
            iterations=max(1, round(FINISH * options.iterations)),
            learning_rate=FINISH_RATE * options.learning_rate,
            patience=0.0,
        )
        part = journal.part(len(flats) + number, 2 * len(flats), network=number, stage="rounded")
        flats[number] = fit(task, f"width {width} network {number} finished", memory, part)
    return _coded(prepared, work, np.stack(flats), steps, shape, goal, sensitivity)


def _task(work: _Work, number: int, shape: Shape, start: NDArray[np.float32], options: Siren) -> Task:
    task = Task.of(work.inputs[number], work.targets[number], shape, start, options)
    return replace(task, seed=options.seed + number, weights=work.weights)


def _factor(
    prepared: Prepared, work: _Work, flats: NDArray[np.float32], sensitivity: NDArray[np.float64], shape: Shape, goal: BrickGoal
) -> float:
    """Factor of the steps of all tensors."""
    if goal.size is not None:
        empty = len(_outcome_of_steps(prepared, work, flats, steps_of(sensitivity, 1e3), shape).payload)
        used = len(coded(flats, steps_of(sensitivity, 1e3), shape))
        return factor_of_size(flats, sensitivity, shape, max(16.0, goal.size - (empty - used)))
    exact = Networks(shape, flats.astype(np.float64), b"", floats=True)
    most = (1 + ROUNDING) * Outcome(prepared, replace(work.field, networks=exact), work.peak).tally.squares
    factor = 1.0
    for _ in range(24):
        if _outcome_of_steps(prepared, work, flats, steps_of(sensitivity, factor), shape).tally.squares <= most:
            break
        factor /= 2
    return factor


def _coded(
    prepared: Prepared,
    work: _Work,
    flats: NDArray[np.float32],
    steps: NDArray[np.float32],
    shape: Shape,
    goal: BrickGoal,
    sensitivity: NDArray[np.float64],
) -> Outcome:
    """Round the weights; if that misses a size, with other steps."""
    found = _outcome_of_steps(prepared, work, flats, steps, shape)
    if goal.size is not None and not goal.meets(found):
        around = len(found.payload) - len(coded(flats, steps, shape))
        factor = factor_of_size(flats, sensitivity, shape, max(16.0, goal.size - around))
        found = _outcome_of_steps(prepared, work, flats, steps_of(sensitivity, factor), shape)
    return found


def _outcome_of_steps(
    prepared: Prepared, work: _Work, flats: NDArray[np.float32], steps: NDArray[np.float32], shape: Shape
) -> Outcome:
    payload = coded(flats, steps, shape)
    return _outcome(prepared, work, Networks(shape, decode_weights(payload, len(flats), shape), payload, floats=False))


def _outcome(prepared: Prepared, work: _Work, networks: Networks) -> Outcome:
    return Outcome(prepared, replace(work.field, networks=networks), work.peak)
