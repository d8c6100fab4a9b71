"""The elements of a DICOM file, in file order: where each begins, what it is called, and where its value lies.

A file is a list of elements (PS3.5, section 7): a tag, in explicit syntaxes a value representation (VR), a length, a value.
Sequences nest items, items nest elements; both may end by a delimiter instead of a length. Pixel data may be a list of fragments.

`walk` is one loop with a stack of its own, so that a file can be walked in windows (pixels are jumped over, never read) and no
nesting overflows anything. It trusts no length:

* a value that goes beyond its item or sequence makes the innermost enclosing sequence of known length one opaque value;
* a value that goes beyond the file is the last element, cut;
* what follows the pixel data out of order is padding, and ends the walk.

Each element is a row of a table; columns are named below. Rows of items and delimiters are there too, so that the bytes from one
row's START to the next one's are the whole file: headers of elements and their values, without gaps.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxz.errors import CorruptError, UnsupportedError
from voxz.io.dicom import LONG_VRS, SHORT_VRS
from voxz.jit import kernel

TAG, VR, START, VALUE, LENGTH, PARENT, NUMBER = range(7)
COLUMNS = 7
"""Tag (group and element as 32 bits), VR (two characters as 16 bits, 0 in implicit syntaxes), first byte of the element and of
its value, length of the value (`UNDEFINED` if a delimiter ends it), row of the item or sequence that holds it (-1: none), and
how many brothers stand before it."""

UNDEFINED = -1
MOST_NESTED = 64
MOST_ELEMENTS = 1 << 22
WINDOW = 1 << 16

ITEM, ITEM_END, SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
PIXELS, FLOAT_PIXELS, DOUBLE_PIXELS = 0x7FE00010, 0x7FE00008, 0x7FE00009

AT, DEPTH, ROWS, BIG, META, PIXELS_SEEN, CUT, LAST_TAG = range(8)
STATES = 8
"""State of a walk between windows: next byte, depth of the stack, rows written, byte order, whether still in the file meta
information, whether pixel data were passed, whether the file ends within a value, and the last tag of the top level."""

LIMIT, KIND, ROW, DEFINED, ITEM_EXPLICIT, COUNT = range(6)
FRAME = 6
"""An entry of the stack: first byte behind it, what it holds, its row, whether its length is known, syntax, elements so far."""

ELEMENTS, ITEMS, FRAGMENTS = 0, 1, 2

DONE, NEED_WINDOW, TABLE_FULL, META_DONE, BROKEN = range(5)


def _vr_table() -> NDArray[np.uint8]:
    """For each two characters: 1 a VR with a length of 16 bits, 2 one of 32, 3 letters that no VR is made of, 0 no VR."""
    table = np.zeros(1 << 16, np.uint8)
    for first in range(65, 91):
        for second in range(65, 91):
            table[first << 8 | second] = 3
    for name in SHORT_VRS:
        table[ord(name[0]) << 8 | ord(name[1])] = 1
    for name in LONG_VRS:
        table[ord(name[0]) << 8 | ord(name[1])] = 2
    return table


VRS = _vr_table()
SQ, UN = ord("S") << 8 | ord("Q"), ord("U") << 8 | ord("N")


@kernel
def two(window, i, big):  # type: ignore[no-untyped-def]
    """16 bits at byte `i`."""
    if big:
        return np.int64(window[i]) << 8 | np.int64(window[i + 1])
    return np.int64(window[i + 1]) << 8 | np.int64(window[i])


@kernel
def four(window, i, big):  # type: ignore[no-untyped-def]
    """32 bits at byte `i`."""
    if big:
        return two(window, i, big) << 16 | two(window, i + 2, big)
    return two(window, i + 2, big) << 16 | two(window, i, big)


@kernel
def add_row(state, stack, table, tag, vr, start, value, length):  # type: ignore[no-untyped-def]
    """Write one row of the table.

    Parameters
    ----------
    state : int64 (STATES,), see AT
    stack : int64 (MOST_NESTED, FRAME), see LIMIT
    table : int64 (rows, COLUMNS), with room for one more
    tag, vr, start, value, length : columns of the row, see TAG
    """
    depth = state[DEPTH]
    row = state[ROWS]
    table[row, TAG] = tag
    table[row, VR] = vr
    table[row, START] = start
    table[row, VALUE] = value
    table[row, LENGTH] = length
    table[row, PARENT] = stack[depth, ROW]
    table[row, NUMBER] = stack[depth, COUNT]
    stack[depth, COUNT] += 1
    state[ROWS] = row + 1


@kernel
def push(state, stack, limit, kind, row, defined, explicit):  # type: ignore[no-untyped-def]
    """Enter a sequence, an item or fragments; False if that is too deep.

    Parameters
    ----------
    state, stack : as for `add_row`
    limit, kind, row, defined, explicit : fields of the new entry of the stack, see LIMIT
    """
    depth = state[DEPTH] + 1
    if depth >= stack.shape[0]:
        return False
    state[DEPTH] = depth
    stack[depth, LIMIT] = limit
    stack[depth, KIND] = kind
    stack[depth, ROW] = row
    stack[depth, DEFINED] = defined
    stack[depth, ITEM_EXPLICIT] = explicit
    stack[depth, COUNT] = 0
    return True


@kernel
def close(state, stack, table, tag):  # type: ignore[no-untyped-def]
    """Write the row of a delimiter, and leave the item or the sequence that it ends.

    Parameters
    ----------
    state, stack, table, tag : as for `add_row`
    """
    depth, position = state[DEPTH], state[AT]
    add_row(state, stack, table, tag, 0, position, position + 8, 0)
    state[AT] = stack[depth, LIMIT] if stack[depth, DEFINED] else position + 8
    state[DEPTH] = depth - 1


@kernel
def recover(state, stack):  # type: ignore[no-untyped-def]
    """Make the innermost sequence of known length one opaque value and go on behind it; False if there is none."""
    depth = state[DEPTH]
    while depth > 0:
        if stack[depth, KIND] == ITEMS and stack[depth, DEFINED]:
            state[ROWS] = stack[depth, ROW] + 1
            state[AT] = stack[depth, LIMIT]
            state[DEPTH] = depth - 1
            return True
        depth -= 1
    return False


@kernel
def walk(window, base, size, vrs, state, stack, table):  # type: ignore[no-untyped-def]
    """Write the rows of the elements whose headers lie in a window of the file; returns why it stopped, see DONE.

    Parameters
    ----------
    window : uint8 (bytes,)
    base : place of its first byte in the file
    size : bytes of the file
    vrs : uint8 (65536,), VRS
    state, stack, table : as for `add_row`
    """
    window_end = base + window.shape[0]
    while True:
        if state[ROWS] >= table.shape[0]:
            return TABLE_FULL
        depth = state[DEPTH]
        position = state[AT]
        limit = stack[depth, LIMIT]
        kind = stack[depth, KIND]
        if position >= limit:
            if depth == 0:
                return DONE
            state[DEPTH] = depth - 1
            continue
        if position + 8 > limit:
            if depth == 0:
                return DONE
            if not recover(state, stack):
                return BROKEN
            continue
        if position < base or min(position + 20, size) > window_end:
            return NEED_WINDOW
        i = position - base
        big = state[BIG]
        if depth == 0 and state[META]:
            if two(window, i, 0) != 2:
                state[META] = 0
                return META_DONE
            big = 0
        tag = two(window, i, big) << 16 | two(window, i + 2, big)
        row = state[ROWS]
        if kind != ELEMENTS:
            length = four(window, i + 4, big)
            if tag == SEQUENCE_END:
                close(state, stack, table, tag)
                continue
            if tag != ITEM:
                if kind == FRAGMENTS:
                    state[CUT] = 1
                    return DONE
                if not recover(state, stack):
                    return BROKEN
                continue
            defined = length != 0xFFFFFFFF
            behind = position + 8 + length if defined else limit
            if behind > limit or (kind == FRAGMENTS and not defined):
                if kind == FRAGMENTS:
                    add_row(state, stack, table, tag, 0, position, position + 8, limit - position - 8)
                    state[CUT] = 1
                    state[AT] = limit
                    return DONE
                if not recover(state, stack):
                    return BROKEN
                continue
            explicit = stack[depth, ITEM_EXPLICIT]
            add_row(state, stack, table, tag, 0, position, position + 8, length if defined else UNDEFINED)
            if kind == FRAGMENTS:
                state[AT] = behind
                continue
            state[AT] = position + 8
            if not push(state, stack, behind, ELEMENTS, row, defined, explicit) and not recover(state, stack):
                return BROKEN
            continue
        if tag == ITEM_END:
            if depth == 0:
                return DONE
            close(state, stack, table, tag)
            continue
        if tag >> 16 == 0xFFFE:
            if depth == 0:
                return DONE
            if not recover(state, stack):
                return BROKEN
            continue
        if depth == 0:
            if state[PIXELS_SEEN] and tag <= state[LAST_TAG]:
                return DONE
            state[LAST_TAG] = tag
        vr = np.int64(window[i + 4]) << 8 | np.int64(window[i + 5])
        form = vrs[vr] if stack[depth, ITEM_EXPLICIT] else np.uint8(0)
        if form == 3:
            form = np.uint8(2) if two(window, i + 6, big) == 0 else np.uint8(1)
        if form == 2 and position + 12 > limit:
            if depth == 0:
                return DONE
            if not recover(state, stack):
                return BROKEN
            continue
        if form == 0:
            vr = np.int64(0)
            length = four(window, i + 4, big)
            value = position + 8
        elif form == 1:
            length = two(window, i + 6, big)
            value = position + 8
        else:
            length = four(window, i + 8, big)
            value = position + 12
        undefined = length == 0xFFFFFFFF and form != 1
        pixels = depth == 0 and tag in (PIXELS, FLOAT_PIXELS, DOUBLE_PIXELS)
        if pixels:
            state[PIXELS_SEEN] = 1
        nested = form == 2 and vr == SQ
        if not undefined and value + length > limit:
            if depth > 0:
                if not recover(state, stack):
                    return BROKEN
                continue
            add_row(state, stack, table, tag, vr, position, value, limit - value)
            state[CUT] = 1
            state[AT] = limit
            return DONE
        if not undefined and not nested and not pixels and vr in (0, UN) and length >= 8:
            inner = value - base
            nested = (
                two(window, inner, big) == 0xFFFE
                and two(window, inner + 2, big) == 0xE000
                and (four(window, inner + 4, big) <= length - 8 or four(window, inner + 4, big) == 0xFFFFFFFF)
            )
        add_row(state, stack, table, tag, vr, position, value, UNDEFINED if undefined else length)
        if undefined and pixels:
            state[AT] = value
            push(state, stack, limit, FRAGMENTS, row, 0, 0)
        elif undefined or nested:
            state[AT] = value
            behind = limit if undefined else value + length
            inside = 1 if stack[depth, ITEM_EXPLICIT] and vr != UN else 0
            if not push(state, stack, behind, ITEMS, row, 0 if undefined else 1, inside):
                if undefined:
                    return BROKEN
                state[AT] = behind
        else:
            state[AT] = value + length


IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"

ReadAt = Callable[[int, int], bytes]
"""Bytes of a file: ``read_at(start, length)``, fewer at its end."""


@dataclass(frozen=True, eq=False)
class Elements:
    """Elements of a file.

    Attributes
    ----------
    rows : table of them, int64 of shape (elements, `COLUMNS`), ordered by START
    syntax : unique identifier of the transfer syntax, guessed from the first element if the file does not say
    big : whether numbers are big-endian
    body : first byte behind the file meta information
    end : first byte behind the last element: the size of the file unless something else follows
    cut : whether the file ends within a value or within the fragments
    """

    rows: NDArray[np.int64]
    syntax: str
    big: bool
    body: int
    end: int
    cut: bool


def read_elements(read_at: ReadAt, size: int) -> Elements:
    """Elements of the file that `read_at` reads, without reading the values.

    A deflated data set is not inflated: the walk ends where it begins. Raises `CorruptError` if the elements contradict each
    other beyond what `walk` bears, `UnsupportedError` if there are more than `MOST_ELEMENTS`.
    """
    start = 132 if read_at(128, 4) == b"DICM" else 0
    state = np.zeros(STATES, np.int64)
    state[AT] = start
    state[META] = read_at(start, 2) == b"\2\0"
    stack = np.zeros((MOST_NESTED, FRAME), np.int64)
    stack[0, LIMIT] = size
    stack[0, ROW] = -1
    stack[0, ITEM_EXPLICIT] = 1
    table = np.zeros((512, COLUMNS), np.int64)
    syntax, body = "", start
    if not state[META]:
        syntax = _begin_body(read_at, state, stack, "")
    base, window = 0, np.frombuffer(b"", np.uint8)
    while True:
        code = walk(window, base, size, VRS, state, stack, table)
        if code == NEED_WINDOW:
            base = int(state[AT])
            window = np.frombuffer(read_at(base, min(WINDOW, size - base)), np.uint8)
            if len(window) < min(20, size - base):
                raise CorruptError(f"the file ends at {base + len(window)} of {size} bytes; it changed while it was read")
        elif code == TABLE_FULL:
            if len(table) >= MOST_ELEMENTS:
                raise UnsupportedError(f"the file has more than {MOST_ELEMENTS} elements")
            table = np.concatenate([table, np.zeros_like(table)])
        elif code == META_DONE:
            body = int(state[AT])
            syntax = _begin_body(read_at, state, stack, _transfer_syntax(read_at, table[: state[ROWS]]))
            if syntax == DEFLATED:
                break
        elif code == DONE:
            break
        else:
            raise CorruptError(f"the elements contradict each other near byte {int(state[AT])}")
    return Elements(table[: state[ROWS]], syntax, bool(state[BIG]), body, int(state[AT]), bool(state[CUT]))


def _transfer_syntax(read_at: ReadAt, rows: NDArray[np.int64]) -> str:
    """Identifier of the transfer syntax in the file meta information, empty if there is none."""
    found = rows[rows[:, TAG] == 0x00020010]
    if not len(found):
        return ""
    return read_at(int(found[0, VALUE]), min(int(found[0, LENGTH]), 64)).rstrip(b"\0 ").decode("latin-1")


def _begin_body(read_at: ReadAt, state: NDArray[np.int64], stack: NDArray[np.int64], syntax: str) -> str:
    """Set byte order and VR for the data set that begins here; returns the transfer syntax, guessed if it is empty.

    Whether VRs are explicit is seen from the first element: files exist that announce the wrong one.
    """
    first = read_at(int(state[AT]), 6)
    explicit = len(first) == 6 and VRS[first[4] << 8 | first[5]] in (1, 2)
    if not syntax:
        big = first[:1] == b"\0" and first[1:2] in (b"\2", b"\x08")
        syntax = EXPLICIT_BIG if big else EXPLICIT_LITTLE if explicit else IMPLICIT_LITTLE
    state[BIG] = syntax == EXPLICIT_BIG
    stack[0, ITEM_EXPLICIT] = explicit or not first
    return syntax
