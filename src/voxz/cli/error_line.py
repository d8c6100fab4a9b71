"""One line on standard error for every error and warning, the same for all commands."""

import sys

from voxz.errors import VoxzError


def report(error: Exception, path: str | None = None) -> int:
    """Print one line about `error`; return its exit code. Bugs keep their traceback."""
    if isinstance(error, VoxzError):
        message, code = str(error), error.exit_code
    elif isinstance(error, OSError):
        message = f"{error.strerror or error}" + (f": {error.filename}" if error.filename else "")
        code = 1
    elif isinstance(error, MemoryError):
        message, code = "not enough memory; use fewer threads (-T 1)", 1
    else:
        raise error
    prefix = f"{path}: " if path and path not in message else ""
    print(f"voxz: {prefix}{message}", file=sys.stderr)
    return code


def warn(message: Warning | str, *_: object, **__: object) -> None:
    """Print one line about a warning, in the place of `warnings.showwarning`."""
    print(f"voxz: warning: {message}", file=sys.stderr)
