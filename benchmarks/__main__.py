"""``python -m benchmarks DATA...`` is ``voxz bench``; the names of SUITES measure what voxz promises."""

import sys

from benchmarks import (
    archives,
    bounds,
    downstream,
    figure,
    floats,
    fuzz,
    gzips,
    heavy,
    implicit,
    labels,
    lossless,
    lowrate,
    pairs,
    seams,
    slices,
    speed,
    startup,
    trained,
)
from voxz.__main__ import main

SUITES = {
    "archives": archives.main,
    "bounds": bounds.main,
    "lossless": lossless.main,
    "labels": labels.main,
    "floats": floats.main,
    "slices": slices.main,
    "speed": speed.main,
    "startup": startup.main,
    "downstream": downstream.main,
    "implicit": implicit.main,
    "seams": seams.main,
    "heavy": heavy.main,
    "lowrate": lowrate.main,
    "pairs": pairs.main,
    "trained": trained.main,
    "figure": figure.main,
    "fuzz": fuzz.main,
    "gzips": gzips.main,
}

if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in SUITES:
        SUITES[sys.argv[1]](sys.argv[2:])
    else:
        sys.argv.insert(1, "bench")
        main()
