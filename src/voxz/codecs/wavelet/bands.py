"""All bands of one or more components (the volumes of a series, or its principal components), from coarse to fine.

::

    for each scale from the coarsest: for each component: for each orientation:
        side information: nothing there | weights as before | weights of its own, then reconstruction shifts
        indices, in one stream of binary decisions for everything

A scale is finished in all components before the next finer one begins, so a coarse preview decodes only the front of the stream.
"""

import math
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet import magnitude_context as expectation
from voxz.codecs.wavelet.band_context import AnyLearner, BandContext, CodedBand
from voxz.codecs.wavelet.band_rows import inside, with_margins
from voxz.codecs.wavelet.band_walk import PLACES, WEIGHTS, code_band
from voxz.codecs.wavelet.context_fit import LARGEST_WEIGHT, default_weights, fit_weights, number_of_weights
from voxz.codecs.wavelet.heavy.band_features import Memory
from voxz.codecs.wavelet.heavy.learner import HeavyLearner
from voxz.codecs.wavelet.heavy.model import Model
from voxz.codecs.wavelet.levels import Effort
from voxz.codecs.wavelet.mixing import START, UNDECIDED
from voxz.codecs.wavelet.quantise import FEWEST_FOR_WEIGHTS, quantised, rebuilt_units, sums_of
from voxz.codecs.wavelet.refinement import Rebuilt, read_filters, refined
from voxz.codecs.wavelet.refinement_fit import fit
from voxz.codecs.wavelet.sign_context import LARGEST_LEAN, TAPS, fit_leaning
from voxz.codecs.wavelet.steering import Steering
from voxz.codecs.wavelet.trellis import Trellis, trellis
from voxz.entropy.binary import POSITION, finish, start
from voxz.entropy.integers import IntegerReader, IntegerWriter
from voxz.errors import CorruptError
from voxz.limits import affordable, at_least_a_bit
from voxz.transforms.pyramid import Band, Pyramid
from voxz.transforms.wiener import Filters, put_filters

EMPTY, SAME, OWN = 0, 1, 2
"""What the side information of a band says: all zero; weights as before; weights of its own."""

_HEAD = struct.Struct("<I")

BYTES_A_BAND = 2048
"""What a decoded band takes beside its coefficients: arrays of its own, and their place among the known ones."""


@dataclass
class Learner:
    """What adapts while bands are coded."""

    mixing: NDArray[np.float64]
    counters: NDArray[np.int32]
    coder: NDArray[np.int64]
    data: NDArray[np.uint8]

    @classmethod
    def fresh(cls, data: NDArray[np.uint8], payload: bytes) -> "Learner":
        """Before anything was coded; a decoder has the `payload`."""
        coder = np.zeros(4, np.int64)
        start(coder, payload)
        return cls(np.full(WEIGHTS, START), np.full(PLACES, UNDECIDED, np.int32), coder, data)

    def code(self, context: BandContext, coded: CodedBand, *, decoding: bool) -> bool:
        """Code the indices of a band."""
        return bool(code_band(coded, self.mixing, self.counters, self.coder, self.data, decoding))


class _Known:
    """Magnitudes of the bands coded so far, and the weights last fitted for bands like them."""

    def __init__(self, pyramid: Pyramid) -> None:
        self._pyramid = pyramid
        self._magnitudes: dict[tuple[int, int, int], NDArray[np.int32]] = {}
        self._weights: dict[tuple[int, int], NDArray[np.int64]] = {}
        self._leaning: dict[int, NDArray[np.int64]] = {}

    def context(self, component: int, band: Band) -> BandContext:
        """A band with the features known as a whole: of parent, sisters, the previous component."""
        found: list[tuple[NDArray[np.int32], tuple[bool, ...]]] = []
        parent = self._magnitudes.get((component, band.scale + 1, band.orientation))
        if parent is not None and band.orientation:
            found.append((parent, tuple(band.scale + 1 < n for n in self._pyramid.scales)))
        sisters = [other for other in range(1, band.orientation) if (component, band.scale, other) in self._magnitudes]
        keys, before = [(component, band.scale, other) for other in sisters], (component - 1, band.scale, band.orientation)
        has_parent = bool(found)
        for key in [*keys, before] if before in self._magnitudes else keys:
            found.append((self._magnitudes[key], (False,) * 3))
        planes = expectation.planes(found, band.shape)
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
        self._magnitudes[component, band.scale, band.orientation] = np.ascontiguousarray(inside(magnitudes, band.shape))


class _State(NamedTuple):
    """A band as its coding begins: all there is of it in the encoder, zeros to fill in the decoder.

    Attributes
    ----------
    kind : EMPTY, SAME or OWN
    magnitudes : int32, with margins: in half steps
    indices : int32 ``(z, y, x)``, of the quantiser
    shifts : int64 ``(quantiser, index > 1)``: how much nearer to zero indices are rebuilt, in 1/UNITS of half a step
    values : float64 ``(z, y, x)``, coefficients in half steps; none in the decoder
    """

    kind: int
    magnitudes: NDArray[np.int32]
    indices: NDArray[np.int32]
    shifts: NDArray[np.int64]
    values: NDArray[np.float64]


class _Encoder:
    """Decides what a band becomes, and writes the side information."""

    decoding = False

    def __init__(
        self,
        components: NDArray[np.float64],
        step: float,
        effort: Effort,
        path: Trellis,
        coder: NDArray[np.int64],
        steering: Steering | None,
    ) -> None:
        self.side = IntegerWriter()
        self._components, self._step, self._effort, self._path = components, step, effort, path
        self._coder, self._steering = coder, steering
        self._last: tuple[tuple[int, Band], int, float] | None = None

    def begin(self, component: int, band: Band, context: Callable[[], BandContext], known: _Known) -> _State:
        """Quantise a band."""
        values, planes = self._components[component][band.box].ravel() / _half_step(band, self._step), context().planes
        effort = self._steered(component, band)
        magnitudes, indices, shifts = quantised(values, band, planes, known.weights(band, len(planes)), effort, self._path)
        nonzero = int(np.count_nonzero(indices))
        kind = EMPTY if not nonzero else OWN if nonzero >= FEWEST_FOR_WEIGHTS else SAME
        self.side.put([kind])
        return _State(kind, magnitudes, indices, shifts, values.reshape(band.shape))

    def _steered(self, component: int, band: Band) -> Effort:
        """Effort for a band; `Steering` learns what the one before it took."""
        if self._steering is None:
            return self._effort
        position = int(self._coder[POSITION])
        if self._last is not None:
            before, start, factor = self._last
            self._steering.learn(*before, 8 * (position - start), factor)
        factor = self._steering.factor()
        self._last = (component, band), position, factor
        return replace(self._effort, slope=factor * self._effort.slope)

    def weights(self, state: _State, planes: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Fit the weights of magnitudes and signs of a band."""
        weights = fit_weights(state.magnitudes, planes)
        leaning = fit_leaning(
            _signed(state.magnitudes, state.indices), state.indices.shape[1], int(np.count_nonzero(state.indices))
        )
        self.side.put(weights)
        self.side.put(leaning)
        return weights, leaning

    def shifts(self, state: _State) -> NDArray[np.int64]:
        """Shifts of a band."""
        self.side.put(state.shifts.ravel())
        return state.shifts

    def filters(self, rebuilt: list[Rebuilt]) -> Filters | None:
        """Fit the filters of a scale."""
        filters = fit(rebuilt, self._effort.slope) if self._effort.restores else None
        put_filters(filters, self.side)
        return filters


class _Decoder:
    """Reads what an `_Encoder` wrote; damage raises `CorruptError`."""

    decoding = True

    def __init__(self, side: IntegerReader) -> None:
        self.side = side

    def begin(self, component: int, band: Band, context: Callable[[], BandContext], known: _Known) -> _State:
        """Room for a band."""
        del component, context, known
        (kind,) = self.side.take(1)
        if not EMPTY <= kind <= OWN:
            raise CorruptError(f"the kind of a band must be {EMPTY} to {OWN} (got {kind})")
        return _State(
            int(kind), with_margins(band.shape), np.zeros(band.shape, np.int32), np.zeros((2, 2), np.int64), np.zeros(0)
        )

    def weights(self, state: _State, planes: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Weights of magnitudes and signs of a band."""
        del state
        weights, leaning = self.side.take(number_of_weights(len(planes))), self.side.take(TAPS)
        if np.abs(weights).max() > LARGEST_WEIGHT or np.abs(leaning).max() > LARGEST_LEAN:
            raise CorruptError("the weights of a band are out of bounds")
        return weights, leaning

    def shifts(self, state: _State) -> NDArray[np.int64]:
        """Shifts of a band."""
        return self.side.take(state.shifts.size).reshape(state.shifts.shape)

    def filters(self, rebuilt: list[Rebuilt]) -> Filters | None:
        """Filters of a scale."""
        del rebuilt
        return read_filters(self.side)


def encode_bands(
    components: NDArray[np.float64],
    pyramid: Pyramid,
    step: float,
    effort: Effort,
    model: Model | None = None,
    learner: AnyLearner | None = None,
    length: float = 0.0,
) -> bytes:
    """Code the coefficients ``(components, z, y, x)`` with errors as of a quantiser of this `step` in the volume.

    They are replaced by what decoding gives.
    A step of 0 is for coefficients that are integers: they come back exactly with `Effort` REVERSIBLE. With a `model` the profile
    is the heavy one. Training brings a `learner` of its own. A `length` in bytes, if there is one, is come near to.
    """
    learner = learner or _learner(model, pyramid, np.zeros(6 * components.size + 4096, np.uint8), b"")
    path = trellis(effort.states)
    steering = Steering(components, pyramid, step, 8 * length) if length > 0 else None
    encoder = _Encoder(components, step, effort, path, learner.coder, steering)
    _code_bands(components, pyramid, step, path, learner, encoder)
    assert learner.coder[POSITION] < learner.data.size
    information = encoder.side.to_bytes()
    return _HEAD.pack(len(information)) + information + finish(learner.coder, learner.data)


def decode_bands(
    payload: bytes, components: int, pyramid: Pyramid, step: float, states: int, down_to: int = 0, model: Model | None = None
) -> NDArray[np.float64]:
    """Coefficients ``(components, z, y, x)`` of a payload, zero on the `down_to` finest scales, which are not decoded."""
    if len(payload) < _HEAD.size:
        raise CorruptError(f"the coefficients of a brick take at least {_HEAD.size} bytes (got {len(payload)})")
    end = _HEAD.size + _HEAD.unpack_from(payload)[0]
    side, stream = IntegerReader(payload[_HEAD.size : end]), payload[end:]
    counted = sum(one.scale >= down_to for one in pyramid.bands()) * components
    at_least_a_bit(counted, side.left, "bands")
    affordable(counted * BYTES_A_BAND, components * math.prod(pyramid.shape), len(payload), "the bands of a brick")
    learner = _learner(model, pyramid, np.frombuffer(stream, np.uint8).copy(), stream)
    values = np.zeros((components, *pyramid.shape))
    if _code_bands(values, pyramid, step, trellis(states), learner, _Decoder(side), down_to):
        side.finish()
        if learner.coder[POSITION] != learner.data.size:
            raise CorruptError("the coefficients of a brick do not end where their stream does")
    return values


def _code_bands(
    components: NDArray[np.float64],
    pyramid: Pyramid,
    step: float,
    path: Trellis,
    learner: AnyLearner,
    end: _Encoder | _Decoder,
    down_to: int = 0,
) -> bool:
    """Code all bands down to a scale, and fill `components` with what they decode to; whether none is left."""
    known = _Known(pyramid)
    for bands in _by_scale(len(components), pyramid):
        if bands[0][1].scale < down_to:
            return False
        rebuilt = [_code_band(component, band, path, learner, known, end) for component, band in bands]
        filters = end.filters(rebuilt) if step else None
        for (component, band), one in zip(bands, rebuilt, strict=True):
            components[component][band.box] = refined(one, filters) * _half_step(band, step)
    return True


def _code_band(
    component: int, band: Band, path: Trellis, learner: AnyLearner, known: _Known, end: _Encoder | _Decoder
) -> Rebuilt:
    """Code one band."""
    find = cache(partial(known.context, component, band))  # a decoder needs none for bands of zeros
    state, units = end.begin(component, band, find, known), np.zeros(band.shape, np.int64)
    if state.kind != EMPTY:
        context, leaning = find(), known.leaning(band)
        weights = known.weights(band, len(context.planes))
        if state.kind == OWN:
            weights, leaning = end.weights(state, context.planes)
            known.fit(band, len(context.planes), weights, leaning)
        shifts, sums = end.shifts(state), sums_of(context.planes, weights, band)
        signed = np.zeros_like(state.magnitudes)
        coded = CodedBand(
            state.magnitudes, signed, state.indices, sums, weights, leaning, band.orientation, path.after, path.quantiser
        )
        if not learner.code(context, coded, decoding=end.decoding):
            raise CorruptError("the coefficients of a brick are damaged")
        units = rebuilt_units(state.indices, shifts, path)
    known.learn(component, band, state.magnitudes)
    return Rebuilt(band.orientation, units, state.values)


def _learner(model: Model | None, pyramid: Pyramid, data: NDArray[np.uint8], payload: bytes) -> AnyLearner:
    """What adapts: of the light profile without a `model`."""
    return Learner.fresh(data, payload) if model is None else HeavyLearner.fresh(model, Memory(pyramid), data, payload)


def _signed(magnitudes: NDArray[np.int32], indices: NDArray[np.int32]) -> NDArray[np.int32]:
    """Magnitudes, with margins, with the signs of `indices`."""
    signed = magnitudes.copy()
    inside(signed, indices.shape)[...] *= np.sign(indices)
    return signed


def _half_step(band: Band, step: float) -> float:
    return step / (2 * band.norm) if step else 0.5


def _by_scale(components: int, pyramid: Pyramid) -> Iterator[list[tuple[int, Band]]]:
    """Components and bands of each scale, in the order of the stream; the lowest band is of the coarsest scale."""
    bands = pyramid.bands()
    scales = sorted({band.scale for band in bands}, reverse=True)
    return ([(component, b) for component in range(components) for b in bands if b.scale == scale] for scale in scales)
