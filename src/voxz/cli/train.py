"""``voxz train ...``: training in PyTorch."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from voxz.errors import UsageError
from voxz.io.output import complete_file
from voxz.train.need_torch import need_torch

app = typer.Typer(help="Train models on your own scans (extra `train`).", rich_markup_mode=None)


@app.callback()
def _verbs() -> None:
    """Models are named by what they are for."""


@app.command()
def wavelet(
    data: Annotated[Path, typer.Option(help="Folder that voxz data prepare made.")],
    config: Annotated[Path, typer.Option(help="Recipe, a TOML file.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoint, log, plot and model; a run there goes on.")] = Path("trained"),
    device: Annotated[str, typer.Option(help="cpu, cuda, or auto: CUDA if there is any.")] = "auto",
    threads: Annotated[int, typer.Option(min=0, help="Threads of PyTorch; 0: as many as it likes.")] = 0,
) -> None:
    """Train a wavelet-like transform.

    It is for voxz compress --transform trained:OUT/model.safetensors. Start it again to go on; start it by torchrun for several
    processes. docs/trained.md has a recipe.
    """
    torch = need_torch("training")
    from voxz.train.distributed import part  # noqa: PLC0415
    from voxz.train.wavelet.export import card_of, plot_of, to_model  # noqa: PLC0415
    from voxz.train.wavelet.recipe import read_recipe  # noqa: PLC0415
    from voxz.train.wavelet.run import CARD, CHECKPOINT, LOG, MODEL, Run  # noqa: PLC0415 - needs PyTorch

    if threads:
        torch.set_num_threads(threads)
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise UsageError(f"PyTorch finds no CUDA for the device {device} here; use --device cpu")
    try:
        torch.device(device)
    except RuntimeError:
        raise UsageError(f"the device must be auto, cpu or cuda (got {device})") from None
    recipe = read_recipe(config)
    if out.exists() and not out.is_dir():
        raise UsageError(f"the output {out} is a file; name a folder")
    out.mkdir(parents=True, exist_ok=True)
    run = Run.of(recipe, data, out, device)
    run.resume()
    log = Log(out / LOG, run.step) if run.rank == 0 else None
    last = ""

    def report(entry: dict[str, Any]) -> None:
        nonlocal last
        if log is None:
            return
        log.add(entry)
        if "validation" in entry:
            last = f", validation {entry['validation']:.4f}"
        elif sys.stderr.isatty():
            print(f"\rstep {entry['step']} of {recipe.steps}, loss {entry['loss']:.4f}{last} ", end="", file=sys.stderr)

    run.go_on(report)
    if log is not None:
        with run.averaged():
            model = to_model(recipe.name, run.model, run.norms)
        for name, content in ((MODEL, model.to_bytes()), (CARD, card_of(model, recipe, log.entries))):
            with complete_file(out / name, force=True) as file:
                file.write(content)
        plot_of(log.entries, out / "loss.png")
        typer.echo(f"{out / MODEL}: {recipe.steps} steps{last}; {out / CHECKPOINT}")
    if run.world > 1:
        part(0)


@app.command()
def entropy(
    volumes: Annotated[list[Path], typer.Argument(help="NIfTI, .npy or .voxz files.", metavar="VOLUME")],
    out: Annotated[Path, typer.Option(help="File to write, NAME.safetensors; its card is written beside it.")],
    steps: Annotated[int, typer.Option(min=1, help="Steps of the optimiser.")] = 20000,
    seed: Annotated[int, typer.Option(min=0, help="Of everything random.")] = 0,
) -> None:
    """Train the network of the heavy entropy profile.

    It learns from the middle of each volume, and is for voxz compress --entropy heavy:OUT. What is compressed with it can be read
    where OUT lies in a folder of the variable VOXZ_WEIGHTS.
    """
    need_torch("training")
    from voxz.train.entropy.train import train_on  # noqa: PLC0415 - needs PyTorch

    train_on(volumes, out, out.stem, steps, seed, lambda line: typer.echo(line, err=True))
    typer.echo(f"{out}: {steps} steps")


class Log:
    """One line of JSON for each step and each validation; what a run that was stopped wrote after its checkpoint is dropped."""

    def __init__(self, path: Path, step: int) -> None:
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self.entries = [entry for entry in map(_parsed, lines) if entry and entry["step"] <= step and step]
        self.entries = [e for e in self.entries if not ("validation" in e and e["step"] == step)]
        with complete_file(path, force=True) as file:
            file.write("".join(json.dumps(entry) + "\n" for entry in self.entries).encode())
        self._path = path

    def add(self, entry: dict[str, Any]) -> None:
        """Append an entry."""
        self.entries.append(entry)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")


def _parsed(line: str) -> dict[str, Any] | None:
    """An entry of a log; None for a line that is none, or was cut off."""
    try:
        entry: dict[str, Any] = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) and type(entry.get("step")) is int else None
