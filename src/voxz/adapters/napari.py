"""napari reads and writes .voxz: it finds this file by the manifest beside it (napari.yaml), which an entry point names.

Layers are lazy: a plane that is shown decodes the bricks that it touches. Axes are napari's, slowest first: z, y, x after time.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz import api
from voxz.errors import MissingDependencyError, UsageError
from voxz.image.lazy import Image

Layer = tuple[Any, dict[str, Any], str]
"""Data, options and type of a layer, as napari has it."""

_ENDING = ".voxz"


def get_reader(path: str | Sequence[str]) -> Callable[[str | Sequence[str]], list[Layer]] | None:
    """What reads `path`; None for files that are not .voxz."""
    paths = [path] if isinstance(path, str) else list(path)
    return read_layers if all(name.lower().endswith(_ENDING) for name in paths) else None


def read_layers(path: str | Sequence[str]) -> list[Layer]:
    """A layer for each volume of each file; label maps are layers of labels."""
    paths = [path] if isinstance(path, str) else list(path)
    return [_layer(image, name) for name in paths for image in api.open(name).series]


def _layer(image: Image, path: str) -> Layer:
    try:
        lazy = image.to_dask()
    except MissingDependencyError:  # napari brings dask
        lazy = np.asarray(image)
    colour = image.channels > 1
    axes = image.ndim - colour
    placed = image.affine is not None or image.voxel_size is not None
    data = lazy.transpose(*range(axes)[::-1], *range(axes, image.ndim)) if placed else lazy
    title = "/".join(part for part in (Path(path).name.removesuffix(_ENDING), image.name) if part)
    told: dict[str, Any] = {"name": title, "metadata": {"voxz": {"path": os.fspath(path), "affine": image.affine}}}
    if placed:
        told["scale"] = ([1.0] * axes)[: max(0, axes - 3)] + [float(step) for step in (image.voxel_size or ())[::-1]][
            -min(3, axes) :
        ]
    if colour:
        return data, told | {"rgb": image.channels in (3, 4)}, "image"
    return data, told, "labels" if image.is_label_map else "image"


def write_labels(path: str, data: Any, options: dict[str, Any]) -> list[str]:
    """Like `write_layer`, for a layer of labels, which it is again when it is read."""
    return write_layer(path, data, options, labels=True)


def write_layer(path: str, data: Any, options: dict[str, Any], labels: bool = False) -> list[str]:
    """Compress a layer without loss, and verify it; its scale becomes the voxel size. What napari calls to save.

    `UsageError` for layers of several resolutions.
    """
    import nibabel  # noqa: PLC0415 - start-up time

    from voxz.adapters.nibabel import compress_image  # noqa: PLC0415

    if options.get("multiscale") or isinstance(data, list | tuple):
        raise UsageError("a layer of several resolutions cannot be saved; save its finest")
    if not path.lower().endswith(_ENDING):
        path += _ENDING
    samples: NDArray[Any] = np.asarray(data)
    if options.get("rgb"):
        samples = np.ascontiguousarray(samples).view([(name, samples.dtype) for name in "RGBA"[: samples.shape[-1]]])[..., 0]
    samples = samples.astype(np.uint8) if samples.dtype.kind == "b" else samples
    scale = [float(step) for step in options.get("scale") or [1.0] * samples.ndim][-3:][::-1]
    told = options.get("metadata", {}).get("voxz", {}).get("affine")
    affine = np.diag([*(scale + [1.0] * 3)[:3], 1.0]) if told is None else told
    image: Any = nibabel.Nifti1Image(samples.transpose(), affine, dtype=samples.dtype)
    image.header.set_xyzt_units("mm", "sec")
    if labels:
        image.header.set_intent("label")
    compress_image(image, path, force=True)
    return [path]
