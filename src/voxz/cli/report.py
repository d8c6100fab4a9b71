"""The command ``voxz report``: a page that a person reads before an original is let go."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from voxz import api
from voxz.cli.destinations import STREAM
from voxz.cli.progress import Shown, shown
from voxz.errors import UsageError, VoxzError

if TYPE_CHECKING:
    from voxz.report.study import Row


def report_command(
    source: Annotated[str, typer.Argument(metavar="IN", help="A .voxz file; with -r, a folder that compress -r wrote.")],
    output: Annotated[str, typer.Option("-o", "--output", help="The page (HTML) to write; - is standard output.")],
    original: Annotated[
        str | None, typer.Option(help="What was compressed, to compare with: .voxz, NIfTI or .npy; with -r, the tree.")
    ] = None,
    recursive: Annotated[
        bool, typer.Option("-r", "--recursive", help="About a study; files that stand out get pages of their own.")
    ] = False,
    threads: Annotated[int | None, typer.Option("-T", "--threads", help="Threads; default: the CPUs it may use.")] = None,
    force: Annotated[bool, typer.Option("-f", "--force", help="Replace existing pages.")] = False,
) -> None:
    """Write a page that says whether IN may be kept instead of its original: what was promised, what was lost, with pictures.

    IN is verified first (with -r, only files that stand out are). Pages load nothing; they name no folder and no machine.
    """
    from voxz.io.output import output as written  # noqa: PLC0415 - start-up time
    from voxz.io.output import refuse_overwrite  # noqa: PLC0415

    if source == STREAM:
        raise UsageError("a report has the name of its file in it; give a file, not standard input")
    if Path(source).is_dir() != recursive:
        raise UsageError(f"{source} is no folder; leave out -r" if recursive else f"{source} is a folder; give a file, or add -r")
    if output != STREAM:
        refuse_overwrite(Path(output), force)
    with shown(f"report {source}") as progress:
        page = (
            _study(Path(source), Path(original) if original else None, output, threads, force, progress)
            if recursive
            else _page(source, original, threads, progress)
        )
    with written(output, force) as file:
        file.write(page.encode())


def _page(source: str, original: str | None, threads: int | None, progress: Shown | None) -> str:
    from voxz.report.evidence import evidence_of  # noqa: PLC0415 - start-up time
    from voxz.report.page import archive_page, page_of  # noqa: PLC0415

    api.verify(source, threads=threads, progress=progress)
    facts = api.info(source)
    if facts.original == "archive" or not facts.dtype:
        if original is not None:
            raise UsageError(
                f"{source} is an archive, which is lossless: it was compared with its checksums; leave out --original"
            )
        return archive_page(Path(source).name, facts)
    say = progress.say if progress else lambda _: None
    say("reading")
    return page_of(evidence_of(source, original, threads=threads), threads=threads, say=say)


def _study(out: Path, tree: Path | None, output: str, threads: int | None, force: bool, progress: Shown | None) -> str:
    """The page of a study; those of files that stand out lie in a folder beside it, if it goes to a file."""
    from voxz.io.output import complete_file  # noqa: PLC0415 - start-up time
    from voxz.report.study import MOST_PAGES, rows_of, study_page  # noqa: PLC0415

    rows = rows_of(out, progress or (lambda *_: None))
    pages: dict[str, str] = {}
    folder = Path(output).with_name(Path(output).stem + "-files")
    for row in [row for row in rows if row.outcome == "done" and row.why][: MOST_PAGES if output != STREAM else 0]:
        try:
            text = _page(str(out / row.file), _original(row, out, tree), threads, progress)
        except (VoxzError, OSError) as error:
            typer.echo(f"voxz: no page for {row.file}: {error}", err=True)
            continue
        name = row.file.replace("/", "_") + ".html"
        folder.mkdir(exist_ok=True)
        with complete_file(folder / name, force) as file:
            file.write(text.encode())
        pages[row.file] = f"{folder.name}/{name}"
    return study_page(out.resolve().name, rows, pages)


def _original(row: "Row", out: Path, tree: Path | None) -> str | None:
    """The file that a row was compressed from, if it is there."""
    from voxz.studies.manifest import Manifest  # noqa: PLC0415 - start-up time

    record = Manifest(out).get(row.file)
    if tree is None or record is None or record.kind != "image" or not (tree / record.source).is_file():
        return None
    return str(tree / record.source)
