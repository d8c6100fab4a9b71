"""The command ``voxz cat``: a file as it was, for a pipe."""

import sys
from typing import Annotated

import typer

from voxz import api
from voxz.cli.destinations import STREAM, input_of, restores_folder
from voxz.errors import UsageError


def cat(
    source: Annotated[str, typer.Argument(metavar="IN", help="A .voxz file, its URL, or - for standard input.")],
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Which file of an archive.")] = None,
    threads: Annotated[int | None, typer.Option("-T", "--threads", help="Threads; default: the CPUs it may use.")] = None,
) -> None:
    """Write the file that IN was to standard output, out of its gzip if it was in one; of an archive, the file NAME.

    Damage may be found only after some of it is written: what follows in a pipe should look at the exit code (set -o pipefail).
    """
    given = input_of(source)
    if name is None and not restores_folder(given):
        api.decompress(given, STREAM, threads=threads)
        return
    with api.open(given, threads=threads) as archive:
        if name is None:
            names = [file.name for file in archive.files]
            raise UsageError(f"{source} is an archive of {len(names)} files; name one of them, such as {names[0]}")
        sys.stdout.buffer.write(archive.read(name))
