"""Large images of a study, cut into parts that several workers code, so that no one file keeps a cluster waiting."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

from voxz.codecs.kinds import codec_of
from voxz.errors import VoxzError
from voxz.io.original import Image, NotAnImageError
from voxz.io.output import complete_file
from voxz.pipeline.parts import Parts, brick_count, code_part, part_key
from voxz.pipeline.plan import Plan
from voxz.studies.plan import Unit
from voxz.studies.work import Wish
from voxz.target import LOSSLESS
from voxz.volume.bricks import brick_of

PART = 1 << 26
"""Bytes of samples that a part has at least."""

MOST = 16
"""Parts of an image: each reads a gzip file from its start up to its own bricks."""

_SMALL = PART // 64
"""Bytes of a file that is not worth a look: gzip hardly ever makes so little of two parts."""


@dataclass(frozen=True)
class Split:
    """The parts of an image, and what makes each of them."""

    parts: Parts
    work: tuple[Callable[[], None], ...]


def split_of(unit: Unit, tree: Path, out: Path, wish: Wish) -> Split | None:
    """How an image is cut; None if it is small, or no image, or is searched as a whole before it is coded."""
    codec = codec_of(wish.codec)
    whole = codec is not None and (codec.reads_ahead or codec.whole_volume)
    if unit.kind != "image" or unit.size < _SMALL or wish.target != LOSSLESS or whole:
        return None
    source, destination = tree / unit.sources[0], out / unit.destination
    plan = Plan(wish.level, codec, wish.target, brick=brick_of(wish.brick))
    try:
        with Image(source, str(source)) as samples:
            bricks, size = brick_count(samples, plan), samples.layout.nbytes
    except (NotAnImageError, VoxzError, OSError):
        return None
    count = min(MOST, size // PART, bricks)
    if count < 2:
        return None
    ends = [bricks * number // count for number in range(count + 1)]
    ranges = [range(*pair) for pair in pairwise(ends)]
    paths = [destination.with_name(f".{destination.name}.{number:02}.bricks") for number in range(count)]
    key = part_key(unit.stamp, plan)
    work = tuple(partial(make_part, source, plan, numbers, key, path) for numbers, path in zip(ranges, paths, strict=True))
    return Split(Parts(paths, [len(numbers) for numbers in ranges], key), work)


def make_part(source: Path, plan: Plan, bricks: range, key: bytes, path: Path) -> None:
    """Code some bricks of an image into the file `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with Image(source, str(source)) as samples, complete_file(path, force=True) as file:
        code_part(samples, plan, bricks, key, file)
