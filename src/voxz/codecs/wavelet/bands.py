"""All bands of one or more components (the volumes of a series, or its principal components), from coarse to fine.

::

    for each level from the coarsest: for each component: for each orientation:
        side information: nothing there | weights as before | weights of its own, then reconstruction shifts
        indices, in one stream of binary decisions for everything

A level is finished in all components before the next finer one begins, so a coarse preview decodes only the front of the stream.
"""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet import magnitude_context as expectation
from voxz.codecs.wavelet.band_context import AnyLearner, BandContext, CodedBand
from voxz.codecs.wavelet.band_walk import DEPTH, PLACES, code_band
from voxz.codecs.wavelet.context_fit import LARGEST_WEIGHT, default_weights, fit_weights
from voxz.codecs.wavelet.heavy.band_features import Memory
from voxz.codecs.wavelet.heavy.learner import HeavyLearner
from voxz.codecs.wavelet.heavy.model import Model
from voxz.codecs.wavelet.levels import Effort
from voxz.codecs.wavelet.magnitude_context import BINS, inside, padded
from voxz.codecs.wavelet.mixing import START, UNDECIDED
from voxz.codecs.wavelet.quantise import FEWEST_FOR_WEIGHTS, quantised, rebuilt_units, sums_of
from voxz.codecs.wavelet.refinement import Rebuilt, fit, read_filters, refined
from voxz.codecs.wavelet.sign_context import LARGEST_LEAN, TAPS, fit_leaning
from voxz.codecs.wavelet.trellis import Trellis, trellis
from voxz.entropy.binary import POSITION, finish, start
from voxz.entropy.integers import IntegerReader, IntegerWriter
from voxz.errors import CorruptError
from voxz.transforms.pyramid import Band, Pyramid
from voxz.transforms.wiener import put_filters

EMPTY, SAME, OWN = 0, 1, 2
"""What the side information of a band says: all zero; weights as before; weights of its own."""

_HEAD = struct.Struct("<I")


@dataclass
class Learner:
    """What adapts while bands are coded."""

    mixing: NDArray[np.float64]
    counters: NDArray[np.int64]
    coder: NDArray[np.int64]
    data: NDArray[np.uint8]

    @classmethod
    def fresh(cls, data: NDArray[np.uint8], payload: bytes) -> "Learner":
        """Before anything was coded; a decoder has the `payload`."""
        coder = np.zeros(4, np.int64)
        start(coder, payload)
        return cls(np.full((2 * DEPTH + 1, BINS, 3), START), np.full(PLACES, UNDECIDED, np.int64), coder, data)

    def code(
        self,
        context: BandContext,
        magnitudes: NDArray[np.int32],
        indices: NDArray[np.int32],
        sums: NDArray[np.int64],
        weights: NDArray[np.int64],
        leaning: NDArray[np.int64],
        path: Trellis,
        *,
        decoding: bool,
    ) -> bool:
        """Code the indices of a band."""
        signed, orientation = np.zeros_like(magnitudes), context.band.orientation
        band = CodedBand(magnitudes, signed, indices, sums, weights, leaning, orientation, path.after, path.quantiser)
        return bool(code_band(band, self.mixing, self.counters, self.coder, self.data, decoding))


class _Known:
    """Magnitudes of the bands coded so far, and the weights last fitted for bands like them."""

    def __init__(self, pyramid: Pyramid) -> None:
        self._pyramid = pyramid
        self._magnitudes: dict[tuple[int, int, int], NDArray[np.int32]] = {}
        self._weights: dict[tuple[int, int], NDArray[np.int64]] = {}
        self._leaning: dict[int, NDArray[np.int64]] = {}

    def context(self, component: int, band: Band) -> BandContext:
        """A band with the features known as a whole: of parent, sisters, the previous component."""
        found = []
        parent = self._magnitudes.get((component, band.level + 1, band.orientation))
        if parent is not None and band.orientation:
            levels = self._pyramid.levels
            split = tuple(band.level + 1 < n for n in levels)
            found.append(expectation.at_shape(parent, band.shape, split))
        sisters = [other for other in range(1, band.orientation) if (component, band.level, other) in self._magnitudes]
        keys, before = [(component, band.level, other) for other in sisters], (component - 1, band.level, band.orientation)
        has_parent = bool(found)
        for key in [*keys, before] if before in self._magnitudes else keys:
            found.append(expectation.at_shape(self._magnitudes[key], band.shape, (False,) * 3))
        planes = expectation.planes(found).reshape(2 * len(found), *band.shape)
        return BandContext(component, band, planes, has_parent, sisters, before in self._magnitudes)

    def weights(self, band: Band, features: int) -> NDArray[np.int64]:
        """Weights last fitted for such a band."""
        return self._weights.get((band.orientation, features), default_weights(features))

    def leaning(self, band: Band) -> NDArray[np.int64]:
        """Weights last fitted for the signs of such a band."""
        return self._leaning.get(band.orientation, np.zeros(TAPS, np.int64))

    def fit(self, band: Band, features: int, weights: NDArray[np.int64], leaning: NDArray[np.int64]) -> None:
        """Remember weights that were fitted for a band."""
        self._weights[band.orientation, features] = weights
        self._leaning[band.orientation] = leaning

    def learn(self, component: int, band: Band, magnitudes: NDArray[np.int32]) -> None:
        """Remember a finished band."""
        self._magnitudes[component, band.level, band.orientation] = np.ascontiguousarray(inside(magnitudes))


def encode_bands(
    components: NDArray[np.float64],
    pyramid: Pyramid,
    step: float,
    effort: Effort,
    model: Model | None = None,
    learner: AnyLearner | None = None,
) -> bytes:
    """Code the coefficients ``(components, z, y, x)`` with errors as of a quantiser of this `step` in the volume.

    They are replaced by what decoding gives.
    A step of 0 is for coefficients that are integers: they come back exactly with `Effort` REVERSIBLE. With a `model` the profile
    is the heavy one. Training brings a `learner` of its own.
    """
    side, known = IntegerWriter(), _Known(pyramid)
    learner = learner or _learner(model, pyramid, np.zeros(6 * components.size + 4096, np.uint8), b"")
    path = trellis(effort.states)
    for bands in _levels(len(components), pyramid):
        rebuilt: list[Rebuilt] = []
        for component, band in bands:
            values = components[component][band.box].ravel() / _half_step(band, step)
            context = known.context(component, band)
            planes = context.planes
            weights = known.weights(band, planes.shape[0])
            magnitudes, indices, shifts = quantised(values, band, planes, weights, effort, path)
            nonzero = int(np.count_nonzero(indices))
            kind = EMPTY if not nonzero else OWN if nonzero >= FEWEST_FOR_WEIGHTS else SAME
            side.put([kind])
            if kind != EMPTY:
                leaning = known.leaning(band)
                if kind == OWN:
                    weights, leaning = fit_weights(magnitudes, planes), fit_leaning(_signed(magnitudes, indices), nonzero)
                    side.put(weights)
                    side.put(leaning)
                    known.fit(band, planes.shape[0], weights, leaning)
                side.put(shifts.ravel())
                sums = sums_of(planes, weights, band)
                coded = learner.code(context, magnitudes, indices, sums, weights, leaning, path, decoding=False)
                assert coded
                assert learner.coder[POSITION] < learner.data.size
            rebuilt.append(Rebuilt(band.orientation, rebuilt_units(indices, shifts, path), values.reshape(band.shape)))
            known.learn(component, band, magnitudes)
        filters = fit(rebuilt, effort.slope) if step and effort.restores else None
        if step:
            put_filters(filters, side)
        for (component, band), one in zip(bands, rebuilt, strict=True):
            components[component][band.box] = refined(one, filters) * _half_step(band, step)
    information = side.to_bytes()
    return _HEAD.pack(len(information)) + information + finish(learner.coder, learner.data)


def decode_bands(
    payload: bytes, components: int, pyramid: Pyramid, step: float, states: int, down_to: int = 0, model: Model | None = None
) -> NDArray[np.float64]:
    """Coefficients ``(components, z, y, x)`` of a payload, zero on the `down_to` finest levels, which are not decoded."""
    if len(payload) < _HEAD.size:
        raise CorruptError(f"the coefficients of a brick have {len(payload)} bytes, expected at least {_HEAD.size}")
    end = _HEAD.size + _HEAD.unpack_from(payload)[0]
    side, stream = IntegerReader(payload[_HEAD.size : end]), payload[end:]
    learner = _learner(model, pyramid, np.frombuffer(stream, np.uint8).copy(), stream)
    known, path = _Known(pyramid), trellis(states)
    values = np.zeros((components, *pyramid.shape))
    for bands in _levels(components, pyramid):
        if bands[0][1].level < down_to:
            return values
        rebuilt: list[Rebuilt] = []
        for component, band in bands:
            (kind,) = side.take(1)
            if not EMPTY <= kind <= OWN:
                raise CorruptError(f"got {kind} for a band, expected {EMPTY} to {OWN}")
            magnitudes, units = padded(band.shape), np.zeros(band.shape, np.int64)
            if kind != EMPTY:
                context = known.context(component, band)
                planes = context.planes
                weights, leaning = known.weights(band, planes.shape[0]), known.leaning(band)
                if kind == OWN:
                    weights, leaning = side.take(weights.size), side.take(TAPS)
                    if np.abs(weights).max() > LARGEST_WEIGHT or np.abs(leaning).max() > LARGEST_LEAN:
                        raise CorruptError("the weights of a band are out of bounds")
                    known.fit(band, planes.shape[0], weights, leaning)
                shifts = side.take(4).reshape(2, 2)
                indices = np.zeros(band.shape, np.int32)
                sums = sums_of(planes, weights, band)
                if not learner.code(context, magnitudes, indices, sums, weights, leaning, path, decoding=True):
                    raise CorruptError("the coefficients of a brick are damaged")
                units = rebuilt_units(indices, shifts, path)
            rebuilt.append(Rebuilt(band.orientation, units))
            known.learn(component, band, magnitudes)
        filters = read_filters(side) if step else None
        for (component, band), one in zip(bands, rebuilt, strict=True):
            values[component][band.box] = refined(one, filters) * _half_step(band, step)
    side.finish()
    if learner.coder[POSITION] != learner.data.size:
        raise CorruptError("the coefficients of a brick do not end where their stream does")
    return values


def _learner(model: Model | None, pyramid: Pyramid, data: NDArray[np.uint8], payload: bytes) -> AnyLearner:
    """What adapts: of the light profile without a `model`."""
    return Learner.fresh(data, payload) if model is None else HeavyLearner.fresh(model, Memory(pyramid), data, payload)


def _signed(magnitudes: NDArray[np.int32], indices: NDArray[np.int32]) -> NDArray[np.int32]:
    """Padded magnitudes with the signs of `indices`."""
    signed = magnitudes.copy()
    inside(signed)[...] *= np.sign(indices)
    return signed


def _half_step(band: Band, step: float) -> float:
    return step / (2 * band.norm) if step else 0.5


def _levels(components: int, pyramid: Pyramid) -> list[list[tuple[int, Band]]]:
    """Components and bands of each level, in the order of the stream; the lowest band is of the coarsest level."""
    bands = pyramid.bands()
    levels = sorted({band.level for band in bands}, reverse=True)
    return [[(component, b) for component in range(components) for b in bands if b.level == level] for level in levels]
