"""The engine "voxz" of xarray: an image as a data set of one variable, lazy, with coordinates in mm.

xarray finds it by an entry point: nobody has to import this file.
"""

import os
from collections.abc import Iterable
from typing import Any

import numpy as np

from voxz import api
from voxz.errors import MissingDependencyError, UsageError
from voxz.image.lazy import Image

try:
    import xarray
    from xarray.backends import BackendArray, BackendEntrypoint
    from xarray.core import indexing
except ImportError:
    raise MissingDependencyError("this engine needs xarray; install it with: pip install 'voxz[xarray]'") from None

AXES = ("x", "y", "z", "t", "u", "v", "w")
"""Axes of NIfTI, in its words."""

NAME = "image"


class VoxzBackend(BackendEntrypoint):  # type: ignore[misc]  # xarray may be missing
    """What ``xarray.open_dataset(..., engine="voxz")`` calls."""

    description = "Compressed volumetric images (.voxz)"
    open_dataset_parameters = ("filename_or_obj", "drop_variables", "series")

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Whether the name ends in .voxz."""
        return isinstance(filename_or_obj, str | os.PathLike) and os.fspath(filename_or_obj).lower().endswith(".voxz")

    def open_dataset(
        self, filename_or_obj: Any, *, drop_variables: str | Iterable[str] | None = None, series: int | None = None
    ) -> Any:
        """One variable, `image`, of the stored samples; slope and intercept are attributes, and not applied.

        Images with a place have the axes x, y, z, t, u, v, w and, for x, y and z, coordinates in mm: those of the world (RAS) if
        each axis runs along one of it, else distances from the first voxel. The affine (row by row) is an attribute, too. Plain
        arrays have axes that are numbered.

        Parameters
        ----------
        filename_or_obj : path, URL, or file object
        series : which volume of an archive of several, from 0

        Raises
        ------
        UsageError
            There are several volumes, and `series` names none of them.
        """
        image = api.open(filename_or_obj)
        volumes = image.series
        if series is None and len(volumes) != 1:
            raise UsageError(f"there are {len(volumes)} volumes; name one with series=0 to {len(volumes) - 1}")
        if series is not None:
            if not 0 <= series < len(volumes):
                raise UsageError(f"series must be 0 to {len(volumes) - 1} (got {series})")
            image.close()
            image = volumes[series]
        dropped = {drop_variables} if isinstance(drop_variables, str) else set(drop_variables or ())
        found = _dataset(image)
        found.set_close(image.close)
        return found.drop_vars([name for name in dropped if name in found])


class _Samples(BackendArray):  # type: ignore[misc]
    """Samples that are decoded when they are asked for."""

    def __init__(self, image: Image) -> None:
        self._image, self.shape, self.dtype = image, image.shape, image.dtype

    def __getitem__(self, key: Any) -> Any:
        support = indexing.IndexingSupport.OUTER_1VECTOR
        return indexing.explicit_indexing_adapter(key, self.shape, support, lambda index: np.asarray(self._image[index]))


def _dataset(image: Image) -> Any:
    header = image.header
    axes = 0 if header is None else len(header.get_data_shape())
    placed = AXES[:axes] + ("channel",) * (image.ndim - axes)
    dims = placed if header is not None else tuple(f"dim_{number}" for number in range(image.ndim))
    encoding = {"preferred_chunks": dict(zip(dims, image.chunks, strict=True))}
    data = xarray.Variable(dims, indexing.LazilyIndexedArray(_Samples(image)), _attributes(image, header), encoding)
    return xarray.Dataset({NAME: data}, _coordinates(image, dims))


def _attributes(image: Image, header: Any) -> dict[str, Any]:
    """Affine, and slope and intercept in the words of `xarray.decode_cf`, where they say anything."""
    affine = image.affine
    told: dict[str, Any] = {} if affine is None else {"affine": affine.ravel().tolist()}
    slope, intercept = (None, None) if header is None else header.get_slope_inter()
    if slope is not None and (slope, intercept) != (1, 0):
        told |= {"scale_factor": float(slope), "add_offset": float(intercept or 0)}
    return told


def _coordinates(image: Image, dims: tuple[str, ...]) -> dict[str, Any]:
    """Places of the voxels along x, y and z in mm."""
    spacing, affine = image.voxel_size, image.affine
    if spacing is None:
        return {}
    steps, starts, name = np.asarray(spacing), np.zeros(3), "distance from the first voxel"
    if affine is not None and np.array_equal(affine[:3, :3], np.diag(affine.diagonal()[:3])):
        along = affine.diagonal()[:3]
        if np.allclose(abs(along), steps, rtol=1e-5):  # else the affine has other units
            steps, starts, name = along, affine[:3, 3], "place in the world (RAS)"
    about = {"units": "mm", "long_name": name}
    lengths = dict(zip(dims, image.shape, strict=True))
    return {
        axis: (axis, start + step * np.arange(lengths[axis]), about)
        for axis, start, step in zip(AXES[:3], starts, steps, strict=True)
        if axis in lengths
    }
