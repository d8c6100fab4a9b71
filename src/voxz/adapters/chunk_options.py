"""What the codecs for chunks share: their options, as JSON has them, and a chunk through them.

A chunk is the bytes of a .voxz file that holds one array (docs/zarr.md).
"""

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from voxz import api
from voxz.target import MaxError


@dataclass(frozen=True)
class ChunkOptions:
    """How chunks are coded.

    Parameters
    ----------
    level : 1 (fastest) to 9 (smallest)
    max_error : no sample differs by more from what was written, in stored units; 0 is lossless

    Raises
    ------
    UsageError
        An option is out of its range.
    """

    level: int = api.DEFAULT_LEVEL
    max_error: float = 0

    def __post_init__(self) -> None:
        api.check_level(self.level)
        MaxError(self.max_error)

    def encode_chunk(self, array: NDArray[Any]) -> bytes:
        """Bytes of a chunk. One thread, as hosts code several chunks at once.

        What looks like a label map is not refused: whoever asked for an error did so for the whole array, and one chunk of it,
        such as the air around a head, says little.
        """
        return api.encode(array, target=MaxError(self.max_error), level=self.level, threads=1, force_lossy=True)
