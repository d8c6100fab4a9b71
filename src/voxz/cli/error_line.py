"""One line on standard error for every error and warning, the same for all commands."""

import os
import sys
import traceback

from voxz.cli.text import printable
from voxz.errors import VoxzError

DEBUG = "VOXZ_DEBUG"
"""Environment variable: 1 shows where an error comes from."""


def report(error: Exception, path: str | None = None) -> int:
    """Print one line about `error`; return its exit code. With VOXZ_DEBUG=1 its traceback comes first."""
    if os.environ.get(DEBUG, "0") not in ("", "0"):
        traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, VoxzError):
        message, code = str(error), error.exit_code
    elif isinstance(error, OSError):
        message = f"{error.strerror or error}" + (f": {error.filename}" if error.filename else "")
        code = 1
    elif isinstance(error, MemoryError):
        message, code = "not enough memory; use fewer threads (-T 1)", 1
    else:
        what = " ".join(str(error).split())[:200]
        message = (
            f"a bug in voxz ({type(error).__name__}: {what}); please report it with the command and what it prints with {DEBUG}=1"
        )
        code = 1
    prefix = f"{path}: " if path and path not in message else ""
    print(f"voxz: {printable(prefix + message)}", file=sys.stderr)
    return code


def warn(message: Warning | str, *_: object, **__: object) -> None:
    """Print one line about a warning, in the place of `warnings.showwarning`."""
    print(f"voxz: warning: {printable(str(message))}", file=sys.stderr)
