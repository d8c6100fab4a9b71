"""``python -m bench floats [FOLDER]``: floating-point maps beside the codecs for floats that one can install.

Maps (`bench.maps`) are made from data inside installed packages and, if a folder of scans is given, from those. Complex maps
are measured as two real ones.
"""

import argparse
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import maps
from bench.lossless import RESULTS, compared, measure_made, ratios
from voxz.bench.spec import parse

RIVALS = ("pcodec:level=8", "pcodec:level=12", "blosc2:shuffle=shuffle", "blosc2:shuffle=bitshuffle", "zfp")


def real(made: Iterator[tuple[str, NDArray[Any]]]) -> Iterator[tuple[str, NDArray[Any]]]:
    """The maps, complex ones as a series of real and imaginary part."""
    for name, array in made:
        yield name, np.stack([array.real, array.imag]) if array.dtype.kind == "c" else array


def main(arguments: list[str]) -> None:
    """Measure, write the table, print the summary."""
    parser = argparse.ArgumentParser(prog="python -m bench floats", description=__doc__)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--levels", default="1/5")
    parser.add_argument("--out", type=Path, default=Path("voxz-bench"), help="folder that keeps the measurements")
    parser.add_argument("--csv", type=Path, default=RESULTS / "floats.csv")
    options = parser.parse_args(arguments)
    levels = [str(spec) for spec in parse(f"voxz:level={options.levels}")]
    made = itertools.chain(maps.packaged(), maps.from_folder(options.folder) if options.folder else ())
    results = measure_made(real(made), ",".join([*levels, *RIVALS]), options.out, options.csv)
    for level in levels:
        print(compared(results, level, RIVALS))
        print(f"  at most 0.95 on {sum(ratio <= 0.95 for ratio in ratios(results, level, RIVALS).values())} of them")
