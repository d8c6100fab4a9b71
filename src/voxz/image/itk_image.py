"""An image as a SimpleITK image: samples in the units of the header, origin, spacing and direction in ITK's LPS."""

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from voxz.errors import MissingDependencyError, UnsupportedError

if TYPE_CHECKING:
    from voxz.image.lazy import Image

METADATA = "itk_metadata"
"""Key in a comment of the NIfTI header, in JSON, under which the dictionary of an ITK image is kept."""

_AXES = range(2, 6)
"""Axes that an ITK image may have."""

RAS_TO_LPS = np.array([-1.0, -1.0, 1.0])


def to_sitk(image: "Image") -> Any:
    """A `SimpleITK.Image`; `MissingDependencyError` without SimpleITK, `UnsupportedError` for shapes that ITK does not have."""
    try:
        import SimpleITK  # noqa: PLC0415 - an extra
    except ImportError:
        raise MissingDependencyError("images of ITK need SimpleITK; install it with: pip install 'voxz[sitk]'") from None
    colour = image.channels > 1
    axes = image.ndim - colour
    if axes not in _AXES:
        raise UnsupportedError(f"images of ITK have {_AXES.start} to {_AXES.stop - 1} axes (got {axes})")
    samples = _values(image)
    order = (*range(axes)[::-1], *range(axes, samples.ndim))
    result = SimpleITK.GetImageFromArray(samples.transpose(order), isVector=colour)
    _place(result, image, axes)
    for name, value in metadata_of(image.header).items():
        result.SetMetaData(name, value)
    return result


def _values(image: "Image") -> NDArray[Any]:
    samples = np.asarray(image if image.channels > 1 or image.header is None else image.to_nibabel().dataobj)
    if samples.dtype.kind == "b":
        return samples.astype(np.uint8)
    return samples.astype(np.float32 if samples.dtype.char == "e" else samples.dtype.newbyteorder("="), copy=False)


def _place(result: Any, image: "Image", axes: int) -> None:
    """Set where an ITK image lies."""
    affine = image.affine
    if affine is None:
        return
    count = min(axes, 3)
    columns = RAS_TO_LPS[:, None] * affine[:3, :count]
    spacing = np.linalg.norm(columns, axis=0)
    spacing[spacing == 0] = 1.0
    direction, steps, origin = np.eye(axes), np.ones(axes), np.zeros(axes)
    direction[:count, :count] = (columns / spacing)[:count]
    if abs(np.linalg.det(direction)) < 1e-6:  # a plane that stands in space: ITK has no place for it in two axes
        direction = np.eye(axes)
    steps[:count], origin[:count] = spacing, (RAS_TO_LPS * affine[:3, 3])[:count]
    header = image.header
    if axes > 3 and header is not None:
        steps[3:] = [float(step) or 1.0 for step in header.get_zooms()[3:axes]]
    result.SetSpacing(steps.tolist())
    result.SetOrigin(origin.tolist())
    result.SetDirection(direction.ravel().tolist())


def metadata_of(header: Any) -> dict[str, str]:
    """The dictionary of the ITK image that a file was made from; empty for others."""
    for extension in getattr(header, "extensions", ()):
        try:
            told = json.loads(bytes(extension.content).rstrip(b"\0")) if extension.code == 6 else None
        except (ValueError, TypeError, RecursionError):
            continue
        found = told.get(METADATA) if isinstance(told, dict) else None
        if isinstance(found, dict):
            return {str(name): str(value) for name, value in found.items()}
    return {}
