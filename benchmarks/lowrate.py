"""``python -m benchmarks lowrate DIR...``: rate and PSNR of the wavelet codec, x265, JPEG 2000 and vvenc, 0.1 to 6 bits/voxel.

The middle of every 3-D volume (16 x 224 x 224 voxels) is coded by x265 with constant quantisers in 12 bits, and by JPEG 2000 with
a wavelet along z (Part 2) and by voxz with the errors and steps that come near the same PSNRs; by vvenc (10 bits, preset medium)
with four of its quantisers, at which x265 takes 0.12 to 1.2 bits/voxel. Sizes of voxz are those of the brick, without the file's
header of some 300 bytes; x265's are without the 2 kB in which it names its options. PSNR is for the range of the samples that are
coded, over all of them. Points that the table has already are kept, so a run may be interrupted.
"""

import argparse
import csv
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.bench.bdrate import Point, delta_rate
from voxz.bench.rivals.jpeg2000 import Jpeg2000
from voxz.bench.rivals.vvenc import Vvenc
from voxz.bench.rivals.x265 import X265
from voxz.bench.volumes import find, load, names
from voxz.codecs.fidelity import Fidelity
from voxz.codecs.wavelet import codec as wavelet
from voxz.metrics import psnr
from voxz.volume.bricks import middle_of

MIDDLE = (16, 224, 224)
QUANTISERS = range(4, 52, 4)
RATES = (0.09, 0.16, 0.3, 0.55, 1.05, 2.0, 4.0)
"""Bits/voxel of x265 whose PSNRs voxz is to come near."""

OFFSETS = (3.0, 2.5, 2.0, 1.5, 1.0, 0.3, 0.0)
"""By how many dB the PSNR exceeds that of the quantiser alone at these rates, since coefficients are small there."""

STEP_OF_RMSE = 3.9
RATES_OF_VVENC = (0.12, 0.3, 0.6, 1.2)
"""Bits/voxel of x265 with whose quantisers vvenc codes: both have the same steps, and vvenc takes less."""

RIVALS = ("x265", "jpeg2000 z", "vvenc")
WINDOWS = {"0.1-1": (0.1, 1.0), "1-6": (1.0, 6.0)}
COLUMNS = ("volume", "kind", "shape", "codec", "setting", "bits_per_voxel", "psnr_db")

Row = dict[str, str]


def main(arguments: list[str]) -> None:
    """Measure, write the table, print BD-rates."""
    plain = argparse.RawTextHelpFormatter
    parser = argparse.ArgumentParser("python -m benchmarks lowrate", description=__doc__, formatter_class=plain)
    parser.add_argument("data", nargs="+", help="files or folders")
    parser.add_argument("--levels", default="5,9,9 heavy", help="levels of voxz, some with the name of an entropy profile")
    parser.add_argument("--csv", type=Path, default=Path(__file__).parent / "results" / "lowrate.csv")
    options = parser.parse_args(arguments)
    levels = [level for level in options.levels.split(",") if level]
    rows = list(csv.DictReader(options.csv.read_text(encoding="utf-8").splitlines())) if options.csv.exists() else []
    for name, kind, volume in middles(options.data):
        for row in measured(name, kind, volume, levels, rows):
            rows.append(row)
            print(" ".join(row.values()), file=sys.stderr, flush=True)
            with options.csv.open("w", newline="") as file:
                writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
    print("\n\n".join(summary(rows, rival) for rival in RIVALS))


def middles(data: list[str]) -> Iterator[tuple[str, str, NDArray[Any]]]:
    """Name, kind and middle ``(z, y, x)`` of the volumes of integers that are no series."""
    for name, path in names(find(data)):
        found = load(name, path)
        if len(found.samples) == 1 and found.samples.dtype.kind in "iu":
            volume = found.samples[0]
            yield name, found.kind, np.ascontiguousarray(volume[middle_of(volume.shape, MIDDLE)])


def measured(name: str, kind: str, volume: NDArray[Any], levels: list[str], rows: list[Row]) -> Iterator[Row]:
    """Points of a volume that are not among `rows`."""
    shape = "x".join(map(str, volume.shape[::-1]))
    had = {(row["codec"], row["setting"]) for row in rows if (row["volume"], row["shape"]) == (name, shape)}

    def row(codec: str, setting: str, length: int, decoded: NDArray[Any]) -> Row:
        error = float(((volume.astype(np.float64) - decoded) ** 2).mean())
        quality = psnr(error, float(volume.max()) - float(volume.min()))
        figures = f"{8 * length / volume.size:.5g}", "" if quality is None else f"{quality:.6g}"
        return dict(zip(COLUMNS, (name, kind, shape, codec, setting, *figures), strict=True))

    anchor = points([row for row in rows if row["volume"] == name], "x265")
    for quantiser in QUANTISERS:
        if ("x265", str(quantiser)) not in had:
            rival = X265(qp=quantiser)
            blob = rival.encode(volume[None])
            found = row("x265", str(quantiser), len(blob), rival.decode(blob)[0])
            anchor += points([found], "x265")
            yield found
    peak = float(volume.max()) - float(volume.min())
    for rate, step in steps(anchor, peak):
        if ("jpeg2000 z", f"{rate:g}") not in had:
            other = Jpeg2000(rmse=step / STEP_OF_RMSE, z="wavelet")
            blob = other.encode(volume[None])
            yield row("jpeg2000 z", f"{rate:g}", len(blob), other.decode(blob)[0])
    for quantiser in quantisers(rows, name):
        if ("vvenc", str(quantiser)) not in had:
            coder = Vvenc(qp=quantiser)
            blob = coder.encode(volume[None])
            yield row("vvenc", str(quantiser), len(blob), coder.decode(blob)[0])
    brick = np.ascontiguousarray(volume[None, ..., None])
    for level in levels:
        number, _, profile = level.partition(" ")
        for rate, step in steps(anchor, peak):
            if (f"voxz -{level}", f"{rate:g}") not in had:
                payload = wavelet.encode_brick(brick, int(number), Fidelity.stepped(step), entropy=profile or None)
                if payload is not None:
                    decoded = wavelet.decode_brick(payload, brick.shape, brick.dtype)[0, ..., 0]
                    yield row(f"voxz -{level}", f"{rate:g}", len(payload), decoded)


def steps(anchor: list[Point], peak: float) -> list[tuple[float, float]]:
    """Rates, and the steps with which voxz comes near the PSNR that the anchor has there."""
    logs, quality = np.log([rate for rate, _ in sorted(anchor)]), [db for _, db in sorted(anchor)]
    found = []
    for rate, offset in zip(RATES, OFFSETS, strict=True):
        if logs[0] - 0.4 <= math.log(rate) <= logs[-1] + 0.3:
            wanted = float(np.interp(math.log(rate), logs, quality)) - offset
            found.append((rate, STEP_OF_RMSE * peak * 10 ** (-wanted / 20)))
    return found


def quantisers(rows: list[Row], name: str) -> list[int]:
    """Of vvenc for a volume, between those at which x265 took the wanted rates."""
    own = [row for row in rows if row["volume"] == name and row["codec"] == "x265"]
    known = sorted((math.log(float(row["bits_per_voxel"])), float(row["setting"])) for row in own)
    logs, settings = [rate for rate, _ in known], [setting for _, setting in known]
    return sorted({round(float(np.interp(math.log(rate), logs, settings))) for rate in RATES_OF_VVENC})


def points(rows: list[Row], codec: str) -> list[Point]:
    """Points of a codec."""
    return [(float(row["bits_per_voxel"]), float(row["psnr_db"])) for row in rows if row["codec"] == codec and row["psnr_db"]]


def summary(rows: list[Row], rival: str = "x265") -> str:
    """BD-rates against a rival of each volume and in the mean, as a table."""
    codecs = sorted({row["codec"] for row in rows} - set(RIVALS))
    volumes = list(dict.fromkeys(row["volume"] for row in rows))
    heads = [f"{codec}, {window}" for codec in codecs for window in WINDOWS]
    lines, columns = [f"| to {rival} | " + " | ".join(heads) + " |", "|---" * (len(heads) + 1) + "|"], []
    for volume in volumes:
        own = [row for row in rows if row["volume"] == volume]
        anchor = points(own, rival)
        columns.append([delta_rate(anchor, points(own, codec), window) for codec in codecs for window in WINDOWS.values()])
        lines.append(f"| {volume} | " + " | ".join("" if rate is None else f"{rate:+.1f}" for rate in columns[-1]) + " |")
    known = [[rate for rate in column if rate is not None] for column in zip(*columns, strict=True)]
    means = [f"{sum(rates) / len(rates):+.1f} ({len(rates)})" if rates else "" for rates in known]
    return "\n".join([*lines, "| mean (of) | " + " | ".join(means) + " |"])
