"""Encoding a brick in doubles, or whole numbers without loss: in the bands of a transform, or in blocks where these cost less."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.fidelity import Fidelity
from voxz.codecs.masked import Prepared
from voxz.codecs.payload import PartWriter
from voxz.codecs.wavelet.bands import encode_bands
from voxz.codecs.wavelet.blocks.codec import encode_blocks, suits
from voxz.codecs.wavelet.blocks_trial import FEWEST, REFUSED, Look, squared_errors
from voxz.codecs.wavelet.chosen import Chosen
from voxz.codecs.wavelet.fast.draft import singles_suit
from voxz.codecs.wavelet.head import BACKGROUND, BASIS, BLOCKS, HEAVY, LOSSLESS, LOSSY, NOTHING, RESTORED, Head, coarsest_step
from voxz.codecs.wavelet.heavy.model import Model, asked_model
from voxz.codecs.wavelet.levels import EFFORTS, REVERSIBLE, Effort
from voxz.codecs.wavelet.options import Transform
from voxz.codecs.wavelet.transform_choice import PARTS, WORTH_OF_BIT, choose_scales
from voxz.entropy.integers import IntegerWriter
from voxz.numerics.freed_memory import give_back
from voxz.transforms import klt
from voxz.transforms.loop_filter import restore
from voxz.transforms.loop_filter_fit import fit_filters
from voxz.transforms.wiener import Filters

BESIDE, BESIDE_EACH = 1800, 1.5e-4
"""Bytes of a brick that are not indices, where a length is to be come near to: filters and weights; and for each sample."""

NO_SCALES = (0, 0, 0)

Volumes = NDArray[np.float64]


@dataclass(frozen=True)
class Source:
    """What is encoded: samples, which of them a transform codes, and how."""

    prepared: Prepared
    head: Head
    effort: Effort
    model: Model | None

    @property
    def front(self) -> bytes:
        """What stands between the transform and the parts that are coded."""
        return (self.model.pack() if self.model else b"") + self.prepared.front()


@dataclass(frozen=True)
class Coded:
    """A way to code a brick, what it decodes to where filters are looked for, and these, if they pay."""

    head: Head
    body: bytes
    decoded: Volumes
    filters: Filters | None = None

    def to_bytes(self) -> bytes:
        """The payload."""
        return self.head.pack() + self.body

    def with_filters(self, source: Source) -> "Coded":
        """The same with filters, if they pay."""
        head, prepared = self.head, source.prepared
        if head.kind != LOSSY or not source.effort.restores:
            return self
        wanted = prepared.series.astype(np.float64) - head.offset
        filters = fit_filters(wanted, self.decoded, prepared.missing, head.step, source.effort.slope)
        if filters is None:
            return self
        head = replace(head, flags=head.flags | RESTORED)
        return Coded(head, self.body + _part(filters.to_bytes()), self.decoded, filters)

    def restored(self) -> Volumes:
        """What it decodes to, with its filters, which are applied once."""
        if self.filters is not None:
            for volume in self.decoded:
                restore(volume, self.head.step, self.filters)
        return self.decoded

    def cost(self, source: Source) -> tuple[float, float]:
        """Bits, with the bits that the squared error is worth, and that error, in half steps of the source; with its filters."""
        prepared = source.prepared
        missed = prepared.series.astype(np.float64) - self.head.offset - self.restored()
        squares = squared_errors(missed, prepared.missing, source.head.step)
        return 8.0 * len(self.body) + squares / WORTH_OF_BIT, squares


def encode_doubles(
    prepared: Prepared,
    level: int,
    fidelity: Fidelity,
    transform: Transform,
    entropy: str | None,
    kept: list[Chosen],
) -> bytes:
    """Payload of what is coded in doubles, or whole numbers for a step of 0; of about the length that is wanted, if there is one.

    What it goes through is the one that is `kept` for steps near this one, or is chosen, and then kept. Blocks have no length
    that can be wished for, but an error: their step then follows from what bands and the middle slices show.
    """
    step = fidelity.step
    form, effort = (LOSSY, EFFORTS[level]) if step else (LOSSLESS, REVERSIBLE)
    offset, background = prepared.offset, BACKGROUND if prepared.background else 0
    volumes, specials, reach = prepared.filled(offset), len(prepared.specials), (prepared.low, prepared.high)
    if not prepared.count:
        scales = choose_scales(volumes, step, PARTS)
        return Head(NOTHING, effort.states, scales, specials, background, 0, 0.0, offset, *reach).pack() + prepared.front()
    chosen = Chosen.kept(kept, volumes, level, transform, step)
    head = Head(form, effort.states, NO_SCALES, specials, background, 0, step, offset, *reach)
    source = Source(prepared, head, effort, asked_model(entropy))
    length = fidelity.length if fidelity.length and singles_suit(prepared, step) else 0.0
    if chosen.blocks:
        return _in_blocks(volumes[0], source, chosen.blocks).to_bytes()
    most = math.inf if chosen.choice.fields is not None else effort.blocks or 0.0
    may_be = chosen.blocks is None and effort.blocks is not None and chosen.asked is None and most > 0
    tried = volumes[0].copy() if may_be and len(volumes) == 1 and suits(volumes.shape[1:]) else None
    best = _in_bands(volumes, chosen, source, length)
    if tried is not None and 8 * len(best.body) < most * tried.size:
        best, factor = _cheaper(best, tried, source, fidelity.mean_square, sure=chosen.choice.fields is not None)
        kept[0] = replace(chosen, blocks=factor)
    return best.to_bytes()


def _cheaper(bands: Coded, volume: Volumes, source: Source, mean_square: float, sure: bool) -> tuple[Coded, float]:
    """Bands or blocks, which cost less, and the step of blocks as a multiple of that of bands, or 0; near a `mean_square`.

    If blocks are rather `sure` to cost less, and no error is wanted, nothing is looked at first.
    """
    (known, squares), prepared, factor = bands.cost(source), source.prepared, 1.0
    if len(volume) >= FEWEST and (mean_square or not sure):
        bits, slope = 8 * len(bands.body), source.effort.slope
        look = Look.at(volume, bands.decoded[0], prepared.missing[0], bits, source.head.step, slope)
        if look is not None and look.cost > REFUSED:
            return bands, 0.0
        if look is not None and mean_square:
            factor = look.factor(squares, prepared.count * (math.sqrt(mean_square) * (2 / source.head.step)) ** 2)
    blocks = _in_blocks(volume, source, factor)
    return (blocks, factor) if blocks.cost(source)[0] < known else (bands, 0.0)


def _in_blocks(volume: Volumes, source: Source, factor: float) -> Coded:
    """The one volume ``(z, y, x)`` in blocks, with a multiple of the step."""
    give_back()
    step = min(factor * source.head.step, coarsest_step(source.head.low, source.head.high))
    head = replace(source.head, states=1, flags=source.head.flags | BLOCKS, step=step)
    parts, decoded = encode_blocks(volume, head.step)
    return Coded(head, source.prepared.front() + parts, decoded[None]).with_filters(source)


def _in_bands(volumes: Volumes, chosen: Chosen, source: Source, wanted: float) -> Coded:
    """The `volumes`, which are used up, in the bands of a transform; of about a `wanted` length, if that is not 0."""
    give_back()
    scales, basis, choice = chosen.scales, chosen.basis, chosen.choice
    flags = source.head.flags | (BASIS if basis is not None else 0) | (HEAVY if source.model else 0)
    head = replace(source.head, scales=scales, flags=flags, transform=choice.number)
    front = choice.pack(scales) + source.front
    beside = Head.LAYOUT.size + len(front) + BESIDE + BESIDE_EACH * volumes.size
    parts, decoded = _coded(volumes, head, source, chosen, wanted - beside if wanted else 0.0)
    return Coded(head, front + parts, decoded).with_filters(source)


def _coded(volumes: Volumes, head: Head, source: Source, chosen: Chosen, length: float) -> tuple[bytes, Volumes]:
    """Parts that are coded: basis, and coefficients, these of about a `length`; what they give. The `volumes` are used up."""
    writer, pyramid, basis = PartWriter(b""), chosen.choice.pyramid(volumes.shape[1:], head.scales, head.step), chosen.basis
    if basis is not None:
        side = IntegerWriter()
        basis.write(side)
        writer.part(side.to_bytes())
        volumes = klt.analyse(volumes.reshape(len(volumes), -1), basis).reshape(volumes.shape)
    work = volumes if head.kind == LOSSY else np.rint(volumes).astype(np.int64)
    for volume in work:
        pyramid.analyse(volume)
    coefficients = work.astype(np.float64, copy=False)
    writer.part(encode_bands(coefficients, pyramid, head.step, source.effort, source.model, length=length))
    if head.kind == LOSSY and source.effort.restores:
        for volume in coefficients:
            pyramid.synthesise(volume)
        if basis is not None:
            coefficients = klt.synthesise(coefficients.reshape(len(coefficients), -1), basis).reshape(coefficients.shape)
    return writer.to_bytes(), coefficients


def _part(piece: bytes) -> bytes:
    writer = PartWriter(b"")
    writer.part(piece)
    return writer.to_bytes()
