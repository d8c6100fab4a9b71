"""Results as tables: rows, means by codec and kind of data, size ratios and Bjontegaard deltas between codecs."""

import csv
import io
import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace

from voxz.bench.bdrate import Point, Window, delta_psnr, delta_rate
from voxz.bench.cells import Result

ALL = "all"
"""Name of the group that every volume belongs to."""


@dataclass(frozen=True)
class Mean:
    """A codec over the volumes of a kind: mean sizes, median speeds; `to_reference` is the mean ratio of sizes."""

    codec: str
    kind: str
    volumes: int
    failed: int
    bits_per_voxel: float
    ratio: float
    to_reference: float | None
    encode_mb_s: float
    decode_mb_s: float
    encode_peak_mib: float
    decode_peak_mib: float


def best_orders(results: Iterable[Result]) -> list[Result]:
    """Keep the smallest of results that differ only in the order of a series, under the name without that option."""
    best: dict[tuple[str, str], Result] = {}
    for result in results:
        codec = ",".join(part for part in result.codec.replace(":", ",", 1).split(",") if not part.startswith("order="))
        name, _, options = codec.partition(",")
        key = result.volume, f"{name}:{options}" if options else name
        known = best.get(key)
        if known is None or (result.ok and not (known.ok and known.bytes <= result.bytes)):
            best[key] = result
    return [replace(result, codec=codec) for (_, codec), result in best.items()]


def without_equal_orders(results: Iterable[Result]) -> list[Result]:
    """Leave out results in the order of time that are those in volume order: as many bytes, the same errors."""
    found: dict[tuple[object, ...], Result] = {}
    for result in results:
        plain = ",".join(part for part in result.codec.split(",") if part not in {"order=time", "order=volume"})
        told = (result.status, result.message) if not result.ok else (result.bytes, result.rmse, result.max_error)
        found.setdefault((result.volume, plain, *told), result)
    return list(found.values())


def kinds(rows: "Iterable[Result | Delta]") -> list[str]:
    """Groups of volumes: all of them, then each kind if there are several."""
    found = dict.fromkeys(row.kind for row in rows)
    return [ALL, *found] if len(found) > 1 else [ALL]


def means(results: list[Result], reference: str | None = None) -> list[Mean]:
    """Lossless results by codec and kind, smallest first; sizes are compared with those of `reference`."""
    chosen = [result for result in best_orders(results) if result.codec and (result.lossless or result.bound in (None, 0.0))]
    sizes = {(result.volume, result.codec): result.bytes for result in chosen if result.lossless}
    rows = []
    for kind in kinds(results):
        members = [result for result in chosen if kind in (ALL, result.kind)]
        group = []
        for codec in dict.fromkeys(result.codec for result in members):
            own = [result for result in members if result.codec == codec]
            done = [result for result in own if result.lossless]
            ratios = [r.bytes / sizes[r.volume, reference] for r in done if reference and (r.volume, reference) in sizes]
            if done:
                group.append(_mean(codec, kind, done, len(own) - len(done), statistics.mean(ratios) if ratios else None))
        rows += sorted(group, key=lambda row: (row.to_reference is None, row.to_reference or row.bits_per_voxel))
    return rows


def _mean(codec: str, kind: str, done: list[Result], failed: int, to_reference: float | None) -> Mean:
    def average(name: str) -> float:
        return float(statistics.mean(getattr(result, name) for result in done))

    def middle(name: str) -> float:
        known = [value for result in done if (value := getattr(result, name)) is not None]
        return float(statistics.median(known)) if known else math.nan

    return Mean(
        codec,
        kind,
        len(done),
        failed,
        average("bits_per_voxel"),
        average("ratio"),
        to_reference,
        middle("encode_mb_s"),
        middle("decode_mb_s"),
        middle("encode_peak_mib"),
        middle("decode_peak_mib"),
    )


def size_ratios(results: list[Result], kind: str = ALL) -> dict[str, dict[str, float]]:
    """Mean of the ratios of sizes of every lossless codec (outer) to every other, over the volumes that both coded."""
    sizes: dict[str, dict[str, int]] = {}
    for result in best_orders(results):
        if result.lossless and kind in (ALL, result.kind):
            sizes.setdefault(result.codec, {})[result.volume] = result.bytes
    ratios: dict[str, dict[str, float]] = {}
    for a, of_a in sizes.items():
        shared = {b: of_a.keys() & of_b.keys() for b, of_b in sizes.items()}
        ratios[a] = {b: statistics.mean(of_a[v] / sizes[b][v] for v in both) for b, both in shared.items() if both}
    return ratios


@dataclass(frozen=True)
class Delta:
    """One codec against another on one volume; None without a common range."""

    volume: str
    kind: str
    rates: str
    anchor: str
    codec: str
    bd_rate_percent: float | None
    bd_psnr_db: float | None


def curves(results: Iterable[Result]) -> dict[str, dict[str, list[Point]]]:
    """Lossy points by volume and family: bits/voxel and PSNR; orders of a series that make no difference are one curve."""
    found: dict[str, dict[str, list[Point]]] = {}
    for result in results:
        if result.ok and result.psnr_db is not None and result.bits_per_voxel is not None:
            found.setdefault(result.volume, {}).setdefault(result.family, []).append((result.bits_per_voxel, result.psnr_db))
    return {volume: _different({family: sorted(points) for family, points in of.items()}) for volume, of in found.items()}


def _different(of: dict[str, list[Point]]) -> dict[str, list[Point]]:
    """Without families whose points are those of one before."""
    kept: dict[str, list[Point]] = {}
    for family, points in of.items():
        if points not in kept.values():
            kept[family] = points
    return kept


def deltas(results: list[Result], windows: Sequence[Window | None] = (None,)) -> list[Delta]:
    """Every family against every other on every volume, in each window of rates (None: all)."""
    kind_by_volume = {result.volume: result.kind for result in results}
    return [
        Delta(
            volume,
            kind_by_volume[volume],
            "all" if rates is None else f"{rates[0]:g} to {rates[1]:g}",
            anchor,
            codec,
            delta_rate(of[anchor], of[codec], rates),
            delta_psnr(of[anchor], of[codec], rates),
        )
        for rates in windows
        for volume, of in curves(results).items()
        for anchor in of
        for codec in of
        if anchor != codec
    ]


def csv_text(rows: Iterable[Result | Mean | Delta]) -> str:
    """Comma-separated values; figures of tasks have columns of their own."""
    dictionaries = []
    for row in rows:
        values = asdict(row)
        tasks = values.pop("tasks", {})
        dictionaries.append({key: _rounded(value) for key, value in (values | tasks).items()})
    columns = list(dict.fromkeys(key for row in dictionaries for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(dictionaries)
    return text.getvalue()


def _rounded(value: object) -> object:
    return float(f"{value:.6g}") if isinstance(value, float) else value
