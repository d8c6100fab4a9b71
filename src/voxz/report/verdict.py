"""May it be kept instead of the original? What was promised, whether it is true, and how large the loss is beside the noise."""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from voxz.compare.compare import Comparison
from voxz.image.loss import LossFacts
from voxz.report.evidence import Evidence
from voxz.report.residual import Structure

Sign = Literal["good", "note", "bad", "fact"]

SMALL = 0.5
"""RMSE in standard deviations of the noise up to which a loss is called small: noise grows by 12 %."""

_BIAS, _SHARED, _SEAM = 0.05, 0.1, 1.05
"""Mean error in standard deviations of the noise, correlation of neighbours, step at borders: what is more is worth a look."""

_ROUNDING = 1e-6


@dataclass(frozen=True)
class Verdict:
    """A headline, whether it is good news, and the points that it rests on."""

    sign: Sign
    headline: str
    points: tuple[tuple[Sign, str], ...]


def verdict_of(evidence: Evidence, comparison: Comparison | None, structure: Structure | None) -> Verdict:
    """Judge a file that was decoded without a fault; figures are None where there is no original to compare with."""
    points: list[tuple[Sign, str]] = []
    loss = evidence.facts.loss
    exact = loss is None or not loss.largest_error
    if comparison is None:
        sign, headline = _lossless(evidence) if exact else _unchecked(loss)
    elif not comparison.max_error and exact:
        sign, headline = "good", "Identical: every voxel comes back exactly."
    else:
        sign, headline = _kept(evidence, comparison)
    if loss is not None:
        points.append(("fact", f"Asked for: {loss.promise}."))
    if not exact and loss is not None:
        points += _noise_points(evidence, loss, comparison)
    if structure is not None and not exact:
        points += _structure_points(structure)
    if evidence.header_same is not None:
        points.append(
            ("good", "Header and extensions are the same bytes: position, orientation and units do not change.")
            if evidence.header_same
            else ("note", "Header or extensions differ from those of the original that was given.")
        )
    elif evidence.facts.original != "array":
        points.append(("good", "What lies around the samples (header, extensions) is kept verbatim."))
    if evidence.facts.lossy_before:
        points.append(("note", f"The original had lost something before: {'; '.join(evidence.facts.lossy_before)}."))
    points.append(("fact", _size(evidence)))
    if sign == "good" and any(kind == "bad" for kind, _ in points):
        sign = "note"  # a promise that was kept may still cost too much
    return Verdict(sign, headline, tuple(points))


def _lossless(evidence: Evidence) -> tuple[Sign, str]:
    return "good", f"Lossless, and intact: {'the files come' if evidence.facts.files > 1 else 'the original comes'} back exactly."


def _unchecked(loss: LossFacts | None) -> tuple[Sign, str]:
    assert loss is not None
    bound = f"no voxel is off by more than {loss.bound:.6g}" if loss.bound is not None else "no largest error was promised"
    return "note", f"Lossy: {bound}. Give --original to see what was lost."


def _kept(evidence: Evidence, comparison: Comparison) -> tuple[Sign, str]:
    """Whether the errors are those that the file promises, and says that it has."""
    loss = evidence.facts.loss
    bound = 0.0 if loss is None else loss.bound
    largest = comparison.max_error
    if bound is not None and not largest <= bound * (1 + _ROUNDING):
        return "bad", (
            f"Not the promised quality: errors go up to {largest:.6g}, promised were at most {bound:.6g}. This is probably not "
            "the file that was compressed."
        )
    assert loss is not None
    if abs(largest - loss.largest_error) > _ROUNDING * max(largest, loss.largest_error):
        return "bad", (
            f"Not the original: errors go up to {largest:.6g}, but to {loss.largest_error:.6g} when the file was written. "
            "Give the file that was compressed."
        )
    if bound is not None:
        return "good", f"Promise kept: no voxel is off by more than {largest:.6g} (at most {bound:.6g} was promised)."
    return "good", f"As it was written: the largest error is {largest:.6g}; none was promised."


def _noise_points(evidence: Evidence, loss: LossFacts, comparison: Comparison | None) -> list[tuple[Sign, str]]:
    noise = evidence.noise
    if noise <= 0:
        words = f"RMSE is {loss.rmse:.4g}. No noise is seen in the image to measure it by."
        return [("note", words)]
    source = "as the file says" if loss.noise else "estimated"
    points: list[tuple[Sign, str]] = []
    if loss.bound is not None:
        words = f"The bound is {loss.bound / noise:.2f} standard deviations of the noise ({noise:.4g}, {source})."
        points.append(("fact", words))
    size = loss.rmse / noise
    growth = 100 * (math.hypot(1, size) - 1)
    sign: Sign = "good" if size <= SMALL else "note" if size <= 1 else "bad"
    points.append((sign, f"RMSE is {loss.rmse:.4g}, {size:.2f} of the noise: as if the noise had grown by {growth:.1f} %."))
    if comparison is not None and evidence.error is not None:
        bias = float(np.mean(evidence.error[evidence.seen], dtype=np.float64)) / noise
        words = f"The mean error is {bias:+.3f} of the noise" + (": no bias." if abs(bias) <= _BIAS else ": a bias.")
        points.append(("good" if abs(bias) <= _BIAS else "note", words))
    return points


def _structure_points(structure: Structure) -> list[tuple[Sign, str]]:
    axis, shared = structure.shared
    points: list[tuple[Sign, str]] = []
    if axis and abs(shared) <= _SHARED:
        points.append(("good", f"Errors look like white noise: neighbours share {shared:+.2f} at most (along {axis})."))
    elif axis:
        points.append(("note", f"Errors have structure: neighbours along {axis} share {shared:+.2f}. Look at the difference."))
    if structure.seams:
        name, step = max(structure.seams.items(), key=lambda entry: entry[1])
        words = f"Across borders of bricks errors change {step:.3f} times as much as elsewhere (largest: {name})"
        points.append(("good", f"{words}: no seams.") if step <= _SEAM else ("note", f"{words}."))
    return points


def _size(evidence: Evidence) -> str:
    facts = evidence.facts
    share = 100 * facts.bytes / evidence.gzip_bytes if evidence.gzip_bytes else math.nan
    name = ".nii.gz" if evidence.facts.original.startswith("nifti") else "gzip"
    about = "" if evidence.gzip_measured else " (about; gzip 6 of the samples)"
    return f"{facts.bytes:,} bytes: {share:.1f} % of {name}{about}, {facts.ratio:.2f} times smaller than uncompressed."
