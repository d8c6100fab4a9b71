"""What nibabel reads an image through: its own `ArrayProxy`, with samples that come from the image instead of a file."""

from typing import Any

import numpy as np
from nibabel import arrayproxy
from numpy.typing import DTypeLike, NDArray


class ImageProxy(arrayproxy.ArrayProxy):  # type: ignore[misc]  # nibabel is untyped
    """Stored samples (an `Image`, or an array) with slope and intercept, which nibabel applies.

    All of an ArrayProxy works: `slope`, `inter`, `dtype` (of the stored samples), `get_unscaled`, `reshape`, indexing.
    """

    def _has_fh(self) -> bool:
        return True  # nibabel opens and closes nothing

    def _get_unscaled(self, slicer: Any) -> Any:
        if self.shape == self.file_like.shape:
            return self.file_like[slicer]
        return np.asarray(self.file_like).reshape(self.shape, order="F")[slicer]

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("an image is decoded to a new array; it cannot be one without a copy (copy=False)")
        return np.asarray(super().__array__(dtype))
