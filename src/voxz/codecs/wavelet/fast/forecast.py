"""What a step would cost, from a few rows of the bands of a brick that is transformed already.

The finest bands of a large brick are walked in groups of sixteen rows out of each 32 or 64, coarser ones whole. They are
quantised, and their tokens noted, as `bands.encode_bands` does. What they take stands for all rows in the proportion of what is
guessed for these and for all (`magnitudes`): so it does not matter that some rows hold more than others. Below about 1.5 bits a
coefficient that is 2 % off and more, as guesses are, and all rows are to be looked at.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.predictive.interlaced.streams import TOTAL
from voxz.codecs.wavelet.fast.bands import Known, Sent, Volumes, in_order, notes_for, quantise_band
from voxz.codecs.wavelet.fast.contexts import MAGNITUDES, SIGNS
from voxz.codecs.wavelet.fast.encode_walk import Notes, add_costs, count_tokens
from voxz.codecs.wavelet.fast.magnitudes import Magnitudes, Place, Rows, place_of
from voxz.codecs.wavelet.fast.split_rows import pitch_of
from voxz.codecs.wavelet.fast.tables import fit_tables
from voxz.codecs.wavelet.fast.tokens import TOKENS
from voxz.codecs.wavelet.fast.walk import room_for
from voxz.entropy.integers import IntegerWriter
from voxz.transforms.pyramid import Band, Pyramid

ROWS, SHARE, GROUPS = 16, 4, 4
"""Rows of a group, of how many rows of a finest band one is looked at, at least, and in how many groups."""

SMALL = 1 << 18
"""Samples of a component below which all rows are looked at."""

Key = tuple[int, int, int]
"""Component, scale and orientation of a band."""


class Forecast(NamedTuple):
    """What coding a brick would cost: bits of each band, of tables and weights, and the sum of squared errors of coefficients."""

    bits: dict[Key, float]
    beside: int
    squares: float


class _KnownRows(Known):
    """What is known of bands of which only some rows are looked at."""

    def parents(self, band: Band) -> tuple[NDArray[np.uint8] | None, tuple[int, int, int]]:
        """Magnitudes of the parents of the rows of a band that are looked at."""
        parents, (depth, height, width) = super().parents(band)
        halved, full = _halved(band, self.pyramid), self.pyramid.shape[1]
        above = min(halved + 1, self.pyramid.scales[1])
        if parents is None or above == halved or not _apart(halved, self.pyramid):
            return parents, (depth, height, width)
        wanted = _rows(halved, -(-full >> halved), self.pyramid)[: 2 * band.shape[1] : 2] // 2
        places = np.minimum(np.searchsorted(_rows(above, -(-full >> above), self.pyramid), wanted), height - 1)
        pitch = pitch_of(width)
        found = parents[: depth * height * pitch].reshape(depth, height, pitch)[:, places]
        return np.concatenate([found.ravel(), np.zeros(pitch, np.uint8)]), (depth, places.size, width)


class _Noted(NamedTuple):
    """What a band left: its component and place among the bands, as how many rows each counts, its tokens, raw bits, squares."""

    component: int
    place: Place
    times: float
    first: int
    last: int
    raw: int
    squares: float


def forecast(
    components: Volumes,
    pyramid: Pyramid,
    step: float,
    states: int,
    magnitudes: Magnitudes | None = None,
    every: bool = False,
) -> Forecast:
    """What coding the coefficients ``(components, z, y, x)`` with a `step` would cost, from some of their rows, or `every` one.

    Their `magnitudes` save counting them.
    """
    quantisers, known_as = 1 if states == 1 else 2, Known if every else _KnownRows
    looked = {
        place_of(band): np.arange(band.shape[1]) if every else _rows(_halved(band, pyramid), band.shape[1], pyramid)
        for band in pyramid.bands()
    }
    notes, room, sent = _notes(len(components), pyramid, looked), room_for(pyramid.shape[2]), Sent()
    noted = []
    for known, band, volume in in_order(components, pyramid, quantisers, known_as):
        place = place_of(band)
        some = np.ascontiguousarray(volume[band.box][:, looked[place]])
        z, y, x = (slice(0, n) for n in some.shape)
        times = band.shape[1] / len(looked[place])
        first, _, bit = notes.places.tolist()
        squares = quantise_band(some, known, replace(band, box=(z, y, x)), step, notes, room, sent, times)
        last, _, end = notes.places.tolist()
        noted.append(_Noted(known.component, place, times, first, last, end - bit, squares))
    costs, beside = _costs(noted, notes, quantisers, sent)
    bits_of, squares_of = _shares(components, pyramid, step, quantisers, looked, magnitudes)
    bits = {
        (one.component, *one.place): bits_of[one.place]
        * (add_costs(notes.contexts[one.first : one.last], notes.tokens[one.first : one.last], costs) + one.raw)
        for one in noted
    }
    squares = sum(squares_of[one.place] * one.squares for one in noted)
    return Forecast(bits, beside, squares * (step / 2) ** 2)


def _costs(noted: list[_Noted], notes: Notes, quantisers: int, sent: Sent) -> tuple[NDArray[np.float64], int]:
    """What tokens cost in their contexts, in bits, and what tables and weights take."""
    counts: dict[float, NDArray[np.int64]] = {}
    for one in noted:
        found = counts.setdefault(one.times, np.zeros((2, quantisers * MAGNITUDES + SIGNS, TOKENS), np.int64))
        count_tokens(notes.contexts[one.first : one.last], notes.tokens[one.first : one.last], found)
    side = IntegerWriter()
    total = np.rint(sum(times * found.sum(axis=0) for times, found in counts.items())).astype(np.int64)
    tables = fit_tables(total, quantisers, side)
    sent.put(side)
    return np.log2(TOTAL / np.maximum(tables.frequencies[tables.table_of(quantisers)], 1)), 8 * len(side.to_bytes())


def _shares(
    components: Volumes,
    pyramid: Pyramid,
    step: float,
    quantisers: int,
    looked: Mapping[Place, Rows],
    magnitudes: Magnitudes | None,
) -> tuple[dict[Place, float], dict[Place, float]]:
    """How many times as many bits, and squared errors, a band has as those of its rows that are looked at."""
    bands = pyramid.bands()
    times = np.array([band.shape[1] / len(looked[place_of(band)]) for band in bands])
    if (times == 1).all():
        return dict.fromkeys(looked, 1.0), dict.fromkeys(looked, 1.0)
    known = magnitudes or Magnitudes.of(components, pyramid)
    guesses = zip(known.guess(step, quantisers), Magnitudes.of(components, pyramid, looked).guess(step, quantisers), strict=True)
    bits, squares = (np.where(few > 0, every / np.maximum(few, 1e-300), times).tolist() for every, few in guesses)
    places = [place_of(band) for band in bands]
    return dict(zip(places, bits, strict=True)), dict(zip(places, squares, strict=True))


def _notes(components: int, pyramid: Pyramid, looked: Mapping[Place, Rows]) -> Notes:
    """Room for what is noted of the rows that are looked at."""
    sizes = [band.shape[0] * len(looked[place_of(band)]) * band.shape[2] for band in pyramid.bands()]
    return notes_for(components * sum(sizes), pyramid)


def _halved(band: Band, pyramid: Pyramid) -> int:
    """How often a band was halved along y."""
    return min(band.scale + (band.orientation > 0), pyramid.scales[1])


def _apart(halved: int, pyramid: Pyramid) -> int:
    """Of how many rows of a band ROWS are looked at; 0 where all are."""
    if not halved or math.prod(pyramid.shape) < SMALL:
        return 0
    apart = ROWS * SHARE
    while apart * GROUPS > pyramid.shape[1] // 2:
        apart //= 2
    apart >>= max(0, halved - 1)
    return apart if apart > ROWS else 0


def _rows(halved: int, height: int, pyramid: Pyramid) -> Rows:
    """Rows of a band of this `height` that are looked at: they contain the parents of those of the finer band."""
    apart = _apart(halved, pyramid)
    if not apart:
        return np.arange(height)
    first = (apart // 2 - ROWS // 2) // ROWS * ROWS
    starts = np.arange(first, max(height - ROWS + 1, first + 1), apart)
    return (starts[:, None] + np.arange(ROWS)).ravel()
