"""What a fitted function can do beside its size: other grids, a largest error; and what it looks like.

Part of ``python -m benchmarks implicit``. Samples are ``(series, z, y, x, 1)``; PSNRs are for the range of the original.
"""

import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

import voxz
from voxz.bench.rivals.x265 import X265
from voxz.codecs.siren.codec import resample_brick
from voxz.codecs.siren.interpolation import Taps, sample
from voxz.container.reader import Reader
from voxz.plotting import new_figure, png_bytes

Samples = NDArray[Any]
Cell = dict[str, Any]

COARSE_RATIOS = (20, 100)
BOUNDS = (2, 10)
SLICES, VOLUMES = 4, 6
"""Of the piece that is coded with a bound."""

SHOWN_RATIO = 100
SHOWN_QPS = range(12, 52, 3)


def resampled(samples: Samples) -> list[Cell]:
    """Every second voxel along y and x coded; all voxels from it by siren, and by cubic splines behind wavelets.

    Both give values at the same positions: the grid is a factor of 2 finer and starts at the same voxel.
    """
    coarse = np.ascontiguousarray(samples[:, :, ::2, ::2, 0])
    z, y, x = samples.shape[1:4]
    steps = ((z, 1.0), (y, 2.0), (x, 2.0))
    positions = tuple(np.minimum(np.arange(n) / f, math.ceil(n / f) - 1.0) for n, f in steps)
    grid = tuple(Taps.cubic(p, n) for p, n in zip(positions, coarse.shape[1:], strict=True))
    cells = []
    for ratio in COARSE_RATIOS:
        for codec in ("siren", "wavelet"):
            started = time.process_time()
            blob = voxz.encode(coarse, target=voxz.Ratio(ratio), codec=codec, threads=1)
            spent = time.process_time() - started
            if codec == "siren":
                fine = _field_at(blob, positions)
            else:
                fine = sample(voxz.decode(blob, threads=1).astype(np.float64), (grid[0], grid[1], grid[2]))
            found = np.clip(np.floor(fine + 0.5), samples.min(), samples.max())
            cells.append(
                {
                    "codec": "siren, 2x" if codec == "siren" else "wavelet, splines",
                    "at": f"resampled, {ratio}:1 of the half",
                    "bytes": len(blob),
                    "psnr_db": _psnr(samples[..., 0], found),
                    "encode_cpu_s": round(spent, 1),
                }
            )
    return cells


def within_bounds(samples: Samples) -> list[Cell]:
    """Bytes of a piece with a largest error, through siren and by prediction alone; decoded and checked."""
    first = (samples.shape[1] - SLICES) // 2
    piece = np.ascontiguousarray(samples[:VOLUMES, first : first + SLICES, ..., 0])
    cells = []
    for bound in BOUNDS:
        ways: tuple[tuple[str, Callable[[], bytes]], ...] = (
            ("siren", lambda: voxz.encode(piece, target=voxz.MaxError(bound), codec="siren", threads=1)),  # noqa: B023
            ("predictive", lambda: voxz.encode(piece, target=voxz.MaxError(bound), codec="predictive", threads=1)),  # noqa: B023
        )
        for codec, encode in ways:
            started = time.process_time()
            blob = encode()
            spent = time.process_time() - started
            decoded = voxz.decode(blob, threads=1)
            assert int(np.abs(decoded.astype(np.int64) - piece.astype(np.int64)).max()) <= bound
            cells.append(
                {
                    "codec": codec,
                    "at": f"largest error {bound}",
                    "bytes": len(blob),
                    "ratio": round(piece.nbytes / len(blob), 3),
                    "psnr_db": _psnr(piece, decoded),
                    "encode_cpu_s": round(spent, 1),
                }
            )
    return cells


def gallery(samples: Samples) -> bytes:
    """PNG: the middle slice of the first volume, and three codecs at SHOWN_RATIO with their differences below."""
    series = samples[..., 0]
    size = series.nbytes / SHOWN_RATIO
    shown = [("original", series, 0)]
    for codec in ("siren", "wavelet"):
        blob = voxz.encode(series, target=voxz.Ratio(SHOWN_RATIO), codec=codec, threads=1)
        shown.append((codec, voxz.decode(blob, threads=1), len(blob)))
    rival = ((X265(qp=qp, order="time"), qp) for qp in SHOWN_QPS)
    coded = ((one, one.encode(series), qp) for one, qp in rival)
    one, blob, _ = next((c for c in coded if len(c[1]) <= size), (None, b"", 0))
    if one is not None:
        shown.append(("x265", one.decode(blob), len(blob)))
    place = (0, series.shape[1] // 2)
    high = float(np.percentile(series[place], 99.5))
    figure, axes = new_figure(2, len(shown), (3 * len(shown), 6))
    for column, (name, decoded, nbytes) in enumerate(shown):
        values = decoded[place].astype(np.float64)
        axes[0, column].imshow(values, cmap="gray", vmin=0, vmax=high)
        title = name if column == 0 else f"{name}: {nbytes} bytes, {_psnr(series, decoded):.1f} dB"
        axes[0, column].set_title(title, fontsize=9)
        if column:
            axes[1, column].imshow(values - series[place], cmap="gray", vmin=-high / 8, vmax=high / 8)
        for axis in axes[:, column]:
            axis.set_axis_off()
    axes[1, 1].set_title("difference, eight times as bright", fontsize=9)
    return png_bytes(figure)


def _field_at(blob: bytes, positions: tuple[NDArray[np.float64], ...]) -> NDArray[np.float64]:
    """Samples ``(series, z, y, x)`` of a file of one brick at positions in its voxels."""
    with Reader(blob) as reader:
        (array,) = reader.arrays
        assert len(array.boxes) == 1
        found = array.brick(0, partial(resample_brick, positions=(positions[0], positions[1], positions[2])))
    return found[..., 0].astype(np.float64)


def _psnr(original: Samples, decoded: Samples) -> float:
    """PSNR in dB of all voxels, for the range of the original."""
    square = float(np.mean((original.astype(np.float64) - decoded.astype(np.float64)) ** 2))
    peak = float(original.max()) - float(original.min())
    return round(10 * math.log10(peak**2 / square), 3) if square else math.inf
