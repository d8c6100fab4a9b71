"""``python -m voxz`` and the ``voxz`` command."""

import signal
import sys


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Run the command line; SIGTERM cleans up like Ctrl-C."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        from voxz.cli import main as run  # noqa: PLC0415 - a signal during the imports must find its handler

        run()
    except KeyboardInterrupt as stop:  # during the imports, or on the way out
        print(f"voxz: interrupted; {str(stop) or 'no unfinished file was left behind'}", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
