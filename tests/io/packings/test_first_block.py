"""What the first block of a deflate stream leaves possible: the true options always, few others."""

import zlib
from itertools import product

import numpy as np
import pytest

from samples import printed_by_plain_python, smooth
from voxz.io.packings.first_block import FirstBlock
from voxz.io.packings.zlib_replay import ZlibOptions
from voxz.io.packings.zlib_search import LEVELS

NOISE = np.random.default_rng(0).bytes(100_000)
CONTENTS = {
    "image": smooth((40, 60, 60)).tobytes(),
    "text": b"".join(b"%d:%x\n" % (n, n * n) for n in range(12_000)),
    "noise": NOISE,
    "repeated noise": NOISE[:30_000] * 4,
    "zeros": bytes(200_000),
    "short": b"voxels",
}
ALL = [ZlibOptions(*choice) for choice in product(LEVELS, (7, 8, 9), range(5))]


def packed(content: bytes, options: ZlibOptions) -> bytes:
    compressor = options.compressor()
    return compressor.compress(content) + compressor.flush()


def possible(stream: bytes, content: bytes, group: list[ZlibOptions] = ALL) -> list[ZlibOptions]:
    return FirstBlock(lambda start, length: stream[start : start + length]).possible(group, content)


@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_the_options_of_a_stream_stay_possible(content: bytes) -> None:
    for options in ALL[::17]:
        assert possible(packed(content, options), content, [options]) == [options]


def test_blocks_tell_the_memory_level_and_matches_the_level() -> None:
    image = CONTENTS["image"]
    for memory_level in (7, 8, 9):
        left = possible(packed(image, ZlibOptions(6, memory_level)), image)
        assert {options.memory_level for options in left} == {memory_level}
        assert not {options.level for options in left} & {1, 2, 3, 4}


def test_blocks_that_zlib_does_not_make_leave_nothing() -> None:
    image, compressor = CONTENTS["image"], zlib.compressobj(6, zlib.DEFLATED, -15)
    stream = compressor.compress(image[:30_000]) + compressor.flush(zlib.Z_FULL_FLUSH) + packed(image[30_000:], ZlibOptions(6))
    assert zlib.decompress(stream, -15) == image
    assert not possible(stream, image)


def test_damage_is_no_fault() -> None:
    stream, rng = bytearray(packed(CONTENTS["text"], ZlibOptions(6))), np.random.default_rng(1)
    for place in rng.integers(0, 3_000, 50):
        damaged = bytearray(stream)
        damaged[place // 30 : place // 30 + 3] = rng.bytes(3)
        possible(bytes(damaged), CONTENTS["text"][:5_000], ALL[:9])


def parity_digests() -> str:
    """What is left of the usual options of a short stream."""
    image = CONTENTS["image"][:4_500]
    return str(possible(packed(image, ZlibOptions(5)), image, ALL[::31]))


def test_plain_python_gives_the_same() -> None:
    assert printed_by_plain_python(__file__) == parity_digests()
