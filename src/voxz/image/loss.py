"""What a lossy file promises and what was measured when it was written, for programs and in words."""

import math
from collections import Counter
from typing import Any

from voxz.codecs.numbers import WAVELET
from voxz.codecs.wavelet.head import Head, entropy_name, transform_name
from voxz.container.header import Loss
from voxz.container.reader import StoredArray
from voxz.metrics import psnr

_UNITS = {"stored": "stored units", "scaled": "scaled units", "noise": "standard deviations of the noise"}


def loss_of(array: StoredArray) -> dict[str, Any] | None:
    """Figures of a lossy file, in stored units; None if it was compressed without loss.

    Returns
    -------
    dict
        `promise` in words; the number that was `asked` and its `unit`; the `bound` that holds for every sample, None if there is
        none; what was measured: `largest_error`, `rmse` and `psnr_db` (None if nothing was lost) of the `counted_samples`,
        for the `data_range` max - min of all; `background_counted`, whether constant background is among them; the estimated
        standard deviation of the `noise`, None if it was not needed.
    """
    loss = array.header.loss
    if loss is None:
        return None
    return {
        "promise": _words(array.header.target_name, loss),
        "asked": loss.asked,
        "unit": loss.unit_name,
        "bound": loss.bound if math.isfinite(loss.bound) else None,
        "largest_error": loss.largest_error,
        "rmse": math.sqrt(loss.mean_square),
        "psnr_db": psnr(loss.mean_square, loss.peak),
        "data_range": loss.peak,
        "counted_samples": loss.counted,
        "background_counted": bool(loss.counts_background),
        "noise": loss.noise or None,
    }


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


def wavelet_names(array: StoredArray) -> tuple[dict[str, int], dict[str, int]]:
    """Transforms and entropy profiles of the bricks of the codec `wavelet`, and how many bricks have each."""
    fronts = [array.front(n, Head.FRONT) for n, brick in enumerate(array.bricks) if brick.codec == WAVELET]
    transforms, profiles = (Counter(map(name, fronts)) for name in (transform_name, entropy_name))
    return dict(sorted(transforms.items())), dict(sorted(profiles.items()))
