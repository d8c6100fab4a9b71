"""``python -m benchmarks figure``: mean size against median speed, drawn from ``benchmarks/results/lossless.csv``."""

import argparse
import csv
import statistics
from pathlib import Path

TABLE = Path(__file__).parent / "results/lossless.csv"
FIGURE = Path(__file__).parents[1] / "docs/size-speed.png"

NAMES = {"gzip": "gzip -6", "jpegls": "JPEG-LS", "jpegxl": "JPEG XL e7", "tomoz": "tomoz"}
OWN = "#c2185b"
OTHERS = "#455a64"


def points(table: Path) -> dict[str, tuple[float, float, float]]:
    """Size to gzip (mean over volumes), encoding and decoding MB/s (medians) of each codec; of two orders the smaller file."""
    best: dict[tuple[str, str], dict[str, str]] = {}
    with table.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            codec = row["codec"] if row["codec"].startswith("voxz") else row["codec"].partition(":")[0]
            kept = best.get((codec, row["volume"]))
            if row["status"] == "ok" and (kept is None or int(row["bytes"]) < int(kept["bytes"])):
                best[codec, row["volume"]] = row
    found = {}
    for codec in dict.fromkeys(codec for codec, _ in best):
        rows = [(row, best["gzip", volume]) for (name, volume), row in best.items() if name == codec]
        size = statistics.mean(int(row["bytes"]) / int(gzip["bytes"]) for row, gzip in rows)
        encode, decode = (statistics.median(float(row[f"{verb}_mb_s"]) for row, _ in rows) for verb in ("encode", "decode"))
        found[codec] = (size, encode, decode)
    return found


def main(arguments: list[str]) -> None:
    """Draw the figure."""
    import matplotlib as mpl  # noqa: PLC0415 - of the extra `bench`

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    parser = argparse.ArgumentParser(prog="python -m benchmarks figure", description=__doc__)
    parser.add_argument("--out", type=Path, default=FIGURE)
    options = parser.parse_args(arguments)
    found = points(TABLE)
    own = sorted(codec for codec in found if codec.startswith("voxz"))
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), sharey=True, dpi=150, layout="constrained")
    for column, (axis, verb) in enumerate(zip(axes, ("encoding", "decoding"), strict=True), start=1):
        axis.plot([found[codec][column] for codec in own], [found[codec][0] for codec in own], "o-", color=OWN, lw=2, ms=8)
        for codec, point in found.items():
            label = codec.replace("voxz:level=", "") if codec in own else NAMES[codec]
            if codec not in own:
                axis.plot(point[column], point[0], "s", color=OTHERS, ms=7)
            offset = (0, 9) if codec in own else (9, -4)
            align = "center" if codec in own else "left"
            colour = OWN if codec in own else OTHERS
            axis.annotate(
                label, (point[column], point[0]), offset, textcoords="offset points", ha=align, color=colour, fontsize=11
            )
        middle = found["voxz:level=3"]
        axis.annotate(
            "voxz, levels 1 to 9",
            (middle[column], middle[0]),
            (-14, -30),
            textcoords="offset points",
            ha="right",
            color=OWN,
            fontsize=11,
        )
        axis.set(xscale="log", xlim=(1.4, 520), ylim=(0.48, 1.05), xlabel=f"{verb}, MB/s per core")
        axis.set_xticks([2, 5, 10, 20, 50, 100, 200, 500], ["2", "5", "10", "20", "50", "100", "200", "500"])
        axis.minorticks_off()
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("size to .nii.gz")
    figure.savefig(options.out)
    print(options.out)
