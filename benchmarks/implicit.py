"""What the codec siren is worth: against the published network of coordinates, against wavelets, and against x265.

``python -m benchmarks implicit DIR`` measures every series of DIR, one after the other, on one thread:

- the preset `sirenmri-2d` on the middle slice of each (CROP x CROP voxels of it), then ours at the same bytes, and
  at the same PSNR; times are CPU seconds of the process;
- the whole series at the RATIOS with siren, wavelet and KLT, and x265 in its better order;
- resampling (`benchmarks.implicit_uses`): every second voxel compressed, and the original predicted from that;
- a bound: a piece of the series with a largest error, through siren and by prediction alone.

PSNRs are of the foreground, for the range of the samples. Every figure comes from decoded bytes. Cells that are in the
folder of results already are not measured again.
"""

import argparse
import csv
import json
import math
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import voxz
from benchmarks.implicit_uses import gallery, resampled, within_bounds
from voxz.bench.rivals.x265 import X265
from voxz.image.load import read_samples
from voxz.plotting import new_figure, png_bytes
from voxz.volume.background import find_background

SERIES = ("dmri_stc_trio20", "fmri_rtcloud_face", "fmri_asl_pcasl2dve", "mri_dce_br08", "dmri_uih16")
CROP = 64
"""Voxels of a slice that the published network is fitted to, along x and y: all of it but for large slices."""
RATIOS = (10, 40, 100, 400)
QPS = (0, 4, 8, 12, 20, 28, 36, 44, 51)
PICTURE = Path(__file__).parents[1] / "docs" / "siren.png"
GALLERY = PICTURE.with_name("siren-images.png")
TABLE = Path(__file__).parent / "results" / "implicit.csv"

LONG = 8
"""Volumes from which on x265 is better over time on every series that was tried."""

Samples = NDArray[Any]
Cell = dict[str, Any]


@dataclass(frozen=True)
class Cells:
    """Results in a folder, one file each; new ones are measured, or left out."""

    folder: Path
    measures: bool

    def get(self, name: str, measure: Callable[[], Cell]) -> Iterable[Cell]:
        """Result of an earlier run, or a new one; nothing if there is none and none is wanted."""
        path = self.folder / f"{name}.json"
        if not path.exists():
            if not self.measures:
                return
            path.write_text(json.dumps(measure()), encoding="utf-8")
        yield json.loads(path.read_text(encoding="utf-8"))


def main(arguments: list[str]) -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks implicit", description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, default=Path("implicit-cells"))
    parser.add_argument("--only", default=",".join(SERIES), help="names of series, with commas")
    parser.add_argument("--crop", type=int, default=CROP, help="voxels of a slice along x and y")
    parser.add_argument("--ratios", default=",".join(map(str, RATIOS)))
    parser.add_argument("--parts", default="preset,ratios,resample,bound", help="also: gallery")
    parser.add_argument("--kept", action="store_true", help="measure nothing: write what the folder of cells has")
    chosen = parser.parse_args(arguments)
    chosen.out.mkdir(parents=True, exist_ok=True)
    cells = Cells(chosen.out, measures=not chosen.kept)
    rows: list[Cell] = []
    for name in chosen.only.split(","):
        samples = read_samples(chosen.folder / f"{name}.nii.gz")
        piece = middle_slice(samples, chosen.crop)
        for part, measured_cells in (
            ("preset", partial(against_preset, name, piece, cells)),
            ("ratios", partial(at_ratios, name, samples, cells, [int(r) for r in chosen.ratios.split(",")])),
            ("resample", partial(measured_uses, name, samples, cells, "resample", resampled)),
            ("bound", partial(measured_uses, name, samples, cells, "bound", within_bounds)),
        ):
            if part in chosen.parts.split(","):
                for cell in measured_cells():
                    print(json.dumps(cell), file=sys.stderr)
                    rows.append(cell)
    if rows:
        write(rows, TABLE)
    if any(str(row["at"]).endswith(": 1") for row in rows):
        PICTURE.write_bytes(picture(rows))
    if "gallery" in chosen.parts.split(","):
        name = chosen.only.split(",")[0]
        GALLERY.write_bytes(gallery(read_samples(chosen.folder / f"{name}.nii.gz")))


def against_preset(name: str, piece: Samples, cells: Cells) -> Iterable[Cell]:
    """Yield the preset's figures on a slice, and ours at its bytes and at its PSNR."""
    for preset in cells.get(f"{name}-preset", partial(fitted, name, piece, "preset", voxz.Lossless(), "sirenmri-2d")):
        yield preset
        yield from cells.get(f"{name}-bytes", partial(at_most, name, piece, preset["bytes"]))
        if not math.isfinite(preset["psnr_db"]):
            continue  # it has every sample, which only a lossless codec can match
        target = voxz.Psnr(preset["psnr_db"])
        yield from cells.get(f"{name}-psnr", partial(fitted, name, piece, "ours, its PSNR", target, "default"))


def measured_uses(
    name: str, samples: Samples, cells: Cells, part: str, measure: Callable[[Samples], list[Cell]]
) -> Iterable[Cell]:
    """Yield the figures of another use, with the name of the series."""
    for found in cells.get(f"{name}-{part}", lambda: {"cells": measure(samples)}):
        yield from ({"series": name, **cell} for cell in found["cells"])


def at_ratios(name: str, samples: Samples, cells: Cells, ratios: list[int]) -> Iterable[Cell]:
    """Yield figures of the whole series."""
    curve = [point for cell in cells.get(f"{name}-x265", lambda: {"points": x265_points(samples)}) for point in cell["points"]]
    for ratio in ratios:
        label = f"{ratio} : 1"
        yield from cells.get(f"{name}-siren-{ratio}", partial(fitted, name, samples, label, voxz.Ratio(ratio), "default"))
        yield from cells.get(f"{name}-wavelet-{ratio}", partial(wavelet, name, samples, label, voxz.Ratio(ratio)))
        quality = interpolated(curve, samples.nbytes / ratio)
        if quality is not None:
            yield {"series": name, "codec": "x265", "at": label, "bytes": round(samples.nbytes / ratio), "psnr_db": quality}


def at_most(name: str, piece: Samples, size: int) -> Cell:
    """Ours at the bytes of the preset; without loss where that takes less."""
    lossless = voxz.encode(array_of(piece), threads=1)
    if len(lossless) <= size:
        return {"series": name, "codec": "voxz, lossless", "at": "its bytes or less", "bytes": len(lossless), "psnr_db": math.inf}
    return fitted(name, piece, "ours, its bytes", voxz.BitsPerVoxel(8 * size / piece.size), "default")


def fitted(name: str, samples: Samples, at: str, target: Any, preset: str) -> Cell:
    """Figures of siren."""
    return measured(
        name,
        f"siren {preset}",
        at,
        samples,
        lambda: voxz.encode(array_of(samples), target=target, codec=voxz.Siren(preset), threads=1),
    )


def wavelet(name: str, samples: Samples, at: str, target: Any) -> Cell:
    """Figures of wavelets and KLT."""
    return measured(name, "wavelet", at, samples, lambda: voxz.encode(array_of(samples), target=target, threads=1))


def measured(name: str, codec: str, at: str, samples: Samples, encode: Callable[[], bytes]) -> Cell:
    """Figures of one file: bytes, PSNRs, CPU seconds."""
    started = time.process_time()
    blob = encode()
    encoding = time.process_time() - started
    started = time.process_time()
    decoded = voxz.decode(blob, threads=1).reshape(samples.shape)
    decoding = time.process_time() - started
    return {
        "series": name,
        "codec": codec,
        "at": at,
        "bytes": len(blob),
        "ratio": round(samples.nbytes / len(blob), 3),
        "psnr_db": foreground_psnr(samples, decoded),
        "scaled_psnr_db": scaled_psnr(samples, decoded),
        "encode_cpu_s": round(encoding, 1),
        "decode_mb_s": round(samples.nbytes / 1e6 / max(decoding, 1e-9), 2),
    }


def x265_points(samples: Samples) -> list[tuple[float, float]]:
    """Bytes and PSNR of x265 veryslow at all QPs, of the order that is better at each."""
    points = []
    for order in ("volume", "time") if len(samples) < LONG else ("time",):
        for qp in QPS:
            codec = X265(qp=qp, order=order)
            blob = codec.encode(array_of(samples))
            points.append((float(len(blob)), foreground_psnr(samples, codec.decode(blob)[..., None])))
    best = sorted(points)
    return [p for i, p in enumerate(best) if all(q[1] < p[1] for q in best[:i])]


def interpolated(points: list[tuple[float, float]], size: float) -> float | None:
    """PSNR at a size, linear in its logarithm; None beyond the points."""
    sizes, qualities = [math.log(p[0]) for p in points], [p[1] for p in points]
    if not sizes or not sizes[0] <= math.log(size) <= sizes[-1]:
        return None
    return round(float(np.interp(math.log(size), sizes, qualities)), 3)


def middle_slice(samples: Samples, crop: int) -> Samples:
    """Middle slice of a series, at most crop x crop voxels of it."""
    z, y, x = (n // 2 for n in samples.shape[1:4])
    half = crop // 2
    return np.ascontiguousarray(samples[:, z : z + 1, max(0, y - half) : y + half, max(0, x - half) : x + half])


def array_of(samples: Samples) -> Samples:
    """Series without channels."""
    return samples[..., 0]


def foreground_psnr(original: Samples, decoded: Samples) -> float:
    """PSNR in dB without constant background, for the range of all samples."""
    background = find_background(original)
    error = (original.astype(np.float64) - decoded.astype(np.float64))[..., 0]
    seen = error if background is None else error[~background.mask]
    peak = float(original.max()) - float(original.min())
    square = float(np.mean(seen**2))
    return round(10 * math.log10(peak**2 / square), 3) if square else math.inf


def scaled_psnr(original: Samples, decoded: Samples) -> float:
    """PSNR of a slice as the published program has it: every volume scaled to 0 .. 1 by its own range."""
    low = original.min(axis=(1, 2, 3, 4), keepdims=True).astype(np.float64)
    extent = np.maximum(original.max(axis=(1, 2, 3, 4), keepdims=True) - low, 1e-9)
    square = float(np.mean(((original - decoded.astype(np.float64)) / extent) ** 2))
    return round(-10 * math.log10(square), 3) if square else math.inf


def picture(rows: list[Cell]) -> bytes:
    """PNG: PSNR against ratio, a panel for each series."""
    names = list(dict.fromkeys(row["series"] for row in rows if str(row["at"]).endswith(": 1")))
    figure, axes = new_figure(1, len(names), (4 * len(names), 3.6))
    for axis, name in zip(axes[0], names, strict=True):
        for codec in ("siren default", "wavelet", "x265"):
            own = [row for row in rows if (row["series"], row["codec"]) == (name, codec) and str(row["at"]).endswith(": 1")]
            points = [(float(row["at"].split()[0]), row["psnr_db"]) for row in own if row["psnr_db"]]
            if points:
                axis.plot(*zip(*points, strict=True), "o-", label=codec.split()[0], markersize=3)
        axis.set_xscale("log")
        axis.set_title(name, fontsize=9)
        axis.set_xlabel("ratio")
        axis.grid(alpha=0.3)
    axes[0, 0].set_ylabel("foreground PSNR, dB")
    axes[0, 0].legend(fontsize=8)
    return png_bytes(figure)


def write(rows: list[Cell], path: Path) -> None:
    """Write the table."""
    columns = ("series", "codec", "at", "bytes", "ratio", "psnr_db", "scaled_psnr_db", "encode_cpu_s", "decode_mb_s")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
