"""What is known about a file without decoding it, as `voxz.info` returns it; and how results become JSON."""

import dataclasses
import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

from voxz.codecs.numbers import BRICK_CODECS, WAVELET
from voxz.codecs.wavelet.head import Head, entropy_name, transform_name
from voxz.container.header import COMPANION, HEAD
from voxz.container.loss_mark import marks_before
from voxz.container.reader import Reader
from voxz.image.loss import LossFacts, loss_of


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
    original : format that was compressed: array, npy, nifti, nifti-pair
    shape : of the original, without channels
    dtype : of the stored samples, as numpy writes it
    channels : samples of a voxel
    target : what was asked for
    loss : what was promised and lost; None if it was compressed without loss
    lossy_before : marks of losses that the original had already, oldest first
    level : 1 to 9
    codecs, transforms, entropy_profiles : how many bricks have each; the last two of the codec wavelet
    bricks, brick_shape : number of them, and their extent ``(series, z, y, x)``
    bytes, sample_bytes, ratio, bits_per_sample : size of the file and of its samples
    header_bytes : of the original, around its samples
    gzip, gzip_level, gzip_identical : whether it was a .gz file, how it is packed again, whether those are the very bytes
    samples_sha256, original_sha256 : of the samples, and of the whole unpacked original
    """

    format: str
    original: str
    shape: tuple[int, ...]
    dtype: str
    channels: int
    target: str
    loss: LossFacts | None
    lossy_before: tuple[str, ...]
    level: int
    codecs: dict[str, int]
    transforms: dict[str, int]
    entropy_profiles: dict[str, int]
    bricks: int
    brick_shape: tuple[int, ...]
    bytes: int
    sample_bytes: int
    ratio: float
    bits_per_sample: float
    header_bytes: int
    gzip: bool
    gzip_level: int
    gzip_identical: bool
    samples_sha256: str
    original_sha256: str

    def to_dict(self) -> dict[str, Any]:
        """Dict of plain values, fit for strict JSON."""
        result: dict[str, Any] = plain(self)
        return result

    @classmethod
    def of(cls, reader: Reader) -> "Info":
        """Facts about an open file."""
        header, layout = reader.header, reader.layout
        samples = max(1, math.prod(layout.canonical))
        fronts = [reader.front(n, Head.FRONT) for n, brick in enumerate(reader.bricks) if brick.codec == WAVELET]
        return cls(
            format=f"voxz {reader.version}",
            original=header.format_name,
            shape=layout.shape,
            dtype=layout.dtype.str,
            channels=layout.channels,
            target=header.target_name,
            loss=loss_of(reader),
            lossy_before=tuple(marks_before(reader)),
            level=header.level,
            codecs=codecs_of(reader),
            transforms=dict(sorted(Counter(map(transform_name, fronts)).items())),
            entropy_profiles=dict(sorted(Counter(map(entropy_name, fronts)).items())),
            bricks=len(reader.bricks),
            brick_shape=header.extent,
            bytes=header.file_length,
            sample_bytes=layout.nbytes,
            ratio=round(layout.nbytes / header.file_length, 4),
            bits_per_sample=round(8 * header.file_length / samples, 4),
            header_bytes=len(reader.foreign_bytes(HEAD)) + len(reader.foreign_bytes(COMPANION)),
            gzip=bool(header.gzip_level),
            gzip_level=header.gzip_level,
            gzip_identical=bool(header.gzip_identical),
            samples_sha256=header.samples_sha256.hex(),
            original_sha256=header.original_sha256.hex(),
        )


def codecs_of(reader: Reader) -> dict[str, int]:
    """Names of the codecs of a file, and how many bricks have each."""
    names = {number: name for name, number in BRICK_CODECS.items()}
    return dict(sorted(Counter(names.get(brick.codec, f"unknown ({brick.codec})") for brick in reader.bricks).items()))
