"""One half of a cell in a process of its own: encode a volume to a file, or decode a file to a volume.

``python -m voxz.bench.worker encode|decode SPEC INPUT OUTPUT REPORT``. The report, a JSON file, has the seconds of CPU and the
peak memory, or why it failed. A process of its own gives every rival the same clean start, survives crashes, and proves that the
file needs nothing from the process that wrote it.
"""

import json
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from voxz.bench.spec import parse
from voxz.errors import MissingDependencyError, UnsupportedError

if sys.platform != "win32":
    import resource

_ENOUGH = 0.5
"""Seconds after which a measurement is not repeated."""

_MOST_RUNS = 3


def main() -> None:
    """Do what the arguments say; the report tells how it went. SIGTERM also ends a program that is waited for."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    verb, spec, source, destination, report = sys.argv[1:]
    try:
        facts = _encode(spec, source, destination) if verb == "encode" else _decode(spec, source, destination)
    except MissingDependencyError as error:
        facts = {"status": "missing", "message": str(error)}
    except UnsupportedError as error:
        facts = {"status": "unsupported", "message": str(error)}
    except MemoryError:
        facts = {"status": "failed", "message": "not enough memory"}
    except Exception as error:
        facts = {"status": "failed", "message": f"{type(error).__name__}: {error}"}
    Path(report).write_text(json.dumps(facts), encoding="utf-8")


def _encode(spec: str, source: str, destination: str) -> dict[str, Any]:
    rival = parse(spec)[0].rival()
    rival.warm()
    samples = np.load(source)
    seconds, blob = _fastest(lambda: rival.encode(samples))
    Path(destination).write_bytes(blob)
    return _facts(seconds)


def _decode(spec: str, source: str, destination: str) -> dict[str, Any]:
    rival = parse(spec)[0].rival()
    rival.warm()
    blob = Path(source).read_bytes()
    seconds, samples = _fastest(lambda: rival.decode(blob))
    facts = _facts(seconds)
    np.save(destination, samples)
    return facts


def _facts(seconds: float) -> dict[str, Any]:
    return {"status": "ok", "message": "", "cpu_seconds": seconds, "peak_mib": _peak_mib()}


def _fastest(work: Callable[[], Any]) -> tuple[float, Any]:
    """Least CPU time of up to three runs, of this process and the programs that it ran, and the result.

    Windows does not tell the CPU time of programs that have ended: there it is the time that passed.
    """
    times: list[float] = []
    while True:
        start = _cpu_seconds()
        result = work()
        times.append(_cpu_seconds() - start)
        if sum(times) > _ENOUGH or len(times) == _MOST_RUNS:
            return max(min(times), 1e-9), result


def _cpu_seconds() -> float:
    if sys.platform == "win32":
        return time.perf_counter()
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _peak_mib() -> float | None:
    """Largest resident memory so far of this process, or of a program that it ran, in MiB; None where nothing tells.

    On Linux, `ru_maxrss` of a process begins with that of the process it was started from, which says nothing about it.
    """
    if sys.platform == "win32":
        return None
    programs = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    if sys.platform == "darwin":
        return max(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, programs) / (1 << 20)
    own = high_water_kib(Path("/proc/self/status"))
    return None if own is None else max(own, programs) / (1 << 10)


def high_water_kib(status: Path) -> int | None:
    """VmHWM, the peak of resident memory in KiB, of a process by its file in /proc; None where there is none."""
    try:
        lines = status.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), None)


if __name__ == "__main__":
    main()
