"""The ``voxz`` command: verbs over `voxz.api`, with one clear line for every error."""

import importlib.metadata
import json
import os
import sys
import warnings
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from voxz import api
from voxz.cli.batch import InterruptedBatchError, make_folders, run_batch, talk_of, warnings_at
from voxz.cli.bench import bench
from voxz.cli.cat import cat
from voxz.cli.codec_flags import CODEC_NAMES, SIREN_PANEL, WAVELET_PANEL, PanelCommand, codec_from_flags
from voxz.cli.data import app as data_app
from voxz.cli.destinations import (
    STREAM,
    Job,
    files_in,
    input_of,
    is_archive,
    restores_folder,
    settle,
)
from voxz.cli.error_line import report, warn
from voxz.cli.mount import mount
from voxz.cli.progress import Shown
from voxz.cli.report import report_command
from voxz.cli.text import comparison_text, info_text, outcome_line, printable
from voxz.cli.train import app as train_app
from voxz.cli.view import view
from voxz.cli.warm import warm
from voxz.codecs.siren.options import PRESETS
from voxz.compare.compare import compare as compare_files
from voxz.container.header import VERSION
from voxz.errors import UsageError
from voxz.image.resample import grid_from_text
from voxz.io.names import compressed_name, restored_name, selected_name
from voxz.io.output import is_stream
from voxz.io.source import LARGEST_TAIL
from voxz.target import target_of

INTERRUPTED = 130

LOSS_PANEL, STUDY_PANEL, EXPERT_PANEL = "Loss", "Trees of files", "For experts"
"""Headings of the help."""


app = typer.Typer(
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Compression of volumetric and multi-dimensional medical images.",
    epilog="Exit codes: 0 ok, 1 error, 2 usage, 3 damaged file or failed verification, 4 part of a batch failed, 5 limit, "
    "130 interrupted. VOXZ_DEBUG=1 shows where an error comes from.",
)
app.add_typer(data_app, name="data")
app.add_typer(train_app, name="train")

_WrongArguments: Any = typer.BadParameter.__base__
"""Usage errors of click, which newer versions of typer carry inside."""

_TAKE_NUMBERS = {"--max-error", "--max-error-scaled", "--max-error-noise", "--psnr", "--bits", "--ratio"}

app.command()(bench)
app.command()(warm)
app.command()(mount)
app.command()(cat)
app.command("report")(report_command)
app.command()(view)

Inputs = Annotated[
    list[str], typer.Argument(help="Files, or folders for the files in them; - is standard input.", metavar="IN...")
]
Output = Annotated[
    str | None,
    typer.Option("-o", "--output", help="Output file or, for several inputs, folder (made if need be); - is standard output."),
]
Threads = Annotated[int | None, typer.Option("-T", "--threads", help="Threads; default: the CPUs this process may use.")]
Force = Annotated[bool, typer.Option("-f", "--force", help="Replace existing files.")]
Flat = Annotated[
    bool,
    typer.Option("--flat", help="In a folder as output, never keep the folders of the inputs.", rich_help_panel=EXPERT_PANEL),
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Say nothing but errors.")]
Recursive = Annotated[
    bool, typer.Option("-r", "--recursive", help="All files of a tree, into the tree -o.", rich_help_panel=STUDY_PANEL)
]
Cluster = Annotated[
    str | None,
    typer.Option(
        help="Address of a Dask scheduler, local:N for N processes, or slurm:N for N jobs.", rich_help_panel=STUDY_PANEL
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the summary as JSON.", rich_help_panel=STUDY_PANEL)]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Say a line for each file also where no terminal is.")]


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"voxz {importlib.metadata.version('voxz')}, file format {VERSION[0]}.{VERSION[1]}")
        raise typer.Exit


@app.callback()
def main_options(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Say the versions of voxz and of its files.")
    ] = False,
) -> None:
    """Compression of volumetric and multi-dimensional medical images."""


@app.command(cls=PanelCommand)
def compress(
    inputs: Inputs,
    output: Output = None,
    level: Annotated[int, typer.Option(help="1 (fastest) to 9 (smallest); -1 .. -9 for short.")] = api.DEFAULT_LEVEL,
    max_error: Annotated[
        float | None, typer.Option(help="Largest error of any sample, in the units of the file.", rich_help_panel=LOSS_PANEL)
    ] = None,
    max_error_scaled: Annotated[
        float | None, typer.Option(help="The same in the units after the header's slope.", rich_help_panel=LOSS_PANEL)
    ] = None,
    max_error_noise: Annotated[
        float | None, typer.Option(help="The same in standard deviations of the noise.", rich_help_panel=LOSS_PANEL)
    ] = None,
    psnr: Annotated[
        float | None,
        typer.Option(help="PSNR in dB or more, for the peak max - min, without background.", rich_help_panel=LOSS_PANEL),
    ] = None,
    bits: Annotated[float | None, typer.Option(help="Bits per sample of the file.", rich_help_panel=LOSS_PANEL)] = None,
    ratio: Annotated[
        float | None, typer.Option(help="How many times smaller than the samples.", rich_help_panel=LOSS_PANEL)
    ] = None,
    codec: Annotated[
        str | None, typer.Option(help=f"{CODEC_NAMES}; default: chosen for each brick.", rich_help_panel=EXPERT_PANEL)
    ] = None,
    brick: Annotated[
        str | None,
        typer.Option(help="Voxels of a brick: an edge, Z,Y,X, or patch (64) for fast patches.", rich_help_panel=EXPERT_PANEL),
    ] = None,
    transform: Annotated[
        str | None,
        typer.Option(
            help="97 (lossy), 53 (lossless), trained, trained:NAME, trained:FILE.safetensors (from voxz train wavelet), or "
            "tuned (trained on the image first); implies --codec wavelet; default: chosen for each brick.",
            rich_help_panel=WAVELET_PANEL,
        ),
    ] = None,
    entropy: Annotated[
        str | None,
        typer.Option(
            help="light, heavy (smaller, slower), or heavy:FILE.safetensors (from voxz train entropy); implies --codec wavelet; "
            "default: light.",
            rich_help_panel=WAVELET_PANEL,
        ),
    ] = None,
    threads: Threads = None,
    force: Force = False,
    remove: Annotated[bool, typer.Option("--rm", help="Delete each input once its file is verified.")] = False,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Refuse what is no image, not keep it as plain bytes.", rich_help_panel=EXPERT_PANEL),
    ] = False,
    flat: Flat = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    no_verify: Annotated[
        bool, typer.Option("--no-verify", help="Do not decode and compare after writing.", rich_help_panel=EXPERT_PANEL)
    ] = False,
    force_lossy: Annotated[
        bool, typer.Option("--force-lossy", help="Take a target with loss for a label map, too.", rich_help_panel=LOSS_PANEL)
    ] = False,
    keep_attributes: Annotated[
        bool,
        typer.Option(
            "--keep-attributes", help="Keep permissions and times of the files of an archive.", rich_help_panel=EXPERT_PANEL
        ),
    ] = False,
    raw: Annotated[
        str | None,
        typer.Option(
            metavar="SHAPE,DTYPE,ORDER",
            help="Of samples without a header, such as 512x512x300,int16,F (or C).",
            rich_help_panel=EXPERT_PANEL,
        ),
    ] = None,
    keep_gz: Annotated[
        bool,
        typer.Option(
            "--keep-gz",
            help="Keep the bytes of a .gz file whose gzip cannot be made again, which costs size.",
            rich_help_panel=EXPERT_PANEL,
        ),
    ] = False,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="series",
            help="An archive for each DICOM series of a folder, and one of all else, in the folder -o.",
            rich_help_panel=EXPERT_PANEL,
        ),
    ] = None,
    preset: Annotated[
        str | None, typer.Option(help=f"{', '.join(PRESETS)}; the first unless given.", rich_help_panel=SIREN_PANEL)
    ] = None,
    fit: Annotated[
        str | None,
        typer.Option(help="Changes to the preset, such as 'width=64,iterations=500'.", rich_help_panel=SIREN_PANEL),
    ] = None,
    log: Annotated[
        str | None, typer.Option(help="File for a line of JSON about each step of the fit.", rich_help_panel=SIREN_PANEL)
    ] = None,
    log_plot: Annotated[str | None, typer.Option(help="Picture (PNG) of the log.", rich_help_panel=SIREN_PANEL)] = None,
    recursive: Recursive = False,
    include: Annotated[
        list[str] | None, typer.Option(help="Only files that match, such as '*.nii.gz'.", rich_help_panel=STUDY_PANEL)
    ] = None,
    exclude: Annotated[list[str] | None, typer.Option(help="No files that match.", rich_help_panel=STUDY_PANEL)] = None,
    link: Annotated[
        bool, typer.Option("--link", help="Hard links to what is kept as it is, not copies.", rich_help_panel=STUDY_PANEL)
    ] = False,
    pack_rest: Annotated[
        bool, typer.Option("--pack-rest", help="One archive of all that is kept as it is.", rich_help_panel=STUDY_PANEL)
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only estimate size and time, from samples.", rich_help_panel=STUDY_PANEL)
    ] = False,
    derivative: Annotated[
        str | None,
        typer.Option(
            metavar="LABEL",
            help="Of a BIDS data set, its images with loss as a derivative data set -o, with desc-LABEL in their names.",
            rich_help_panel=STUDY_PANEL,
        ),
    ] = None,
    cluster: Cluster = None,
    as_json: AsJson = False,
) -> None:
    """Compress NIfTI (.nii, .nii.gz, .hdr/.img) and .npy files to .voxz, verified byte for byte.

    A folder, or several inputs, with -o NAME.voxz become one archive, which restores every file in it.

    -r compresses each image of a tree, and DICOM files series by series, and keeps all other files; it goes on where it stopped.

    Lossless, unless a largest error, a PSNR, bits or a ratio is asked for. --max-error may be added to a PSNR, bits or a ratio.
    """
    target = target_of(
        {"stored": max_error, "scaled": max_error_scaled, "noise": max_error_noise}, {"psnr": psnr, "bits": bits, "ratio": ratio}
    )
    if remove and no_verify:
        raise UsageError("--rm deletes an input only after its file was verified; leave out --no-verify")

    chosen = codec_from_flags(codec, transform=transform, entropy=entropy, preset=preset, fit=fit, log=log, log_plot=log_plot)

    pack = partial(
        api.compress,
        target=target,
        level=level,
        codec=chosen,
        brick=brick,
        threads=threads,
        verify=not no_verify,
        force=force,
        remove=remove,
        raw=raw,
    )

    def work(job: Job, progress: Shown | None) -> str:
        before = Path(job.source).stat().st_size if Path(job.source).is_file() else 0
        pack(job.source, job.destination, strict=strict, force_lossy=force_lossy, keep_gz=keep_gz, progress=progress)
        if is_stream(job.destination) or job.destination == STREAM:
            return ""
        return outcome_line(api.info(job.destination, max_bytes=LARGEST_TAIL), before)

    if recursive:
        from voxz.cli.studies import Tale, compress_tree  # noqa: PLC0415 - start-up time of all else
        from voxz.studies.plan import Choice  # noqa: PLC0415
        from voxz.studies.work import Wish  # noqa: PLC0415

        if split or raw or keep_attributes or strict or output == STREAM:
            raise UsageError("-r goes with none of --split, --raw, --keep-attributes, --strict and -o -; leave them out")
        options = {"verify": not no_verify, "force": force, "remove": remove, "link": link}
        compress_tree(
            inputs,
            output,
            Wish(target, level, chosen, brick, **options),
            Choice(tuple(include or ()), tuple(exclude or ())),
            threads=threads,
            cluster=cluster,
            pack_rest=pack_rest,
            dry_run=dry_run,
            derivative=derivative,
            tale=Tale(talk_of(quiet, verbose), as_json),
        )
        return
    if include or exclude or link or pack_rest or dry_run or derivative or cluster or as_json:
        words = "--include, --exclude, --link, --pack-rest, --dry-run, --derivative, --cluster and --json are for trees; add -r"
        raise UsageError(words)
    if remove and output == STREAM:
        raise UsageError("--rm deletes an input only after its file was verified on disk, and standard output is no file")
    if split and (output in (None, STREAM) or Path(str(output)).is_file()):
        raise UsageError("--split makes several archives; give -o a folder for them")
    if split or is_archive(inputs, output):
        with warnings_at(talk_of(quiet, verbose)):
            pack(inputs[0] if len(inputs) == 1 else inputs, str(output), keep_attributes=keep_attributes, split=split)
        for name in files_in([str(output)], packed=True) if not quiet else []:
            facts = api.info(name)
            typer.echo(f"{name}: {facts.files} file{'s' * (facts.files != 1)}, {outcome_line(facts, 0)}", err=True)
        return
    files = files_in(inputs, packed=False)
    jobs = settle(files, output, compressed_name, folder=files != inputs and not Path(inputs[0]).is_file(), flat=flat)
    make_folders(jobs)
    run_batch(jobs, "compress", work, talk_of(quiet, verbose))


@app.command()
def decompress(
    inputs: Inputs,
    output: Output = None,
    select: Annotated[str | None, typer.Option(help="Part of the volume, such as 'z=10:20,t=3'.")] = None,
    resolution: Annotated[int, typer.Option(help="A smaller image: x, y, z halved so often; 0 is the original.")] = 0,
    resample: Annotated[str | None, typer.Option(help="Another grid for files of siren: 2x, or 128x128x40.")] = None,
    join: Annotated[bool, typer.Option("--join", help="Restore all archives into the one folder -o.")] = False,
    convert: Annotated[
        str | None, typer.Option("--as", metavar="nifti", help="Scalar volumes as NIfTI files instead: a conversion.")
    ] = None,
    threads: Threads = None,
    force: Force = False,
    remove: Annotated[bool, typer.Option("--rm", help="Delete each input once its file is restored and read back.")] = False,
    flat: Flat = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    recursive: Recursive = False,
    cluster: Cluster = None,
    as_json: AsJson = False,
) -> None:
    """Restore the original files, byte for byte, or a part, a smaller image, or another grid of them.

    --join restores several archives into one folder, as --split series needs.
    """
    if recursive:
        from voxz.cli.studies import Tale, decompress_tree  # noqa: PLC0415 - start-up time of all else

        if select or resolution or resample or join or convert or remove or output == STREAM:
            raise UsageError("-r restores whole trees; leave out --select, --resolution, --resample, --join, --as, --rm and -o -")
        decompress_tree(inputs, output, force, threads, cluster, Tale(talk_of(quiet, verbose), as_json))
        return
    if cluster or as_json:
        raise UsageError("--cluster and --json are for trees; add -r")
    grid = None if resample is None else grid_from_text(resample)

    def work(job: Job, progress: Shown | None) -> str:
        options: dict[str, Any] = {"select": select, "resolution": resolution, "threads": threads, "force": force}
        options |= {"convert": convert, "remove": remove}
        api.decompress(input_of(job.source), job.destination, resample=grid, progress=progress, **options)
        return "" if job.destination == STREAM else f"{job.destination} is back"

    rename = selected_name if select or resolution or resample else restored_name
    files = files_in(inputs, packed=True)
    if convert and output is None:
        raise UsageError("--as needs a place for its files; give -o a folder, or the name of a .nii or .nii.gz file")
    whole = output not in (None, STREAM) and all(map(restores_folder, files))
    if join and (not whole or convert):
        raise UsageError("--join restores archives of folders into one folder; give such archives, and -o that folder")
    if join or (len(files) == 1 and output not in (None, STREAM) and (convert or whole)):
        jobs = [Job(file, str(output)) for file in files]
    else:
        jobs = settle(files, output, rename, folder=len(files) > 1, flat=flat)
    make_folders(jobs)
    run_batch(jobs, "decompress", work, talk_of(quiet, verbose))


@app.command()
def verify(
    inputs: Inputs,
    threads: Threads = None,
    quiet: Quiet = False,
    recursive: Recursive = False,
    cluster: Cluster = None,
    as_json: AsJson = False,
) -> None:
    """Decode everything and compare it with every checksum."""
    if recursive:
        from voxz.cli.studies import Tale, verify_tree  # noqa: PLC0415 - start-up time of all else

        verify_tree(inputs, threads, cluster, Tale(talk_of(quiet, verbose=False), as_json))
        return
    if cluster or as_json:
        raise UsageError("--cluster and --json are for trees; add -r")

    def work(job: Job, progress: Shown | None) -> None:
        api.verify(input_of(job.source), threads=threads, progress=progress)
        if not quiet:
            typer.echo(f"{job.source}: ok")

    run_batch([Job(path, STREAM) for path in files_in(inputs, packed=True)], "verify", work, talk_of(quiet, verbose=False))


@app.command()
def info(
    inputs: Annotated[list[str], typer.Argument(metavar="IN...", help="Files, or folders for the .voxz files in them.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; a list for several files.")] = False,
    tags: Annotated[
        bool, typer.Option("--tags", help="Also all elements of the first file of each DICOM series, names and all.")
    ] = False,
    gzip: Annotated[bool, typer.Option("--gzip", help="Also how much smaller than .nii.gz: decodes some bricks.")] = False,
) -> None:
    """Say what files are: shape, voxel size, a guess at the modality, codec, sizes, checksums.

    It names no person, unless --tags asks.
    """
    files = files_in(inputs, packed=True)
    found: list[dict[str, Any]] = []

    def work(job: Job, _: Shown | None) -> None:
        source = input_of(job.source)
        facts, ratio = api.info(source), _gzip_ratio(source) if gzip else None
        if as_json:
            told = facts.to_dict() | ({"gzip_ratio": ratio and ratio[0]} if gzip else {})
            found.append({"file": job.source, **told} if len(files) > 1 else told)
            return
        if len(files) > 1:
            typer.echo(f"{printable(job.source)}:")
        typer.echo(info_text(facts, ratio))
        if tags:
            for name, text in api.tags(source):
                typer.echo("\n".join(["", f"{printable(name)}:", *map(printable, text.splitlines())]))

    if tags and as_json:
        raise UsageError("--tags are for reading; in Python, Image.dataset gives them one by one")
    try:
        run_batch([Job(path, STREAM) for path in files], "info", work)
    finally:
        if found:
            typer.echo(json.dumps(found if len(files) > 1 else found[0], indent=2, allow_nan=False))


def _gzip_ratio(source: str | bytes) -> tuple[float, int] | None:
    from voxz.image.gzip_ratio import gzip_ratio  # noqa: PLC0415 - start-up time of all else

    return gzip_ratio(source)


@app.command()
def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="Reference: .voxz, NIfTI or .npy.")],
    b: Annotated[str, typer.Argument(metavar="B")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with figures per volume and slice.")] = False,
    plot: Annotated[str | None, typer.Option(help="Picture (PNG) of both, the difference, and its statistics.")] = None,
    force: Force = False,
) -> None:
    """Measure how much B differs from A: max error, mean error, RMSE, PSNR, SSIM, structure of the errors."""
    result = compare_files(a, b, plot=plot, force=force)
    typer.echo(json.dumps(result.to_dict(), indent=2, allow_nan=False) if as_json else comparison_text(result))


def _expand_levels(arguments: Iterable[str]) -> list[str]:
    """Turn -1 .. -9 into --level 1 .. 9, but not where a number belongs to the option before it."""
    expanded, before = [], ""
    for a in arguments:
        level = len(a) == 2 and a[0] == "-" and a[1] in "123456789" and before not in _TAKE_NUMBERS
        expanded.append(f"--level={a[1]}" if level else a)
        before = a
    return expanded


def main() -> None:
    """Run the command line and exit; `voxz.__main__` answers an interruption."""
    warnings.showwarning = warn
    try:
        code = app(_expand_levels(sys.argv[1:] or ["--help"]), prog_name="voxz", standalone_mode=False)
    except _WrongArguments as error:
        sys.exit(report(UsageError(f"{error.format_message().rstrip('.')}; see voxz --help")))
    except typer.Abort:
        raise KeyboardInterrupt from None
    except InterruptedBatchError as stop:
        raise KeyboardInterrupt(*stop.args) from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        sys.exit(report(error))
    if code == INTERRUPTED:
        raise KeyboardInterrupt
    sys.exit(code or 0)
