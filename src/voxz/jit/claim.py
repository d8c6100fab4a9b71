"""One process compiles a kernel, and others that need it meanwhile wait for it: compiling it too would take as long.

Whoever compiles a kernel holds the lock of a file beside the place where its machine code will be. The system takes the lock
back when a process ends, however it ends. Where files cannot be locked nobody waits, and processes compile what others do.
"""

import contextlib
import os
import time
from pathlib import Path

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
        while _held_elsewhere(self._descriptor) and time.monotonic() < until:
            time.sleep(INTERVAL)

    def release(self) -> None:
        """Let others compile it, or find that it is there."""
        with contextlib.suppress(OSError):  # on Windows, a file that another process has open cannot be removed
            self._path.unlink(missing_ok=True)
        with contextlib.suppress(ImportError, OSError):
            import fcntl  # noqa: PLC0415 - not on Windows

            fcntl.flock(self._descriptor, fcntl.LOCK_UN)  # closing is not enough where a forked process has the file open, too
        os.close(self._descriptor)


def _held_elsewhere(descriptor: int) -> bool:
    """Try to lock an open file; True if another process holds it."""
    try:
        import fcntl  # noqa: PLC0415 - not on Windows
    except ImportError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
