"""``voxz data list`` and ``voxz data prepare``."""

import json
import shutil
import sys
import textwrap
from typing import Annotated

import typer

from voxz.cli.error_line import report
from voxz.cli.progress import shown
from voxz.datasets import catalog
from voxz.datasets.crop_options import CropOptions, parse_crop
from voxz.datasets.prepare import prepare as prepare_folder
from voxz.datasets.subjects import parse_split

BATCH_FAILED = 4

app = typer.Typer(help="Data sets to train and measure on.", rich_markup_mode=None)


@app.command("list")
def list_sets(
    modality: Annotated[str | None, typer.Option(help=f"Only this one of {', '.join(catalog.MODALITIES)}.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List public data sets: what they hold, their licence, and how to get them."""
    found = catalog.select(modality)
    if as_json:
        typer.echo(json.dumps([entry.to_json() for entry in found], indent=2))
        return
    rows = [("NAME", "MODALITY", "SIZE", "LICENCE"), *((e.name, ", ".join(e.modalities), e.size, e.licence) for e in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for number, (row, entry) in enumerate(zip(rows, [None, *found], strict=True)):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        typer.echo("\n" * (number > 1) + "  ".join([*cells, row[3]]).rstrip())
        if entry is not None:
            for sentence in (entry.what, entry.where, entry.how):
                typer.echo(textwrap.indent(_wrapped(sentence), "  "))


@app.command()
def prepare(
    source: Annotated[str, typer.Argument(metavar="SRC", help="Folder with NIfTI, .npy, .voxz or TIFF volumes, at any depth.")],
    destination: Annotated[str, typer.Argument(metavar="DST", help="Folder for the crops: new, or that of an earlier run.")],
    crop: Annotated[str, typer.Option(help="Voxels along each axis, or z,y,x.")] = "64",
    crops_per_volume: Annotated[int, typer.Option(help="Crops of a file, at most.")] = CropOptions().crops_per_volume,
    split: Annotated[
        str, typer.Option(help="Shares of the subjects: train/validation/test, or NAME=SHARE,NAME=SHARE.")
    ] = "0.8/0.1/0.1",
    seed: Annotated[int, typer.Option(help="Of the places and of the split.")] = 0,
    subject_pattern: Annotated[
        str | None, typer.Option(help="Regular expression for the subject in paths without a BIDS sub-XXX.", metavar="REGEX")
    ] = None,
    min_std: Annotated[
        float, typer.Option(help="Draw a crop again if its standard deviation is below this share of the volume's.")
    ] = CropOptions().min_std,
    skip_background: Annotated[
        float, typer.Option(help="Draw a crop again if more than this share of it is the volume's lowest value.")
    ] = CropOptions().skip_background,
) -> None:
    """Cut training crops from a folder of volumes, split by subject, with a manifest; run it again to go on."""
    options = CropOptions(parse_crop(crop), crops_per_volume, parse_split(split), seed, subject_pattern, min_std, skip_background)
    with shown(f"prepare {source}") as progress:
        summary = prepare_folder(source, destination, options, notice=_notice, failed=_fail, progress=progress)
    sides = ", ".join(f"{name} {count}" for name, count in summary.crops.items())
    typer.echo(
        f"{sum(summary.crops.values())} crops ({sides}); volumes: {summary.written} new, {summary.reused} unchanged, "
        f"{summary.skipped} left out, {summary.failed} failed"
    )
    if summary.failed:
        raise typer.Exit(BATCH_FAILED)


def _wrapped(text: str) -> str:
    """Lines that fit the terminal; one line elsewhere."""
    if not sys.stdout.isatty():
        return text
    width = max(40, shutil.get_terminal_size().columns - 2)
    return textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)


def _notice(text: str) -> None:
    print(f"voxz: {text}", file=sys.stderr)


def _fail(error: Exception, path: str) -> None:
    report(error, path)
