"""A compressed image that is read lazily: indexing decodes only the bricks it touches."""

import io
import math
import threading
from collections.abc import Container, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from voxz.codecs.numbers import LABELS, SIREN
from voxz.container.byte_source import SourceLike, portable
from voxz.container.files import StoredFile
from voxz.container.reader import Reader, StoredArray, only_array
from voxz.errors import LimitError, MissingDependencyError
from voxz.image.brick_cache import BrickCache, Kept
from voxz.image.description import affine_of, description, name_of, scaling_of, seconds_of
from voxz.image.gather import Piece, Positions, canonical_positions, chunk_of, pieces
from voxz.image.loss import LossFacts, loss_of
from voxz.image.nibabel_faults import nibabel_faults
from voxz.image.preview import coarse_positions, coarse_samples
from voxz.image.resample import Resampling, few_samples
from voxz.image.sample_type import sample_type
from voxz.io import nifti
from voxz.io.archived_header import nifti_header
from voxz.limits import BASE
from voxz.pipeline.opened import opened
from voxz.threads import map_ordered, thread_count
from voxz.volume.layout import Layout
from voxz.volume.selection import Index, from_index

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

    import dask.array
    import nibabel

NIFTI_TYPES = {"u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8", "c8", "c16"}
"""Types of samples that a header is made for."""

CACHE_BYTES = 64 << 20
"""Decoded bricks kept for the next access, unless another size is asked for."""

_ONE_VALUE = 64
"""Bytes that hold a brick of one value, whatever its codec."""


class Image:
    """An open .voxz file; index it like an array.

    Axes are those of the original: (x, y, z, t ...) for NIfTI, the array's own for .npy and `voxz.encode`; colour images have
    their channels as one more axis at the end. Samples are the stored ones: slope and intercept are not applied, see
    `to_nibabel` for that. What an index gives is what numpy gives, as a new array; one axis at a time may have an array of
    integers or a mask. Safe to use from several threads, and picklable if its source is.

    Parameters
    ----------
    source : path or URL of a file, its bytes (any buffer), or a file object with `read` and `seek`
    threads : threads for decoding; default, the CPUs this process may use
    max_bytes : refuse (`LimitError`) an access whose result takes more bytes; looked at before anything is made for it
    cache_bytes : decoded bricks to keep for the next access; or a cache that several images share
    number : which volume of an archive; None for the only one, or to list them (`series`)
    reader : of the same source, to be shared; None: the source is opened
    """

    def __init__(
        self,
        source: SourceLike,
        *,
        threads: int | None = None,
        max_bytes: int | None = None,
        cache_bytes: int | Kept = CACHE_BYTES,
        number: int | None = None,
        reader: Reader | None = None,
    ) -> None:
        self._threads, self._max_bytes, self._cache_bytes = thread_count(threads), max_bytes, cache_bytes
        self._reader = opened(source) if reader is None else reader.shared()
        self._number, self._closed = number, False
        if len(self._reader.arrays) == 1 and number is None:
            self._bricks  # noqa: B018 - what cannot be read is found at once
        self._arguments = (portable(source), threads, max_bytes, cache_bytes, number)
        self._ahead: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()

    @cached_property
    def _array(self) -> StoredArray:
        return only_array(self._reader) if self._number is None else self._reader.arrays[self._number]

    @cached_property
    def _layout(self) -> Layout:
        return self._array.layout

    @cached_property
    def _dtype(self) -> np.dtype[np.generic]:
        return sample_type(self._array)

    @cached_property
    def _bricks(self) -> BrickCache:
        return BrickCache(self._array, self._cache_bytes)

    @property
    def files(self) -> Sequence[StoredFile]:
        """Files that `voxz.decompress` restores: name, size, format; none for an array."""
        return self._reader.files

    @property
    def is_archive(self) -> bool:
        """Whether it stands for several volumes, or none, and is no image itself: `series` and `files` say what it holds."""
        return self._number is None and len(self._reader.arrays) != 1

    @property
    def series(self) -> "list[Image]":
        """All volumes of an archive, each an image; of a file of one volume, that one. They stay open when this one is closed."""
        source, threads, max_bytes, cache_bytes, _ = self._arguments
        options: dict[str, Any] = {"threads": threads, "max_bytes": max_bytes, "cache_bytes": cache_bytes}
        return [Image(source, **options, number=number, reader=self._reader) for number in range(len(self._reader.arrays))]

    @property
    def members(self) -> list[str]:
        """Names of the files in an archive that hold the volume, in the order of their samples; of the archive, all."""
        files = self._reader.files
        return [files[n].name for n in (range(len(files)) if self.is_archive else files.files_of(self._array.number))]

    def read(self, name: str) -> bytes:
        """Content of a file in an archive; of a series, what it needs is decoded and no more. One in gzip is unpacked."""
        from voxz.pipeline.decode import read_file  # noqa: PLC0415 - start-up time

        return read_file(self._reader, self._reader.files.number_of(name), self._threads)

    def dataset(self, name: str | None = None) -> Any:
        """A DICOM file as a `pydicom.Dataset`: one of an archive, or the first one that holds the volume."""
        try:
            import pydicom  # noqa: PLC0415 - an extra
        except ImportError:
            raise MissingDependencyError("data sets need pydicom; install it with: pip install 'voxz[dicom]'") from None
        return pydicom.dcmread(io.BytesIO(self.read(self.members[0] if name is None else name)), force=True)

    @property
    def name(self) -> str:
        """In an archive: the file that holds the volume, or the folder of those that do; else empty."""
        return name_of(self._array)

    @cached_property
    def _told(self) -> dict[str, Any]:
        """What the archive says about the volume."""
        return description(self._array)

    @property
    def scaling(self) -> NDArray[np.float64] | None:
        """Slope and intercept, as an archive says: one pair, or one for each slice, ``shape[2:] + (2,)``; None if nobody says."""
        return scaling_of(self._told, self._layout.shape[2:])

    @property
    def format(self) -> str:
        """Format of the files of a volume in an archive, such as "dicom"; empty elsewhere."""
        return str(self._told.get("format", ""))

    @property
    def seconds(self) -> float | None:
        """Between the volumes of a series, as an archive says; None if nobody says."""
        return seconds_of(self._told)

    @property
    def facts(self) -> dict[str, Any]:
        """What the reader of its format said about the volume, such as its modality; empty if it said nothing."""
        found = self._told.get("facts")
        return found if isinstance(found, dict) else {}

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, self._arguments

    def __enter__(self) -> "Image":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. A file object that was given stays open."""
        if self._ahead is not None:
            self._ahead.shutdown(cancel_futures=True)
        if not self._closed:
            self._reader.close()
        self._closed = True

    def __repr__(self) -> str:
        from voxz.image.notebook import rows  # noqa: PLC0415 - it names this class

        return f"<voxz.Image {', '.join(rows(self).values())}>"

    def _repr_html_(self) -> str:
        """Table and middle slices for a notebook."""
        from voxz.image.notebook import page  # noqa: PLC0415

        return page(self)

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        return self._layout.shape + ((self._layout.channels,) if self._layout.channels > 1 else ())

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def channels(self) -> int:
        """Samples of a voxel: those of a colour image are its last axis; 1 for all others."""
        return self._layout.channels

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the stored samples, in their stored byte order."""
        return self._dtype

    @property
    def size(self) -> int:
        """Number of samples."""
        return math.prod(self.shape)

    @property
    def itemsize(self) -> int:
        """Bytes of a sample."""
        return self.dtype.itemsize

    @property
    def nbytes(self) -> int:
        """Bytes of all samples, uncompressed."""
        return self.size * self.itemsize

    @property
    def chunks(self) -> tuple[int, ...]:
        """Length of a brick along each axis: an access that is aligned to it decodes nothing that it does not need."""
        return (*chunk_of(self._layout, self._array.grid.extent), *self.shape[len(self._layout.shape) :])

    @property
    def is_label_map(self) -> bool:
        """Whether the header says that samples are labels, or all bricks but those of one value were coded as labels.

        One brick proves nothing: in air, a scan has few values, too.
        """
        head = self.nifti_header()
        if self.dtype.kind not in "biu" or self.channels > 1:
            return False
        if head is not None and nifti.intent(head) == nifti.INTENT_LABEL:
            return True
        varied = [brick.codec for brick in self._array.bricks if brick.length > _ONE_VALUE]
        return bool(varied) and set(varied) == {LABELS}

    @property
    def loss(self) -> LossFacts | None:
        """What was promised and lost when this file was written (see `voxz.info`); None if it is lossless."""
        return loss_of(self._array)

    @property
    def header(self) -> Any:
        """The NIfTI header as a nibabel object, made from what the archive says for volumes of other formats; None for arrays."""
        from voxz.image.nibabel_image import header_of  # noqa: PLC0415 - start-up time

        head = self.nifti_header()
        return None if head is None else header_of(head)

    @property
    def affine(self) -> NDArray[np.float64] | None:
        """Voxel indices to mm (4 x 4, RAS), by the original; None if it says nothing."""
        told = affine_of(self._told)
        header = self.header if told is None else None
        if header is None or (self._told and not (header["sform_code"] or header["qform_code"])):
            return told
        with nibabel_faults():
            return np.asarray(header.get_best_affine(), np.float64)

    @cached_property
    def voxel_size(self) -> tuple[float, ...] | None:
        """Distance of neighbouring voxels along x, y, z in mm, by the NIfTI header; None where it says nothing."""
        head = self.nifti_header()
        spacing = None if head is None else nifti.spacing_mm(head)
        return None if spacing is None else spacing[::-1]

    def to_nibabel(self, resolution: int = 0) -> "nibabel.Nifti1Image":
        """A nibabel image that reads lazily from this one, with slope and intercept applied as nibabel does.

        With a `resolution` above 0 it holds that `preview`, in place: voxels are larger, the first one has the same centre.
        """
        from voxz.image.nibabel_image import to_nibabel  # noqa: PLC0415 - start-up time

        return to_nibabel(self, resolution)

    def to_dask(self) -> "dask.array.Array":
        """A dask array of the stored samples whose chunks are bricks (`chunks`); needs ``pip install 'voxz[dask]'``.

        It works on threads, and on processes and clusters that can read the source: a path, a URL, or bytes, which travel along.
        """
        from voxz.image.dask_array import dask_array  # noqa: PLC0415 - an extra

        return dask_array(self, self._array.header.samples_sha256)

    def to_sitk(self) -> Any:
        """A `SimpleITK.Image`: samples in the units of the header, origin, spacing, direction, and metadata that ITK had given.

        It needs ``pip install 'voxz[sitk]'``. `UnsupportedError` for shapes that ITK does not have.
        """
        from voxz.image.itk_image import to_sitk  # noqa: PLC0415 - an extra

        return to_sitk(self)

    def preview(self, resolution: int) -> NDArray[Any]:
        """The whole image at a lower resolution: x, y and z halved `resolution` times, each while it has 8 samples or more.

        Bricks of the wavelet codec decode only that; others are decoded whole and go through the same low-pass filter. Sample k
        lies where sample ``k * 2 ** resolution`` of the image lies. Label maps, and samples of which there is no mean, give every
        ``2 ** resolution``-th sample. Resolution 0 is the image itself; `UsageError` beyond the coarsest.
        """
        return np.asarray(self) if resolution == 0 else self._preview(resolution)

    def preview_slice(self, resolution: int, index: tuple[Any, ...]) -> NDArray[Any]:
        """A slice of a `preview`, the one nearest before `index` (an integer or ``slice(None)`` for each axis).

        Only the bricks that it touches are decoded.
        """
        steps = [part.step for part in coarse_positions(self._layout, resolution)]
        coarse = tuple(at if isinstance(at, slice) else at // step for at, step in zip(index, steps, strict=True))
        exact = tuple(at if isinstance(at, slice) else at * step for at, step in zip(coarse, steps, strict=True))
        touched = {piece.number for piece in pieces(self._array.grid, self._positions(exact))}
        return np.asarray(self._preview(resolution, touched)[coarse])

    def _preview(self, resolution: int, wanted: Container[int] | None = None) -> NDArray[Any]:
        """The preview, whose samples are of no meaning outside the bricks that are `wanted`."""
        steps = [part.step for part in coarse_positions(self._layout, resolution)]
        layout = self._layout
        memory = tuple(-(-n // step) for n, step in zip(layout.shape, steps, strict=True))
        memory = memory[::-1] if layout.first_axis_fastest else memory
        result = coarse_samples(self._array, resolution, self._threads, self._check_limit, wanted)
        result = result.view(self.dtype).reshape(*memory, layout.channels)
        if layout.first_axis_fastest:
            result = result.transpose(*range(len(memory))[::-1], len(memory))
        return result if layout.channels > 1 else result[..., 0]

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("an image without axes has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return (self[position] for position in range(len(self)))

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("an image is decoded to a new array; it cannot be one without a copy (copy=False)")
        return np.asarray(self[...], dtype)

    def __getitem__(self, index: Index | tuple[Index, ...]) -> Any:
        selection = from_index(index, self.shape)
        axes = len(self._layout.shape)
        result = self._read(selection.positions[:axes])
        result = result[..., np.asarray(selection.positions[axes], np.intp)] if self._layout.channels > 1 else result[..., 0]
        return result[selection.arrange]

    def prefetch(self, index: Index | tuple[Index, ...] = ...) -> "Future[None]":
        """Begin to decode the bricks that `index` touches, in the background, as far as `cache_bytes` has room for them.

        An access meanwhile waits for what is being decoded already. Waiting for the result is not needed; it raises what went
        wrong, as the access will.
        """
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - start-up time

        numbers = self._bricks.that_fit([piece.number for piece in pieces(self._array.grid, self._positions(index))])
        with self._lock:
            self._ahead = self._ahead or ThreadPoolExecutor(1, "voxz-prefetch")
            return self._ahead.submit(self._bricks.visit, numbers, lambda *_: None, self._threads)

    def canonical(self) -> NDArray[np.generic]:
        """All samples as ``(series, z, y, x, channels)`` in native byte order."""
        shape = self._layout.canonical
        self._check_limit(self._layout.nbytes)
        return self._gather([range(n) for n in shape[:4]]).astype(self.dtype.newbyteorder("="), copy=False)

    def resample(self, shape: Sequence[int] | float) -> NDArray[Any]:
        """Samples on another grid over the same field of view, from a file of the codec siren (`UnsupportedError` otherwise).

        `shape` are voxels along the spatial axes, in the order of `self.shape`, or a factor for all of them.
        """
        grid = Resampling.of(self._layout, shape)
        self._check_limit(grid.samples * self.dtype.itemsize)
        return grid.array(self._array)

    def write_part(self, text: str | None, resolution: int, sink: BinaryIO, shape: Sequence[int] | float | None = None) -> None:
        """Write the part that `text` names, the `preview` at a resolution, or the image on another grid, in its own format.

        Arrays become .npy. The marks of losses stay behind the samples.
        """
        from voxz.image.part import write_part  # noqa: PLC0415 - start-up time of reading

        write_part(self, text, resolution, sink, shape)

    def nifti_header(self) -> bytes | None:
        """NIfTI header and extensions, verbatim, or made for a scalar volume of another format; None for arrays.

        None, too, for samples of a type that NIfTI does not have.
        """
        head = nifti_header(self._array, max(BASE, self._max_bytes or 0))
        if head is not None or not ("affine" in self._told or "axes" in self._told) or self._layout.channels > 1:
            return head
        if self._layout.dtype.str[1:] not in NIFTI_TYPES:
            return None
        from voxz.image.made_header import made_header  # noqa: PLC0415 - imports nibabel

        scaling = self.scaling
        pair = (float(scaling[0]), float(scaling[1])) if scaling is not None and scaling.ndim == 1 else None
        return made_header(self._layout, affine_of(self._told), pair, self.seconds)

    def _read(self, positions: tuple[Positions, ...]) -> NDArray[np.generic]:
        """Samples at the given positions of the user-visible axes, with channels as one more axis."""
        layout = self._layout
        self._check_limit(math.prod(map(len, positions)) * layout.channels * layout.dtype.itemsize)
        shape = [len(part) for part in (positions[::-1] if layout.first_axis_fastest else positions)]
        result = self._gather(canonical_positions(self._layout, positions)).reshape(*shape, layout.channels)
        if layout.first_axis_fastest:
            result = result.transpose(*range(len(shape))[::-1], len(shape))
        return result

    def _positions(self, index: Index | tuple[Index, ...]) -> list[Positions]:
        """Positions along ``(series, z, y, x)`` that an index touches."""
        return canonical_positions(self._layout, from_index(index, self.shape).positions[: len(self._layout.shape)])

    def _gather(self, wanted: Sequence[Positions]) -> NDArray[np.generic]:
        """Samples at the outer product of canonical positions, in an array that is nobody else's."""
        shape = (*map(len, wanted), self._layout.channels)
        self._check_limit(math.prod(shape) * self.itemsize)
        result = np.empty(shape, self._layout.dtype)
        needed = {piece.number: piece for piece in pieces(self._array.grid, wanted)}
        lone = [piece for piece in needed.values() if self._array.bricks[piece.number].codec == SIREN]
        for piece, few in zip(lone, map_ordered(self._few, lone, self._threads), strict=True):
            if few is not None:
                result[piece.target] = few
                del needed[piece.number]

        def place(number: int, brick: NDArray[np.generic]) -> None:
            result[needed[number].target] = needed[number].of(brick)

        self._bricks.visit(list(needed), place, self._threads)
        return result.view(self.dtype)

    def _few(self, piece: Piece) -> NDArray[np.generic] | None:
        """Few samples of a fitted function, which is evaluated there only, unless its brick is asked again."""
        return few_samples(self._array, piece.number, piece.arrays()) if self._bricks.is_new(piece.number) else None

    def _check_limit(self, needed: int) -> None:
        if self._max_bytes is not None and needed > self._max_bytes:
            raise LimitError(f"this access needs {needed} bytes, the limit is {self._max_bytes}; select a smaller part")


def _reopen(source: SourceLike, threads: int | None, max_bytes: int | None, cache_bytes: int | Kept, number: int | None) -> Image:
    return Image(source, threads=threads, max_bytes=max_bytes, cache_bytes=cache_bytes, number=number)
