"""The pools by name, made when they are asked for."""

from collections.abc import Callable, Sequence

from benchmarks.fuzz.foreign_pool import archives, foreign
from benchmarks.fuzz.packed_pool import golden, packed, tiny
from benchmarks.fuzz.seed import Seed, named

POOLS: dict[str, Callable[[], Sequence[Seed]]] = {
    "golden": golden,
    "packed": packed,
    "archives": archives,
    "foreign": foreign,
    "tiny": tiny,
}
ALL = ("golden", "packed", "archives", "foreign")
SMALL = ("tiny", "archives")
"""What is read by default, and by guided runs."""


def seeds_of(pools: Sequence[str], words: Sequence[str] = ()) -> list[Seed]:
    """Seeds of some pools whose names have one of these `words`; all without any."""
    return named([seed for pool in pools for seed in POOLS[pool]()], words)
