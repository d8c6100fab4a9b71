"""``python -m voxz`` and the ``voxz`` command."""

import signal


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Run the command line; SIGTERM cleans up like Ctrl-C."""
    signal.signal(signal.SIGTERM, _interrupt)
    from voxz.cli import main as run  # noqa: PLC0415 - a signal during the imports must find its handler

    run()


if __name__ == "__main__":
    main()
