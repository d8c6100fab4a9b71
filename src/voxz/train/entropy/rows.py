"""What the heavy profile's network sees and has to predict: rows of numbers recorded while the encoder codes volumes.

The inputs come from the functions that the codec itself uses, so training and coding cannot drift apart.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet.band_context import BandContext, CodedBand
from voxz.codecs.wavelet.band_rows import BESIDE, inside, rows_around
from voxz.codecs.wavelet.bands import Learner, encode_bands
from voxz.codecs.wavelet.heavy.band_features import Memory, known_logs, logarithms
from voxz.codecs.wavelet.heavy.network import FEATURES, IN_BAND, INNER, OUTER, SIGNED, WIDE_ABOVE, WIDE_BEFORE
from voxz.codecs.wavelet.heavy.tables import log2_of
from voxz.codecs.wavelet.heavy.wide_means import logs_of_means, next_row, next_slice
from voxz.codecs.wavelet.levels import Effort
from voxz.codecs.wavelet.magnitude_context import UNIT_BITS, WEIGHT_BITS, row_part
from voxz.codecs.wavelet.sign_context import neighbours
from voxz.codecs.wavelet.trellis import follow
from voxz.jit import allocating_kernel
from voxz.transforms.pyramid import Pyramid

AROUND = [
    (0, 0, -1),
    (0, 0, -2),
    *((0, -1, d) for d in range(-2, 3)),
    *((0, -2, d) for d in (-1, 0, 1)),
    *((-1, c, d) for c in (-1, 0, 1) for d in (-1, 0, 1)),
    (-1, 0, -2),
    (-1, 0, 2),
    (-2, 0, 0),
]
"""The network's IN_BAND neighbours in the band."""

ORIENTATION, SCALE, QUANTISER, LOSSY, INDEX, KNOWN = range(6)
"""Columns of `Rows.facts`; KNOWN has a bit set for every input that is there."""

_LEANING = 1.0 / (1 << WEIGHT_BITS)


@dataclass
class Rows:
    """Rows that were recorded.

    Attributes
    ----------
    features : logarithms ``(rows, FEATURES + 1)``; last that of the expectation
    signed : ``(rows, SIGNED)``, in half steps
    facts : ``(rows, 6)``, see ORIENTATION to KNOWN
    weights : coefficients that each row stands for
    """

    features: NDArray[np.float32]
    signed: NDArray[np.float32]
    facts: NDArray[np.int64]
    weights: NDArray[np.float32]

    @classmethod
    def joined(cls, parts: list[Rows]) -> Rows:
        """Join several."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__dataclass_fields__))


@allocating_kernel
def _planes(magnitudes, sums, weights, expected, outer, inner, above, before):  # type: ignore[no-untyped-def]
    """Fill planes of logarithms: of the expected magnitude, its two parts, and wide means in the band.

    Parameters
    ----------
    magnitudes : int32 (z, y, x), padded, in half steps
    sums : int64 (z, y, x), from `magnitude_context.known_part`
    weights : int64 (features,), of the expected magnitude
    expected, outer, inner : float64 (z, y, x), filled: the whole, from other bands, from the band itself
    above, before : float64 (z, y, x), filled: wide means above and in the slices before
    """
    depth, height, width = sums.shape
    line, fading, slices, boxes = np.zeros(width, np.int64), np.zeros(width), np.zeros((height, width)), np.zeros((height, width))
    for z in range(depth):
        if z:
            next_slice(magnitudes, z, slices, boxes)
        fading[:] = slices[0]
        for y in range(height):
            around = rows_around(z, y, height, magnitudes.shape[0] - 1)
            if y:
                next_row(magnitudes[around.up], fading)
            logs_of_means(fading, above[z, y])
            logs_of_means(slices[y], before[z, y])
            row_part(magnitudes, around, weights, line)
            row = magnitudes[around.row]
            for x in range(width):
                here = line[x] + ((weights[0] * row[x + BESIDE - 1] + weights[1] * row[x + BESIDE - 2]) << UNIT_BITS)
                outside = sums[z, y, x]
                expected[z, y, x] = log2_of(2 * max((here + outside) >> WEIGHT_BITS, 0) + 1) - 6.0
                outer[z, y, x] = log2_of(2 * max(outside >> WEIGHT_BITS, 0) + 1) - 6.0
                inner[z, y, x] = log2_of(2 * max(here >> WEIGHT_BITS, 0) + 1) - 6.0


@dataclass
class _Recorder:
    """A learner that codes with the light profile and records rows."""

    light: Learner
    memory: Memory
    rng: np.random.Generator
    most: int
    found: list[Rows] = field(default_factory=list)

    @property
    def coder(self) -> NDArray[np.int64]:
        return self.light.coder

    @property
    def data(self) -> NDArray[np.uint8]:
        return self.light.data

    def code(self, context: BandContext, coded: CodedBand, *, decoding: bool) -> bool:
        """Code a band, and record at most `most` of its coefficients."""
        done = self.light.code(context, coded, decoding=decoding)
        magnitudes, indices = coded.magnitudes, coded.indices
        count = indices.size
        taken = np.sort(self.rng.choice(count, min(count, self.most), replace=False))
        place = z, y, x = np.unravel_index(taken, indices.shape)
        wide = np.pad(inside(magnitudes, indices.shape), ((2, 0), (2, 1), (2, 2)))
        signed = magnitudes.copy()
        inside(signed, indices.shape)[...] *= np.sign(indices)
        state = self.memory.long_term(context.component, context.band)
        logs, inputs = known_logs(context.planes, context.parent, context.sisters, context.previous, state)
        own = [np.zeros(indices.shape) for _ in range(5)]
        _planes(magnitudes, coded.sums, coded.weights, *own)
        features = np.zeros((taken.size, FEATURES + 1), np.float32)
        for k, (a, b, c) in enumerate(AROUND):
            features[:, k] = logarithms(wide[z + 2 + a, y + 2 + b, x + 2 + c])
        for plane, number in zip(logs, inputs, strict=True):
            features[:, number] = plane[place]
        for plane, number in zip(own, (FEATURES, OUTER, INNER, WIDE_ABOVE, WIDE_BEFORE), strict=True):
            features[:, number] = plane[place]
        sizes, quantisers = np.zeros(count, np.int32), np.zeros(count, np.uint8)
        follow(indices.ravel(), coded.after, coded.quantiser, sizes, quantisers)
        facts = np.zeros((taken.size, 6), np.int64)
        facts[:, ORIENTATION], facts[:, SCALE], facts[:, LOSSY] = (
            context.band.orientation,
            context.band.scale,
            len(coded.after) > 1,
        )
        facts[:, QUANTISER], facts[:, INDEX] = quantisers[taken], indices[place]
        facts[:, KNOWN] = sum(1 << int(k) for k in [*range(IN_BAND), OUTER, INNER, WIDE_ABOVE, WIDE_BEFORE, *inputs])
        values = self._signed(context, signed, coded.leaning, place)
        self.found.append(Rows(features, values, facts, np.full(taken.size, count / taken.size, np.float32)))
        self.memory.learn(context.component, context.band, signed)
        return done

    def _signed(
        self, context: BandContext, signed: NDArray[np.int32], leaning: NDArray[np.int64], place: tuple[NDArray[np.intp], ...]
    ) -> NDArray[np.float32]:
        """Signed inputs of the coefficients at `place`."""
        z, y, x = place
        values = np.zeros((z.size, SIGNED), np.float32)
        taps, height = np.zeros(leaning.size, np.int64), context.band.shape[1]
        for row, (a, b, c) in zip(values, zip(z, y, x, strict=True), strict=True):
            neighbours(signed, rows_around(a, b, height, len(signed) - 1), c + BESIDE, taps)
            row[1 : 1 + taps.size] = taps
        values[:, 0] = values[:, 1 : 1 + taps.size] @ (leaning * _LEANING)
        beside, gates = self.memory.beside(context.component, context.band)
        for plane, gate in zip(beside.astype(np.float64), gates, strict=True):
            east, west = plane[z + 1, y + 1, x + 2], plane[z + 1, y + 1, x]
            south, north = plane[z + 1, y + 2, x + 1], plane[z + 1, y, x + 1]
            behind, front = plane[z + 2, y + 1, x + 1], plane[z, y + 1, x + 1]
            values[:, gate] = plane[z + 1, y + 1, x + 1]
            if gate == 1 + taps.size:
                values[:, gate + 1] = (east + west + south + north + behind + front) / 6
            else:
                values[:, gate + 1], values[:, gate + 2], values[:, gate + 3] = east - west, south - north, behind - front
        return values


def rows_of(
    components: NDArray[np.float64], pyramid: Pyramid, step: float, effort: Effort, rng: np.random.Generator, most: int
) -> tuple[Rows, int]:
    """Rows of coefficients ``(components, z, y, x)``, at most `most` in each band, and the bytes of the light profile."""
    recorder = _Recorder(Learner.fresh(np.zeros(6 * components.size + 4096, np.uint8), b""), Memory(pyramid), rng, most)
    size = len(encode_bands(components, pyramid, step, effort, learner=recorder))
    return Rows.joined(recorder.found), size
