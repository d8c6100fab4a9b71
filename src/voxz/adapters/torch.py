"""Random patches of compressed images as tensors, for PyTorch's `DataLoader`.

A patch decodes the bricks that it touches, and no others; bricks that were decoded are kept for the next patches, of all images
together. Images in cubic bricks (``voxz compress --brick patch``) decode the least.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.adapters.values import native, values_of
from voxz.container.byte_source import SourceLike
from voxz.errors import MissingDependencyError, UsageError
from voxz.image.brick_cache import Kept
from voxz.image.lazy import Image

try:
    import torch
    from torch.utils.data import Dataset, get_worker_info
except ImportError:
    raise MissingDependencyError("patches as tensors need PyTorch; install it with: pip install 'voxz[torch]'") from None

SPATIAL = 3
"""Axes of a patch."""

CACHE_BYTES = 1 << 28
"""Decoded bricks that are kept in each process, unless another size is asked for."""

Transform = Callable[["torch.Tensor"], Any]


class PatchDataset(Dataset["torch.Tensor"]):
    """Patches at random places of random images; patch k is the same in every process and every run.

    A patch is a float32 tensor ``(channels, x, y, z)`` in the units of the header. Images of more axes give a volume at random;
    colour images have their channels. Where an image is smaller than a patch, its border is repeated.

    It can be pickled, and used by workers that are forked, spawned or come from a fork server. What is decoded is kept by each
    worker for itself.

    Parameters
    ----------
    images : paths, URLs or bytes of .voxz files
    size : edge of the patches in voxels, or three of them
    length : how many patches make an epoch
    seed : of the places
    per_image : patches in a row that come from one image; more of them find more of their bricks decoded already.
    transform : called with each patch; what it returns is the item
    cache_bytes : decoded bricks that a process keeps
    threads : that decode the bricks of a patch; 1 is best with workers
    ahead : patches whose bricks are decoded in the background while this one is used, in the order of their numbers; only where
        there are no workers, which look ahead themselves

    Raises
    ------
    UsageError
        There are no images, or sizes, lengths or `per_image` are below 1.
    """

    def __init__(
        self,
        images: Sequence[SourceLike],
        size: int | Sequence[int],
        length: int,
        *,
        seed: int = 0,
        per_image: int = 1,
        transform: Transform | None = None,
        cache_bytes: int = CACHE_BYTES,
        threads: int = 1,
        ahead: int = 1,
    ) -> None:
        self._size = (size,) * SPATIAL if isinstance(size, int) else tuple(size)
        if len(self._size) != SPATIAL or min(*self._size, length, per_image, len(images)) < 1:
            told = f"{len(images)} images, size={size}, length={length}, per_image={per_image}"
            raise UsageError(f"patches need images, {SPATIAL} edges, a length and per_image, 1 or more of each (got {told})")
        self._sources, self._length, self._seed, self._epoch = list(images), length, seed, 0
        self._per_image = per_image
        self._transform, self._threads, self._ahead = transform, threads, ahead
        self.cache = Kept(cache_bytes)
        self._opened: dict[int, tuple[Image, Any]] = {}

    def __len__(self) -> int:
        return self._length

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_opened": {}}

    def set_epoch(self, epoch: int) -> None:
        """Take other places, for the next epoch. Call it before the `DataLoader` is iterated over."""
        self._epoch = epoch

    def __getitem__(self, number: int) -> Any:
        if not -self._length <= number < self._length:
            raise IndexError(f"there are {self._length} patches (got {number})")
        number %= self._length
        image, values, index = self._chosen(number)
        self._look_ahead(number)
        patch = self._filled(native(values[index]), image)
        tensor = torch.from_numpy(patch)
        return tensor if self._transform is None else self._transform(tensor)

    def _chosen(self, number: int) -> tuple[Image, Any, tuple[Any, ...]]:
        """An image, its values, and the place of a patch."""
        chooser = np.random.default_rng((self._seed, self._epoch, number // self._per_image))
        image, values = self._open(int(chooser.integers(len(self._sources))))
        generator = np.random.default_rng((self._seed, self._epoch, number, 1))
        starts = [int(generator.integers(max(1, n - edge + 1))) for n, edge in zip(image.shape, self._size, strict=False)]
        index = tuple(slice(start, start + edge) for start, edge in zip(starts, self._size, strict=False))
        beyond = image.ndim - SPATIAL - (image.channels > 1)
        return image, values, (*index, *(int(generator.integers(n)) for n in image.shape[SPATIAL:][: max(0, beyond)]))

    def _open(self, number: int) -> tuple[Image, Any]:
        """An image, opened once by each process; file and bricks are found again after a fork."""
        if number not in self._opened:
            image = Image(self._sources[number], threads=self._threads, cache_bytes=self.cache)
            self._opened[number] = image, values_of(image)
        return self._opened[number]

    def _look_ahead(self, number: int) -> None:
        if get_worker_info() is not None:
            return
        for following in range(number + 1, min(number + 1 + self._ahead, self._length)):
            image, _, index = self._chosen(following)
            image.prefetch(index)

    def _filled(self, samples: NDArray[Any], image: Image) -> NDArray[np.float32]:
        """``(channels, x, y, z)`` from what an image gave."""
        channels = image.channels if image.channels > 1 else 1
        spatial = samples.shape[: len(samples.shape) - (channels > 1)]
        samples = samples.reshape(*spatial, *(1,) * (SPATIAL - len(spatial)), channels)
        missing = [(0, edge - n) for edge, n in zip(self._size, samples.shape, strict=False)]
        if any(after for _, after in missing):
            samples = np.pad(samples, [*missing, (0, 0)], mode="edge")
        return np.ascontiguousarray(np.moveaxis(samples, -1, 0), np.float32)
