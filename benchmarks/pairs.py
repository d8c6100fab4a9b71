"""``python -m benchmarks pairs OTHER_TREE [DATA...]`` tells whether this tree is as fast as another one.

Each tree is opened in a process of its own, on the same core, and answers one request after the other. Both code the same
samples in turn, the order changing with each round, and both decode what they coded; so whatever else the machine does falls
on both, and only time on the processor counts. The table gives medians, over rounds and volumes, of the ratio of this tree's
time to the other's, and the ratio of sizes. Trees may be laid out differently: only `voxz.encode` and `voxz.decode` are called,
on one thread.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.bench.volumes import find, load, names

SERVER = """
import inspect, json, sys, time
import numpy as np
import voxz

def options(case):
    target = voxz.MaxError(case["bound"]) if case["bound"] else voxz.Lossless()
    found = {"level": case["level"], "target": target, "threads": 1}
    if case["entropy"] and "entropy" in inspect.signature(voxz.encode).parameters:
        return {**found, "codec": case["codec"], "entropy": case["entropy"]}
    if case["entropy"]:
        return {**found, "codec": voxz.Wavelet(entropy=case["entropy"])}
    return {**found, "codec": case["codec"]}

for line in sys.stdin:
    case = json.loads(line)
    samples, asked, times = np.load(case["path"]), options(case), range(case["times"])
    started = time.process_time()
    for _ in times:
        blob = voxz.encode(samples, **asked)
    encoded = time.process_time()
    for _ in times:
        decoded = voxz.decode(blob, threads=1)
    finished = time.process_time()
    if case["bound"] == 0 and decoded.tobytes() != samples.tobytes():
        raise SystemExit("the samples did not come back")
    print(json.dumps([encoded - started, finished - encoded, len(blob)]), flush=True)
"""
"""What runs in each tree: for each line on standard input, seconds of the processor to encode and decode, and bytes."""


@dataclass(frozen=True)
class Case:
    """What is measured, so many `times` in a turn; a `bound` of 0 is lossless."""

    name: str
    level: int
    bound: int = 0
    codec: str | None = None
    entropy: str | None = None
    times: int = 1


CASES = (
    *(Case(f"lossless {level}", level) for level in (1, 3, 5, 7, 9)),
    *(Case(f"near-lossless {level}", level, bound=2) for level in (1, 5, 7)),
    Case("wavelet 1", 1, bound=5, codec="wavelet"),
    Case("wavelet 5", 5, bound=5, codec="wavelet"),
    Case("heavy 5", 5, bound=5, codec="wavelet", entropy="heavy"),
)


class Tree:
    """A process in which a tree answers."""

    def __init__(self, root: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": str(root / "src")}
        self._process = subprocess.Popen(
            [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )

    def code(self, case: Case, path: Path) -> tuple[float, float, int]:
        """Seconds of the processor to encode and to decode the samples of an .npy file, over all `times`, and the bytes."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({**asdict(case), "path": str(path)}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit(f"a tree failed at {case.name}; its message stands above")
        encoding, decoding, size = json.loads(answer)
        return encoding, decoding, size

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


def made() -> Iterator[tuple[str, NDArray[Any]]]:
    """Volumes for a run without data: a smooth one with noise, and a series of it, ``(t, z, y, x)``."""
    rng = np.random.default_rng(1)
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in (24, 128, 128)), indexing="ij")
    still = np.where(x * x + y * y + z * z / 2 < 0.8, 600 + 200 * np.sin(4 * x) * np.cos(3 * y) + 80 * z, 20)
    yield "volume", np.abs(still + rng.normal(0, 8, still.shape)).astype("<i2")
    series = [still[::3, ::2, ::2] + 5 * t + rng.normal(0, 8, still[::3, ::2, ::2].shape) for t in range(12)]
    yield "series", np.abs(series).astype("<i2")


def given(data: list[str], slices: int | None) -> Iterator[tuple[str, NDArray[Any]]]:
    """Volumes of files and folders."""
    for name, path in names(find(data)):
        yield name, load(name, path, slices).samples


def measured(mine: Tree, other: Tree, case: Case, path: Path, rounds: int) -> list[tuple[float, float, float]]:
    """Ratios, mine to the other's, of the times to encode and to decode and of the sizes, for each round."""
    ratios = []
    for turn in range(rounds + 1):
        order = (mine, other) if turn % 2 else (other, mine)
        answers = {tree: tree.code(case, path) for tree in order}
        if turn:  # the first compiles
            ratios.append(tuple(a / b for a, b in zip(answers[mine], answers[other], strict=True)))
    return [(encoding, decoding, size) for encoding, decoding, size in ratios]


def main(arguments: list[str]) -> None:
    """Print a table of ratios; exit with 1 if any case is slower than `--limit` allows."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks pairs", description=__doc__)
    parser.add_argument("other", type=Path, help="root of the tree to compare with")
    parser.add_argument("data", nargs="*", help="files and folders of volumes; two made ones without")
    parser.add_argument("--rounds", type=int, default=9, help="turns of each tree for a case and a volume")
    parser.add_argument("--slices", type=int, help="take so many slices from the middle of each volume")
    parser.add_argument("--cases", default="", help="only cases whose names contain this")
    parser.add_argument("--limit", type=float, default=1.02, help="largest ratio of times that passes")
    options = parser.parse_args(arguments)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    volumes = list(given(options.data, options.slices) if options.data else made())
    mine, other = Tree(Path(__file__).resolve().parents[1]), Tree(options.other.resolve())
    slower = False
    print(f"{', '.join(name for name, _ in volumes)}; {options.rounds} rounds; ratios of this tree to {options.other.name}\n")
    print("| case | encode | decode | bytes |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "samples.npy"
        for case in (case for case in CASES if options.cases in case.name):
            found = []
            for _, samples in volumes:
                np.save(path, samples)
                found += measured(mine, other, case, path, options.rounds)
            encoding, decoding, size = (statistics.median(ratios) for ratios in zip(*found, strict=True))
            slower |= max(encoding, decoding) > options.limit
            print(f"| {case.name} | {encoding:.3f} | {decoding:.3f} | {size:.4f} |", flush=True)
    mine.close()
    other.close()
    sys.exit(int(slower))
