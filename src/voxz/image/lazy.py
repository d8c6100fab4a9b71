"""A compressed image that is read lazily: indexing decodes only the bricks it touches."""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from voxz.container.byte_source import SourceLike, portable
from voxz.container.header import COMPANION, HEAD
from voxz.container.loss_mark import all_marks
from voxz.container.reader import Reader
from voxz.errors import LimitError, UnsupportedError, UsageError
from voxz.image.loss import loss_of
from voxz.image.nibabel_proxy import Scaled
from voxz.image.preview import coarse_samples, halvings_at
from voxz.image.resample import Resampling, few_samples
from voxz.io import gzip_stream, nifti, npy
from voxz.threads import map_ordered, thread_count
from voxz.volume.layout import Layout
from voxz.volume.selection import Index, Selection, from_index, from_text

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
    source : path or URL of a file, its bytes (any buffer), or a file object with `read` and `seek`
    threads : threads for decoding; default, the CPUs this process may use
    max_bytes : refuse (`LimitError`) to decode more than this many bytes in one access
    """

    def __init__(
        self,
        source: SourceLike,
        *,
        threads: int | None = None,
        max_bytes: int | None = None,
    ) -> None:
        self._reader = Reader(source)
        self._arguments = (portable(source), threads, max_bytes)
        self._layout = self._reader.layout
        self._cache: OrderedDict[int, NDArray[np.generic]] = OrderedDict()
        self._asked: set[int] = set()
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
        head = self.nifti_header()
        return None if head is None else self._nibabel_header(head)

    @staticmethod
    def _nibabel_header(head: bytes) -> Any:
        import nibabel  # noqa: PLC0415 - start-up time

        known = nifti.recognise(head)
        assert known is not None
        kind = nibabel.Nifti1Header if known[0] is nifti.NIFTI1 else nibabel.Nifti2Header
        return kind(head[: known[0].size], check=False)

    @property
    def affine(self) -> NDArray[np.float64] | None:
        """Voxel indices to mm (4 x 4), by the NIfTI header; None for arrays."""
        header = self.header
        return None if header is None else np.asarray(header.get_best_affine(), np.float64)

    def to_nibabel(self, level: int = 0) -> "nibabel.Nifti1Image":
        """A nibabel image that reads lazily from this one, with slope and intercept applied as nibabel does.

        With a `level`, one of the `preview` of that level, in place: voxels are larger, the first one has the same centre.
        """
        import nibabel  # noqa: PLC0415 - start-up time
        from nibabel.volumeutils import apply_read_scaling  # noqa: PLC0415

        head = self.nifti_header()
        if head is None or self._layout.channels > 1:
            raise UnsupportedError("only scalar NIfTI images can become nibabel images")
        header = self._nibabel_header(self._head_of(self._coarse_selection(level)) if level else head)
        kind = nibabel.Nifti1Image if isinstance(header, nibabel.Nifti1Header) else nibabel.Nifti2Image
        slope, intercept = header.get_slope_inter()
        scaled = Scaled(self.preview(level) if level else self, slope, intercept, apply_read_scaling)
        return kind(scaled, np.asarray(header.get_best_affine(), np.float64), header)

    def preview(self, level: int) -> NDArray[np.generic]:
        """The whole image at a lower resolution: x, y and z halved `level` times, each while it has 8 samples or more.

        Bricks of the wavelet codec decode only that; others are decoded whole and go through the same low-pass filter. Sample k
        lies where sample ``k * 2 ** level`` of the image lies. Label maps, and samples of which there is no mean, give every
        ``2 ** level``-th sample. Level 0 is the image itself; `UsageError` beyond the last level.
        """
        if level == 0:
            return self[...]
        steps = [part.step for part in self._coarse_selection(level).ranges]
        layout = self._layout
        memory = tuple(-(-n // step) for n, step in zip(layout.shape, steps, strict=True))
        memory = memory[::-1] if layout.first_axis_fastest else memory
        result = coarse_samples(self._reader, level, self._arguments[1], self._check_limit).reshape(*memory, layout.channels)
        if layout.first_axis_fastest:
            result = result.transpose(*range(len(memory))[::-1], len(memory))
        return result if layout.channels > 1 else result[..., 0]

    def _coarse_selection(self, level: int) -> Selection:
        """Places of the samples of a preview."""
        layout = self._layout
        steps = [1] * len(layout.shape)
        halvings = halvings_at(layout.canonical[1:4], level)
        for back, halved in enumerate(halvings[::-1][: len(steps)]):
            steps[back if layout.first_axis_fastest else -1 - back] = 1 << halved
        return Selection(tuple(range(0, n, step) for n, step in zip(layout.shape, steps, strict=True)), frozenset())

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
        """Samples on another grid over the same field of view, from a file of the codec siren (`UnsupportedError` otherwise).

        `shape` are voxels along the spatial axes, in the order of `self.shape`, or a factor for all of them.
        """
        grid = Resampling.of(self._layout, shape)
        self._check_limit(grid.samples * self.dtype.itemsize)
        return grid.array(self._reader)

    def write_part(self, text: str | None, level: int, sink: BinaryIO, shape: Sequence[int] | float | None = None) -> None:
        """Write the part that `text` names, the `preview` of a level, or the image on another grid, in the original's format.

        Arrays become .npy. The marks of losses stay behind the samples.
        """
        layout = self._layout
        if shape is not None:
            if text is not None or level:
                raise UsageError("got another grid with a selection or a resolution, expected one of them")
            Resampling.of(layout, shape).write(self._reader, self.nifti_header(), sink)
            sink.write(all_marks(self._reader))
            return
        if text is not None and level:
            raise UsageError(f"got the selection {text!r} and the resolution {level}, expected one of them")
        if text is not None:
            selection = from_text(text, layout.shape, layout.first_axis_fastest)
            samples = self._read(selection.ranges)
        else:
            selection, samples = self._coarse_selection(level), self.preview(level)
            samples = samples if layout.channels > 1 else samples[..., None]
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
        inside = [
            [p[hit] - part.start for p, hit, part in zip(wanted, hits, boxes[number], strict=True)] for number, hits in needed
        ]
        parts = map_ordered(lambda i: self._part(needed[i][0], inside[i]), range(len(needed)), threads)
        for (_, hits), part in zip(needed, parts, strict=True):
            result[np.ix_(*hits)] = part
        return result

    def _check_limit(self, needed: int) -> None:
        limit = self._arguments[2]
        if limit is not None and needed > limit:
            raise LimitError(f"this access needs {needed} bytes, the limit is {limit}; select a smaller part")

    def _part(self, number: int, inside: list[NDArray[np.intp]]) -> NDArray[np.generic]:
        """Samples at positions of a brick. A fitted function is evaluated there only, unless it is asked again."""
        if number not in self._cache and number not in self._asked:
            self._asked.add(number)
            few = few_samples(self._reader, number, inside)
            if few is not None:
                return few
        return self._brick(number)[np.ix_(*inside)]

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


def _reopen(source: SourceLike, threads: int | None, max_bytes: int | None) -> Image:
    return Image(source, threads=threads, max_bytes=max_bytes)
