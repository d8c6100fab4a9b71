"""Choosing the transform of a brick, in the encoder only: scales along each axis, whether a KLT pays, which trained filters.

Bits are guessed as the sum of ``log2(1 + |coefficient| / half step)`` over the middle of the brick: good enough to rank
transforms. Scales along z are chosen more carefully: on parts from all over the brick, since noise in the middle of a CT says
nothing of what surrounds it; and with loss by bits and squared error together, since a transform that leaves more coefficients
below the step saves bits and loses detail.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.transforms import klt
from voxz.transforms.choice import Choice, asked_choices
from voxz.transforms.pyramid import Pyramid, Scales
from voxz.transforms.trained_model import Model, Tuned
from voxz.volume.bricks import middle_of

MIDDLE = (32, 128, 128)
"""Voxels of each volume that are looked at."""


class Parts(NamedTuple):
    """Parts that scales are chosen by: voxels of each along z, y, x, and how many lie beside each other along y and x."""

    shape: tuple[int, int, int]
    across: int


PARTS, SMALL_PARTS = Parts((32, 64, 64), 3), Parts((16, 32, 32), 2)
"""Those of most levels; of fast ones."""

LEAST_SIDE = 32

MOST = (4, 5, 5)
"""Scales along z, y, x at most."""

SHORTEST = (6, 8, 8)
"""Samples along z, y, x that are split once more."""

WORTH_OF_BIT = 0.28
"""Squared error, in half steps, that a bit is worth."""

FIRST = 3.3
"""What the smallest index but 0 costs, in bits: its own, and the error that it leaves."""

MOST_GUESSED, MOST_TRAINED = 1 << 21, 1 << 21
"""Samples of a series that bits are guessed for, and that its basis is found from."""

WORTH = 0.99
"""A KLT, or a trained transform where an untrained one may be taken, has to save this much of the guess to be taken."""

TRAINED_FROM = 3
"""Level of compression from which trained transforms are taken."""

Volumes = NDArray[np.floating]


def choose_scales(volumes: Volumes, step: float, looked_at: Parts = PARTS) -> Scales:
    """Scales for `volumes` ``(volumes, z, y, x)``: along z what is guessed to be best for parts of the middle one.

    A step of 0 stands for coding without loss.
    """
    most = _deepest(volumes.shape[1:])
    parts = _parts(volumes[len(volumes) // 2 :][:1], looked_at)
    inner = _within(most, parts[0].shape[1:])
    price, unit = (_cost, step) if step else (_bits, 1.0)
    guesses = [sum(_guess(part, (z, inner[1], inner[2]), unit, price=price) for part in parts) for z in range(inner[0] + 1)]
    best = int(np.argmin(guesses))
    return (most[0] if best == inner[0] else best), most[1], most[2]


def choose_basis(volumes: Volumes, scales: Scales, step: float) -> klt.Basis | None:
    """Basis for a series ``(volumes, z, y, x)``, or None where coding each volume alone is guessed to be smaller."""
    if len(volumes) < 2:
        return None
    side = MIDDLE[1]
    while side > LEAST_SIDE and len(volumes) * MIDDLE[0] * side**2 > MOST_GUESSED:
        side //= 2
    middle, rows = (part.astype(np.float64, copy=False) for part in (_middle(volumes, (MIDDLE[0], side, side)), _rows(volumes)))
    flat = middle.reshape(len(middle), -1)
    best, found = WORTH * _guess(middle, scales, step), None
    for training in (rows.reshape(len(rows), -1), (rows[..., 1:] - rows[..., :-1]).reshape(len(rows), -1)):
        if not np.isfinite(training).all() or not training.any():
            continue
        basis = klt.principal_basis(training, step)
        if np.linalg.cond(basis.matrix()) > 2:
            continue
        guess = _guess(klt.analyse(flat, basis).reshape(middle.shape), scales, step)
        if guess < best:
            best, found = guess, basis
    return found


def choose_transform(volumes: Volumes, scales: Scales, step: float, level: int, asked: str | Model | Tuned | None) -> Choice:
    """Transform of `volumes` at a level of compression: of what was asked for, the one that is guessed to be smallest.

    A step of 0 stands for coding without loss.
    """
    choices = asked_choices(asked, reversible=not step)
    if asked is None and level >= TRAINED_FROM:
        choices += asked_choices("trained", reversible=not step)
    if len(choices) == 1:
        return choices[0]
    middle = _middle(volumes[len(volumes) // 2 :][:1])
    inner = _within(scales, middle.shape[1:])
    share = middle.size / volumes.size
    guesses = [_guess(middle, inner, step or 1.0, choice) + 8 * len(choice.pack(scales)) * share for choice in choices]
    best = int(np.argmin(guesses))
    untrained = choices[0].model is None
    return choices[0] if untrained and guesses[best] > WORTH * guesses[0] else choices[best]


def _within(scales: Scales, shape: tuple[int, ...]) -> Scales:
    z, y, x = (min(n, most) for n, most in zip(scales, _deepest(shape), strict=True))
    return z, y, x


def _deepest(shape: tuple[int, ...]) -> Scales:
    """Scales that a shape ``(z, y, x)`` has room for."""
    z, y, x = (min(most, _halvings(n, shortest)) for n, most, shortest in zip(shape, MOST, SHORTEST, strict=True))
    return z, y, x


def _halvings(length: int, shortest: int) -> int:
    count = 0
    while length >= shortest:
        length = -(-length // 2)
        count += 1
    return count


def _middle(volumes: Volumes, most: tuple[int, int, int] = MIDDLE) -> Volumes:
    return np.ascontiguousarray(volumes[(slice(None), *middle_of(volumes.shape[1:], most))])


def _parts(volumes: Volumes, wanted: Parts) -> list[Volumes]:
    """Parts ``(volumes, z, y, x)``, smaller and fewer if there is no room, at equal distances along y and x.

    Along z their places take turns.
    """
    most = wanted.shape
    counts = [min(wanted.across, -(-n // limit)) for n, limit in zip(volumes.shape[1:], most, strict=True)]
    found = []
    for y, x in np.ndindex(counts[1], counts[2]):
        places = zip(volumes.shape[1:], most, ((y + x) % counts[0], y, x), counts, strict=True)
        starts = [max(0, n - limit) * (2 * place + 1) // (2 * count) for n, limit, place, count in places]
        box = tuple(slice(start, start + limit) for start, limit in zip(starts, most, strict=True))
        found.append(np.ascontiguousarray(volumes[(slice(None), *box)]))
    return found


def _rows(volumes: Volumes) -> Volumes:
    """Rows of all volumes at equal distances ``(volumes, rows, x)``."""
    rows = volumes.reshape(len(volumes), -1, volumes.shape[3])
    apart = -(-volumes.size // MOST_TRAINED)
    return rows[:, apart // 2 :: apart]


def _bits(magnitudes: Volumes) -> Volumes:
    """Bits of coefficients of these magnitudes, in half steps."""
    found: Volumes = np.log2(1 + magnitudes)
    return found


def _cost(magnitudes: Volumes) -> Volumes:
    """Bits and squared errors of coefficients of these magnitudes, in half steps, both in bits: each is left out or coded."""
    found: Volumes = np.minimum(magnitudes**2 * (1 / WORTH_OF_BIT), FIRST + np.log2(np.maximum(magnitudes, 1)))
    return found


def _guess(
    volumes: Volumes, scales: Scales, step: float, choice: Choice | None = None, price: Callable[[Volumes], Volumes] = _bits
) -> float:
    """Guessed bits of `volumes` with these scales, or another `price`; of a `choice` by bands, whose norms count."""
    pyramid = choice.pyramid(volumes.shape[1:], scales, step) if choice else Pyramid(volumes.shape[1:], scales)
    total = 0.0
    for volume in volumes:
        work = volume.copy()
        pyramid.analyse(work)
        boxes = [(work[band.box], band.norm) for band in pyramid.bands()] if choice else [(work, 1.0)]
        total += sum(float(price(np.abs(box) * (2 * norm / step)).sum()) for box, norm in boxes)
    return total
