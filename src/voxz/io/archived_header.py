"""The NIfTI header of an array in an archive: the front of its file, or the other file of a pair."""

from voxz.container.reader import StoredArray
from voxz.container.surroundings import Surroundings
from voxz.errors import CorruptError
from voxz.io import gzip_stream, nifti
from voxz.limits import BASE


def nifti_header(array: StoredArray, most: int = BASE) -> bytes | None:
    """NIfTI header and extensions, unpacked; None if the array has none.

    Raises
    ------
    CorruptError
        The file says that it is a NIfTI image, and has no such header.
    LimitError
        It has more than `most` bytes.
    """
    around = Surroundings(array)
    if around.format == "nifti":
        head = around.head.read(most)
    elif around.format == "nifti-pair" and not array.reader.files.named:
        head = gzip_stream.unpacked(around.companion.read(most))
    else:
        return None
    known = nifti.recognise(head)
    if known is None or len(head) < known[0].size:
        raise CorruptError(f"the file says it holds a NIfTI image, but its header of {len(head)} bytes is none")
    return head
