"""``python -m benchmarks frontier [TABLE...]``: mean size against decoding time, from tables of ``python -m benchmarks speed``.

Both are ratios to zlib in the same run, so parts of a run can be joined. A codec is *beaten* if another one is smaller and
decodes faster: a level that is beaten by its neighbour has no use.
"""

import argparse
import csv
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).parent / "results/speed.csv"
FIGURE = Path(__file__).parents[1] / "docs/frontier.png"

NAMES = {"gzip": "zlib -6", "pcodec:level=8": "pcodec 8", "htj2k": "HTJ2K"}
OWN, OTHERS = "#c2185b", "#455a64"


@dataclass(frozen=True)
class Point:
    """One codec: geometric mean of sizes, medians of the times to encode and to decode, all to zlib, and volumes."""

    codec: str
    size: float
    encode: float
    decode: float
    volumes: int

    def beats(self, other: "Point") -> bool:
        """Whether it is smaller and decodes faster."""
        return self.size < other.size and self.decode < other.decode


def points(tables: Iterable[Path]) -> list[Point]:
    """A point for each codec that has as many volumes as any."""
    rows: dict[str, list[dict[str, str]]] = {}
    for table in tables:
        with table.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                rows.setdefault(row["codec"], []).append(row)
    most = max(map(len, rows.values()))
    return [
        Point(
            codec,
            statistics.geometric_mean(float(row["size_ratio"]) for row in own),
            statistics.median(1 / float(row["encode_speed"]) for row in own),
            statistics.median(1 / float(row["decode_speed"]) for row in own),
            len(own),
        )
        for codec, own in rows.items()
        if len(own) == most
    ]


def table_of(found: list[Point]) -> str:
    """Table in Markdown; the last column says which codecs are smaller and faster."""
    lines = ["| to zlib | size | time to encode | time to decode | beaten by |", "|---|---|---|---|---|"]
    for point in found:
        better = ", ".join(other.codec for other in found if other.beats(point)) or "-"
        lines.append(f"| {point.codec} | {point.size:.3f} | {point.encode:.2f} | {point.decode:.2f} | {better} |")
    return "\n".join(lines)


def draw(found: list[Point], out: Path) -> None:
    """Size against the time to decode."""
    import matplotlib as mpl  # noqa: PLC0415 - of the extra `bench`

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, axis = plt.subplots(figsize=(6.5, 4), dpi=150, layout="constrained")
    own = sorted((point for point in found if point.codec.startswith("voxz")), key=lambda point: point.codec)
    axis.plot([point.decode for point in own], [point.size for point in own], "o-", color=OWN, lw=2, ms=8)
    for point in own:
        label = point.codec.removeprefix("voxz:level=")
        axis.annotate(label, (point.decode, point.size), (0, 9), textcoords="offset points", ha="center", color=OWN)
    for point in found:
        if point not in own:
            axis.plot(point.decode, point.size, "s", color=OTHERS, ms=7)
            axis.annotate(NAMES.get(point.codec, point.codec), (point.decode, point.size), (9, -4), textcoords="offset points")
    if own:
        axis.annotate("voxz, by level", (own[0].decode, own[0].size), (0, -18), textcoords="offset points", color=OWN)
    axis.set(xscale="log", xlabel="time to decode, to zlib", ylabel="size, to zlib -6")
    axis.set_xticks([0.25, 0.5, 1, 2, 4], ["1/4", "1/2", "1", "2", "4"])
    axis.minorticks_off()
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(out)


def main(arguments: list[str]) -> None:
    """Print the table, draw the figure."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks frontier", description=__doc__)
    parser.add_argument("tables", nargs="*", type=Path, default=[TABLE], help=f"tables of `speed` (default: {TABLE.name})")
    parser.add_argument("--out", type=Path, default=FIGURE, help="figure to write")
    options = parser.parse_args(arguments)
    found = points(options.tables)
    print(table_of(found))
    draw(found, options.out)
