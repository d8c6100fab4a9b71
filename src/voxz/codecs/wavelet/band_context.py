"""A band, what is known of other bands when its turn comes, and what codes it."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet.trellis import Trellis
from voxz.transforms.pyramid import Band


@dataclass(frozen=True)
class Near:
    """A band and its surroundings.

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


class AnyLearner(Protocol):
    """What codes the indices of bands, and adapts."""

    @property
    def coder(self) -> NDArray[np.int64]:
        """State of the binary coder."""

    @property
    def data(self) -> NDArray[np.uint8]:
        """Its stream."""

    def code(
        self,
        near: Near,
        magnitudes: NDArray[np.int32],
        indices: NDArray[np.int32],
        sums: NDArray[np.int64],
        weights: NDArray[np.int64],
        leaning: NDArray[np.int64],
        path: Trellis,
        *,
        decoding: bool,
    ) -> bool:
        """Code the indices of a band; decoding fills them and the padded magnitudes."""
