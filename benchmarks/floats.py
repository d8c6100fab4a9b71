"""``python -m benchmarks floats [FOLDER...]``: floating-point maps beside the codecs for floats that one can install.

Maps (`benchmarks.maps`) are made from data inside installed packages and, if a folder of scans is given, from those. Complex maps
are measured as two real ones.
"""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import maps
from benchmarks.lossless import compared, measure_made, options_of, ratios

RIVALS = ("pcodec:level=8", "pcodec:level=12", "blosc2:shuffle=shuffle", "blosc2:shuffle=bitshuffle", "zfp")


def real(made: Iterator[tuple[str, NDArray[Any]]]) -> Iterator[tuple[str, NDArray[Any]]]:
    """The maps, complex ones as a series of real and imaginary part."""
    for name, array in made:
        yield name, np.stack([array.real, array.imag]) if array.dtype.kind == "c" else array


def main(arguments: list[str]) -> None:
    """Measure, write the table, print the summary."""
    options, levels = options_of("floats", __doc__, "1/5", arguments)
    made = itertools.chain(maps.packaged(), *map(maps.from_folder, options.data))
    results = measure_made(real(made), ",".join([*levels, *RIVALS]), options.out, options.csv)
    for level in levels:
        print(compared(results, level, RIVALS))
        print(f"  at most 0.95 on {sum(ratio <= 0.95 for ratio in ratios(results, level, RIVALS).values())} of them")
