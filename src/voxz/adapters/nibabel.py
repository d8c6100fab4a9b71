"""nibabel loads and saves .voxz files as it does .nii: it asks a list of classes which of them knows an ending.

What is loaded is a plain `Nifti1Image` (or `Nifti2Image`), whose samples are decoded when they are asked for; so `slicer`, masks
and everything that tests for these classes work. What is saved is written by nibabel as a NIfTI file first, byte for byte as it
would be, and then compressed and verified.
"""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import nibabel
from nibabel.filebasedimages import FileBasedImage
from nibabel.fileholders import FileHolder
from nibabel.imageclasses import all_image_classes

from voxz import api
from voxz.errors import UnsupportedError, UsageError

ENDING = ".voxz"


def register() -> None:
    """Add `VoxzImage` to the classes that nibabel asks, once."""
    if VoxzImage not in all_image_classes:
        all_image_classes.append(VoxzImage)


class VoxzImage(FileBasedImage):  # type: ignore[misc]  # nibabel is untyped
    """What `nibabel.load` and `nibabel.save` use for .voxz files: it loads NIfTI images, and saves images that hold one.

    Parameters
    ----------
    image : a nibabel image that NIfTI can hold
    """

    valid_exts = (ENDING,)
    _compressed_suffixes = ()

    def __init__(self, image: Any) -> None:
        super().__init__()
        self._image = image

    @classmethod
    def path_maybe_image(cls, filename: str | os.PathLike[str], sniff: Any = None, sniff_max: int = 1024) -> tuple[bool, Any]:
        """Whether the name ends in .voxz."""
        return os.fspath(filename).lower().endswith(ENDING), sniff

    @classmethod
    def from_filename(cls, filename: str | os.PathLike[str], *, mmap: Any = None, keep_file_open: Any = None) -> Any:
        """The image as NIfTI, lazy; how to map the file is a wish for other formats."""
        image = api.open(filename).to_nibabel()
        image.file_map = {"image": _CompressedFile(os.fspath(filename))}
        return image

    load = from_filename

    @classmethod
    def from_image(cls, img: Any) -> "VoxzImage":
        """`img` itself if it is NIfTI, else what nibabel makes of it; `UnsupportedError` if it makes nothing, as of CIFTI."""
        kinds = (nibabel.Nifti1Image, nibabel.Nifti2Image)
        if isinstance(img, nibabel.Nifti2Pair):
            return cls(img if isinstance(img, kinds) else nibabel.Nifti2Image.from_image(img))
        try:
            return cls(img if isinstance(img, kinds) else nibabel.Nifti1Image.from_image(img))
        except NotImplementedError:
            words = f"a {type(img).__name__} is no volume: save it with nibabel in its own format, and compress that file"
            raise UnsupportedError(words) from None

    def to_filename(self, filename: str | os.PathLike[str], *, level: int = api.DEFAULT_LEVEL, **options: Any) -> None:
        """Write a verified file, losslessly, in the place of what was there. `options` are nibabel's own, such as `dtype`."""
        image = self._image.__class__(self._image.dataobj, self._image.affine, self._image.header)
        compress_image(image, filename, options, level=level, force=True)


def compress_image(
    image: Any, destination: str | os.PathLike[str], saving: Mapping[str, Any] = MappingProxyType({}), **options: Any
) -> None:
    """Write a NIfTI image of nibabel as a verified file: `saving` is for nibabel, `options` are those of `voxz.compress`."""
    path = Path(destination)
    with tempfile.TemporaryDirectory(prefix=f".{path.name[:64]}.", dir=path.parent) as folder:
        plain = Path(folder) / "image.nii"
        image.to_filename(plain, **saving)
        api.compress(plain, path, strict=True, **options)


class _CompressedFile(FileHolder):  # type: ignore[misc]  # nibabel is untyped
    """The file name that an image remembers; nibabel cannot write NIfTI into it."""

    def get_prepare_fileobj(self, *arguments: Any, **options: Any) -> Any:
        raise UsageError(f"{self.filename} is compressed; write it with nibabel.save(image, {self.filename!r})")
