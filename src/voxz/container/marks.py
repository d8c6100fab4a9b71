"""The mark that a lossy file leaves behind the samples of what it is decompressed to.

It is one line of text after the last sample, where readers of NIfTI and .npy do not look, so no header changes. When such a
file is compressed again, losslessly or not, the mark travels with it like every other byte behind the samples.
"""

from voxz.container.header import Header, Loss

_START = b"\nvoxz-lossy "


def mark(header: Header, loss: Loss) -> bytes:
    """Line that says what was promised and measured, in stored units."""
    facts = {
        "target": f"{header.target_name}:{loss.asked:g}",
        "bound": f"{loss.bound:.9g}",
        "largest-error": f"{loss.largest_error:.9g}",
        "rmse": f"{loss.mean_square**0.5:.6g}",
    }
    return _START + " ".join(f"{key}={value}" for key, value in facts.items()).encode() + b"\n"


def marks_in(tail: bytes) -> list[str]:
    """Marks among the bytes behind the samples, oldest first."""
    return [part.partition(b"\n")[0].decode("ascii", "replace") for part in tail.split(_START)[1:]]
