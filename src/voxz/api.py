"""Whole flows: from a foreign file to a verified .voxz file and back, each readable in one screen."""

import contextlib
import hashlib
import io
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import ArrayLike, NDArray

from voxz.codecs.codec import Codec
from voxz.codecs.kinds import codec_of
from voxz.container.byte_source import SourceLike
from voxz.container.files import PLAIN
from voxz.container.reader import Reader, only_array
from voxz.errors import (
    ConstantVolumeWarning,
    ContentOnlyWarning,
    CorruptError,
    LimitError,
    PlainBytesWarning,
    TrailingBytesWarning,
    UsageError,
    VoxzError,
)
from voxz.image.facts import Info
from voxz.image.lazy import CACHE_BYTES, Image
from voxz.image.sample_type import sample_type
from voxz.io.output import complete_file, header_path, is_stream, output, packer
from voxz.limits import BASE
from voxz.pipeline.opened import opened
from voxz.pipeline.samples import Progress, part_of
from voxz.target import LOSSLESS, Target
from voxz.threads import thread_count
from voxz.volume.bricks import brick_of

LEVELS = range(1, 10)
if TYPE_CHECKING:
    from voxz.io.original import Original
    from voxz.pipeline.encode import Coder, Written
    from voxz.pipeline.parts import Parts
    from voxz.pipeline.plan import Plan
    from voxz.ratecontrol.planning import Opener, Settled
    from voxz.volume.layout import Layout

DEFAULT_LEVEL = 5

ATTEMPTS = 4
"""Times a volume is coded at most to meet a rate or a PSNR."""

FilePath = str | os.PathLike[str]


def compress(
    source: FilePath | Sequence[FilePath] | Mapping[str, Path],
    destination: FilePath,
    *,
    target: Target = LOSSLESS,
    level: int = DEFAULT_LEVEL,
    codec: Codec | str | None = None,
    brick: str | int | Sequence[int] | None = None,
    threads: int | None = None,
    verify: bool = True,
    force: bool = False,
    remove: bool = False,
    strict: bool = False,
    force_lossy: bool = False,
    keep_attributes: bool = False,
    keep_gz: bool = False,
    split: str | None = None,
    raw: str | None = None,
    progress: Progress | None = None,
) -> None:
    """Compress a NIfTI or .npy file to a .voxz file, a folder or list of files to an archive; ``-`` is standard input or output.

    An archive restores every file of a folder, byte for byte, whatever it is. Volumes and series in it can be read one by one
    (``voxz.open(archive).series``). Archives are lossless. A mapping gives each file the name that it has in the archive, a
    relative path with ``/``.

    The file is written under a temporary name, read back, decoded and compared with the checksums of the original (unless
    `verify` is false) before it takes its name, and has the mode, owner and time of the original. The input is never changed.
    What is no image, or contradicts itself, is kept as plain bytes with a `PlainBytesWarning`. Bytes behind a gzip stream are
    kept with a `TrailingBytesWarning`. Where zlib does not make the gzip stream of a single file again, its content comes back
    in other gzip, with a `ContentOnlyWarning`; an archive keeps such a file as plain bytes. A volume of one value is coded
    without loss whatever size was asked for, with a `ConstantVolumeWarning`.

    Parameters
    ----------
    target : what may be lost; a target with loss is refused for a label map, unless `force_lossy` is true
    level : 1 (fastest) to 9 (smallest)
    codec : a codec with its options, such as ``voxz.Wavelet(entropy="heavy")``, or its name; None: chosen for each brick
    brick : voxels of a brick along z, y, x, such as ``(64, 64, 64)``, its edge, or "patch"; None: chosen by the shape. Small
        bricks make patches fast to read
    threads : None for the CPUs this process may use
    force : whether an existing file is replaced
    remove : whether the input is deleted, once the destination's bytes, read back from the disk, are those that were verified
    strict : whether what is no image is refused
    keep_attributes : whether an archive keeps permissions and times of its files
    keep_gz : whether a single file whose gzip stream cannot be made again is kept as plain bytes, which costs size
    split : "series": `destination` is a folder, made if need be, for an archive of each DICOM series and one of all else;
        together they restore what one archive would
    raw : ``SHAPE,DTYPE,ORDER`` of samples without a header, such as ``512x512x300,int16,F``: lengths of the axes, a type of NumPy
        (little-endian, big-endian with ``>``), F if the first axis varies fastest, C if the last one does. In a folder, of all
        files of that size that have no other format
    progress : called with the bytes done and their total

    Raises
    ------
    VoxzError
        See `voxz.errors`; nothing is left behind.
    OSError
        A file cannot be read or written.
    """
    from voxz.io.raw import layout_of  # noqa: PLC0415 - start-up time
    from voxz.pipeline.archive_file import Wish, write_archive, write_series  # noqa: PLC0415 - start-up time of reading
    from voxz.pipeline.plan import Plan  # noqa: PLC0415 - start-up time

    chosen, cut, said = codec_of(codec), brick_of(brick), None if raw is None else layout_of(raw)
    check_level(level)
    if split not in (None, "series"):
        raise UsageError(f"folders are split by series (got {split!r})")
    if not isinstance(source, str | os.PathLike) or Path(source).is_dir():
        if target != LOSSLESS or remove:
            raise UsageError(
                "archives of folders are lossless and leave the folder; compress files one by one for a target or --rm"
            )
        if _reads_ahead(chosen):
            raise UsageError(f"the codec {chosen and chosen.name} looks at a whole volume first; compress file by file")
        wish = Wish(Plan(level, chosen, brick=cut), thread_count(threads), verify, force, keep_attributes, said)
        (write_archive if split is None else write_series)(source, destination, wish, progress)
        return
    if split is not None:
        raise UsageError("a single file has no series to split; give a folder")
    compress_file(
        source,
        destination,
        Plan(level, chosen, target, brick=cut),
        keep_gz=keep_gz,
        said=said,
        threads=thread_count(threads),
        verify=verify,
        force=force,
        remove=remove,
        strict=strict,
        force_lossy=force_lossy,
        progress=progress,
    )


def compress_file(
    source: FilePath,
    destination: FilePath,
    plan: "Plan",
    *,
    keep_gz: bool = False,
    said: "Layout | None" = None,
    threads: int = 1,
    verify: bool = True,
    force: bool = False,
    remove: bool = False,
    strict: bool = False,
    force_lossy: bool = False,
    progress: Progress | None = None,
    parts: "Parts | None" = None,
) -> None:
    """`compress` for one file, as `plan` asks; `said` is the layout of raw samples.

    Without loss, other workers may have coded bricks of it already, into `parts`; the file is the same with them and without.
    """
    from voxz.io.original import NotAnImageError, Original  # noqa: PLC0415 - start-up time
    from voxz.pipeline.archive_file import verify_written  # noqa: PLC0415 - start-up time of reading
    from voxz.pipeline.whole import smaller  # noqa: PLC0415 - start-up time of reading
    from voxz.plan_volume import settled  # noqa: PLC0415 - start-up time

    _refuse_same(source, destination)
    if remove and (not verify or os.fspath(destination) == "-" or is_stream(destination)):
        raise UsageError("the input is deleted only after its file was verified on disk; leave out --rm (remove) here")
    target, joiner = plan.target, None if parts is None else parts.joiner(plan)
    with Original(source, keep_gz and target == LOSSLESS, said) as original, ExitStack() as again:
        with output(destination, force, original.status, read_back=remove) as file:
            decoder, shown = None, part_of(progress, 0, 1 + verify)
            try:
                asked = (target, original.image, plan.level, plan.codec, threads, force_lossy)
                with settled(*asked, destination, progress, plan.brick) as way:
                    written = _write(original.image, file, way, threads, shown, joiner)
                _warn_of_constant(original.name, target, way, written)
                if joiner is not None and verify:
                    decoder = joiner.decoder(again.enter_context(original.image()))
            except NotAnImageError as found:
                _refuse_rate(target, found.cause)
                written = _no_image(original, found.cause, file, replace(plan, target=LOSSLESS), threads, strict, shown)
            written = smaller(file, written, plan)
            _warn_of_gzip(original.name, target, written)
            if verify:
                verify_written(file, written, threads, part_of(progress, 1, 2), decoder)
            original.refuse_changed()
        if remove:
            original.remove()


def _warn_of_gzip(name: str, target: Target, written: "Written") -> None:
    """Warn of what may surprise where a .gz file comes back."""
    if written.gzip is None:
        return
    if written.gzip.after:
        words = f"{name} has {len(written.gzip.after)} bytes behind its gzip stream; they are kept"
        warnings.warn(words, TrailingBytesWarning, stacklevel=4)
    if target == LOSSLESS and not written.gzip.gzip.exact:
        words = "zlib does not make its gzip stream again: its content comes back, in other gzip"
        warnings.warn(f"{name}: {words}; --keep-gz (keep_gz=True) keeps its bytes", ContentOnlyWarning, stacklevel=4)


def _warn_of_constant(name: str, target: Target, way: "Settled", written: "Written") -> None:
    """Warn of a size that nobody could give."""
    if way.plan.exact and target.bits_per_sample(8) is not None:
        size = f"in {written.file_length} bytes, whatever --{target.name} asks"
        warnings.warn(f"{name} holds one value only: it is coded without loss {size}", ConstantVolumeWarning, stacklevel=4)


def _no_image(
    original: "Original",
    fault: VoxzError,
    file: BinaryIO,
    plan: "Plan",
    threads: int,
    strict: bool,
    progress: Progress | None,
) -> "Written":
    """Write a file that is neither NIfTI nor .npy: with the samples that the reader of its format finds, else as plain bytes."""
    from voxz.io.source import UnknownFormatError  # noqa: PLC0415 - start-up time of reading
    from voxz.io.tree.tree import Tree  # noqa: PLC0415
    from voxz.pipeline.archive import encode_tree  # noqa: PLC0415 - start-up time
    from voxz.pipeline.encode import encode_plain  # noqa: PLC0415 - start-up time

    if not original.keeps_gzip and len(original.files) == 1 and not _reads_ahead(plan.codec):
        tree = Tree.of(original.files[0], threads, named=False)
        if any(entry.items for entry in tree.files):
            return encode_tree(tree, file, plan, threads, progress)
        fault = (isinstance(fault, UnknownFormatError) and tree.files[0].fault) or fault
    if strict:
        raise fault from None
    named = "" if original.name in str(fault) else f"{original.name}: "
    warnings.warn(f"{named}{fault}; kept as plain bytes", PlainBytesWarning, stacklevel=4)
    return encode_plain(original.files, file, progress)


def _reads_ahead(codec: Codec | None) -> bool:
    """Whether a codec has to see a whole volume first; volumes of an archive are never held whole."""
    return codec is not None and codec.reads_ahead


def _refuse_rate(target: Target, cause: VoxzError) -> None:
    """Refuse a size for what is kept as plain bytes; largest errors and PSNRs are kept by losing nothing."""
    if target.bits_per_sample(8) is not None:
        raise UsageError(f"{cause}; plain bytes cannot be given a size: leave out --{target.name} for this file")


def decompress(
    source: SourceLike,
    destination: FilePath,
    *,
    select: str | None = None,
    resolution: int = 0,
    resample: Sequence[int] | float | None = None,
    convert: str | None = None,
    threads: int | None = None,
    force: bool = False,
    remove: bool = False,
    progress: Progress | None = None,
) -> None:
    """Restore the original file, or the part of it that `select` names (``"z=10:20,t=3"``), to `destination`.

    With `resample`, a file of the codec siren is evaluated on another grid, see `Image.resample`.

    A `resolution` above 0 gives a smaller image instead: x, y and z are halved so often (see `Image.preview`), and voxel sizes
    and affines of a NIfTI header are those of the larger voxels.

    With ``convert="nifti"``, scalar volumes of any format are written as NIfTI files instead (`voxz.image.convert`): into the
    folder `destination`, or the only one to a file that ends in .nii or .nii.gz.

    A destination that ends in .gz is written as canonical gzip (no name, no time). What is restored is compared with the
    original's checksum before it takes its name. The header of a .hdr/.img pair is written beside its .img, and what was behind a
    gzip stream behind it.

    With `remove`, `source` is deleted once all of it is restored and read back from the disk.
    """
    part = bool(resolution) or select is not None or resample is not None
    if part and convert is not None:
        raise UsageError("a conversion takes whole volumes; leave out --select, --resolution and --resample with --as")
    if remove and (part or convert is not None or os.fspath(destination) == "-" or is_stream(destination)):
        raise UsageError("the input is deleted only after all of it was restored on disk; leave out --rm (remove) here")
    given = None
    if isinstance(source, str | os.PathLike) and Path(source).is_file():
        _refuse_same(source, destination)
        from voxz.io.original import Input  # noqa: PLC0415 - start-up time

        given = Input([Path(source)], os.fspath(source))
    like = given.files[0].stat() if given else None
    from voxz.pipeline.decode import check_array, restore  # noqa: PLC0415 - start-up time

    with ExitStack() as stack:
        if part:
            image = stack.enter_context(Image(source, threads=threads))
            file = stack.enter_context(output(destination, force, like))
            sink = stack.enter_context(packer(destination, file))
            image.write_part(select, resolution, sink, resample)
            return
        if convert is not None:
            _convert(stack.enter_context(Image(source, threads=threads)), destination, convert, force)
            return
        reader = stack.enter_context(Reader(source))
        if reader.files.named:
            if remove:
                raise UsageError("an archive of a folder stays: leave out --rm (remove) here")
            from voxz.io.restored_tree import RestoredTree  # noqa: PLC0415 - start-up time of reading

            tree = stack.enter_context(RestoredTree(destination, reader.files, force))
            restore(reader, tree.opened, thread_count(threads), progress)
            return
        sinks = iter(_sinks(reader, destination, force, like, remove, stack))
        if len(reader.files):
            restore(reader, lambda file, around: nullcontext(next(sinks)), thread_count(threads), progress)
        else:
            check_array(only_array(reader), thread_count(threads), next(sinks), progress)
    if remove and given:
        given.remove()


def _sinks(
    reader: Reader, destination: FilePath, force: bool, like: os.stat_result | None, read_back: bool, stack: ExitStack
) -> list[BinaryIO]:
    """Where the content of the files goes: of one, or of data and header of a pair."""
    pair = len(reader.files) == 2
    if pair and not os.fspath(destination).lower().endswith((".img", ".img.gz")):
        raise UsageError(f"a .hdr/.img pair needs a name that ends in .img (got {destination})")
    sink = stack.enter_context(output(destination, force, like, read_back))
    stored = reader.files[0] if len(reader.files) else None
    if stored is not None and stored.format != PLAIN:
        from voxz.io.gzip_members import Repacking  # noqa: PLC0415 - start-up time
        from voxz.pipeline.decode import pieces_around  # noqa: PLC0415 - start-up time

        before, _, after = pieces_around(reader, 0)
        repacking = Repacking(stored.gzip, stored.gzip_crc32, before, after) if stored.gzip else None
        sink = stack.enter_context(packer(destination, sink, repacking))
    if not pair:
        return [sink]
    header = header_path(Path(destination), reader.files[1].name)
    return [sink, stack.enter_context(complete_file(header, force, like, read_back))]


def _convert(image: Image, destination: FilePath, convert: str, force: bool) -> None:
    """Write volumes in another format."""
    from voxz.image.convert import write_all  # noqa: PLC0415 - start-up time

    if convert != "nifti":
        raise UsageError(f"cannot convert to {convert!r}; the only format is nifti")
    if os.fspath(destination) == "-":
        raise UsageError("NIfTI files go to a folder or a file; give one with -o")
    with ExitStack() as stack:
        write_all([stack.enter_context(series) for series in image.series], Path(destination), force)


def encode(
    array: ArrayLike,
    *,
    target: Target = LOSSLESS,
    level: int = DEFAULT_LEVEL,
    codec: Codec | str | None = None,
    brick: str | int | Sequence[int] | None = None,
    threads: int | None = None,
    force_lossy: bool = False,
) -> bytes:
    """Compress an array of 0 to 7 axes, any number type and byte order (C order: the last axis is x) to the bytes of a file.

    `target`, `level`, `codec`, `brick`, `threads` and `force_lossy` are those of `compress`.
    """
    from voxz.io.array import ArraySource  # noqa: PLC0415 - start-up time of reading
    from voxz.plan_volume import settled  # noqa: PLC0415 - start-up time of reading

    check_level(level)
    if np.ma.is_masked(array):
        raise UsageError("a mask would be lost: encode array.filled(value), or array.data and array.mask each on its own")
    file, count = io.BytesIO(), thread_count(threads)

    def samples() -> ArraySource:
        return ArraySource(np.asarray(array))

    with settled(target, samples, level, codec_of(codec), count, force_lossy, brick=brick_of(brick)) as way:
        _write(samples, file, way, count, None)
    return file.getvalue()


def decode(blob: SourceLike, *, threads: int | None = None, max_bytes: int | None = None) -> NDArray[Any]:
    """Array that `encode` was given, or the stored samples of a compressed file, checked against their SHA-256.

    `blob` is bytes (any buffer), a file object, a path or a URL.

    `max_bytes` bounds the size of the result (`LimitError`); `voxz.limits` says what decoding takes beside it.
    """
    from voxz.pipeline.decode import slabs  # noqa: PLC0415 - start-up time

    with opened(blob) as reader:
        stored = only_array(reader)
        layout = stored.layout
        if max_bytes is not None and layout.nbytes > max_bytes:
            raise LimitError(f"the samples take {layout.nbytes} bytes, the limit is {max_bytes}")
        flat, digest = _joined(slabs(stored, thread_count(threads)), layout.dtype, stored.samples)
        if digest != stored.header.samples_sha256:
            raise CorruptError("the decoded samples do not match their SHA-256; do not use them")
        flat = flat.view(sample_type(stored))
    channels = (layout.channels,) if layout.channels > 1 else ()
    array = flat.reshape((*layout.memory_shape, *channels))
    axes = len(layout.shape)
    return array.transpose(*range(axes)[::-1], *range(axes, array.ndim)) if layout.first_axis_fastest else array


def _joined(parts: Iterable[NDArray[np.generic]], dtype: np.dtype[np.generic], size: int) -> tuple[NDArray[Any], bytes]:
    """Slabs as one flat array that can be written to, and its SHA-256.

    Each slab is hashed as it comes, while threads decode the next ones. It is copied only where there are several.
    """
    flat, at, digest = np.empty(0, dtype), 0, hashlib.sha256()
    for slab in parts:
        samples = slab.reshape(-1)
        digest.update(samples.view(np.uint8).data)
        if samples.size == size and samples.flags.writeable:
            return samples, digest.digest()
        if at == 0:
            flat = np.empty(size, dtype)
        flat[at : at + samples.size] = samples
        at += samples.size
    return flat, digest.digest()


def open(
    source: SourceLike, *, threads: int | None = None, max_bytes: int | None = None, cache_bytes: int = CACHE_BYTES
) -> Image:
    """Open a .voxz file lazily: indexing the `Image` decodes only the bricks it touches.

    `source` is a path, a URL (with fsspec: ``pip install 'voxz[remote]'``), bytes or any buffer, or a file object.
    """
    return Image(source, threads=threads, max_bytes=max_bytes, cache_bytes=cache_bytes)


def verify(source: SourceLike, *, threads: int | None = None, progress: Progress | None = None) -> None:
    """Decode everything and compare it with every checksum; `CorruptError` or `TruncatedError` if anything differs."""
    from voxz.pipeline.decode import checked_only, restore  # noqa: PLC0415 - start-up time

    with Reader(source) as reader:
        restore(reader, checked_only, thread_count(threads), progress, every=True)


def info(source: SourceLike, *, max_bytes: int = BASE) -> Info:
    """Describe a file: shape, type, codecs, sizes in bytes, checksums. No samples are decoded.

    What lies behind the samples is read for marks of losses, up to `max_bytes` (`LimitError`; default 64 MiB).
    """
    with opened(source) as reader:
        return Info.of(reader, max_bytes, Path(source).name if isinstance(source, str | os.PathLike) else "")


def tags(source: SourceLike) -> list[tuple[str, str]]:
    """Elements of the first file of each DICOM series: its name, and the elements as text, a line each.

    They may tell who a person is. `MissingDependencyError` without pydicom.
    """
    with Image(source) as archive, ExitStack() as stack, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's, on values that break the rules of their type
        series = [stack.enter_context(image) for image in archive.series]
        firsts = [image.members[0] for image in series if image.format == "dicom"]
        return [(name, str(archive.dataset(name))) for name in firsts]


def check_level(level: int) -> None:
    """Refuse (`UsageError`) what is no level."""
    if level not in LEVELS:
        raise UsageError(f"level must be {LEVELS.start} (fastest) to {LEVELS.stop - 1} (smallest) (got {level})")


def _write(
    opened: "Opener", file: BinaryIO, way: "Settled", threads: int, progress: Progress | None, coder: "Coder | None" = None
) -> "Written":
    """Code a volume to `file`, again with another step if it missed its target; return what was written.

    Bricks that settling the plan has not coded are those of the `coder`.
    """
    from voxz.pipeline.encode import encode_samples  # noqa: PLC0415 - start-up time
    from voxz.ratecontrol.planning import nearer_plan  # noqa: PLC0415 - start-up time of reading

    plan, coder = way.plan, way.coder if way.bricks or coder is None else coder
    for _ in range(ATTEMPTS):
        file.seek(0)
        file.truncate()
        with opened() as samples:
            written = encode_samples(samples, file, plan, threads, progress, coder)
        nearer = None if way.bricks else nearer_plan(plan, written)
        if nearer is None:
            return written
        plan, coder = nearer, None if way.schedule is not None else coder
    raise UsageError(f"the target was missed {ATTEMPTS} times; ask for a PSNR instead of a size, or for another size")


def _refuse_same(source: FilePath, destination: FilePath) -> None:
    with contextlib.suppress(OSError):
        if Path(source).samefile(destination):
            raise UsageError(f"{source} is input and output at once; give another name with -o")
