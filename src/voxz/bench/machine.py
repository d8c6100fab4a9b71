"""What measurements were made on, in words."""

import contextlib
import platform
from pathlib import Path


def processor() -> str:
    """Name of the processor, as Linux tells it, else its kind."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()
