"""What a lossy file promises and what was measured when it was written, for programs and in words."""

import math
from dataclasses import dataclass

from voxz.container.header import Loss
from voxz.container.reader import StoredArray
from voxz.metrics import psnr

_UNITS = {"stored": "stored units", "scaled": "scaled units", "noise": "standard deviations of the noise"}


@dataclass(frozen=True)
class LossFacts:
    """Figures of a lossy file, in stored units.

    Attributes
    ----------
    promise : in words
    asked, unit : the number that was asked for, and its unit
    bound : holds for every sample; None if there is none
    largest_error, rmse, psnr_db : measured when it was written, over the `counted_samples`; the last None if nothing was lost
    data_range : max - min of all samples, the peak of the PSNR
    background_counted : whether constant background is among the counted samples
    noise : estimated standard deviation; None if it was not needed
    """

    promise: str
    asked: float
    unit: str
    bound: float | None
    largest_error: float
    rmse: float
    psnr_db: float | None
    data_range: float
    counted_samples: int
    background_counted: bool
    noise: float | None


def loss_of(array: StoredArray) -> LossFacts | None:
    """What a file promises and what it lost; None if it was compressed without loss."""
    loss = array.header.loss
    if loss is None:
        return None
    return LossFacts(
        promise=_words(array.header.target_name, loss),
        asked=loss.asked,
        unit=loss.unit_name,
        bound=loss.bound if math.isfinite(loss.bound) else None,
        largest_error=loss.largest_error,
        rmse=math.sqrt(loss.mean_square),
        psnr_db=psnr(loss.mean_square, loss.peak),
        data_range=loss.peak,
        counted_samples=loss.counted,
        background_counted=bool(loss.counts_background),
        noise=loss.noise or None,
    )


def _words(target: str, loss: Loss) -> str:
    """What was asked for, and what follows from it in stored units."""
    if target == "max-error":
        words = f"max error {loss.asked:g} ({_UNITS[loss.unit_name]})"
        if loss.exact:
            return f"{words}: nothing may be lost in stored units, the original comes back"
        return words if loss.unit_name == "stored" else f"{words}: {loss.bound:.6g} in stored units"
    words = {
        "psnr": f"PSNR of {loss.asked:g} dB or more",
        "bits": f"{loss.asked:g} bits per sample",
        "ratio": f"ratio of {loss.asked:g} : 1",
        "fitted": "a network as it was fitted",
    }[target]
    return f"{words}, max error {loss.bound:.6g} (stored units)" if math.isfinite(loss.bound) else words
