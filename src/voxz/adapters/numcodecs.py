"""The codec "voxz" of numcodecs, for chunks of Zarr, version 2, and whatever else takes codecs by name.

numcodecs finds it by an entry point: nobody has to import this file.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz import api
from voxz.adapters.chunk_options import ChunkOptions
from voxz.errors import MissingDependencyError

try:
    from numcodecs.abc import Codec
    from numcodecs.compat import ensure_contiguous_ndarray, ensure_ndarray, ndarray_copy
except ImportError:
    raise MissingDependencyError("this codec needs numcodecs; install it with: pip install 'voxz[zarr]'") from None


class Voxz(Codec):  # type: ignore[misc]  # numcodecs may be missing, so nothing is known of it
    """Chunks of 0 to 7 axes of numbers, lossless or with an error bound; parameters as in `ChunkOptions`."""

    codec_id = "voxz"

    def __init__(self, level: int = api.DEFAULT_LEVEL, max_error: float = 0) -> None:
        self._options = ChunkOptions(level, max_error)
        self.level, self.max_error = level, max_error

    def encode(self, buf: Any) -> bytes:
        """Bytes of a chunk; `UnsupportedError` for samples that are no numbers."""
        array = ensure_ndarray(buf)
        # the bytes in memory are what counts: an array in Fortran order is its transpose in C order
        fortran = array.flags.f_contiguous and not array.flags.c_contiguous
        return self._options.encode_chunk(array.T if fortran else array)

    def decode(self, buf: Any, out: Any = None) -> NDArray[np.generic]:
        """The array of a chunk, or its bytes in the array `out`; `CorruptError` if it is damaged."""
        return ndarray_copy(api.decode(ensure_contiguous_ndarray(buf).data, threads=1), out)  # type: ignore[no-any-return]
