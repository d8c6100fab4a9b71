"""The NIfTI header of an array in an archive: the front of its file, or the other file of a pair."""

from voxz.container.reader import StoredArray
from voxz.container.surroundings import surroundings
from voxz.io import gzip_stream


def nifti_header(array: StoredArray) -> bytes | None:
    """NIfTI header and extensions, unpacked; None if the array has none."""
    around = surroundings(array)
    if around.format == "nifti":
        return around.head
    return gzip_stream.unpacked(around.companion) if around.format == "nifti-pair" and around.companion else None
