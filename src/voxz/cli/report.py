"""The command ``voxz report``: a page that a person reads before an original is let go."""

from pathlib import Path
from typing import Annotated

import typer

from voxz import api
from voxz.cli.destinations import STREAM
from voxz.cli.progress import shown
from voxz.errors import UsageError


def report_command(
    source: Annotated[str, typer.Argument(metavar="IN", help="A .voxz file.")],
    output: Annotated[str, typer.Option("-o", "--output", help="The page (HTML) to write; - is standard output.")],
    original: Annotated[
        str | None, typer.Option(help="The file that was compressed, to compare with: .voxz, NIfTI or .npy.")
    ] = None,
    threads: Annotated[int | None, typer.Option("-T", "--threads", help="Threads; default: the CPUs it may use.")] = None,
    force: Annotated[bool, typer.Option("-f", "--force", help="Replace an existing page.")] = False,
) -> None:
    """Write a page that says whether IN may be kept instead of its original: what was promised, what was lost, with pictures.

    IN is verified first. The page is one file that loads nothing; it names no folder and no machine.
    """
    from voxz.image.facts import Info  # noqa: PLC0415 - start-up time
    from voxz.io.output import output as written  # noqa: PLC0415
    from voxz.io.output import refuse_overwrite  # noqa: PLC0415
    from voxz.report.evidence import evidence_of  # noqa: PLC0415
    from voxz.report.page import archive_page, page_of  # noqa: PLC0415

    if source == STREAM:
        raise UsageError("a report has the name of its file in it; give a file, not standard input")
    if Path(source).is_dir():
        raise UsageError(f"{source} is a folder; give a file")
    if output != STREAM:
        refuse_overwrite(Path(output), force)
    with shown(f"report {source}") as progress:
        api.verify(source, threads=threads, progress=progress)
        facts: Info = api.info(source)
        if facts.original == "archive" or not facts.dtype:
            if original is not None:
                raise UsageError(
                    f"{source} is an archive, which is lossless: it was compared with its checksums; leave out --original"
                )
            page = archive_page(Path(source).name, facts)
        else:
            say = progress.say if progress else lambda _: None
            say("reading")
            page = page_of(evidence_of(source, original, threads=threads), threads=threads, say=say)
    with written(output, force) as file:
        file.write(page.encode())
