"""The command ``voxz view``: images in a browser."""

from pathlib import Path
from typing import Annotated

import typer

from voxz.errors import UsageError


def view(
    inputs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[IN [B]]", help="A .voxz file; with another one or a NIfTI file, their difference.", show_default=False
        ),
    ] = None,
    output: Annotated[
        str | None, typer.Option("-o", "--output", help="Write a page (HTML) that carries the files; - is standard output.")
    ] = None,
    force: Annotated[bool, typer.Option("-f", "--force", help="Replace an existing page.")] = False,
) -> None:
    """Show IN in a browser, slices linked by a crosshair; with B, original, decoded and difference.

    With -o, one page that carries the files, decodes them itself and loads nothing. Without files, a page to drop some on.
    """
    from voxz.io.output import output as written  # noqa: PLC0415 - start-up time
    from voxz.viewer.page import page_with  # noqa: PLC0415

    if output is None:
        raise UsageError("give -o the name of a page to write")
    page = page_with(list(inputs or []))
    with written(output, force) as file:
        file.write(page.encode())
