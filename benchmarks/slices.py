"""``python -m benchmarks slices DIR...``: the middle slice of every volume alone, against the densest JPEG XL."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from benchmarks.lossless import compared, measure_made, options_of
from voxz.bench.volumes import find, load, names

RIVALS = ("jpegxl:effort=9",)


def middles(folders: list[Path]) -> Iterator[tuple[str, NDArray[Any]]]:
    """Middle slice of the middle volume, ``(y, x)``."""
    for name, path in names(find([str(folder) for folder in folders])):
        samples = load(name, path).samples
        yield name, samples[len(samples) // 2, samples.shape[1] // 2]


def main(arguments: list[str]) -> None:
    """Measure, write the table, print the summary."""
    options, levels = options_of("slices", __doc__, "5/9", arguments)
    results = measure_made(middles(options.data), ",".join([*levels, *RIVALS]), options.out, options.csv)
    for level in levels:
        print(compared(results, level, RIVALS))
