"""``python -m benchmarks trained DIR``: trained transforms against untrained ones, same coder, on scanners not trained on.

Of the volumes in DIR those that the models' cards name as held out are coded: of each the middle 24 x 112 x 112 voxels (the
middle volume of a series), payloads without a file around them, at seven steps. Rates are compared at equal PSNR (BD-rate);
lossless sizes with 5/3 and with the predictive codec. Writes benchmarks/results/trained.csv.

With ``--models`` or ``--tuned`` these and `general` are measured instead; with ``--without`` and tools of the coder (`TOOLS`)
`general`, by an encoder that leaves them out: what they have taken of the gain shows then.
"""

import argparse
import csv
import math
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from voxz.bench.bdrate import Point, delta_rate
from voxz.bench.volumes import find, load, names
from voxz.codecs.fidelity import EXACT, Fidelity
from voxz.codecs.predictive import codec as predictive
from voxz.codecs.wavelet import bands
from voxz.codecs.wavelet import codec as wavelet
from voxz.codecs.wavelet.levels import EFFORTS
from voxz.codecs.wavelet.options import Transform
from voxz.codecs.wavelet.sign_context import TAPS
from voxz.io.array import ArraySource
from voxz.transforms.trained_model import Model
from voxz.volume.bricks import middle_of
from voxz.weights.store import VARIABLE

HELD_OUT = ("mri_sf_t1", "mri_uih_t1_a", "ct_sts", "ct_andrei", "em_fib", "pet_sts", "fmri_sf", "dmri_uih")
"""Beginnings of the names of volumes whose scanners no shipped model was trained on."""

MIDDLE = (24, 112, 112)
STEPS = 7
WINDOWS = {"all": (0.5, 6.0), "high": (1.5, 6.0), "low": (0.15, 1.5)}
"""Ranges of bits/voxel, those of 9/7, between which rates are compared."""

TOOLS = ("restoring", "leaning", "trellis")
"""Of the coder, those that can be left out: filters for what was decoded, prediction of signs, and choice of coefficients."""


@dataclass(frozen=True)
class Row:
    """A volume and a transform; BD-rates against 9/7 in percent; sizes against others; speeds in million voxels a second."""

    volume: str
    transform: str
    bd_all: float | None = None
    bd_high: float | None = None
    bd_low: float | None = None
    to_53: float | None = None
    to_predictive: float | None = None
    encode: float | None = None
    decode: float | None = None
    without: str = ""


@contextmanager
def without(tools: list[str]) -> Iterator[None]:
    """Encode without some of `TOOLS`."""
    efforts = EFFORTS
    if "restoring" in tools:
        efforts = {level: replace(effort, restores=False) for level, effort in efforts.items()}
    if "trellis" in tools:
        efforts = {level: replace(effort, states=1, rounds=1, slope=0.0) for level, effort in efforts.items()}
    with ExitStack() as stack:
        stack.enter_context(patch.object(wavelet, "EFFORTS", efforts))
        if "leaning" in tools:
            stack.enter_context(patch.object(bands, "fit_leaning", lambda *_: np.zeros(TAPS, np.int64)))
        yield


def curve(samples: NDArray[np.generic], transform: Transform, level: int, steps: list[float]) -> tuple[list[Point], float, float]:
    """Bits/voxel and PSNR at each step, and the speeds of coding and decoding."""
    points, times = [], [0.0, 0.0]
    peak = float(samples.max()) - float(samples.min())
    for step in steps:
        start = time.perf_counter()
        payload = wavelet.encode_brick(samples, level, Fidelity.stepped(step), transform) or b""
        middle = time.perf_counter()
        decoded = wavelet.decode_brick(payload, samples.shape, samples.dtype)
        times = [times[0] + middle - start, times[1] + time.perf_counter() - middle]
        error = float(np.square(decoded.astype(np.float64) - samples.astype(np.float64)).mean())
        points.append((8 * len(payload) / samples.size, 10 * math.log10(peak**2 / max(error, 1e-9))))
    encode, decode = (1e-6 * samples.size * len(steps) / seconds for seconds in times)
    return points, encode, decode


def rows_of(name: str, samples: NDArray[np.generic], level: int, more: dict[str, Transform], tools: list[str]) -> list[Row]:
    """All transforms of a volume; only `general` and `more`, by their labels, if there are any or the encoder lacks `tools`."""
    everything = not (tools or more)
    lossless: dict[str, Transform] = {
        label: kind for label, kind in more.items() if isinstance(kind, Model) and kind.family.reversible
    }
    rows: list[Row] = []
    if everything or len(lossless) < len(more) or tools:
        lossy: dict[str, Transform] = {"trained:general": "trained:general"}
        lossy |= {label: kind for label, kind in more.items() if label not in lossless}
        with without(tools):
            found = lossy_rows(name, samples, level, lossy | ({"chosen": None} if everything else {}))
        rows += [replace(row, without=" ".join(tools)) for row in found]
    if everything or lossless:
        shipped: dict[str, Transform] = {"trained:general-reversible": "trained:general"}
        rows += lossless_rows(name, samples, level, shipped | lossless)
    return rows


def lossless_rows(name: str, samples: NDArray[np.generic], level: int, transforms: dict[str, Transform]) -> list[Row]:
    """Sizes with `transforms`, by their labels, against 5/3 and the predictive codec."""
    untrained = len(wavelet.encode_brick(samples, level, EXACT, "53") or b"")
    best = len(predictive.encode_brick(samples, level) or b"")
    rows = []
    for label, kind in transforms.items():
        size = len(wavelet.encode_brick(samples, level, EXACT, kind) or b"")
        rows.append(Row(name, label, to_53=size / untrained, to_predictive=size / best))
    return rows


def lossy_rows(name: str, samples: NDArray[np.generic], level: int, transforms: dict[str, Transform]) -> list[Row]:
    """9/7 and `transforms`, by their labels."""
    spread = float(samples.astype(np.float64).std())
    steps = [float(step) for step in np.geomspace(max(1.0, spread / 256), spread * 3, STEPS)]
    anchor, encode, decode = curve(samples, "97", level, steps)
    rows = [Row(name, "97", 0.0, 0.0, 0.0, encode=encode, decode=decode)]
    for label, transform in transforms.items():
        points, encode, decode = curve(samples, transform, level, steps)
        whole, high, low = (delta_rate(anchor, points, window) for window in WINDOWS.values())
        rows.append(Row(name, label, whole, high, low, encode=encode, decode=decode))
    return rows


def main(arguments: list[str]) -> None:
    """Measure, print, write the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks trained", description=__doc__)
    parser.add_argument("data", nargs="+", help="volumes, or folders of them")
    parser.add_argument("--level", type=int, default=5)
    parser.add_argument("--only", nargs="*", default=[""], help="beginnings of the names of the volumes to take")
    parser.add_argument("--models", nargs="*", default=[], type=Path, help="files of more models to measure")
    parser.add_argument("--tuned", action="store_true", help="measure filters that are tuned to each volume, too")
    parser.add_argument("--without", nargs="*", choices=TOOLS, default=[], help="tools of the coder to leave out")
    parser.add_argument("--middle", nargs=3, type=int, default=MIDDLE, help="voxels to code, z y x")
    parser.add_argument("--csv", type=Path, default=Path(__file__).parent / "results" / "trained.csv", help="table to write")
    options = parser.parse_args(arguments)
    if options.models:  # decoding looks for those with networks there
        os.environ[VARIABLE] = os.pathsep.join(dict.fromkeys(str(path.resolve().parent) for path in options.models))
    rows: list[Row] = []
    for name, path in names(find(options.data)):
        if not name.startswith(HELD_OUT) or not name.startswith(tuple(options.only)):
            continue
        samples = load(name, path).samples
        volume = samples.reshape(-1, *samples.shape[-3:])
        volume = volume[len(volume) // 2]
        whole = np.ascontiguousarray(volume, volume.dtype.newbyteorder("="))
        volume = np.ascontiguousarray(whole[middle_of(whole.shape, tuple(options.middle))])
        more: dict[str, Transform] = {path.stem: Model.from_bytes(path.read_bytes()) for path in options.models}
        if options.tuned:
            more["tuned"] = _tuned(whole)
        for row in rows_of(name, volume[None, ..., None], options.level, more, options.without):
            rows.append(row)
            print(", ".join(f"{key} {value}" for key, value in _written(row).items() if value))
    for transform in dict.fromkeys(row.transform for row in rows):
        own = [row for row in rows if row.transform == transform]
        means = {part.name: [v for row in own if isinstance(v := getattr(row, part.name), float)] for part in fields(Row)}
        found = {key: statistics.mean(values) for key, values in means.items() if values}
        print(f"mean, {transform}: " + ", ".join(f"{key} {value:.4g}" for key, value in found.items()))
    options.csv.parent.mkdir(parents=True, exist_ok=True)
    with options.csv.open("w", newline="") as file:
        writer = csv.DictWriter(file, [part.name for part in fields(Row)], lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow(_written(row))


def _tuned(volume: NDArray[np.generic]) -> Transform:
    """What `--transform tuned` makes of a volume."""
    from voxz.train.wavelet.tune import tuned  # noqa: PLC0415 - needs PyTorch

    start = time.process_time()
    found = tuned(lambda: ArraySource(volume), reversible=False)
    print(f"tuned in {time.process_time() - start:.1f} CPU seconds", flush=True)
    return found


def _written(row: Row) -> dict[str, str]:
    return {k: "" if v is None else f"{v:.5g}" if isinstance(v, float) else v for k, v in asdict(row).items()}
