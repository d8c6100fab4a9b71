"""Fields of `voxz.codecs.siren` in a payload: basis, latents, networks, each a part with fixed fields in front.

Part of the codec siren.
"""

import math
import struct
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.payload import PartReader, PartWriter
from voxz.codecs.siren.field import Field, Networks
from voxz.codecs.siren.latents import Latents
from voxz.codecs.siren.network import MOST_LAYERS, Shape
from voxz.codecs.siren.weights import decode_floats, decode_weights, finite_floats
from voxz.codecs.wavelet.levels import STATES
from voxz.entropy.integers import IntegerReader, IntegerWriter
from voxz.errors import CorruptError, needs_newer
from voxz.transforms import klt
from voxz.transforms.pyramid import MOST_SCALES

BASIS, LATENTS, NETWORKS, FLOATS = 1, 2, 4, 8
"""Flags of a field."""

MOST_GAIN = 64
_COUNTS = struct.Struct("<I")
_LATENTS = struct.Struct("<BBBBHd")


@dataclass(frozen=True)
class _Front:
    """Fixed fields: coordinates of networks, flags, components of the basis, layers of networks, stored value of 0."""

    axes: int
    flags: int
    components: int
    layers: int
    offset: float

    LAYOUT: ClassVar[struct.Struct] = struct.Struct("<BBHBd")


def write_field(writer: PartWriter, field: Field) -> None:
    """Append a field."""
    networks, latents, basis = field.networks, field.latents, field.basis
    flags = (BASIS if basis is not None else 0) | (LATENTS if latents else 0) | (NETWORKS if networks else 0)
    flags |= FLOATS if networks and networks.floats else 0
    components = len(basis.bits) if basis is not None else 0
    layers = len(networks.shape.activations) if networks else 0
    writer.raw(_Front.LAYOUT.pack(field.axes, flags, components, layers, field.offset))
    if basis is not None:
        side = IntegerWriter()
        basis.write(side)
        writer.part(side.to_bytes())
    if latents:
        writer.raw(_LATENTS.pack(*latents.scales, latents.states, len(latents.grid), latents.step))
        writer.part(latents.payload)
        writer.part(latents.filters)
    if networks:
        shape = networks.shape
        writer.raw(struct.pack(f"<{layers + 1}H{layers}B{layers}f", *shape.sizes, *shape.activations, *shape.omegas))
        if latents:
            writer.raw(field.gains.astype("<i1").tobytes())
        else:
            writer.raw(_COUNTS.pack(len(networks.flat)))
            writer.raw(field.low.astype("<f4").tobytes() + field.extent.astype("<f4").tobytes())
        writer.part(networks.payload)


def read_field(reader: PartReader, series: int, grid: tuple[int, int, int]) -> Field:
    """Inverse of `write_field` for a series of volumes of shape `grid`; damage raises `CorruptError`."""
    front = _Front(*reader.head(_Front.LAYOUT))
    flags, known = front.flags, BASIS | LATENTS | NETWORKS | FLOATS
    if flags > known or front.axes not in (2, 3, 4):
        raise needs_newer(f"a siren brick has flags {flags} and {front.axes} axes")
    if not np.isfinite(front.offset) or bool(flags & BASIS) != bool(front.components) or front.components > series:
        raise CorruptError("the head of a siren brick is out of bounds")
    if not flags & (LATENTS | NETWORKS) or (flags & LATENTS and front.axes != 3) or (flags & BASIS and front.axes == 4):
        raise CorruptError("a siren brick has neither latents nor networks that fit its axes")
    outputs = front.components or series
    basis = None
    if flags & BASIS:
        side = IntegerReader(reader.part())
        basis = klt.Basis.read(side, series, outputs)
        side.finish()
    latents = _read_latents(reader, outputs, grid) if flags & LATENTS else None
    networks, gains = None, np.zeros(0, np.int64)
    low = extent = np.zeros((0, 0))
    if flags & NETWORKS:
        shape = _read_shape(reader, front.layers)
        inputs = front.axes if latents is None else 3 + latents.features
        most = 1 if front.axes == 4 else outputs
        if shape.sizes[0] != inputs or shape.sizes[-1] > most or (latents is None and shape.sizes[-1] != most):
            raise CorruptError(f"a network of {shape.sizes[0]} inputs and {shape.sizes[-1]} outputs does not fit its brick")
        points = math.prod(grid)
        shape.check_work(points * series if front.axes == 4 else points, points * series)
        count = 1
        if latents is not None:
            gains = np.frombuffer(reader.exactly(latents.features), "<i1").astype(np.int64)
            if np.abs(gains).max(initial=0) > MOST_GAIN:
                raise CorruptError("the gains of latents are out of bounds")
        else:
            (count,) = reader.head(_COUNTS)
            if count != (grid[0] if front.axes == 2 else 1):
                raise CorruptError(f"a brick of {grid[0]} slices cannot have {count} networks")
            low, extent = (_floats(reader, count, shape.sizes[-1]) for _ in range(2))
        networks = _read_networks(reader, shape, count, points * series, floats=bool(flags & FLOATS))
    return Field(series, grid, front.axes, networks, latents, gains, low, extent, basis, front.offset)


def _read_latents(reader: PartReader, outputs: int, grid: tuple[int, int, int]) -> Latents:
    z, y, x, states, channels, step = reader.head(_LATENTS)
    if not 0 < channels <= outputs or max(z, y, x) > MOST_SCALES or states not in STATES or not 1e-300 < step < 1e300:
        raise CorruptError("the head of latents is out of bounds")
    payload, filters = reader.part(), reader.part()
    return Latents.decode(payload, filters, (channels, *grid), (z, y, x), step, states)


def _read_shape(reader: PartReader, layers: int) -> Shape:
    if not 1 <= layers <= MOST_LAYERS:
        raise CorruptError(f"a network must have 1 to {MOST_LAYERS} layers (got {layers})")
    fields = struct.Struct(f"<{layers + 1}H{layers}B{layers}f")
    numbers = reader.head(fields)
    shape = Shape(numbers[: layers + 1], numbers[layers + 1 : 2 * layers + 1], numbers[2 * layers + 1 :])
    shape.check()
    return shape


def _floats(reader: PartReader, networks: int, outputs: int) -> NDArray[np.float64]:
    return finite_floats(reader.exactly(4 * networks * outputs)).reshape(networks, outputs)


def _read_networks(reader: PartReader, shape: Shape, count: int, samples: int, *, floats: bool) -> Networks:
    payload = reader.part()
    flat = (decode_floats if floats else decode_weights)(payload, count, shape, samples)
    return Networks(shape, flat, payload, floats)
