"""Which transform a brick goes through: what a caller can ask for, and how a payload says what was taken.

::

    97, 53         untrained: CDF 9/7 with loss, reversible 5/3 without
    tuned          filters tuned to the volume (by `voxz.train.wavelet.tune`), a shipped model or none: what is guessed smallest
    trained        the shipped model that is guessed to be smallest; trained:NAME, or trained:PATH of a model's file

A payload says 0 for an untrained transform, 1 for a named model (its hash and name follow), 2 for filters of its own, which
follow as differences to those of 9/7 or 5/3, so that the file needs no model to be decoded, 3 for a step along z that follows
motion, whose fields follow.
"""

import struct
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from voxz.entropy.integers import IntegerReader, IntegerWriter
from voxz.errors import CorruptError, UnsupportedError, UsageError
from voxz.transforms.band_norms import TABLE, Norms, Scales
from voxz.transforms.lifting_family import SHARING, Family, multiplicities
from voxz.transforms.motion.field import Fields
from voxz.transforms.motion.pyramid import MotionPyramid
from voxz.transforms.pyramid import Pyramid
from voxz.transforms.trained_model import LARGEST_TAP, Model, Tuned
from voxz.transforms.trained_pyramid import TrainedPyramid
from voxz.weights.naming import Reader, name_bytes, read_named_bytes
from voxz.weights.store import SUFFIX, TRANSFORMS, read_named, read_path

UNTRAINED, NAMED, OWN, MOVED = 0, 1, 2, 3
"""What a payload says of its transform."""

REVERSIBLE = "-reversible"
"""What the names of models for lossless coding end in."""

UNIT = 1 << 12
"""Filters of a payload's own are in 1/4096."""

_FAMILY = struct.Struct("<BBBB")

NORM_UNIT = 1 << 8
"""Norms that go with them are in 1/256."""

LARGEST_NORM = 1 << 16

Whole = NDArray[np.int64]
Numbers = NDArray[np.float64]


class _Reader(Reader, Protocol):
    def part(self) -> bytes: ...


@dataclass(frozen=True)
class Choice:
    """A transform; without a `model` or `fields` the untrained one."""

    model: Model | None = None
    own: bool = False
    fields: Fields | None = None

    @property
    def number(self) -> int:
        """What a payload says first."""
        if self.fields is not None:
            return MOVED
        return UNTRAINED if self.model is None else OWN if self.own else NAMED

    @property
    def name(self) -> str:
        """For people."""
        return "untrained" if self.model is None else "own filters" if self.own else self.model.name

    def pyramid(self, shape: tuple[int, ...], scales: Scales, unit: float) -> Pyramid:
        """Pyramid of a volume of this shape, quantised with the step `unit`; 0 is for whole numbers that come back."""
        if self.fields is not None:
            return MotionPyramid(shape, scales, self.fields)
        return Pyramid(shape, scales) if self.model is None else TrainedPyramid(shape, scales, self.model, unit or 1.0)

    def pack(self, scales: Scales) -> bytes:
        """What a payload says besides the number."""
        if self.fields is not None:
            return _part(self.fields.pack())
        if self.model is None:
            return b""
        return _own_bytes(self.model, scales) if self.own else name_bytes(self.model.digest(), self.model.name)


def _part(data: bytes) -> bytes:
    return struct.pack("<I", len(data)) + data


def read_choice(number: int, reader: _Reader, scales: Scales, shape: tuple[int, ...], *, reversible: bool) -> Choice:
    """Transform of a payload of volumes of this shape, which is for coding with loss or a `reversible` one.

    Raises
    ------
    CorruptError, UnsupportedError, MissingWeightsError
        It makes no sense, only later versions know it, or its model is not here.
    """
    if number == UNTRAINED:
        return Choice()
    if number == NAMED:
        model = Model.from_bytes(read_named_bytes(reader))
    elif number == OWN:
        model = _read_own(reader, scales, reversible)
    elif number == MOVED:
        if reversible:
            raise CorruptError("a brick without loss cannot follow motion")
        return Choice(fields=Fields.read(reader.part(), shape, scales))
    else:
        raise UnsupportedError(f"a brick went through transform {number}, which this voxz does not know; use a later one")
    if model.family.reversible != reversible:
        raise CorruptError("the model of a brick is for the other kind of coding")
    return Choice(model, number == OWN)


def asked_choices(asked: str | Model | Tuned | None, *, reversible: bool) -> list[Choice]:
    """Transforms among which the encoder may choose for what a caller asked."""
    if isinstance(asked, Model):
        return [_of_kind(Choice(asked, own=not asked.family.network), reversible)]
    if isinstance(asked, Tuned):
        fits = asked.model is not None and asked.model.family.reversible == reversible
        own = [_of_kind(Choice(asked.model, own=True), reversible)] if fits else []
        return [Choice(), *asked_choices("trained", reversible=reversible), *own]
    kind, _, name = (asked or "").partition(":")
    if kind == "trained":
        if name.endswith(SUFFIX):
            model = read_path(name, Model.from_bytes)
            return [_of_kind(Choice(model, own=not model.family.network), reversible)]
        names = [_full(name, reversible)] if name else shipped(reversible)
        return [_of_kind(Choice(Model.from_bytes(read_named(one))), reversible) for one in names]
    if asked in (None, "53" if reversible else "97"):
        return [Choice()]
    raise UsageError(
        f"{'without' if reversible else 'with'} loss, transform must be {'53' if reversible else '97'}, trained, trained:NAME, "
        f"trained:PATH{SUFFIX} or, for a whole file or array, tuned (got {asked!r})"
    )


def shipped(reversible: bool) -> list[str]:
    """Names of the shipped models of a kind."""
    return [name for name in TRANSFORMS if name.endswith(REVERSIBLE) == reversible]


def _full(name: str, reversible: bool) -> str:
    full = name + REVERSIBLE if reversible and not name.endswith(REVERSIBLE) else name
    if full not in TRANSFORMS:
        names = ", ".join(one for one in TRANSFORMS if not one.endswith(REVERSIBLE))
        raise UsageError(f"there is no transform {name!r}; take one of {names}, or a path that ends in {SUFFIX}")
    return full


def _of_kind(choice: Choice, reversible: bool) -> Choice:
    assert choice.model is not None
    if choice.model.family.reversible != reversible:
        raise UsageError(
            f"the transform {choice.model.name} is for coding {'with' if reversible else 'without'} loss; take one for coding "
            f"{'without' if reversible else 'with'} loss"
        )
    return replace(choice, model=_rounded(choice.model)) if choice.own else choice


def _differences(model: Model) -> Whole:
    """Differences of filters to the untrained ones in 1/UNIT; the first of each follows from the others: their sum is 0."""
    whole = np.rint((model.filters - model.family.untrained()) * UNIT).astype(np.int64)
    return whole.reshape(-1, 4 * model.family.reach)[:, 1:]


def _filters(family: Family, differences: Whole) -> Numbers:
    counts = multiplicities(family.reach).ravel()[1:].astype(np.int64)
    first = -(differences * counts).sum(1, keepdims=True) // 2
    return family.untrained() + np.concatenate([first, differences], 1).reshape(family.shape) / UNIT


def _rounded(model: Model) -> Model:
    """The model with the filters and norms that a payload can carry."""
    norms = Norms(np.clip(np.rint(model.norms.table * NORM_UNIT), 1, LARGEST_NORM) / NORM_UNIT)
    return replace(model, filters=_filters(model.family, _differences(model)), norms=norms)


def _keys(scales: Scales) -> list[tuple[int, int]]:
    """Scale and orientation of all bands, whatever the shape."""
    deepest = max(scales)
    split = [sum(1 << axis for axis in range(3) if scale < scales[axis]) for scale in range(deepest)]
    return [(deepest, 0)] + [(at, o) for at in range(deepest) for o in range(1, 8) if not o & ~split[at]]


def _own_bytes(model: Model, scales: Scales) -> bytes:
    family = model.family
    side = IntegerWriter()
    side.put(_differences(model).ravel())
    if not family.reversible:
        side.put([round(model.norms.of(*key, scales) * NORM_UNIT) for key in _keys(scales)])
    data = side.to_bytes()
    head = _FAMILY.pack(family.steps, family.reach, list(SHARING).index(family.sharing), family.classes)
    return head + _part(data)


def _read_own(reader: _Reader, scales: Scales, reversible: bool) -> Model:
    steps, reach, sharing, classes = _FAMILY.unpack(reader.exactly(_FAMILY.size))
    names = list(SHARING)
    if sharing >= len(names):
        raise UnsupportedError(f"filters are shared in way {sharing}, which this voxz does not know; use a later one")
    family = Family(reversible, steps, reach, names[sharing], classes)
    fault = family.fault()
    if fault:
        raise CorruptError(f"the filters of a brick have an impossible shape: {fault}")
    side = IntegerReader(reader.part())
    differences = side.take(family.filters * (4 * reach - 1)).reshape(family.filters, -1)
    table = np.ones(TABLE)
    if not reversible:
        keys = _keys(scales)
        norms = side.take(len(keys))
        if norms.min() < 1 or norms.max() > LARGEST_NORM:
            raise CorruptError("the norms of a brick are out of bounds")
        for (scale, orientation), norm in zip(keys, norms, strict=True):
            table[scales[0], scale, orientation] = norm / NORM_UNIT
    side.finish()
    if np.abs(differences).max() > LARGEST_TAP * UNIT:
        raise CorruptError("the filters of a brick are out of bounds")
    return Model("", family, _filters(family, differences), Norms(table), {})
