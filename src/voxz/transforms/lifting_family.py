"""The family of trained wavelet-like transforms: what a model is, apart from its numbers.

A split takes one axis: even samples are low, odd ones high; lifting steps add to one half a filter of the other (predict,
update, predict, update ...), and the halves are scaled. A filter reaches so many samples to either side along the axis and one
beside it across: with a reach of 2 that are 4 x 3 x 3 taps. Taps that mirror each other are equal, so each filter is eight
numbers ``(reach, 2, 2)``: by distance along the axis, and whether beside across the first and the second of the other axes.
CDF 9/7 and 5/3 are members of the family. Networks may add to what the filters give, see `networks`.

One scale splits x once, y twice (what is low along x, what is high), z four times: seven *kinds* of splits. They, and scales
from fine to coarse, may share filters.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxz.transforms.band_norms import MOST_SCALES
from voxz.transforms.lifting_97 import STEPS_97

KINDS = 7

SHARING = {
    "all": (0,) * KINDS,
    "axes": (0, 0, 0, 1, 1, 1, 1),
    "halves": (0, 0, 1, 2, 2, 2, 2),
    "none": tuple(range(KINDS)),
}
"""By name, the set of filters that each kind of split takes: one for all; in plane and along z; the same but for y of what is
high along x; each its own."""

STEPS_53 = (-0.5, 0.25)

MOST_STEPS, MOST_REACH, MOST_CLASSES = 8, 4, MOST_SCALES

ACROSS = {0: (1, 2), 1: (0, 2), 2: (0, 1)}


CHANNELS = 16


Shapes = dict[str, tuple[int, ...]]


def shapes(network: str, steps: int, reach: int, sets: int) -> Shapes:
    """Shapes of the arrays of a network, by name."""
    n, own = CHANNELS, (sets, steps)
    if network == "relu":
        rest: Shapes = {"bias": (*own, n), "second": (*own, n, n), "bias_2": (*own, n), "last": (*own, n)}
        return {"first": (*own, n, reach, 2, 2)} | rest
    if network in ("additive", "affine"):
        cube = (3, 3, 3)
        found: Shapes = {
            "first": (*own, n, 1, *cube),
            "second": (*own, n, n, *cube),
            "third": (*own, n, n, *cube),
            "last": (*own, 1, n, *cube),
        }
        return found | ({"gate": (*own, 1, n, *cube)} if network == "affine" else {})
    return {}


NETWORKS = ("", "relu", "additive", "affine")


@dataclass(frozen=True)
class Family:
    """Which kind of model.

    Attributes
    ----------
    reversible : rounds in every step and does not scale: integers come back exactly
    steps : lifting steps, even
    reach : samples along the axis, to either side
    sharing : one of SHARING
    classes : groups of scales, the finest first, the last for all that are coarser
    network : one of `networks.NETWORKS`, or nothing
    network_sharing : one of SHARING, for networks, which all scales share
    """

    reversible: bool = False
    steps: int = 4
    reach: int = 2
    sharing: str = "halves"
    classes: int = 1
    network: str = ""
    network_sharing: str = "all"

    def fault(self) -> str:
        """Why this is no member of the family; nothing if it is one."""
        if not {self.sharing, self.network_sharing} <= set(SHARING) or self.network not in NETWORKS:
            return (
                f"sharing and network_sharing must be of {', '.join(SHARING)}, network of {', '.join(map(repr, NETWORKS))} "
                f"(got {self.sharing!r}, {self.network_sharing!r} and {self.network!r})"
            )
        if self.steps % 2 or not 2 <= self.steps <= MOST_STEPS or not 1 <= self.reach <= MOST_REACH:
            return f"steps must be 2, 4, 6 or 8, and reach 1 to {MOST_REACH} (got {self.steps} and {self.reach})"
        if not 1 <= self.classes <= MOST_CLASSES:
            return f"classes must be 1 to {MOST_CLASSES} (got {self.classes})"
        if self.reversible and self.network == "affine":
            return "a reversible transform cannot have the network 'affine'; take 'relu' or 'additive', or none"
        return ""

    @property
    def sets(self) -> int:
        """Sets of filters of a group of scales."""
        return max(SHARING[self.sharing]) + 1

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of all filters."""
        return self.classes * self.sets, self.steps, self.reach, 2, 2

    @property
    def filters(self) -> int:
        """How many filters there are."""
        return self.classes * self.sets * self.steps

    def set_of(self, scale: int, kind: int) -> int:
        """Filters of a split."""
        return min(scale, self.classes - 1) * self.sets + SHARING[self.sharing][kind]

    @property
    def networks(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the arrays of networks, by name."""
        return shapes(self.network, self.steps, self.reach, max(SHARING[self.network_sharing]) + 1)

    def network_of(self, kind: int) -> int:
        """Set of networks of a split."""
        return SHARING[self.network_sharing][kind]

    def untrained(self) -> NDArray[np.float64]:
        """Filters of CDF 9/7, as far as there are steps, or 5/3."""
        filters = np.zeros(self.shape)
        known = (STEPS_53 if self.reversible else STEPS_97)[: self.steps]
        filters[:, : len(known), 0, 0, 0] = known
        return filters


def multiplicities(reach: int) -> NDArray[np.float64]:
    """How many taps each number of a filter stands for."""
    return np.broadcast_to(np.array([[2.0, 4.0], [4.0, 8.0]]), (reach, 2, 2)).copy()


def kind_of(axis: int, orientation: int) -> int:
    """Kind of a split along `axis` of what is high along the axes in the bit set `orientation` (1 z, 2 y, 4 x)."""
    x, y = orientation >> 2 & 1, orientation >> 1 & 1
    return (3 + x + 2 * y, 1 + x, 0)[axis]


def reach_table(length: int, odd: int, reach: int) -> NDArray[np.int64]:
    """Where the samples of a half lie, ``reach`` further on both sides, in a line of `length` samples mirrored at its ends.

    `odd` tells the halves apart.
    """
    count = (length + 1 - odd) // 2
    places = 2 * np.arange(-reach, count + reach) + odd
    period = 2 * (length - 1)
    places = np.abs(places) % period
    return (np.minimum(places, period - places) - odd) // 2
