"""``python -m voxz`` and the ``voxz`` command."""

import signal
import sys


class _Stop(KeyboardInterrupt):
    """Of a KeyboardInterrupt proper within the `exec` of some import Python would end by SIGINT, whatever became of it."""


def _interrupt(*_: object) -> None:
    raise _Stop


def main() -> None:
    """Run the command line; SIGTERM cleans up like Ctrl-C. What a parent ignores for us stays ignored."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    try:
        from voxz.cli.app import main as run  # noqa: PLC0415 - a signal during the imports must find its handler

        run()
    except KeyboardInterrupt as stop:  # during the imports, or on the way out
        print(f"voxz: interrupted; {str(stop) or 'no unfinished file was left behind'}", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
