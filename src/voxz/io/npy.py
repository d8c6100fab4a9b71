"""NumPy's .npy format: finding the samples behind the header (numpy.lib.format, versions 1 to 3)."""

import io
import math
import tokenize
from typing import Any

import numpy as np

from voxz.errors import CorruptError, UnsupportedError
from voxz.volume.layout import Layout

MAGIC = b"\x93NUMPY"
LONGEST = 1 << 16
"""Longest header that is looked for."""

MOST_SAMPLES = 1 << 40
"""Samples of a file; more are a damaged header."""


def parse(head: bytes) -> Layout:
    """Layout of the samples behind the header `head`."""
    shape, fortran, dtype = fields(head)
    if dtype.hasobject or dtype.fields is not None:
        raise UnsupportedError(f".npy samples of type {dtype} are not plain numbers")
    opaque = {16: "V16", 32: "V32"}.get(dtype.itemsize) if dtype.char in "gG" else None
    kind = np.dtype(opaque) if opaque else dtype
    return Layout(tuple(shape), kind, first_axis_fastest=bool(fortran))


def fields(head: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether the first axis is fastest, and sample type, as a header says it."""
    stream = io.BytesIO(head)
    try:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read(stream)
    except (ValueError, SyntaxError, TypeError, tokenize.TokenError, RecursionError, MemoryError) as error:
        what = str(error.args[0] if error.args else type(error).__name__)
        raise CorruptError(f"the .npy header cannot be read: {' '.join(what.split())[:80]}") from None
    if any(n < 0 for n in shape) or math.prod(shape) > MOST_SAMPLES:
        raise CorruptError(f"the .npy header cannot be read: it has the impossible shape {shape}")
    return shape, fortran, dtype


def header(layout: Layout) -> bytes:
    """Header for samples of `layout`."""
    stream = io.BytesIO()
    entries = {"descr": layout.dtype.str, "fortran_order": layout.first_axis_fastest, "shape": layout.shape}
    np.lib.format.write_array_header_1_0(stream, entries)
    return stream.getvalue()
