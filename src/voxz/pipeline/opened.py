"""A file opened for the images in it, whether it has them as arrays or is kept whole (`pipeline.whole`)."""

from voxz.container.byte_source import SourceLike
from voxz.container.reader import Reader


def opened(source: SourceLike) -> Reader:
    """Read a file; of one that is kept whole, an archive in memory of the images in it, with the length of the file."""
    reader = Reader(source)
    try:
        if reader.arrays or not len(reader.files) or reader.files.within is None:
            return reader
        from voxz.pipeline.whole import images_of  # noqa: PLC0415 - readers of foreign formats: start-up time

        images = images_of(reader)
    except BaseException:
        reader.close()
        raise
    if images is None:
        return reader
    images.file_length = reader.file_length
    reader.close()
    return images
