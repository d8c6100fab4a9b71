"""Locks of open files, which the system takes back when a process ends, however it ends."""

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


def locked(descriptor: int) -> bool | None:
    """Try to lock an open file; False if another process holds it, None if files cannot be locked here."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def unlock(descriptor: int) -> None:
    """Give up the lock of an open file, if there is one; closing is not enough where a forked process has the file open, too."""
    if fcntl is not None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)
