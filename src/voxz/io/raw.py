"""Raw samples, without a header: what the user says about them stands in for it."""

import re

import numpy as np

from voxz.errors import UsageError, VoxzError
from voxz.volume.layout import Layout

FORMAT = "raw"

EXAMPLE = "512x512x300,int16,F"

_FIRST, _LAST = "F", "C"


def layout_of(text: str) -> Layout:
    """Layout of ``SHAPE,DTYPE,ORDER``, such as ``512x512x300,int16,F``.

    Lengths of the axes; a type as NumPy names it, little-endian unless it begins with ``>``; F if the first axis varies fastest,
    C if the last one does. `UsageError` for anything else.
    """
    words = [word.strip() for word in text.split(",")]
    wrong = f"got {text!r} for raw samples, expected SHAPE,DTYPE,ORDER such as {EXAMPLE}"
    if len(words) != 3 or not re.fullmatch(r"\d{1,12}(x\d{1,12})*", words[0]):
        raise UsageError(wrong)
    shape, order = tuple(map(int, words[0].split("x"))), words[2].upper()
    if order not in (_FIRST, _LAST):
        raise UsageError(f"{wrong}; the order is F if the first axis varies fastest, C if the last one does")
    if not all(shape):
        raise UsageError(f"{wrong}; no axis has the length 0")
    try:
        dtype = np.dtype(words[1])
        return Layout(shape, dtype if words[1][0] in "<>" else dtype.newbyteorder("<"), order == _FIRST)
    except (TypeError, ValueError, IndexError):
        raise UsageError(f"{wrong}; {words[1]!r} is no type of NumPy") from None
    except VoxzError as error:
        raise UsageError(f"{wrong}; {error}") from None


def wrong_size(name: str, size: int, layout: Layout) -> UsageError:
    """What to say of a file that has not the size that it was said to have."""
    return UsageError(f"{name} has {size} bytes, but {said(layout)} take {layout.nbytes}; give the shape and type that it has")


def said(layout: Layout) -> str:
    """Shape and type in words."""
    return f"{'x'.join(map(str, layout.shape))} samples of {layout.dtype}"
