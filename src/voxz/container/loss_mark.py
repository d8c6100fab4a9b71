"""The mark that a lossy file leaves behind the samples of what it is decompressed to.

It is one line of text after the last sample, where readers of NIfTI and .npy do not look, so no header changes. When such a
file is compressed again, losslessly or not, the mark travels with it like every other byte behind the samples; a part that is
cut from it carries it too.
"""

from voxz.container.header import ArrayHeader
from voxz.container.reader import StoredArray
from voxz.container.surroundings import Surroundings
from voxz.limits import BASE

_START = b"\nvoxz-lossy "


def mark(header: ArrayHeader) -> bytes:
    """Line that says what was promised and measured, in stored units."""
    loss = header.loss
    assert loss is not None
    unit = "" if loss.unit_name == "stored" else f"-{loss.unit_name}"
    facts = {
        "target": f"{header.target_name}{unit}:{loss.asked:g}",
        "bound": f"{loss.bound:.9g}",
        "largest-error": f"{loss.largest_error:.9g}",
        "rmse": f"{loss.mean_square**0.5:.6g}",
    }
    return _START + " ".join(f"{key}={value}" for key, value in facts.items()).encode() + b"\n"


def marks_in(tail: bytes) -> list[str]:
    """Marks among the bytes behind the samples, oldest first."""
    return [part.partition(b"\n")[0].decode("ascii", "replace") for part in tail.split(_START)[1:]]


def is_marks(tail: bytes) -> bool:
    """Whether bytes behind the samples are nothing but marks."""
    return not tail or (tail.startswith(_START) and tail.endswith(b"\n") and tail.count(b"\n") == 2 * len(marks_in(tail)))


def own_mark(array: StoredArray) -> bytes:
    """Mark of the losses of this array itself; empty if nothing may be lost."""
    loss = array.header.loss
    return b"" if loss is None or loss.exact else mark(array.header)


def marks_before(array: StoredArray, most: int = BASE) -> list[str]:
    """Marks that the original had already, oldest first; `LimitError` if more than `most` bytes lie behind the samples."""
    found = marks_in(Surroundings(array).tail.read(most))
    return found[:-1] if own_mark(array) else found


def all_marks(array: StoredArray) -> bytes:
    """Lines that belong behind a part of the image: those of earlier losses and this file's own."""
    before = (_START + text.encode() + b"\n" for text in marks_before(array))
    return b"".join(before) + own_mark(array)
