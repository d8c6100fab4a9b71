"""A compressed image that is read lazily: indexing decodes only the bricks it touches."""

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from voxz.container.header import COMPANION, HEAD
from voxz.container.marks import all_marks
from voxz.container.reader import Reader
from voxz.errors import LimitError, UnsupportedError
from voxz.io import gzip_stream, nifti, npy
from voxz.losses import loss_of
from voxz.parallel import map_ordered, thread_count
from voxz.resample import Resampling
from voxz.selection import Index, Selection, from_index, from_text
from voxz.volume import Layout

if TYPE_CHECKING:
    import nibabel

CACHE_BYTES = 64 << 20
"""Decoded bricks kept for the next access."""


class Image:
    """An open .voxz file; index it like an array.

    Axes are those of the original: (x, y, z, t ...) for NIfTI, the array's own for .npy and `voxz.encode`; colour images have
    their channels as one more axis at the end. Samples are the stored ones: slope and intercept are not applied, see
    `to_nibabel` for that. Safe to use from several threads, and picklable.

    Parameters
    ----------
    source : path of a file, or its bytes
    threads : threads for decoding; default, the CPUs this process may use
    max_bytes : refuse (`LimitError`) to decode more than this many bytes in one access
    """

    def __init__(
        self,
        source: str | os.PathLike[str] | bytes,
        *,
        threads: int | None = None,
        max_bytes: int | None = None,
    ) -> None:
        self._arguments = (source if isinstance(source, bytes) else os.fspath(source), threads, max_bytes)
        self._reader = Reader(source)
        self._layout = self._reader.layout
        self._cache: OrderedDict[int, NDArray[np.generic]] = OrderedDict()
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return _reopen, self._arguments

    def __enter__(self) -> "Image":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def __repr__(self) -> str:
        return f"<voxz.Image {'x'.join(map(str, self.shape))} {self.dtype}>"

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        return self._layout.shape + ((self._layout.channels,) if self._layout.channels > 1 else ())

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of the stored samples, in their stored byte order."""
        return self._layout.dtype

    @property
    def loss(self) -> dict[str, Any] | None:
        """What was promised and lost when this file was written (see `voxz.info`); None if it is lossless."""
        return loss_of(self._reader)

    @property
    def header(self) -> Any:
        """The NIfTI header as a nibabel object; None for arrays."""
        import nibabel  # noqa: PLC0415 - start-up time

        head = self.nifti_header()
        if head is None:
            return None
        known = nifti.recognise(head)
        assert known is not None
        kind = nibabel.Nifti1Header if known[0] is nifti.NIFTI1 else nibabel.Nifti2Header
        return kind(head[: known[0].size], check=False)

    @property
    def affine(self) -> NDArray[np.float64] | None:
        """Voxel indices to mm (4 x 4), by the NIfTI header; None for arrays."""
        header = self.header
        return None if header is None else np.asarray(header.get_best_affine(), np.float64)

    def to_nibabel(self) -> "nibabel.Nifti1Image":
        """A nibabel image that reads lazily from this one, with slope and intercept applied as nibabel does."""
        import nibabel  # noqa: PLC0415 - start-up time
        from nibabel.volumeutils import apply_read_scaling  # noqa: PLC0415

        header = self.header
        if header is None or self._layout.channels > 1:
            raise UnsupportedError("only scalar NIfTI images can become nibabel images")
        kind = nibabel.Nifti1Image if isinstance(header, nibabel.Nifti1Header) else nibabel.Nifti2Image
        slope, intercept = header.get_slope_inter()
        scaled = _Scaled(self, slope, intercept, apply_read_scaling)
        return kind(scaled, self.affine, header)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("an image without axes has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator[NDArray[np.generic]]:
        return (self[position] for position in range(len(self)))

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[np.generic]:
        del copy
        return np.asarray(self[...], dtype)

    def __getitem__(self, index: Index | tuple[Index, ...]) -> NDArray[np.generic]:
        selection = from_index(index, self.shape)
        axes = len(self._layout.shape)
        positions = selection.ranges[:axes]
        result = self._read(positions)
        colour = self._layout.channels > 1
        result = result[..., np.array(selection.ranges[axes], np.intp)] if colour else result[..., 0]
        return result[tuple(0 if axis in selection.dropped else slice(None) for axis in range(self.ndim))]

    def canonical(self) -> NDArray[np.generic]:
        """All samples as ``(series, z, y, x, channels)`` in native byte order."""
        shape = self._layout.canonical
        return self._gather([np.arange(n) for n in shape[:4]]).astype(self.dtype.newbyteorder("="), copy=False)

    def resample(self, shape: Sequence[int] | float) -> NDArray[np.generic]:
        """Samples on a grid of another resolution over the same field of view, from a file of the codec siren.

        Parameters
        ----------
        shape : voxels along the spatial axes, in the order of `self.shape`; or a factor for all of them

        Raises
        ------
        UnsupportedError
            The samples were coded by another codec.
        """
        grid = Resampling.of(self._layout, shape)
        self._check_limit(grid.samples * self.dtype.itemsize)
        samples = self._in_own_order(grid.evaluate(self._reader))
        return samples if self._layout.channels > 1 else samples[..., 0]

    def write_resampled(self, shape: Sequence[int] | float, sink: BinaryIO) -> None:
        """Write `resample` as a file of the original's format (arrays: .npy), with the marks of losses."""
        layout, head = self._layout, self.nifti_header()
        grid = Resampling.of(layout, shape)
        sizes = grid.shape
        if head is None:
            sink.write(npy.header(Layout(sizes, layout.dtype, layout.first_axis_fastest)))
        else:
            sink.write(nifti.select(head, grid.starts, grid.steps, sizes))
        sink.write(grid.evaluate(self._reader).tobytes())
        sink.write(all_marks(self._reader))

    def _in_own_order(self, samples: NDArray[np.generic]) -> NDArray[np.generic]:
        """Canonical samples with the user-visible axes, and channels as one more."""
        layout = self._layout
        axes = len(layout.shape)
        memory = (*layout.memory_shape[:-3], *samples.shape[1:4])[-axes:] if axes >= 3 else samples.shape[4 - axes : 4]
        result = samples.reshape(*memory, layout.channels)
        return result.transpose(*range(axes)[::-1], axes) if layout.first_axis_fastest else result

    def write_selection(self, text: str, sink: BinaryIO) -> None:
        """Write the part that `text` names as a file of the original's format (arrays: .npy), with the marks of losses."""
        layout = self._layout
        selection = from_text(text, layout.shape, layout.first_axis_fastest)
        samples = self._read(selection.ranges)
        sink.write(self._head_of(selection))
        memory_order = samples.transpose(*range(len(layout.shape))[::-1], -1) if layout.first_axis_fastest else samples
        sink.write(np.ascontiguousarray(memory_order).tobytes())
        sink.write(all_marks(self._reader))

    def _head_of(self, selection: Selection) -> bytes:
        layout, head = self._layout, self.nifti_header()
        shape = tuple(map(len, selection.ranges))
        if head is None:
            return npy.header(Layout(shape, layout.dtype, layout.first_axis_fastest))
        starts = [part.start for part in selection.ranges]
        steps = [part.step for part in selection.ranges]
        return nifti.select(head, starts, steps, list(shape))

    def nifti_header(self) -> bytes | None:
        """Bytes of the NIfTI header and its extensions, verbatim; None for arrays."""
        kind = {"nifti": HEAD, "nifti-pair": COMPANION}.get(self._reader.header.format_name)
        return None if kind is None else gzip_stream.unpacked(self._reader.foreign_bytes(kind))

    def _read(self, positions: tuple[range, ...]) -> NDArray[np.generic]:
        """Samples at the given positions of the user-visible axes, with channels as one more axis."""
        layout = self._layout
        memory = positions[::-1] if layout.first_axis_fastest else positions
        chosen = (range(1),) * max(0, 3 - len(memory)) + memory
        series = np.zeros(1, np.intp)
        for axis, part in enumerate(chosen[:-3]):
            series = (series[:, None] * layout.memory_shape[axis] + np.array(part, np.intp)).ravel()
        wanted = [series, *(np.array(part, np.intp) for part in chosen[-3:])]
        shape = [len(part) for part in memory]
        result = self._gather(wanted).reshape(*shape, layout.channels)
        if layout.first_axis_fastest:
            result = result.transpose(*range(len(shape))[::-1], len(shape))
        return result

    def _gather(self, wanted: list[NDArray[np.intp]]) -> NDArray[np.generic]:
        """Samples at the outer product of canonical positions."""
        layout, boxes = self._layout, self._reader.boxes
        shape = (*map(len, wanted), layout.channels)
        self._check_limit(int(np.prod(shape)) * layout.dtype.itemsize)
        result = np.empty(shape, layout.dtype)
        needed = []
        for number, box in enumerate(boxes):
            hits = [np.flatnonzero((p >= part.start) & (p < part.stop)) for p, part in zip(wanted, box, strict=True)]
            if all(map(len, hits)):
                needed.append((number, hits))
        threads = thread_count(self._arguments[1])
        bricks = map_ordered(self._brick, (number for number, _ in needed), threads)
        for (number, hits), brick in zip(needed, bricks, strict=True):
            box = boxes[number]
            inside = [p[hit] - part.start for p, hit, part in zip(wanted, hits, box, strict=True)]
            result[np.ix_(*hits)] = brick[np.ix_(*inside)]
        return result

    def _check_limit(self, needed: int) -> None:
        limit = self._arguments[2]
        if limit is not None and needed > limit:
            raise LimitError(f"this access needs {needed} bytes, the limit is {limit}; select a smaller part")

    def _brick(self, number: int) -> NDArray[np.generic]:
        with self._lock:
            if number in self._cache:
                self._cache.move_to_end(number)
                return self._cache[number]
        brick = self._reader.brick(number)
        with self._lock:
            self._cache[number] = brick
            while len(self._cache) > 1 and sum(kept.nbytes for kept in self._cache.values()) > CACHE_BYTES:
                self._cache.popitem(last=False)
        return brick


def _reopen(source: str | bytes, threads: int | None, max_bytes: int | None) -> Image:
    return Image(source, threads=threads, max_bytes=max_bytes)


class _Scaled:
    """What nibabel needs of an array, with slope and intercept applied to what is read."""

    def __init__(self, image: Image, slope: float | None, intercept: float | None, scale: Any) -> None:
        self._image, self._slope, self._intercept, self._scale = image, slope, intercept, scale
        self.shape, self.ndim = image.shape, image.ndim
        self.is_proxy = True

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of the scaled samples."""
        return np.dtype(np.float64) if self._slope is not None and (self._slope, self._intercept) != (1, 0) else self._image.dtype

    def __getitem__(self, index: Any) -> Any:
        raw = self._image[index]
        if self._slope is None or (self._slope, self._intercept) == (1.0, 0.0):
            return raw
        return self._scale(raw, self._slope, self._intercept)

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        del copy
        return np.asarray(self[...], dtype)
