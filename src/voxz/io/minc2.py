"""MINC2, an HDF5 file with the names and attributes of MINC: where its image lies in space, and what its values mean."""

from typing import Any

import numpy as np

from voxz.io import minc1
from voxz.io.foreign_file import Space

IMAGE = "minc-2.0/image/0/image"
_BOUNDS = ("minc-2.0/image/0/image-min", "minc-2.0/image/0/image-max")
_DIMENSIONS = "minc-2.0/dimensions"
_DEFAULT = "zspace,yspace,xspace"


def space(opened: Any) -> Space:
    """Place and scale of the image of an open file."""
    image = opened[IMAGE]
    names = _text(image.attrs.get("dimorder", _DEFAULT)).split(",")
    group = opened.get(_DIMENSIONS, {})
    said = {name: {key: _value(value) for key, value in group[name].attrs.items()} for name in names if name in group}
    axes = tuple(name.removesuffix("space") for name in reversed(names))
    return Space(minc1.affine(said, names), axes, _scaling(opened, image))


def _scaling(opened: Any, image: Any) -> tuple[tuple[float, float], ...]:
    attributes = {key: _value(value) for key, value in image.attrs.items()}
    valid = minc1.valid_range(attributes, np.dtype(image.dtype.str))
    if valid is None or any(name not in opened for name in _BOUNDS):
        return ()
    low, high = (np.asarray(opened[name][()], np.float64) for name in _BOUNDS)
    slices = image.shape[:-2]
    chunks = zip(slices, image.chunks or image.shape, strict=False)
    return minc1.slopes(low, high, valid, slices, tuple(-(-count // chunk) * chunk for count, chunk in chunks))


def _value(value: Any) -> minc1.Value:
    """An attribute as MINC1 has it: text or numbers."""
    if isinstance(value, str | bytes):
        return _text(value)
    numbers = np.atleast_1d(np.asarray(value))
    return numbers.astype(np.float64) if numbers.dtype.kind in "iuf" else ""


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
