"""Fuzzing by coverage: libFuzzer, through atheris, keeps what reaches new lines of the plain kernels and damages it further.

Lines are counted only in what is imported after atheris, so a process of its own reads the files (`guided_reader`). Those that it
begins with are tiny: plain kernels are slow.
"""

import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.fuzz.packed import NAME
from benchmarks.fuzz.seed import Seed

MISSING = "guided runs need atheris; install it with: pip install 'voxz[fuzz]'"
MOST_SECONDS = 60
"""A reading that takes longer hangs."""


def available() -> bool:
    """Whether atheris is installed."""
    return importlib.util.find_spec("atheris") is not None


def run(seeds: Sequence[Seed], minutes: float, number: int, keep: Path) -> int:
    """Read files until the time is over or one gives a fault, which is kept; print what was reached, return the exit code."""
    keep.mkdir(parents=True, exist_ok=True)
    begun = {seed.name.replace(" ", "_"): seed.files[NAME] for seed in seeds if NAME in seed.files}
    with tempfile.TemporaryDirectory() as folder:
        for name, blob in begun.items():
            (Path(folder) / name).write_bytes(blob)
        command = [sys.executable, "-m", "benchmarks.fuzz.guided_reader", folder, f"-seed={number}", f"-timeout={MOST_SECONDS}"]
        command += [f"-max_total_time={max(1, round(60 * minutes))}", f"-artifact_prefix={keep.resolve()}/", "-max_len=65536"]
        found = subprocess.run(
            [*command, "-len_control=0", "-print_final_stats=1"],
            env=os.environ | {"VOXZ_JIT": "0"},
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        kept = len(list(Path(folder).iterdir())) - len(begun)
    lines = [int(count) for count in re.findall(r"cov: (\d+)", found.stderr)]
    read = re.search(r"number_of_executed_units: (\d+)", found.stderr)
    if found.returncode or not lines or read is None:
        print(found.stderr[-4000:], file=sys.stderr)
        return 1
    print(f"{read[1]} files; {kept} of them reached new lines, {lines[0]} places in the code became {lines[-1]}; 0 faults")
    return 0
