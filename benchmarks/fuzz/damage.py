"""Faults in bytes, in numbers and in the numbers of a text."""

import re
import struct
from random import Random

INTERESTING = (
    0,
    1,
    2,
    127,
    128,
    255,
    1 << 15,
    (1 << 16) - 1,
    1 << 20,
    (1 << 31) - 1,
    1 << 31,
    (1 << 32) - 1,
    1 << 40,
    (1 << 64) - 1,
)

WORDS = (b"0", b"-1", b"1", b"3", b"65536", b"2147483648", b"99999999999999999999", b"1e308", b"nan", b"-inf", b"", b"x", b"\xff")
"""What takes the place of a number in a text."""


def damaged_bytes(data: bytes, rng: Random, reach: int | None = None) -> bytes:
    """Bytes with one to four faults among the first `reach`."""
    piece = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        if not piece:
            return bytes([rng.randrange(256)])
        at = rng.randrange(min(len(piece), reach or len(piece)))
        how = rng.randrange(6)
        if how == 0:
            piece[at] ^= 1 << rng.randrange(8)
        elif how == 1:
            piece[at] = rng.randrange(256)
        elif how == 2:
            width = rng.choice((1, 2, 4, 8))
            order = rng.choice(("little", "big"))
            piece[at : at + width] = (rng.choice(INTERESTING) % (1 << (8 * width))).to_bytes(width, order)  # type: ignore[arg-type]
        elif how == 3:
            piece[at:at] = rng.randbytes(rng.choice((1, 2, 4, 16)))
        elif how == 4:
            del piece[at : at + rng.choice((1, 2, 4, 16))]
        else:
            piece[at : at + 8] = struct.pack("<d", rng.choice((0.0, -1.0, 1e-300, 1e300, float("nan"), float("inf"))))
    return bytes(piece)


def damaged_number(number: int, rng: Random) -> int:
    """Another number that is not negative: a neighbour, a simple one, or one from which arithmetic overflows."""
    near = number + 1, number - 1, 2 * number, number // 2
    return max(0, rng.choice((*near, rng.randrange(16), rng.choice(INTERESTING) % (1 << 62))))


def damaged_text(text: bytes, rng: Random) -> bytes:
    """A text with one to three of its numbers replaced; with other faults if it has none."""
    numbers = list(re.finditer(rb"[-+.\d][-+.\deE]*", text))
    if not numbers:
        return damaged_bytes(text, rng)
    for found in sorted(rng.sample(numbers, min(len(numbers), rng.choice((1, 1, 2, 3)))), key=re.Match.start, reverse=True):
        text = text[: found.start()] + rng.choice(WORDS) + text[found.end() :]
    return text
