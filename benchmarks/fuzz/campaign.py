"""Damage and read sound files for some time, and count what became of it."""

import contextlib
import math
import resource
import signal
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from numba.core.compiler_lock import global_compiler_lock

from benchmarks.fuzz.seed import Files, Seed
from voxz.errors import PersonalDataWarning, PlainBytesWarning, TrailingBytesWarning
from voxz.limits import BASE

MOST_SECONDS = 5
"""A reading that takes more of the processor hangs."""

MOST_MEMORY = 4 * BASE
"""Bytes that readings of such files may add to those of the process at first."""

WAYS = 4
"""Times that each sound file is read at first."""

TOLD = (PersonalDataWarning, PlainBytesWarning, TrailingBytesWarning, UserWarning)
"""Warnings about what is odd in a file, those of nibabel too; any other one, as of an overflow, is a fault."""


class Hang(BaseException):
    """A reading did not end in time. Nothing that catches exceptions catches it."""


@dataclass
class Report:
    """What became of the readings."""

    runs: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    faults: list[tuple[str, Files]] = field(default_factory=list)
    seconds: float = 0.0
    slowest: float = 0.0
    memory: int = 0

    @property
    def files(self) -> int:
        """Mutated files that were read."""
        return sum(self.runs.values())

    def lines(self) -> Iterator[str]:
        """The report in words."""
        outcomes = sorted({outcome for _, _, outcome in self.runs})
        yield "| codec or format | files | " + " | ".join(outcomes) + " |"
        yield "|---" * (2 + len(outcomes)) + "|"
        for family in sorted({family for family, _, _ in self.runs}):
            counts = [sum(n for (c, _, o), n in self.runs.items() if (c, o) == (family, outcome)) for outcome in outcomes]
            yield f"| {family} | {sum(counts)} | " + " | ".join(map(str, counts)) + " |"
        kinds = sorted({kind for _, kind, _ in self.runs})
        counted = ", ".join(f"{kind} {sum(n for (_, k, _), n in self.runs.items() if k == kind)}" for kind in kinds)
        yield f"{self.files} files ({counted}) in {self.seconds:.0f} s, the slowest {self.slowest:.2f} s of the processor;"
        yield f"memory of the process {self.memory >> 20} MiB at most; {len(self.faults)} faults"


def fuzz(seconds: float, number: int, seeds: Sequence[Seed], most: int | None = None) -> Report:
    """Read mutated files for so many `seconds`, or `most` of them; the same `number` gives the same files.

    Families of many seeds are chosen more often, but not as often as they have seeds.
    """
    rng, report = Random(number), Report()
    families: dict[str, list[Seed]] = {}
    for seed in seeds:
        families.setdefault(seed.family, []).append(seed)
        with _odd_files():
            for way in range(WAYS):
                seed.read(seed.files, Random(way))  # compiles most of what is needed
    weights = [math.sqrt(len(members)) for members in families.values()]
    before, started = _peak(), time.monotonic()
    while time.monotonic() - started < seconds and report.files != most:
        (members,) = rng.choices(list(families.values()), weights)
        seed = rng.choice(members)
        kind = rng.choice(seed.kinds)
        files = seed.damaged(kind, seeds, rng)
        begun = time.process_time()
        way = rng.randrange(1 << 32)
        outcome, fault = _outcome(seed, files, Random(way))
        if "Hang" in outcome:  # unless compiling took most of the time
            outcome, fault = _outcome(seed, files, Random(way))
        if fault:
            report.faults.append((f"{seed.name}, {kind}: {fault}", files))
        report.slowest = max(report.slowest, time.process_time() - begun)
        report.runs[seed.family, kind, outcome] += 1
    report.seconds, report.memory = time.monotonic() - started, max(before, _peak())
    return report


def _outcome(seed: Seed, files: Files, rng: Random) -> tuple[str, str]:
    """What became of a reading, and, if that is a fault, where."""

    def stop(*_: object) -> None:
        if not global_compiler_lock.is_locked():  # what compiles must not be broken off: it would be left half made
            raise Hang

    before, peak = signal.signal(signal.SIGPROF, stop), _peak()
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS, MOST_SECONDS)
    try:
        with _odd_files():
            outcome = seed.read(files, rng)
    except (Exception, Hang) as error:
        frames = traceback.extract_tb(error.__traceback__)
        where = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames[:-4:-1])
        return f"fault: {type(error).__name__}", f"{type(error).__name__}: {error} ({where})"
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    more = _peak() - peak
    return ("too much memory", f"{more >> 20} MiB more") if more > MOST_MEMORY else (outcome, "")


@contextlib.contextmanager
def _odd_files() -> Iterator[None]:
    """Warnings are errors, but for those about what is odd in a file."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for kind in TOLD:
            warnings.simplefilter("ignore", kind)
        yield


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
