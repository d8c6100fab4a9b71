"""What is known about a file without decoding it, as `voxz.info` returns it; and how results become JSON."""

import dataclasses
import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

from voxz.codecs.numbers import BRICK_CODECS, WAVELET
from voxz.codecs.wavelet.head import Head, entropy_name, transform_name
from voxz.container.loss_mark import marks_before
from voxz.container.reader import Reader, StoredArray
from voxz.container.surroundings import Surroundings
from voxz.image.description import description
from voxz.image.gzip_facts import gzip_files
from voxz.image.loss import LossFacts, loss_of
from voxz.image.modality import modality_of
from voxz.image.series_facts import SeriesFacts, series_facts, spacing_of
from voxz.io import gzip_stream, nifti
from voxz.limits import BASE


def plain(value: Any) -> Any:
    """Dicts, lists, strings and finite numbers for a result, as strict JSON has them: NaN and infinity become None."""
    if dataclasses.is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@dataclass(frozen=True)
class Info:
    """A file, described.

    Attributes
    ----------
    format : file format and version
    original : what was compressed: array, npy, nifti, nifti-pair, bytes (of no known format), archive (a folder)
    files, arrays : how many files are restored, and how many volumes they hold; facts about a volume are empty for archives
    shape : of the original, without channels
    dtype : of the stored samples, as numpy writes it
    channels : samples of a voxel
    voxel_mm : distances of neighbouring voxels along x, y, z; empty if nobody says
    modality : a guess, and what it goes by; empty if there is none
    target : what was asked for
    loss : what was promised and lost; None if it was compressed without loss
    lossy_before : marks of losses that the original had already, oldest first
    level : 1 to 9; 0 where the files are kept whole and the volume is found in them
    codecs, transforms, entropy_profiles : how many bricks have each; the last two of the codec wavelet
    series : the volumes of an archive; empty for other files
    bricks, brick_shape : number of them, and their extent ``(series, z, y, x)``
    bytes, sample_bytes, content_bytes : of the file, of the samples, and of all that is restored (a volume: of its samples)
    ratio, bits_per_sample : what is restored to the size of the file, and that to the number of samples
    header_bytes : of the original, around its samples
    gzip, gzip_level, gzip_identical : whether it was a .gz file, how it is packed again, whether that gives the same bytes
    gzip_files : of each file that was gzip as a whole, by name (empty for the only one): replayed, if its very bytes come back;
        content only, if they come back in other gzip; verbatim, if it is kept without being undone
    samples_sha256, original_sha256 : of the samples, and of the whole unpacked original
    """

    format: str
    original: str
    files: int
    arrays: int
    shape: tuple[int, ...]
    dtype: str
    channels: int
    voxel_mm: tuple[float, ...]
    modality: str
    target: str
    loss: LossFacts | None
    lossy_before: tuple[str, ...]
    level: int
    series: tuple[SeriesFacts, ...]
    codecs: dict[str, int]
    transforms: dict[str, int]
    entropy_profiles: dict[str, int]
    bricks: int
    brick_shape: tuple[int, ...]
    bytes: int
    sample_bytes: int
    content_bytes: int
    ratio: float
    bits_per_sample: float
    header_bytes: int
    gzip: bool
    gzip_level: int
    gzip_identical: bool
    gzip_files: dict[str, str]
    samples_sha256: str
    original_sha256: str

    def to_dict(self) -> dict[str, Any]:
        """Dict of plain values, fit for strict JSON."""
        result: dict[str, Any] = plain(self)
        return result

    @classmethod
    def of(cls, reader: Reader, most: int = BASE, name: str = "") -> "Info":
        """Facts about an open file of that name."""
        files, named = len(reader.files), reader.files.named
        first = reader.files[0] if files and not named else None
        gzip = first.gzip if first else None
        array = reader.arrays[0] if len(reader.arrays) == 1 and not named else None
        content = array.layout.nbytes if array else sum(file.size for file in reader.files)
        facts = _facts(array, most, name) if array else _NO_VOLUME
        return cls(
            format=f"voxz {reader.version}",
            original="archive" if named else first.format if first else "array",
            files=files,
            arrays=len(reader.arrays),
            series=series_facts(reader) if named else (),
            **facts,
            bytes=reader.file_length,
            content_bytes=content,
            ratio=round(content / reader.file_length, 4),
            bits_per_sample=round(8 * reader.file_length / max(1, array.samples), 4) if array else 0.0,
            gzip=gzip is not None,
            gzip_level=gzip.level if gzip else 0,
            gzip_identical=gzip is not None and gzip.exact,
            gzip_files=gzip_files(reader),
            original_sha256=(reader.files_sha256 if files or not array else array.header.samples_sha256).hex(),
        )


_NO_VOLUME: dict[str, Any] = {
    "shape": (),
    "dtype": "",
    "channels": 0,
    "voxel_mm": (),
    "modality": "",
    "target": "lossless",
    "loss": None,
    "lossy_before": (),
    "level": 0,
    "codecs": {},
    "transforms": {},
    "entropy_profiles": {},
    "bricks": 0,
    "brick_shape": (),
    "sample_bytes": 0,
    "header_bytes": 0,
    "samples_sha256": "",
}


def _facts(array: StoredArray, most: int, name: str) -> dict[str, Any]:
    """What is known about an array."""
    header, layout, around = array.header, array.layout, Surroundings(array)
    head = nifti_head(around, most)
    told, codecs = description(array).get("facts"), codecs_of(array)
    said = {str(key): str(value) for key, value in told.items()} if isinstance(told, dict) else {}
    spacing = None if head is None else nifti.spacing_mm(head)
    fronts = [array.front(n, Head.FRONT) for n, brick in enumerate(array.bricks) if brick.codec == WAVELET]
    return {
        "shape": layout.shape,
        "dtype": layout.dtype.str,
        "channels": layout.channels,
        "voxel_mm": spacing_of(array) if spacing is None else spacing[::-1],
        "modality": modality_of(name, layout.shape, codecs, said, 0 if head is None else nifti.intent(head)),
        "target": header.target_name,
        "loss": loss_of(array),
        "lossy_before": tuple(marks_before(array, most)),
        "level": header.level,
        "codecs": codecs,
        "transforms": dict(sorted(Counter(map(transform_name, fronts)).items())),
        "entropy_profiles": dict(sorted(Counter(map(entropy_name, fronts)).items())),
        "bricks": len(array.bricks),
        "brick_shape": header.extent,
        "sample_bytes": layout.nbytes,
        "header_bytes": len(around.head) + len(around.companion),
        "samples_sha256": header.samples_sha256.hex(),
    }


def nifti_head(around: Surroundings, most: int) -> bytes | None:
    """The NIfTI header around an array; None if it has none, or one of more than `most` bytes."""
    part = around.companion if len(around.companion) else around.head
    head = gzip_stream.unpacked(part.read(most)) if len(part) <= most else b""
    return head if len(head) >= nifti.NIFTI1.size and nifti.recognise(head) is not None else None


def codecs_of(array: StoredArray) -> dict[str, int]:
    """Names of the codecs of an array, and how many bricks have each."""
    names = {number: name for name, number in BRICK_CODECS.items()}
    return dict(sorted(Counter(names.get(brick.codec, f"unknown ({brick.codec})") for brick in array.bricks).items()))
