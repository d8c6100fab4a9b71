"""Sizes at other bounds: part of the volume is compressed at each of five settings."""

from dataclasses import dataclass

import numpy as np

from voxz import api
from voxz.report.evidence import Evidence, Samples, gzip_size
from voxz.target import MaxError

SAMPLES = 1 << 21
"""Samples that are compressed at each setting, about."""

OF_NOISE = (0.0, 0.5, 1.0, 2.0, 4.0)
"""Bounds in standard deviations of the noise; the first is lossless."""


@dataclass(frozen=True)
class Setting:
    """A bound in stored units (0: lossless), bits per sample, and size to that of gzip."""

    bound: float
    bits: float
    to_gzip: float
    current: bool


def settings_of(evidence: Evidence, threads: int | None = None) -> tuple[list[Setting], str]:
    """Five settings, the file's own among them if it has a bound, and which part was tried; none where nothing can be lost."""
    samples, words = _middle(evidence.reference)
    current = evidence.facts.loss.bound if evidence.facts.loss else 0.0
    whole = samples.dtype.kind in "iu"
    wanted = [factor * evidence.noise for factor in OF_NOISE]
    if whole:
        wanted = [float(max(n, round(bound))) for n, bound in enumerate(wanted)]
    if evidence.noise <= 0 and not whole:
        return [], words
    if current is not None and current not in wanted:
        nearest = min(range(1, len(wanted)), key=lambda n: abs(wanted[n] - current))
        wanted[nearest] = current
    gzipped = gzip_size(samples)
    found = []
    for bound in sorted(set(wanted)):
        size = len(api.encode(samples, target=MaxError(bound), level=evidence.facts.level or api.DEFAULT_LEVEL, threads=threads))
        found.append(Setting(bound, 8 * size / samples.size, size / max(1, gzipped), bound == current))
    return found, words


def _middle(samples: Samples) -> tuple[Samples, str]:
    """Middle slices of the middle volumes, and which they are, in words; without channels, ``(series, z, y, x)``."""
    shown = samples[..., 0]
    series, depth, *plane = shown.shape
    slices = max(1, SAMPLES // max(1, plane[0] * plane[1]))
    volumes = max(1, min(series, slices // depth))
    slices = min(depth, slices)
    t, z = (series - volumes) // 2, (depth - slices) // 2
    words = [f"{slices} of {depth} slices"] if slices < depth else []
    words += [f"{volumes} of {series} volumes"] if volumes < series else []
    return np.ascontiguousarray(shown[t : t + volumes, z : z + slices]), " and ".join(words) or "all of it"
