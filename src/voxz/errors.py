"""Everything voxz raises on purpose: one base, few causes, each with the exit code of the command line."""


class VoxzError(Exception):
    """Base of all errors of this package; the message says what was got, what was expected and what to do."""

    exit_code = 1


class UsageError(VoxzError, ValueError):
    """The caller asked for something that makes no sense."""

    exit_code = 2


class CorruptError(VoxzError):
    """The file is damaged: its bytes contradict a checksum or each other."""

    exit_code = 3


class TruncatedError(CorruptError):
    """The file ends before its data do."""


class UnsupportedError(VoxzError):
    """The file or array is sound, but of a kind or version this release does not handle."""


class RepackingError(UnsupportedError):
    """What packs a stream within a file, such as the zlib of this Python, does it differently from what packed it.

    Attributes
    ----------
    packer : what that is
    """

    def __init__(self, packer: str, files: str = "the file") -> None:
        self.packer = packer
        super().__init__(
            f"{packer} packs differently from the one that packed this file, so that it cannot make {files} again byte for "
            "byte; the samples are intact: voxz.open reads them, decompress --as nifti writes them"
        )


class LimitError(VoxzError):
    """Decoding would need more memory than the caller allows, or more work than any sound file needs."""

    exit_code = 5


class MissingDependencyError(VoxzError):
    """An optional package is needed; the message names the extra to install."""


class MissingWeightsError(VoxzError):
    """A file was made with a trained model that is not here; the message names it and says where to put it."""


class VoxzWarning(UserWarning):
    """A file was coded in a way that may surprise; nothing of it is lost."""


class PlainBytesWarning(VoxzWarning):
    """A file is no image that voxz knows, or contradicts itself: it was kept as plain bytes, and comes back byte for byte."""


class PersonalDataWarning(VoxzWarning):
    """Files of an archive may tell who a person is: they were kept as they are."""


class TrailingBytesWarning(VoxzWarning):
    """Bytes follow the gzip stream of a file, which other programs ignore: they are kept, and come back in the .gz file."""


class ContentOnlyWarning(VoxzWarning):
    """zlib does not make the gzip stream of a file again: its content comes back, in other gzip."""


class ConstantVolumeWarning(VoxzWarning):
    """A volume of one value is coded without loss, in few bytes, whatever size was asked for."""


def needs_newer(what: str) -> UnsupportedError:
    """Error for something intact that only later versions know."""
    return UnsupportedError(f"{what}, which file format 1.0 does not have; a voxz that reads a later 1.x is needed")
