"""SimpleITK images to and from .voxz files."""

import json
import os
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from voxz.errors import MissingDependencyError, UnsupportedError
from voxz.image.itk_image import METADATA, RAS_TO_LPS, to_sitk

if TYPE_CHECKING:
    import SimpleITK

__all__ = ["from_sitk", "to_sitk"]

_COMMENT = 6
"""Code of an extension of a NIfTI header that holds text."""


def from_sitk(image: "SimpleITK.Image", destination: str | os.PathLike[str], **options: Any) -> None:
    """Compress an image as NIfTI: its samples, origin, spacing, direction, and dictionary of metadata. `to_sitk` gives them back.

    Vectors of three or four bytes are colours; others are not held by NIfTI's volumes and raise `UnsupportedError`. `options` are
    those of `voxz.compress`.
    """
    try:
        import SimpleITK  # noqa: PLC0415 - an extra
    except ImportError:
        raise MissingDependencyError("images of ITK need SimpleITK; install it with: pip install 'voxz[sitk]'") from None
    import nibabel  # noqa: PLC0415 - start-up time

    from voxz.adapters.nibabel import compress_image  # noqa: PLC0415

    samples: NDArray[Any] = SimpleITK.GetArrayFromImage(image)
    axes, vectors = image.GetDimension(), image.GetNumberOfComponentsPerPixel() > 1
    samples = samples.transpose(*range(axes)[::-1], *range(axes, samples.ndim))
    if vectors:
        samples = _colours(samples)
    kind: Any = nibabel.Nifti1Image if max(samples.shape) < 1 << 15 else nibabel.Nifti2Image
    made = kind(samples, _affine(image), dtype=samples.dtype)
    made.header.set_xyzt_units("mm", "sec")
    spacing = image.GetSpacing()
    made.header.set_zooms([*made.header.get_zooms()[:3], *spacing[3:]][: samples.ndim])
    told = {name: image.GetMetaData(name) for name in image.GetMetaDataKeys()}
    if told:
        text = json.dumps({METADATA: told}).encode()
        made.header.extensions.append(nibabel.nifti1.Nifti1Extension(_COMMENT, text))
    compress_image(made, destination, **options)


def _colours(samples: NDArray[Any]) -> NDArray[Any]:
    """Three or four bytes of a voxel as one of NIfTI's types for them."""
    channels = samples.shape[-1]
    if samples.dtype != np.uint8 or channels not in (3, 4):
        raise UnsupportedError(
            f"vectors of {channels} {samples.dtype.name} are no colours; compress each component, or the array with voxz.encode"
        )
    names = "RGBA"[:channels]
    return np.ascontiguousarray(samples).view(np.dtype([(name, "u1") for name in names]))[..., 0]


def _affine(image: "SimpleITK.Image") -> NDArray[np.float64]:
    """Indices to mm in RAS."""
    axes = image.GetDimension()
    count = min(axes, 3)
    direction = np.asarray(image.GetDirection()).reshape(axes, axes)[:count, :count]
    affine = np.eye(4)
    affine[:count, :count] = RAS_TO_LPS[:count, None] * direction * np.asarray(image.GetSpacing()[:count])
    affine[:count, 3] = RAS_TO_LPS[:count] * np.asarray(image.GetOrigin()[:count])
    return affine
