"""A picture of how a fit went: the PSNR of each network over its iterations, within the range of what it learns."""

from typing import Any

from voxz.plotting import new_figure, png_bytes

_KEYS = ("brick", "network", "stage")

_LEAST_RANGE = 1.0
"""Decibels that the axis shows at least."""


def log_png(entries: list[dict[str, Any]]) -> bytes:
    """PNG of the entries of a log."""
    curves: dict[tuple[Any, ...], list[tuple[float, float]]] = {}
    for entry in entries:
        if "iteration" in entry:
            curves.setdefault(tuple(entry.get(key) for key in _KEYS), []).append((entry["iteration"], entry["psnr_db"]))
    figure, axes = new_figure(1, 1, (8, 4.5))
    axis = axes[0, 0]
    for key, points in curves.items():
        label = ", ".join(f"{name} {value}" for name, value in zip(_KEYS, key, strict=True) if value is not None)
        axis.plot(*zip(*points, strict=True), label=label, marker="o" if len(points) == 1 else "")
    low, high = axis.get_ylim()
    if high - low < _LEAST_RANGE:  # a fit that stands still looks like one
        axis.set_ylim((low + high - _LEAST_RANGE) / 2, (low + high + _LEAST_RANGE) / 2)
    if 0 < len(curves) <= 12:
        axis.legend(fontsize=7)
    axis.set_xlabel("iteration")
    axis.set_ylabel("PSNR of what is learnt, dB")
    axis.grid(alpha=0.3)
    return png_bytes(figure)
