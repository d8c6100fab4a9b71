"""The ``voxz`` command: verbs over `voxz.api`, with one clear line for every error."""

import json
import os
import sys
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from voxz import api
from voxz.cli.bench import bench
from voxz.cli.codec_flags import CODEC_NAMES, SIREN_PANEL, WAVELET_PANEL, PanelCommand, codec_from_flags
from voxz.cli.data import app as data_app
from voxz.cli.error_line import report, warn
from voxz.cli.progress import Shown, shown
from voxz.cli.text import comparison_text, info_text, loss_line
from voxz.cli.train import app as train_app
from voxz.cli.warm import warm
from voxz.codecs.siren.options import PRESETS
from voxz.compare.compare import compare as compare_files
from voxz.errors import UsageError
from voxz.image.resample import grid_from_text
from voxz.io.source import files_of
from voxz.ratecontrol.target import target_of

BATCH_FAILED = 4
INTERRUPTED = 130

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Compression of volumetric and multi-dimensional medical images.",
    epilog="Exit codes: 0 ok, 1 error, 2 usage, 3 damaged file or failed verification, 4 part of a batch failed, 5 limit.",
)
app.add_typer(data_app, name="data")
app.add_typer(train_app, name="train")

_WrongArguments: Any = typer.BadParameter.__base__
"""Usage errors of click, which newer versions of typer carry inside."""

_TAKE_NUMBERS = {"--max-error", "--max-error-scaled", "--max-error-noise", "--psnr", "--bits", "--ratio"}

app.command()(bench)
app.command()(warm)

Inputs = Annotated[list[str], typer.Argument(help="Files; - is standard input.", metavar="IN...")]
Output = Annotated[
    str | None,
    typer.Option("-o", "--output", help="Output file or, for several inputs, folder; - is standard output."),
]
Threads = Annotated[int | None, typer.Option("-T", "--threads", help="Threads; default: the CPUs this process may use.")]
Force = Annotated[bool, typer.Option("-f", "--force", help="Replace existing files.")]


@app.command(cls=PanelCommand)
def compress(
    inputs: Inputs,
    output: Output = None,
    level: Annotated[int, typer.Option(help="1 (fastest) to 9 (smallest); -1 .. -9 for short.")] = api.DEFAULT_LEVEL,
    max_error: Annotated[float | None, typer.Option(help="Largest error of any sample, in the units of the file.")] = None,
    max_error_scaled: Annotated[float | None, typer.Option(help="The same in the units after the header's slope.")] = None,
    max_error_noise: Annotated[float | None, typer.Option(help="The same in standard deviations of the noise.")] = None,
    psnr: Annotated[float | None, typer.Option(help="PSNR in dB or more, for the peak max - min, without background.")] = None,
    bits: Annotated[float | None, typer.Option(help="Bits per sample of the file.")] = None,
    ratio: Annotated[float | None, typer.Option(help="How many times smaller than the samples.")] = None,
    codec: Annotated[str | None, typer.Option(help=f"{CODEC_NAMES}; default: what suits.")] = None,
    transform: Annotated[
        str | None,
        typer.Option(
            help="97 (lossy), 53 (lossless), trained, trained:NAME, trained:FILE.safetensors (from voxz train wavelet), or "
            "tuned (trained on the image first); implies --codec wavelet; default: what suits.",
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
    no_verify: Annotated[bool, typer.Option("--no-verify", help="Do not decode and compare after writing.")] = False,
    force_lossy: Annotated[bool, typer.Option("--force-lossy", help="Take a target with loss for a label map, too.")] = False,
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
) -> None:
    """Compress NIfTI (.nii, .nii.gz, .hdr/.img) and .npy files to .voxz, verified byte for byte.

    Lossless, unless a largest error, a PSNR, bits or a ratio is asked for. --max-error may be added to a PSNR, bits or a ratio.
    """
    target = target_of(
        {"stored": max_error, "scaled": max_error_scaled, "noise": max_error_noise}, {"psnr": psnr, "bits": bits, "ratio": ratio}
    )
    if remove and no_verify:
        raise UsageError("got --rm with --no-verify; an input is deleted only after its file was verified")

    chosen = codec_from_flags(codec, transform=transform, entropy=entropy, preset=preset, fit=fit, log=log, log_plot=log_plot)

    def work(path: str, progress: Shown | None) -> str:
        destination = _destination(path, output, _compressed_name, len(inputs))
        api.compress(
            path,
            destination,
            target=target,
            level=level,
            codec=chosen,
            threads=threads,
            verify=not no_verify,
            force=force,
            force_lossy=force_lossy,
            progress=progress,
        )
        if remove and path != "-":
            for file in files_of(path):
                file.unlink()
        return "" if destination == "-" else loss_line(api.info(destination))

    _batch(inputs, "compress", work)


@app.command()
def decompress(
    inputs: Inputs,
    output: Output = None,
    select: Annotated[str | None, typer.Option(help="Part of the volume, such as 'z=10:20,t=3'.")] = None,
    resolution: Annotated[int, typer.Option(help="A smaller image: x, y, z halved so often; 0 is the original.")] = 0,
    resample: Annotated[str | None, typer.Option(help="Another grid for files of siren: 2x, or 128x128x40.")] = None,
    threads: Threads = None,
    force: Force = False,
) -> None:
    """Restore the original files, byte for byte, or a part, a smaller image, or another grid of them."""
    grid = None if resample is None else grid_from_text(resample)

    def work(path: str, progress: Shown | None) -> None:
        rename = _selected_name if select or resolution or resample else _restored_name
        options: dict[str, Any] = {"select": select, "resolution": resolution, "threads": threads, "force": force}
        api.decompress(_input(path), _destination(path, output, rename, len(inputs)), resample=grid, progress=progress, **options)

    _batch(inputs, "decompress", work)


@app.command()
def verify(inputs: Inputs, threads: Threads = None) -> None:
    """Decode everything and compare it with every checksum."""

    def work(path: str, progress: Shown | None) -> None:
        api.verify(_input(path), threads=threads, progress=progress)
        typer.echo(f"{path}: ok")

    _batch(inputs, "verify", work)


@app.command()
def info(
    path: Annotated[str, typer.Argument(metavar="IN")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what a file is: shape, type, codec, sizes, checksums."""

    def work(path: str, _: Shown | None) -> None:
        facts = api.info(_input(path))
        typer.echo(json.dumps(facts, indent=2) if as_json else info_text(facts))

    _batch([path], "info", work)


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
    typer.echo(json.dumps(result, indent=2) if as_json else comparison_text(result))


class _InterruptedError(Exception):
    """An interruption on its way past typer, which would forget its words."""


def _input(path: str) -> str | bytes:
    return sys.stdin.buffer.read() if path == "-" else path


def _compressed_name(path: Path) -> Path:
    """scan.nii.gz -> scan.nii.voxz; scan.hdr -> scan.img.voxz."""
    name = path.name.removesuffix(".gz")
    return path.with_name((name[:-4] + ".img" if name.lower().endswith(".hdr") else name) + ".voxz")


def _restored_name(path: Path) -> Path:
    """scan.nii.voxz -> scan.nii.gz if that is what it was, else scan.nii."""
    if path.suffix != ".voxz":
        raise UsageError(f"cannot make an output name from {path}, which does not end in .voxz; use -o")
    gzipped = api.info(path)["gzip"]
    return path.with_name(path.stem + (".gz" if gzipped else ""))


def _selected_name(path: Path) -> Path:
    """Like `_restored_name`, but a part of a pair is a single file."""
    whole = _restored_name(path)
    return whole.with_name(whole.name.replace(".img", ".nii"))


def _destination(path: str, output: str | None, rename: Callable[[Path], Path], inputs: int) -> str:
    if output is None:
        if path == "-":
            return "-"
        return str(rename(Path(path)))
    if Path(output).is_dir() and path != "-":
        return str(Path(output) / rename(Path(path)).name)
    if inputs > 1:
        raise UsageError(f"got {inputs} inputs and the output {output}, expected an existing folder for several inputs")
    return output


def _batch(inputs: list[str], verb: str, work: Callable[[str, Shown | None], str | None]) -> None:
    """Do all inputs, tell a terminal what `work` says; report each failure; exit with its code, or 4 if others went well."""
    codes = []
    for path in inputs:
        try:
            with shown(f"{verb} {path}") as progress:
                words = work(path, progress)
            if words and sys.stderr.isatty():
                typer.echo(f"{path}: {words}", err=True)
            codes.append(0)
        except KeyboardInterrupt as stop:
            raise _InterruptedError(*stop.args) from None
        except Exception as error:
            codes.append(report(error, path))
    failed = [code for code in codes if code]
    if failed:
        raise typer.Exit(failed[0] if len(inputs) == 1 else BATCH_FAILED)


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
    except _InterruptedError as stop:
        raise KeyboardInterrupt(*stop.args) from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        sys.exit(report(error))
    if code == INTERRUPTED:
        raise KeyboardInterrupt
    sys.exit(code or 0)
