"""``python -m benchmarks DATA...`` is ``voxz bench``; the names of SUITES measure what voxz promises."""

import importlib
import sys

from benchmarks.record import recorded

SUITES = {
    name: f"benchmarks.{name}"
    for name in (
        "archives",
        "bits_map",
        "bounds",
        "chunks",
        "downstream",
        "figure",
        "floats",
        "frontier",
        "gzips",
        "heavy",
        "implicit",
        "labels",
        "lossless",
        "lossyspeed",
        "lowrate",
        "motion",
        "pairs",
        "patches",
        "quality",
        "seams",
        "slices",
        "speed",
        "startup",
        "studies",
        "targets",
        "trained",
    )
} | {
    "conformance": "benchmarks.conformance_data",
    "decoders": "benchmarks.decoders",
    "fuzz": "benchmarks.fuzz.command",
    "single": "benchmarks.single_files",
    "small": "benchmarks.small_files",
}
"""Modules with a `main`, imported on use."""

if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in SUITES:
        with recorded(sys.argv[1], sys.argv[2:]):
            importlib.import_module(SUITES[sys.argv[1]]).main(sys.argv[2:])
    else:
        from voxz.__main__ import main

        sys.argv.insert(1, "bench")
        main()
