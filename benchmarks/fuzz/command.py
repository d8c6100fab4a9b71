"""The command: pools, time and number in, a report and the files that gave faults out."""

import argparse
import sys
from pathlib import Path

from benchmarks import fuzz as room
from benchmarks.fuzz import guided
from benchmarks.fuzz.campaign import fuzz
from benchmarks.fuzz.pools import ALL, POOLS, SMALL, seeds_of
from benchmarks.fuzz.seed import Files


def main(arguments: list[str]) -> None:
    """Fuzz, print a report, keep the files that gave faults; exit code 1 if there are any."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks fuzz", description=room.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--files", type=int, help="stop after so many mutated files")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pools", nargs="+", choices=POOLS, help="kinds of sound files")
    parser.add_argument("--only", nargs="+", default=(), metavar="WORD", help="sound files whose names have one of the words")
    parser.add_argument("--keep", type=Path, default=Path("fuzz-faults"), help="folder for files that give faults")
    parser.add_argument("--guided", action="store_true", help="keep what reaches new lines (atheris: voxz[fuzz])")
    chosen = parser.parse_args(arguments)
    if chosen.guided and not guided.available():
        parser.error(guided.MISSING)
    seeds = seeds_of(chosen.pools or (SMALL if chosen.guided else ALL), chosen.only)
    if chosen.guided:
        sys.exit(guided.run(seeds, chosen.minutes, chosen.seed, chosen.keep))
    report = fuzz(chosen.minutes * 60, chosen.seed, seeds, chosen.files)
    print("\n".join(report.lines()))
    for number, (text, files) in enumerate(report.faults[:100]):
        _keep(chosen.keep / f"{chosen.seed}-{number:03}", files)
        print(f"{chosen.seed}-{number:03}: {text}")
    sys.exit(1 if report.faults else 0)


def _keep(folder: Path, files: Files) -> None:
    """Write files into a folder of their own."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
