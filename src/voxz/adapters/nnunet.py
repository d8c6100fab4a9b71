"""nnU-Net version 2 reads and writes .voxz: `VoxzIO` in a dataset.json, once `register` was called.

nnU-Net keeps a list of its readers in a module and finds them by the name of their class. `register` adds this one, in the
processes that call it; docs/hosts.md says where.
"""

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz import api
from voxz.adapters.sitk import from_sitk
from voxz.errors import MissingDependencyError, UsageError

try:
    import SimpleITK
    from nnunetv2.imageio import reader_writer_registry
    from nnunetv2.imageio.base_reader_writer import BaseReaderWriter
except ImportError:
    raise MissingDependencyError("this reader needs nnU-Net 2 and SimpleITK: pip install nnunetv2 'voxz[sitk]'") from None


class VoxzIO(BaseReaderWriter):  # type: ignore[misc]  # nnU-Net may be missing
    """Images as `SimpleITKIO` of nnU-Net gives them: float32, axes z, y, x, geometry of ITK."""

    supported_file_endings = [".voxz", ".nii.voxz"]  # noqa: RUF012 - as the base class has it

    def read_images(self, image_fnames: Any) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Images of one case as channels, and their geometry; `UsageError` if it differs."""
        found = [api.open(name).to_sitk() for name in image_fnames]
        places = [_place(image) for image in found]
        for name, place in zip(image_fnames, places, strict=True):
            if any(not np.allclose(place[key], places[0][key], atol=1e-4) for key in place):
                raise UsageError(f"{name} and {image_fnames[0]} lie elsewhere in space; images of one case must agree")
        arrays = [SimpleITK.GetArrayFromImage(image) for image in found]
        arrays = [array[None] if array.ndim == 2 else array for array in arrays]
        spacing = [*(found[0].GetSpacing()[::-1])]
        spacing = [max(spacing) * 999.0, *spacing] if found[0].GetDimension() == 2 else spacing
        properties = {"sitk_stuff": places[0], "spacing": [float(step) for step in np.abs(spacing)]}
        return np.stack(arrays).astype(np.float32), properties

    def read_seg(self, seg_fname: str | os.PathLike[str]) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """A segmentation, and its geometry."""
        return self.read_images((seg_fname,))

    def write_seg(self, seg: NDArray[Any], output_fname: str | os.PathLike[str], properties: dict[str, Any]) -> None:
        """Compress a segmentation in the geometry of its image."""
        place = properties["sitk_stuff"]
        plane = len(place["spacing"]) == 2
        kind = np.uint8 if seg.max(initial=0) < 255 else np.uint16
        image = SimpleITK.GetImageFromArray((seg[0] if plane else seg).astype(kind, copy=False))
        image.SetSpacing(place["spacing"])
        image.SetOrigin(place["origin"])
        image.SetDirection(place["direction"])
        from_sitk(image, output_fname, force=True)


def register() -> None:
    """Add `VoxzIO` to the readers that nnU-Net knows in this process, once."""
    if VoxzIO not in reader_writer_registry.LIST_OF_IO_CLASSES:
        reader_writer_registry.LIST_OF_IO_CLASSES.append(VoxzIO)


def _place(image: Any) -> dict[str, tuple[float, ...]]:
    return {"spacing": image.GetSpacing(), "origin": image.GetOrigin(), "direction": image.GetDirection()}
