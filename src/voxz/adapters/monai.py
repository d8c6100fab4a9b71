"""MONAI reads .voxz by ``LoadImage(reader="voxz.adapters.monai.VoxzReader")``, or by the class itself."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz import api
from voxz.adapters.values import affine_of, native, values_of
from voxz.errors import MissingDependencyError, UsageError

try:
    from monai.config import PathLike
    from monai.data import is_supported_format
    from monai.data.image_reader import ImageReader
    from monai.utils import MetaKeys, SpaceKeys, ensure_tuple
except ImportError:
    raise MissingDependencyError("this reader needs MONAI; install it with: pip install 'voxz[monai]'") from None

SPATIAL = 3


class VoxzReader(ImageReader):  # type: ignore[misc]  # MONAI may be missing
    """What `monai.transforms.LoadImage` calls: samples in the units of the header, and the metadata that `NibabelReader` gives.

    Several files are stacked as channels, as MONAI does with other formats; their affines must be the same.

    Parameters
    ----------
    channel_dim : which axis holds channels; None: none does in images of three axes, the last one in others
    series : which volume of an archive, from 0; None: the only one
    options : for `voxz.open`
    """

    def __init__(self, channel_dim: int | None = None, series: int | None = None, **options: Any) -> None:
        super().__init__()
        self._channel_dim, self._series, self._options = channel_dim, series, options

    def verify_suffix(self, filename: Sequence[PathLike] | PathLike) -> bool:
        """Whether all names end in .voxz."""
        return bool(is_supported_format(filename, ["voxz"]))

    def read(self, data: Sequence[PathLike] | PathLike, **kwargs: Any) -> Any:
        """Open files; nothing is decoded yet."""
        found = [self._opened(name, {**self._options, **kwargs}) for name in ensure_tuple(data)]
        return found if len(found) > 1 else _Opened(found[0])

    def _opened(self, name: str | os.PathLike[str], options: dict[str, Any]) -> Any:
        volumes = api.open(name, **options).series
        if self._series is None and len(volumes) != 1:
            raise UsageError(f"{name} holds {len(volumes)} volumes; name one with series=0 to {len(volumes) - 1}")
        return volumes[self._series or 0]

    def get_data(self, img: Any) -> tuple[NDArray[Any], dict[str, Any]]:
        """Samples and metadata of what `read` gave."""
        images = [img.image] if isinstance(img, _Opened) else list(img)
        arrays = [native(values_of(image)) for image in images]
        told = self._metadata(images[0], arrays[0])
        affine = told[MetaKeys.AFFINE]
        for image, array in zip(images[1:], arrays[1:], strict=True):
            if array.shape != arrays[0].shape or not np.allclose(affine_of(image), affine):
                raise UsageError("images that are stacked as channels need one shape and one affine; resample them first")
        if len(arrays) == 1:
            return arrays[0], told
        axis = told[MetaKeys.ORIGINAL_CHANNEL_DIM]
        if np.isnan(axis):
            told[MetaKeys.ORIGINAL_CHANNEL_DIM] = 0
            return np.stack(arrays), told
        return np.concatenate(arrays, int(axis)), told

    def _metadata(self, image: Any, array: NDArray[Any]) -> dict[str, Any]:
        header = image.header
        told: dict[str, Any] = {}
        if header is not None:
            little = header if header.endianness == "<" else header.as_byteswapped("<")
            told = {key: np.asarray(little[key]) for key in little if little[key].dtype.kind != "S"}
        axis: float = float("nan") if array.ndim <= SPATIAL else -1
        axis = axis if self._channel_dim is None else self._channel_dim
        spatial = list(array.shape)
        if not np.isnan(axis):
            del spatial[int(axis)]
        return told | {
            MetaKeys.AFFINE: affine_of(image).copy(),
            MetaKeys.ORIGINAL_AFFINE: affine_of(image).copy(),
            MetaKeys.SPACE: SpaceKeys.RAS,
            MetaKeys.SPATIAL_SHAPE: np.asarray(spatial[:SPATIAL]),
            MetaKeys.ORIGINAL_CHANNEL_DIM: axis,
            "as_closest_canonical": False,
        }


class _Opened:
    """One image: MONAI makes a list of what it can iterate over, and an image gives its planes."""

    def __init__(self, image: Any) -> None:
        self.image = image
