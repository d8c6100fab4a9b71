"""Whole flows: from a foreign file to a verified .voxz file and back, each readable in one screen."""

import contextlib
import hashlib
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from voxz.codecs.codec import Codec
from voxz.codecs.kinds import codec_of
from voxz.codecs.numbers import CODECS
from voxz.container.byte_source import SourceLike
from voxz.container.header import COMPANION, HEAD, Header
from voxz.container.loss_mark import marks_before
from voxz.container.reader import Reader
from voxz.errors import CorruptError, LimitError, UsageError
from voxz.image.lazy import CACHE_BYTES, Image
from voxz.image.loss import loss_of, wavelet_names
from voxz.io import gzip_stream
from voxz.io.array import ArraySource
from voxz.io.output import complete_file, header_path, packer
from voxz.io.source import Source
from voxz.pipeline.decode import restore, slabs
from voxz.pipeline.encode import encode_samples
from voxz.pipeline.plan import Plan
from voxz.pipeline.samples import Progress, Samples
from voxz.plan_volume import settled
from voxz.ratecontrol.planning import Opener, nearer_plan
from voxz.ratecontrol.target import Lossless, Target
from voxz.threads import thread_count

LEVELS = range(1, 10)
DEFAULT_LEVEL = 5
LOSSLESS = Lossless()

ATTEMPTS = 4
"""Times a volume is coded at most to meet a rate or a PSNR."""

FilePath = str | os.PathLike[str]


def compress(
    source: FilePath,
    destination: FilePath,
    *,
    target: Target = LOSSLESS,
    level: int = DEFAULT_LEVEL,
    codec: Codec | str | None = None,
    threads: int | None = None,
    verify: bool = True,
    force: bool = False,
    force_lossy: bool = False,
    progress: Progress | None = None,
) -> None:
    """Compress a NIfTI or .npy file to a .voxz file; ``-`` is standard input or output.

    The file is written under a temporary name, read back, decoded and compared with the checksums of the original (unless
    `verify` is false) before it takes its name. The input is never changed.

    Parameters
    ----------
    target : what may be lost; a target with loss is refused for a label map, unless `force_lossy` is true
    level : 1 (fastest) to 9 (smallest)
    codec : a codec with its options, such as ``voxz.Wavelet(entropy="heavy")``, or its name; None for what suits each brick
    threads : None for the CPUs this process may use
    force : whether an existing file is replaced
    progress : called with the bytes done and their total

    Raises
    ------
    VoxzError
        See `voxz.errors`; nothing is left behind.
    OSError
        A file cannot be read or written.
    """
    chosen = codec_of(codec)
    _check(level)
    _refuse_same(source, destination)
    count = thread_count(threads)
    with ExitStack() as stack:
        file = stack.enter_context(_output(destination, force))
        once = isinstance(target, Lossless) and not (chosen and chosen.reads_ahead)
        path = source if once else stack.enter_context(_readable_twice(source))
        plan = stack.enter_context(
            settled(target, lambda: Source(path), level, chosen, count, force_lossy, destination, progress)
        )
        samples, written = _write(lambda: Source(path), file, plan, count, _part(progress, 0, 1 + verify))
        if verify:
            os.fsync(file.fileno())
            with Reader(file.name) as reader:
                if reader.header != written or (plan.exact and written.original_sha256 != samples.checksums()[1]):
                    raise CorruptError("the file that was written is not the one that was meant; try again")
                if reader.foreign_bytes(COMPANION) != samples.foreign.companion:
                    raise CorruptError("the header that was written is not the one that was read; try again")
                restore(reader, None, count, _part(progress, 1, 2))


def decompress(
    source: SourceLike,
    destination: FilePath,
    *,
    select: str | None = None,
    resolution: int = 0,
    resample: Sequence[int] | float | None = None,
    threads: int | None = None,
    force: bool = False,
    progress: Progress | None = None,
) -> None:
    """Restore the original file, or the part of it that `select` names (``"z=10:20,t=3"``), to `destination`.

    With `resample`, a file of the codec siren is evaluated on another grid, see `Image.resample`.

    A `resolution` above 0 gives a smaller image instead: x, y and z are halved so often (see `Image.preview`), and voxel sizes
    and affines of a NIfTI header are those of the larger voxels.

    A destination that ends in .gz is written as canonical gzip (no name, no time). What is restored is compared with the
    original's checksum before it takes its name. The header of a .hdr/.img pair is written beside its .img.
    """
    if isinstance(source, str | os.PathLike):
        _refuse_same(source, destination)
    with ExitStack() as stack:
        if resolution or select is not None or resample is not None:
            image = stack.enter_context(Image(source, threads=threads))
            file = stack.enter_context(_output(destination, force))
            sink = stack.enter_context(packer(destination, file, gzip_stream.DEFAULT_LEVEL))
            image.write_part(select, resolution, sink, resample)
            return
        reader = stack.enter_context(Reader(source))
        companion = reader.foreign_bytes(COMPANION)
        if companion and not os.fspath(destination).lower().endswith((".img", ".img.gz")):
            raise UsageError(f"got the name {destination} for a .hdr/.img pair, expected one that ends in .img")
        file = stack.enter_context(_output(destination, force))
        if companion:
            header = header_path(Path(destination), companion)
            stack.enter_context(complete_file(header, force)).write(companion)
        sink = stack.enter_context(packer(destination, file, reader.header.gzip_level or gzip_stream.DEFAULT_LEVEL))
        restore(reader, sink, thread_count(threads), progress)


def encode(
    array: ArrayLike,
    *,
    target: Target = LOSSLESS,
    level: int = DEFAULT_LEVEL,
    codec: Codec | str | None = None,
    threads: int | None = None,
    force_lossy: bool = False,
) -> bytes:
    """Compress an array of 0 to 7 axes, any number type and byte order (C order: the last axis is x) to the bytes of a file.

    `target`, `level`, `codec`, `threads` and `force_lossy` are those of `compress`.
    """
    _check(level)
    file, count = io.BytesIO(), thread_count(threads)

    def samples() -> ArraySource:
        return ArraySource(np.asarray(array))

    with settled(target, samples, level, codec_of(codec), count, force_lossy) as plan:
        _write(samples, file, plan, count, None)
    return file.getvalue()


def decode(blob: SourceLike, *, threads: int | None = None, max_bytes: int | None = None) -> NDArray[Any]:
    """Array that `encode` was given, or the stored samples of a compressed file, checked against their SHA-256.

    `blob` is bytes (any buffer), a file object, a path or a URL.

    `max_bytes` bounds the size of the result (`LimitError`).
    """
    with Reader(blob) as reader:
        layout = reader.layout
        if max_bytes is not None and layout.nbytes > max_bytes:
            raise LimitError(f"the samples take {layout.nbytes} bytes, the limit is {max_bytes}")
        flat = np.empty(layout.nbytes // layout.dtype.itemsize, layout.dtype)
        at = 0
        for slab in slabs(reader, thread_count(threads)):
            flat[at : at + slab.size] = slab.reshape(-1)
            at += slab.size
        if hashlib.sha256(flat.view(np.uint8).data).digest() != reader.header.samples_sha256:
            raise CorruptError("the decoded samples do not match their SHA-256; do not use them")
    channels = (layout.channels,) if layout.channels > 1 else ()
    array = flat.reshape((*layout.memory_shape, *channels))
    axes = len(layout.shape)
    return array.transpose(*range(axes)[::-1], *range(axes, array.ndim)) if layout.first_axis_fastest else array


def open(
    source: SourceLike, *, threads: int | None = None, max_bytes: int | None = None, cache_bytes: int = CACHE_BYTES
) -> Image:
    """Open a .voxz file lazily: indexing the `Image` decodes only the bricks it touches.

    `source` is a path, a URL (with fsspec: ``pip install 'voxz[remote]'``), bytes or any buffer, or a file object.
    """
    return Image(source, threads=threads, max_bytes=max_bytes, cache_bytes=cache_bytes)


def verify(source: SourceLike, *, threads: int | None = None, progress: Progress | None = None) -> None:
    """Decode everything and compare it with every checksum; `CorruptError` or `TruncatedError` if anything differs."""
    with Reader(source) as reader:
        reader.foreign_bytes(COMPANION)
        restore(reader, None, thread_count(threads), progress)


def info(source: SourceLike) -> dict[str, Any]:
    """Describe a file: shape, type, codecs, sizes in bytes, checksums. Nothing is decoded."""
    with Reader(source) as reader:
        header, layout = reader.header, reader.layout
        names = {number: name for name, number in CODECS.items()}
        transforms, profiles = wavelet_names(reader)
        used = [names.get(brick.codec, f"unknown ({brick.codec})") for brick in reader.bricks]
        voxels = max(1, int(np.prod(layout.canonical, dtype=np.int64)))
        return {
            "format": f"voxz {reader.version}",
            "original": header.format_name,
            "shape": list(layout.shape),
            "dtype": layout.dtype.str,
            "channels": layout.channels,
            "target": header.target_name,
            "loss": loss_of(reader),
            "lossy_before": marks_before(reader),
            "level": header.level,
            "codecs": {name: used.count(name) for name in sorted(set(used))},
            "transforms": transforms,
            "entropy_profiles": profiles,
            "bricks": len(reader.bricks),
            "brick_shape": list(header.extent),
            "bytes": header.file_length,
            "sample_bytes": layout.nbytes,
            "ratio": round(layout.nbytes / header.file_length, 4),
            "bits_per_sample": round(8 * header.file_length / voxels, 4),
            "header_bytes": len(reader.foreign_bytes(HEAD)) + len(reader.foreign_bytes(COMPANION)),
            "gzip": bool(header.gzip_level),
            "gzip_level": header.gzip_level,
            "gzip_identical": bool(header.gzip_identical),
            "samples_sha256": header.samples_sha256.hex(),
            "original_sha256": header.original_sha256.hex(),
        }


def _check(level: int) -> None:
    if level not in LEVELS:
        raise UsageError(f"level must be {LEVELS.start} (fastest) to {LEVELS.stop - 1} (smallest) (got {level})")


def _write(opened: Opener, file: BinaryIO, plan: Plan, threads: int, progress: Progress | None) -> tuple[Samples, Header]:
    """Code a volume to `file`, again with another step if it missed its target; return the samples that were read."""
    for attempt in range(ATTEMPTS):
        file.seek(0)
        file.truncate()
        with opened() as samples:
            header, loss = encode_samples(samples, file, plan, threads, progress)
        nearer = nearer_plan(plan, header, loss)
        if nearer is None or attempt == ATTEMPTS - 1:
            break
        plan = nearer
    return samples, header


@contextmanager
def _readable_twice(source: FilePath) -> Iterator[FilePath]:
    """A file that can be opened again and again, as targets with loss need it: standard input is copied to one."""
    if os.fspath(source) != "-":
        yield source
        return
    with tempfile.NamedTemporaryFile() as file:
        shutil.copyfileobj(sys.stdin.buffer, file)
        file.flush()
        yield file.name


def _refuse_same(source: FilePath, destination: FilePath) -> None:
    with contextlib.suppress(OSError):
        if Path(source).samefile(destination):
            raise UsageError(f"{source} is input and output at once; give another name with -o")


@contextmanager
def _output(destination: FilePath, force: bool) -> Iterator[BinaryIO]:
    """A file that becomes `destination` when all went well; standard output gets its content then."""
    if os.fspath(destination) != "-":
        with complete_file(destination, force) as file:
            yield file
        return
    with tempfile.NamedTemporaryFile() as file:
        yield cast(BinaryIO, file)
        file.seek(0)
        shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.buffer.flush()


def _part(progress: Progress | None, number: int, parts: int) -> Progress | None:
    """Progress of one of several passes of equal length."""
    if progress is None:
        return None
    return lambda done, total: progress(number * total + done, parts * total)
