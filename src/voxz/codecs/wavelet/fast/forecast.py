"""What a step would cost, from a few rows of the bands of a brick that is transformed already.

The finest bands of a large brick are walked in groups of four rows out of each eight, or of each 64 for a rough forecast, coarser
ones whole. They are quantised, and their tokens noted, as `bands.encode_bands` does; counts and squared errors of a group stand
for all rows around it.
"""

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.predictive.interlaced.streams import TOTAL
from voxz.codecs.wavelet.fast.bands import Known, Sent, Volumes, in_order, notes_for, quantise_band
from voxz.codecs.wavelet.fast.contexts import MAGNITUDES, SIGNS
from voxz.codecs.wavelet.fast.encode_walk import Notes, add_costs, count_tokens
from voxz.codecs.wavelet.fast.split_rows import pitch_of
from voxz.codecs.wavelet.fast.tables import fit_tables
from voxz.codecs.wavelet.fast.tokens import TOKENS
from voxz.codecs.wavelet.fast.walk import room_for
from voxz.entropy.integers import IntegerWriter
from voxz.transforms.pyramid import Band, Pyramid

ROWS, GROUPS, ROUGH_GROUPS = 4, 8, 2
"""Rows of a group, and groups of a finest band at least; for a rough forecast."""

SHARE, ROUGH_SHARE = 2, 16
"""Of so many rows of a finest band one is looked at, at least; for a rough forecast."""

SMALL = 1 << 20
"""Samples of a component below which all rows are looked at, but for a rough forecast."""

Rows = NDArray[np.int64]

Key = tuple[int, int, int]
"""Component, scale and orientation of a band."""


class Forecast(NamedTuple):
    """What coding a brick would cost: bits of each band, of tables and weights, and the sum of squared errors in the volume."""

    bits: dict[Key, float]
    beside: int
    squares: float


class _KnownRows(Known):
    """What is known of bands of which only some rows are looked at."""

    rough = False

    def parents(self, band: Band) -> tuple[NDArray[np.uint8] | None, tuple[int, int, int]]:
        """Magnitudes of the parents of the rows of a band that are looked at."""
        parents, (depth, height, width) = super().parents(band)
        halved, full = _halved(band, self.pyramid), self.pyramid.shape[1]
        above = min(halved + 1, self.pyramid.scales[1])
        if parents is None or above == halved or not _apart(halved, self.pyramid, self.rough):
            return parents, (depth, height, width)
        wanted = _rows(halved, -(-full >> halved), self.pyramid, self.rough)[: 2 * band.shape[1] : 2] // 2
        places = np.minimum(np.searchsorted(_rows(above, -(-full >> above), self.pyramid, self.rough), wanted), height - 1)
        pitch = pitch_of(width)
        found = parents[: depth * height * pitch].reshape(depth, height, pitch)[:, places]
        return np.concatenate([found.ravel(), np.zeros(pitch, np.uint8)]), (depth, places.size, width)


class _KnownFew(_KnownRows):
    """The same for a rough forecast."""

    rough = True


def forecast(components: Volumes, pyramid: Pyramid, step: float, states: int, *, rough: bool = False) -> Forecast:
    """What coding the coefficients ``(components, z, y, x)`` with a `step` would cost; `rough`, from a quarter of the rows."""
    quantisers = 1 if states == 1 else 2
    notes, room, sent = _notes(len(components), pyramid, rough), room_for(pyramid.shape[2]), Sent()
    counts: dict[float, NDArray[np.int64]] = {}
    noted: dict[Key, tuple[float, int, int, float]] = {}
    squares = 0.0
    for known, band, volume in in_order(components, pyramid, quantisers, _KnownFew if rough else _KnownRows):
        rows = _rows(_halved(band, pyramid), band.shape[1], pyramid, rough)
        some = np.ascontiguousarray(volume[band.box][:, rows])
        z, y, x = (slice(0, n) for n in some.shape)
        times = band.shape[1] / len(rows)
        first, _, bit = notes.places.tolist()
        squares += times * quantise_band(some, known, replace(band, box=(z, y, x)), step, notes, room, sent, times)
        last, raw = int(notes.places[0]), times * (int(notes.places[2]) - bit)
        found = counts.setdefault(times, np.zeros((quantisers * MAGNITUDES + SIGNS, TOKENS), np.int64))
        count_tokens(notes.contexts[first:last], notes.tokens[first:last], found)
        noted[known.component, band.scale, band.orientation] = times, first, last, raw
    side = IntegerWriter()
    total = np.rint(sum(times * found for times, found in counts.items())).astype(np.int64)
    tables = fit_tables(total, quantisers, side)
    sent.put(side)
    costs = np.log2(TOTAL / np.maximum(tables.frequencies[tables.table_of(quantisers)], 1))
    bits = {
        key: times * add_costs(notes.contexts[first:last], notes.tokens[first:last], costs) + raw
        for key, (times, first, last, raw) in noted.items()
    }
    return Forecast(bits, 8 * len(side.to_bytes()), squares * (step / 2) ** 2)


def _notes(components: int, pyramid: Pyramid, rough: bool) -> Notes:
    """Room for what is noted of the rows that are looked at."""
    looked = [(band, len(_rows(_halved(band, pyramid), band.shape[1], pyramid, rough))) for band in pyramid.bands()]
    return notes_for(components * sum(band.shape[0] * rows * band.shape[2] for band, rows in looked), pyramid)


def _halved(band: Band, pyramid: Pyramid) -> int:
    """How often a band was halved along y."""
    return min(band.scale + (band.orientation > 0), pyramid.scales[1])


def _apart(halved: int, pyramid: Pyramid, rough: bool) -> int:
    """Of how many rows of a band ROWS are looked at; 0 where all are."""
    if not halved or (not rough and math.prod(pyramid.shape) < SMALL):
        return 0
    apart, groups = (ROWS * ROUGH_SHARE, ROUGH_GROUPS) if rough else (ROWS * SHARE, GROUPS)
    while apart * groups > pyramid.shape[1] // 2:
        apart //= 2
    apart >>= max(0, halved - 1)
    return apart if apart > ROWS else 0


def _rows(halved: int, height: int, pyramid: Pyramid, rough: bool) -> Rows:
    """Rows of a band of this `height` that are looked at: they contain the parents of those of the finer band."""
    apart = _apart(halved, pyramid, rough)
    if not apart:
        return np.arange(height)
    first = (apart // 2 - ROWS // 2) // ROWS * ROWS
    starts = np.arange(first, max(height - ROWS + 1, first + 1), apart)
    return (starts[:, None] + np.arange(ROWS)).ravel()
