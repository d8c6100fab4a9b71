"""One process compiles a kernel, and others that need it meanwhile wait for it: compiling it too would take as long.

Whoever compiles a kernel holds the lock of a file beside the place where its machine code will be. The system takes the lock
back when a process ends, however it ends. Where files cannot be locked nobody waits, and processes compile what others do.
"""

import contextlib
import os
import time
from pathlib import Path

from voxz.locks import locked, unlock

LONGEST_WAIT = 120.0
"""Seconds. Kernels compile in less, on a slow machine, too; a process that holds a lock for longer may have been stopped."""

INTERVAL = 0.02
"""Seconds between two looks at a lock, far less than what a kernel takes."""


class Claim:
    """What a process holds while it compiles the kernel of a file."""

    def __init__(self, kernel: Path) -> None:
        """Wait until no other process compiles the kernel; OSError if the folder cannot be written."""
        self._path = kernel.with_suffix(".lock")
        kernel.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        until = time.monotonic() + LONGEST_WAIT
        while locked(self._descriptor) is False and time.monotonic() < until:
            time.sleep(INTERVAL)

    def release(self) -> None:
        """Let others compile it, or find that it is there."""
        with contextlib.suppress(OSError):  # on Windows, a file that another process has open cannot be removed
            self._path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            unlock(self._descriptor)
        os.close(self._descriptor)
