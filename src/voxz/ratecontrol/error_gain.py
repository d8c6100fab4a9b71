"""How much larger squared errors of samples are than those of their coefficients, measured on a brick.

The 9/7 wavelets are nearly orthogonal: errors of coefficients that have nothing to do with each other add up to 0.05 to 0.15 dB
more in samples than their norms say. Where most coefficients become zero, their errors are the image itself, which is alike from
scale to scale: then it is -0.1 to 0.6 dB, as ten scans show at 0.1 to 1 bit a sample. So errors of a plain quantiser are
transformed back, in place of samples, and summed up. They come within 0.03 dB (standard deviation) of what coding shows.
"""

import math

import numpy as np

from voxz.codecs.wavelet.fast.draft import Draft

ROUNDING = np.float32(0.36)
"""What is added to a magnitude, in steps, before it is cut to whole steps, as at level 1."""


def error_gain_db(draft: Draft, step: float) -> float:
    """Squared errors of the samples of a draft without a basis, to those of its coefficients, in dB, for about a `step`."""
    prepared, pyramid = draft.prepared, draft.pyramid
    samples = coefficients = 0.0
    for volume, original, unknown in zip(draft.components, prepared.series, prepared.missing, strict=True):
        errors = np.empty_like(volume)
        for band in pyramid.bands():
            steps = volume[band.box] * np.float32(band.norm / step)
            steps -= np.trunc(steps + np.copysign(ROUNDING, steps))
            coefficients += float(np.square(steps).sum(dtype=np.float64))
            errors[band.box] = steps * np.float32(step / band.norm)
        pyramid.synthesise(errors)
        with np.errstate(invalid="ignore"):  # of infinities, which are unknown
            np.clip(np.subtract(original, errors, out=errors), prepared.low, prepared.high, out=errors)
            errors -= original
            np.square(errors, out=errors)
        samples += float(errors.sum(where=~unknown, dtype=np.float64))
    return 10 * math.log10(samples / (coefficients * step**2)) if samples and coefficients else 0.0
