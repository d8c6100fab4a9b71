"""``python -m benchmarks startup``: how long the first answer takes, as multiples of ``import numpy`` on the same machine.

Commands take turns in fresh processes, so that whatever else the machine does falls on all alike; the medians of their
times are compared. LIMITS are what voxz promises.
"""

import argparse
import statistics
import subprocess
import sys
import time

REFERENCE = "import numpy"
COMMANDS = {
    REFERENCE: ["-c", "import numpy"],
    "import voxz": ["-c", "import voxz"],
    "voxz --help": ["-m", "voxz", "--help"],
    "first decode": ["-c", "import voxz, sys; voxz.decode(voxz.encode([1, 2, 3], level=1))"],
    "tables of the heavy profile": ["-c", "import numpy, numba, voxz.codecs.wavelet.heavy.tables"],
    "import numba": ["-c", "import numpy, numba"],
}
LIMITS = {"import voxz": 2.5, "voxz --help": 3.5}
"""Ratios: 0.25 s and 0.35 s where numpy takes 0.1 s."""


def main(arguments: list[str]) -> None:
    """Print a table of times and ratios; exit with 1 if a limit is exceeded."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks startup", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="turns of each command")
    rounds = parser.parse_args(arguments).rounds
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for turn in range(rounds + 1):
        for name, command in COMMANDS.items():
            started = time.perf_counter()
            subprocess.run([sys.executable, *command], check=True, capture_output=True)
            if turn:  # the first finds cold disks, and compiles
                times[name].append(time.perf_counter() - started)
    medians = {name: statistics.median(found) for name, found in times.items()}
    over = False
    print("| command | s | to `import numpy` | limit |\n|---|---|---|---|")
    for name, seconds in medians.items():
        ratio = seconds / medians[REFERENCE]
        over |= ratio > LIMITS.get(name, ratio)
        print(f"| {name} | {seconds:.3f} | {ratio:.2f} | {LIMITS.get(name, '')} |")
    sys.exit(int(over))
