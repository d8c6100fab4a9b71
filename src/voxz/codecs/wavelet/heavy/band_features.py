"""What the heavy profile knows of other bands: logarithms of magnitudes, signed values, and a state carried from coarse to fine.

The long-term state of a scale is the mean of the logarithms of its bands, smoothed, averaged with the state of the coarser scale
plus one octave: a plane that remembers all coarser scales at a place.
"""

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet.band_rows import inside
from voxz.codecs.wavelet.heavy.network import IN_BAND, LONG, OWN_SIGNED, PLANES, WIDE_PARENT, WIDE_SISTERS
from voxz.codecs.wavelet.heavy.tables import LOGS, log2_of
from voxz.codecs.wavelet.heavy.wide_means import logs_of_plane
from voxz.codecs.wavelet.magnitude_context import at_shape
from voxz.jit import at, kernel
from voxz.transforms.pyramid import Band, Pyramid

_SIX = float(LOGS[6])

Logs = NDArray[np.float64]
Whole = NDArray[np.int32]


@kernel
def _logarithms(values, scale, offset, shift, logs):  # type: ignore[no-untyped-def]
    """``log2(scale * value + offset) - shift`` of flat whole numbers.

    Parameters
    ----------
    values : int32 (n,), from 0 on
    scale, offset : whole numbers; the sum is above 0
    shift : logarithm to the base 2
    logs : float64 (n,), filled
    """
    for i in range(values.size):
        logs[at(i)] = log2_of(scale * np.int64(values[at(i)]) + offset) - shift


def logarithms(magnitudes: Whole) -> Logs:
    """``log2(magnitude + 1/2)``."""
    return _filled(magnitudes, 2, 1, 1.0)


def logarithms_of_faces(sums: Whole) -> Logs:
    """``log2(sum / 6 + 1/2)`` for sums over the six face neighbours."""
    return _filled(sums, 1, 3, _SIX)


def _filled(values: Whole, scale: int, offset: int, shift: float) -> Logs:
    flat = np.ascontiguousarray(values).ravel()
    logs = np.zeros(flat.size)
    _logarithms(flat, scale, offset, shift, logs)
    return logs.reshape(values.shape)


def blurred(plane: Logs) -> Logs:
    """The plane averaged along each axis with weights 1, 2, 1, over four."""
    for axis in range(3):
        places = np.arange(plane.shape[axis])
        before = np.take(plane, np.maximum(places - 1, 0), axis)
        after = np.take(plane, np.minimum(places + 1, len(places) - 1), axis)
        plane = 0.5 * plane + 0.25 * (before + after)
    return plane


class Memory:
    """Bands coded so far, as the heavy profile needs them."""

    def __init__(self, pyramid: Pyramid) -> None:
        self._pyramid = pyramid
        self._signed: dict[tuple[int, int, int], Whole] = {}
        self._shapes: dict[tuple[int, int], tuple[int, ...]] = {}
        self._sums: dict[tuple[int, int], tuple[Logs, int]] = {}
        self._states: dict[tuple[int, int], Logs | None] = {}

    def learn(self, component: int, band: Band, signed: Whole) -> None:
        """Remember a finished band by its signed magnitudes with margins."""
        whole = np.ascontiguousarray(inside(signed, band.shape))
        self._signed[component, band.scale, band.orientation] = whole
        if band.orientation:
            key = component, band.scale
            found = logarithms(np.abs(whole))
            if key not in self._sums:
                self._sums[key] = found, 1
            else:
                total, count = self._sums[key]
                self._sums[key] = total + _resized(found, total.shape), count + 1

    def long_term(self, component: int, band: Band) -> Logs | None:
        """State of the coarser scales at the places of a band; None if there is none."""
        if not band.orientation:
            return None
        state = self._state(component, band.scale + 1)
        return None if state is None else np.ascontiguousarray(_resized(state, band.shape, self._split(band.scale)))

    def beside(self, component: int, band: Band) -> tuple[Whole, NDArray[np.int64]]:
        """Signed bands ``(k, z, y, x)`` beside a band with margins of 1, and the first gate of each."""
        keys = [(component - 1, band.scale, band.orientation)]
        keys += [(component, band.scale, other) for other in range(1, band.orientation)]
        gates = [OWN_SIGNED, *(OWN_SIGNED + 2 + 4 * (other - 1) for other in range(1, band.orientation))]
        found = [(self._signed[key], gate) for key, gate in zip(keys, gates, strict=True) if key in self._signed]
        stack = np.zeros((len(found), *(n + 2 for n in band.shape)), np.int32)
        for place, (plane, _) in zip(stack, found, strict=True):
            place[1:-1, 1:-1, 1:-1] = at_shape(plane, band.shape)
        return stack, np.array([gate for _, gate in found], np.int64)

    def _split(self, scale: int) -> tuple[bool, ...]:
        return tuple(scale + 1 < n for n in self._pyramid.scales)

    def _state(self, component: int, scale: int) -> Logs | None:
        key = component, scale
        if key not in self._states:
            found = None
            if key in self._sums:
                total, count = self._sums.pop(key)
                found = blurred(total / count)
                coarser = self._state(component, scale + 1)
                if coarser is not None:
                    found = 0.5 * found + 0.5 * (_resized(coarser, found.shape, self._split(scale)) + 1.0)
            self._states[key] = found
        return self._states[key]


def _resized(plane: Logs, shape: tuple[int, ...], split: tuple[bool, ...] = (False,) * 3) -> Logs:
    places = [
        np.minimum(np.arange(n) >> int(double), have - 1) for n, have, double in zip(shape, plane.shape, split, strict=True)
    ]
    return plane[np.ix_(*places)]


def known_logs(
    planes: Whole, parent: bool, sisters: list[int], previous: bool, state: Logs | None
) -> tuple[Logs, NDArray[np.int64]]:
    """Logarithms of the planes that `bands` gives a band, its long-term state, wide means; the network's input that each is."""
    inputs = [0] * parent + [2 * sister for sister in sisters] + [PLANES - 2] * previous
    known, places = [], []
    for k, number in enumerate(inputs):
        known += [logarithms(planes[2 * k]), logarithms_of_faces(planes[2 * k + 1])]
        places += [IN_BAND + number, IN_BAND + number + 1]
    if state is not None:
        known.append(state)
        places.append(LONG)
    if parent:
        known.append(_wide([planes[0]]))
        places.append(WIDE_PARENT)
    if sisters:
        known.append(_wide([planes[2 * (int(parent) + k)] for k in range(len(sisters))]))
        places.append(WIDE_SISTERS)
    logs = np.stack(known) if known else np.zeros((0, *planes.shape[1:]))
    return logs, np.array(places, np.int64)


def _wide(magnitudes: list[Whole]) -> Logs:
    """Logarithm of the mean of planes, blurred twice."""
    total = np.zeros(magnitudes[0].shape)
    for plane in magnitudes:
        total += plane
    return logs_of_plane(blurred(blurred(total / len(magnitudes))))
