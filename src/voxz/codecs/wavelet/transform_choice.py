"""Choosing the transform of a brick, in the encoder only: scales along each axis, whether a KLT pays, which trained filters.

Bits are guessed as the sum of ``log2(1 + |coefficient| / half step)`` over the middle of the brick: good enough to rank
transforms. Scales along z are chosen more carefully: on parts from all over the brick, since noise in the middle of a CT says
nothing of what surrounds it; and with loss by bits and squared error together, since a transform that leaves more coefficients
below the step saves bits and loses detail.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from voxz.jit import at, kernel
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

WHERE_CODED = math.sqrt(FIRST * WORTH_OF_BIT)
"""Magnitude, in half steps, from which on a coefficient is coded."""

MOST_PRODUCT = 1e12
"""Magnitudes are multiplied up to here before a logarithm is taken."""

MOST_GUESSED, MOST_TRAINED = 1 << 21, 1 << 21
"""Samples of a series that bits are guessed for, and that its basis is found from."""

WORTH = 0.99
"""A KLT, or a trained transform where an untrained one may be taken, has to save this much of the guess to be taken."""

TRAINED_FROM = 3
"""Level of compression from which trained transforms are taken."""

Volumes = NDArray[np.floating]
Price = Callable[[Volumes, float], float]
"""What coefficients cost, whose magnitudes are multiplied with a number to be in half steps."""


def choose_scales(volumes: Volumes, step: float, looked_at: Parts = PARTS) -> Scales:
    """Scales for `volumes` ``(volumes, z, y, x)``: along z what is guessed to be best for parts of the middle one.

    A step of 0 stands for coding without loss.
    """
    most = deepest(volumes.shape[1:])
    parts = _parts(volumes[len(volumes) // 2 :][:1], looked_at)
    inner = _within(most, parts[0].shape[1:])
    price, unit = (bits_and_errors, step) if step else (_bits, 1.0)
    best = int(np.argmin(sum(_guesses_along_z(part[0], inner, unit, price) for part in parts)))
    return (most[0] if best == inner[0] else best), most[1], most[2]


def _guesses_along_z(part: Volumes, most: Scales, step: float, price: Price) -> NDArray[np.float64]:
    """Guessed bits of a part ``(z, y, x)`` with 0 to ``most[0]`` scales along z; what these have in common is done once."""
    found, finished, low = [], 0.0, part
    for z in range(most[0] + 1):
        y, x = (max(n - z, 0) for n in most[1:])
        found.append(finished + guess_of(low[None], (0, y, x), step, price=price))
        if z < most[0]:
            pyramid, work = Pyramid(low.shape, (1, min(y, 1), min(x, 1))), low.copy()
            pyramid.analyse(work)
            low = np.ascontiguousarray(work[tuple(slice(n) for n in pyramid.lowest(1))])
            finished += price(work, 2 / step) - price(low, 2 / step)
    return np.array(found)


def choose_basis(volumes: Volumes, scales: Scales, step: float) -> klt.Basis | None:
    """Basis for a series ``(volumes, z, y, x)``, or None where coding each volume alone is guessed to be smaller."""
    if len(volumes) < 2:
        return None
    side = MIDDLE[1]
    while side > LEAST_SIDE and len(volumes) * MIDDLE[0] * side**2 > MOST_GUESSED:
        side //= 2
    middle, rows = (part.astype(np.float64, copy=False) for part in (_middle(volumes, (MIDDLE[0], side, side)), _rows(volumes)))
    flat = middle.reshape(len(middle), -1)
    best, found = WORTH * guess_of(middle, scales, step), None
    for training in (rows.reshape(len(rows), -1), (rows[..., 1:] - rows[..., :-1]).reshape(len(rows), -1)):
        if not np.isfinite(training).all() or not training.any():
            continue
        basis = klt.principal_basis(training, step)
        if np.linalg.cond(basis.matrix()) > 2:
            continue
        guess = guess_of(klt.analyse(flat, basis).reshape(middle.shape), scales, step)
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
    guesses = [guess_of(middle, inner, step or 1.0, choice) + 8 * len(choice.pack(scales)) * share for choice in choices]
    best = int(np.argmin(guesses))
    untrained = choices[0].model is None
    return choices[0] if untrained and guesses[best] > WORTH * guesses[0] else choices[best]


def _within(scales: Scales, shape: tuple[int, ...]) -> Scales:
    z, y, x = (min(n, most) for n, most in zip(scales, deepest(shape), strict=True))
    return z, y, x


def deepest(shape: tuple[int, ...]) -> Scales:
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


def _bits(coefficients: Volumes, unit: float) -> float:
    """Bits of coefficients, `unit` of which are half a step."""
    return float(np.log2(1 + np.abs(coefficients) * unit).sum())


def bits_and_errors(coefficients: Volumes, unit: float) -> float:
    """Bits and squared errors of coefficients, both in bits: each is left out or coded, which takes at least FIRST bits.

    Coding one takes the logarithm of its magnitude in half steps, which are `unit` times as many, besides.
    """
    squares, coded, logarithms = _left_out_or_coded(np.ascontiguousarray(coefficients).reshape(-1), unit, WHERE_CODED)
    return float(squares / WORTH_OF_BIT + FIRST * coded + logarithms)


@kernel
def _left_out_or_coded(coefficients, unit, limit):  # type: ignore[no-untyped-def]
    """Return the sum of the squares of magnitudes up to a limit, how many others there are, and the sum of their logarithms.

    Logarithms are taken of products, which saves most of the time.

    Parameters
    ----------
    coefficients : float32 or float64 (n,)
    unit : what they are multiplied with
    limit : about 1; logarithms of less than 1 count as 0
    """
    squares, coded, logarithms, product = 0.0, 0, 0.0, 1.0
    for i in range(coefficients.size):
        magnitude = abs(np.float64(coefficients[at(i)])) * unit
        if magnitude <= limit:
            squares += magnitude * magnitude
        else:
            coded += 1
            product *= max(magnitude, 1.0)
            if product > MOST_PRODUCT:
                logarithms += np.log2(product)
                product = 1.0
    return squares, coded, logarithms + np.log2(product)


def guess_of(volumes: Volumes, scales: Scales, step: float, choice: Choice | None = None, price: Price = _bits) -> float:
    """Guessed bits of `volumes` with these scales, or another `price`; of a `choice` by bands, whose norms count."""
    pyramid = choice.pyramid(volumes.shape[1:], scales, step) if choice else Pyramid(volumes.shape[1:], scales)
    total = 0.0
    for volume in volumes:
        work = volume.copy()
        pyramid.analyse(work)
        boxes = [(work[band.box], band.norm) for band in pyramid.bands()] if choice else [(work, 1.0)]
        total += sum(price(box, 2 * norm / step) for box, norm in boxes)
    return total
