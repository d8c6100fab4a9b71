"""Shards of Zarr 3: files that hold many chunks, and an index of where each of them lies (the codec ``sharding_indexed``).

The index has two numbers of 64 bits a chunk, in C order of the chunks in the shard: first byte and length, both all ones for a
chunk that is not there; behind it may be a CRC32C. It stays verbatim, as all that lies between the chunks.
"""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from voxz.errors import UnsupportedError
from voxz.io.foreign_file import Beside
from voxz.io.header_text import size_of

NAME = "sharding_indexed"

_ENTRY = np.dtype("<u8")
_NOTHING = (1 << 64) - 1
_CRC_BYTES = 4


@dataclass(frozen=True)
class Shards:
    """Lengths of the axes of a shard, slowest first, and where its index lies."""

    shape: tuple[int, ...]
    at_end: bool
    crc: bool

    @classmethod
    def of(cls, shape: tuple[int, ...], told: dict[str, Any]) -> "Shards":
        """Shards of this `shape`, with the configuration of the codec; `UnsupportedError` for indices in other forms."""
        first, *rest = told["index_codecs"]
        little = first["name"] == "bytes" and first["configuration"]["endian"] == "little"
        if not little or [codec["name"] for codec in rest] not in ([], ["crc32c"]):
            raise UnsupportedError("Zarr shards whose index is packed are kept as they are")
        return cls(shape, told.get("index_location", "end") == "end", bool(rest))

    def chunks(self, name: str, chunk: tuple[int, ...], beside: Beside) -> list[tuple[tuple[int, ...], int, int]]:
        """Place in the shard, first byte and length of the chunks of the shard `name`, in file order; none if it is damaged."""
        grid = tuple(n // c for n, c in zip(self.shape, chunk, strict=True))
        length = 2 * _ENTRY.itemsize * math.prod(grid)
        with beside(name) as file:
            size = size_of(file)
            start = size - length - _CRC_BYTES * self.crc if self.at_end else 0
            if start < 0:
                return []
            file.seek(start)
            index = np.frombuffer(file.read(length), _ENTRY).reshape(-1, 2)
        return sorted(self._there(grid, index.tolist(), size), key=lambda found: found[1])

    @staticmethod
    def _there(grid: tuple[int, ...], index: list[list[int]], size: int) -> Iterator[tuple[tuple[int, ...], int, int]]:
        for place, (start, length) in zip(itertools.product(*map(range, grid)), index, strict=True):
            if start != _NOTHING and length and start + length <= size:
                yield place, start, length
