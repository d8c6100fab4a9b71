"""A band, what is known of other bands when its turn comes, and what codes it."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from voxz.transforms.pyramid import Band


@dataclass(frozen=True)
class BandContext:
    """A band and what is known around it.

    Attributes
    ----------
    planes : features known as a whole ``(features, z, y, x)``: two for each of parent, sisters and previous component
    parent, sisters, previous : which of them there are; sisters by their orientations
    """

    component: int
    band: Band
    planes: NDArray[np.int32]
    parent: bool
    sisters: list[int]
    previous: bool


class CodedBand(NamedTuple):
    """What both profiles' walks take of a band; arrays with margins as in `band_rows`.

    Attributes
    ----------
    magnitudes : int32, with margins: of the coefficients, in half steps, at most `MOST_MAGNITUDE`
    signed : int32, with margins: the same with signs; the walk fills it
    indices : int32 (z, y, x), of the quantiser
    sums : int64 (z, y, x), part of the expected magnitude that is known as a whole, in units of the weights
    weights : int64 (features,), of the expected magnitude, in ``2 ** -WEIGHT_BITS``
    leaning : int64 (TAPS,), of the sign, in the same units
    orientation : 0 to 7, a bit for each axis with high frequencies
    after : int64 (states, 2), next state of the trellis by the parity of an index
    quantiser : int64 (states,), which of two quantisers a state uses
    """

    magnitudes: NDArray[np.int32]
    signed: NDArray[np.int32]
    indices: NDArray[np.int32]
    sums: NDArray[np.int64]
    weights: NDArray[np.int64]
    leaning: NDArray[np.int64]
    orientation: int
    after: NDArray[np.int64]
    quantiser: NDArray[np.int64]


class AnyLearner(Protocol):
    """What codes the indices of bands, and adapts."""

    @property
    def coder(self) -> NDArray[np.int64]:
        """State of the binary coder."""

    @property
    def data(self) -> NDArray[np.uint8]:
        """Its stream."""

    def code(self, context: BandContext, coded: CodedBand, *, decoding: bool) -> bool:
        """Code the indices of a band; decoding fills them and the magnitudes."""
