"""``python -m voxz`` and the ``voxz`` command."""

import os
import signal
import sys


class _Stop(KeyboardInterrupt):
    """A subclass: CPython re-raises SIGINT for a plain KeyboardInterrupt that passes through an import's `exec`."""


def _interrupt(*_: object) -> None:
    raise _Stop


def main() -> None:
    """Run the command line; SIGTERM and SIGHUP clean up like Ctrl-C. What a parent ignores for us stays ignored."""
    for number in (signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    try:
        from voxz.cli.app import main as run  # noqa: PLC0415 - a signal during the imports must find its handler

        run()
    except KeyboardInterrupt as stop:  # during the imports, or on the way out
        print(f"voxz: interrupted; {str(stop) or 'no unfinished file was left behind'}", file=sys.stderr)
        sys.stderr.flush()
        os._exit(130)  # bricks that other threads are still coding are not waited for


if __name__ == "__main__":
    main()
