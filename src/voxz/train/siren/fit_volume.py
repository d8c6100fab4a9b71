"""From a target to a fitted volume: every brick is fitted before anything is written, and the plan carries what came out.

A volume is one brick where it fits into memory, so that a series is one function. Of several bricks each gets its share of the
bytes.
"""

import json
import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from voxz.codecs import registry
from voxz.codecs.fidelity import Fidelity
from voxz.codecs.numbers import SIREN
from voxz.codecs.siren.codec import Prepared, decode_brick, encode_field
from voxz.codecs.siren.options import Siren
from voxz.codecs.special_values import MOST_SPECIALS
from voxz.codecs.stored import encode_bytes
from voxz.container.header import TARGETS, UNITS, Header, Loss
from voxz.container.writer import preamble_length
from voxz.errors import UsageError
from voxz.metrics import extent_of, psnr
from voxz.pipeline.distortion import Tally, within
from voxz.pipeline.plan import Coded, Plan
from voxz.pipeline.slabs import bricks_of, grid_of
from voxz.ratecontrol.noise import noise_of
from voxz.ratecontrol.planning import Opener, bound_in_stored_units, target_facts
from voxz.ratecontrol.target import BitsPerVoxel, Lossless, MaxError, Psnr, Ratio, Target
from voxz.train.need_torch import need_torch
from voxz.train.siren.checkpoint import Memory, task_of
from voxz.train.siren.fit_latents import fit_latents
from voxz.train.siren.fit_networks import fit_networks
from voxz.train.siren.journal import Journal
from voxz.train.siren.rate_target import Aim, Outcome

MISSED = 0.03
"""Share by which a size may be off at most."""

STEP_OF_BOUND = 3.0
"""Step of latents for a bound alone, as a multiple of it."""

_MARK = 110
"""About as many bytes takes the mark behind the samples."""


@dataclass(frozen=True)
class _Volume:
    """What is known before the fit: the bricks, bytes of the file that are not bricks, max - min, and the samples' digest."""

    bricks: list[NDArray[np.generic]]
    overhead: int
    peak: float
    digest: str
    noise: float


def fit_plan(
    target: Target, opened: Opener, level: int, options: Siren, threads: int, checkpoint: str | None, journal: Journal
) -> tuple[Plan, Memory]:
    """Fit a volume and return the plan that writes it, and the memory to forget once the file is complete.

    Raises
    ------
    MissingDependencyError
        Torch is not installed.
    UsageError
        The target cannot be reached; the message says what can.
    """
    torch = need_torch("the codec siren")
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        return _fitted(target, opened, level, options, checkpoint, journal)
    finally:
        torch.set_num_threads(before)


def _fitted(
    target: Target, opened: Opener, level: int, options: Siren, checkpoint: str | None, journal: Journal
) -> tuple[Plan, Memory]:
    """The same with the threads of torch set."""
    torch = need_torch("the codec siren")
    plan, volume = _settled(target, opened, level, options)
    task = task_of(
        samples=volume.digest, target=repr(target), options=json.dumps(options.settings()), level=level, torch=torch.__version__
    )
    memory = Memory(checkpoint, task)
    if memory.resumed:
        journal.tell(0.0, f"going on from {memory.path}")
    total = sum(brick.size for brick in volume.bricks)
    coded = []
    for number, brick in enumerate(volume.bricks):
        aim = _aim(plan, target, volume, brick.size / max(1, total), total * brick.dtype.itemsize)
        part = journal.part(number, len(volume.bricks), brick=number)
        coded.append(_fit_brick(brick, plan, aim, options, _Named(memory, f"brick {number} "), part))
    plan = replace(plan, ready=tuple(coded))
    _check(plan, target, volume, total)
    return plan, memory


class _Named(Memory):
    """Part of a memory, with a prefix before every name."""

    def __init__(self, memory: Memory, prefix: str) -> None:
        super().__init__()
        self._memory, self._prefix = memory, prefix

    def recall(self, name: str) -> dict[str, NDArray[np.generic]] | None:
        return self._memory.recall(self._prefix + name)

    def keep(self, name: str, arrays: dict[str, NDArray[np.generic]], *, replaces: str | None = None) -> None:
        self._memory.keep(self._prefix + name, arrays, replaces=None if replaces is None else self._prefix + replaces)

    def due(self) -> bool:
        return self._memory.due()


def _settled(target: Target, opened: Opener, level: int, options: Siren) -> tuple[Plan, _Volume]:
    """Plan before the fit, and the volume."""
    plan = Plan(level, options, Fidelity(math.inf), TARGETS["fitted"])
    with opened() as samples:
        noise = noise_of(samples) if isinstance(target, MaxError) and target.unit == "noise" else 0.0
    with opened() as samples:
        layout, foreign = samples.layout, samples.foreign
        grid = grid_of(layout, plan)
        bricks = list(bricks_of(samples, grid))
        tail = samples.read_tail()
        digest = samples.checksums()[0].hex()
    extents = [extent_of(brick) for brick in bricks if brick.dtype.kind in "iuf"]
    peak = max((high for _, high in extents), default=0.0) - min((low for low, _ in extents), default=0.0)
    if isinstance(target, MaxError):
        bound = bound_in_stored_units(target, noise, layout, foreign)
        plan = replace(
            plan,
            fidelity=Fidelity.within(bound),
            target=TARGETS["max-error"],
            asked=target.error,
            noise=noise,
            unit=UNITS[target.unit],
        )
    elif isinstance(target, Psnr | BitsPerVoxel | Ratio):
        name, asked = target_facts(target)
        bound = math.inf if target.max_error is None else target.max_error
        counts = isinstance(target, Psnr) and target.background
        plan = replace(plan, fidelity=Fidelity(bound), target=TARGETS[name], asked=asked, count_background=counts)
    elif not isinstance(target, Lossless):
        raise UsageError(f"got target {target!r}, expected voxz.MaxError, Psnr, BitsPerVoxel, Ratio, or none")
    header = Header.describe(layout, grid, foreign.format, level, plan.target)
    overhead = preamble_length(header.chunks) + Loss.layout().size + (0 if foreign.format == "array" else _MARK)
    overhead += sum(len(encode_bytes(part)) for part in (foreign.head, foreign.companion, tail) if part)
    return plan, _Volume(bricks, overhead, max(0.0, peak) if math.isfinite(peak) else 0.0, digest, noise)


def _aim(plan: Plan, target: Target, volume: _Volume, share: float, nbytes: int) -> Aim:
    """What a brick that holds a `share` of all samples should come to."""
    if isinstance(target, Psnr):
        return Aim("psnr", target.db, volume.peak)
    if isinstance(target, MaxError):
        return Aim("step", max(STEP_OF_BOUND * plan.fidelity.bound, volume.peak * 1e-6, 1e-300), volume.peak)
    if isinstance(target, Lossless):
        return Aim("free", 0.0, volume.peak)
    size = _size(target, volume, nbytes) - volume.overhead
    if size < 64:
        raise UsageError(
            f"got a file of {_size(target, volume, nbytes):.0f} bytes, of which header and index take {volume.overhead}; "
            "expected a lower ratio"
        )
    return Aim("size", size * share, volume.peak)


def _size(target: Target, volume: _Volume, nbytes: int) -> float:
    """Bytes that a file may take."""
    if isinstance(target, Ratio):
        return nbytes / target.ratio
    assert isinstance(target, BitsPerVoxel)
    return target.bits * sum(brick.size for brick in volume.bricks) / 8


def _fit_brick(brick: NDArray[np.generic], plan: Plan, aim: Aim, options: Siren, memory: Memory, journal: Journal) -> Coded:
    """Fit a brick; samples that cannot be fitted are coded without loss."""
    prepared = Prepared.of(brick, foreground=options.foreground)
    if prepared is None or plan.exact:
        return _exact(brick, plan)
    if prepared.missing.all() or prepared.low == prepared.high:
        found = _constant(prepared)
        if found is None:
            return _exact(brick, plan)
        outcome = found
    elif options.model == "latents":
        outcome = fit_latents(prepared, aim, options, plan.level, memory, journal)
    else:
        outcome = fit_networks(prepared, aim, options, memory, journal)
    payload = encode_field(prepared, outcome.field, plan.fidelity.bound)
    decoded = decode_brick(payload, brick.shape, brick.dtype)
    if not within(brick, decoded, plan.fidelity.bound):
        return _exact(brick, plan)
    return Coded(SIREN, payload, decoded, Tally.of(brick, decoded, plan.count_background))


def _exact(brick: NDArray[np.generic], plan: Plan) -> Coded:
    """Code a brick without loss."""
    number, payload = registry.encode_brick(brick, plan.level)
    return Coded(number, payload, brick, Tally.of(brick, brick, plan.count_background))


def _constant(prepared: Prepared) -> Outcome | None:
    """Nothing to fit: all samples are missing, or the same. None if there are too many special values to say so."""
    if prepared.missing.all():
        return Outcome(prepared, None)
    if len(prepared.specials) == MOST_SPECIALS:
        return None
    everywhere = ~prepared.missing
    pattern = prepared.series[everywhere][0]
    bits = int.from_bytes(pattern.tobytes(), "little")
    whole = replace(prepared, specials=[*prepared.specials, (bits, everywhere)], missing=np.ones_like(prepared.missing))
    return Outcome(whole, None)


def _check(plan: Plan, target: Target, volume: _Volume, total: int) -> None:
    """Raise `UsageError` if the target was missed."""
    if isinstance(target, BitsPerVoxel | Ratio):
        itemsize = volume.bricks[0].dtype.itemsize if volume.bricks else 1
        asked = _size(target, volume, total * itemsize)
        got = volume.overhead + sum(len(brick.payload) for brick in plan.ready)
        if abs(got / asked - 1) > MISSED:
            side = "most" if got < asked else "least"
            raise UsageError(
                f"got a size of {asked:.0f} bytes (a ratio of {total * itemsize / asked:.4g}), expected at {side} {got} "
                f"(a ratio of {total * itemsize / got:.4g}) with these options"
            )
    if isinstance(target, Psnr):
        tally = sum((brick.tally for brick in plan.ready), Tally())
        reached = psnr(tally.mean_square, volume.peak)
        if reached is not None and reached < target.db:
            raise UsageError(f"got a PSNR of {target.db:g} dB, expected at most {reached:.2f} dB with these options")
