"""Where the files of a batch go: all of it is settled, and every conflict named, before the first sample is read."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from voxz.container.reader import Reader
from voxz.errors import UsageError, VoxzError
from voxz.io.names import PACKED, is_packed
from voxz.io.source import files_of

STREAM = "-"
"""Standard input or output."""


@dataclass(frozen=True)
class Job:
    """An input and its destination, or why it has none; `in_folder` if the destination's folder may have to be made."""

    source: str
    destination: str
    fault: Exception | None = None
    in_folder: bool = False


def input_of(path: str) -> str | bytes:
    """What a name on the command line stands for: a path, or all of standard input."""
    return sys.stdin.buffer.read() if path == STREAM else path


def files_in(given: Iterable[str], *, packed: bool) -> list[str]:
    """Inputs of a batch: a folder stands for the files in it (only .voxz files if `packed`, else all others).

    A file that is given twice counts once, and so do the two files of a pair.
    """
    found: dict[str, str] = {}
    for entry in given:
        names = [entry]
        if entry != STREAM and Path(entry).is_dir():
            files = sorted(path for path in Path(entry).iterdir() if path.is_file())
            names = [str(path) for path in files if is_packed(path) == packed and not path.name.endswith(".part")]
            if not names:
                kind = f"{PACKED} files" if packed else "files to compress"
                raise UsageError(f"the folder {entry} has no {kind} in it; give files, or another folder")
        for name in names:
            found.setdefault(name if name == STREAM else os.path.realpath(files_of(name)[0]), name)
    return list(found.values())


def is_archive(inputs: Sequence[str], output: str | None) -> bool:
    """Whether inputs become one archive: a folder, or several inputs, with an output that is named as a .voxz file."""
    if output is None or not is_packed(Path(output)) or Path(output).is_dir() or STREAM in inputs:
        return False
    return len(inputs) > 1 or Path(inputs[0]).is_dir()


def restores_folder(source: str | bytes) -> bool:
    """Whether a file is an archive of files with names of their own."""
    if source == STREAM:
        return False
    with contextlib.suppress(VoxzError, OSError), Reader(source) as reader:
        return reader.files.named
    return False


def settle(
    inputs: Sequence[str], output: str | None, rename: Callable[[Path], Path], *, folder: bool = False, flat: bool = False
) -> list[Job]:
    """Destinations of all inputs.

    Parameters
    ----------
    output : a file, a folder, ``-``, or None for names beside the inputs
    rename : name beside an input; a `VoxzError` or `OSError` of it is the fault of that input alone
    folder : `output` is a folder even for one input
    flat : put all into the folder itself; otherwise relative paths are kept if names would collide

    Raises
    ------
    UsageError
        Two inputs have one destination, a destination is an input, or `output` does not suit the inputs.
    """
    folder = folder or len(inputs) > 1 or (output is not None and (output.endswith(os.sep) or Path(output).is_dir()))
    if output is not None and output != STREAM and folder:
        if Path(output).exists() and not Path(output).is_dir():
            raise UsageError(f"{output} is a file; several inputs need a folder as output")
        if STREAM in inputs:
            raise UsageError(f"standard input has no name to take in the folder {output}; give -o the name of a file")
    elif len(inputs) > 1 and (output == STREAM or (output is None and STREAM in inputs)):
        raise UsageError("several inputs cannot go to standard output; give -o a folder")
    jobs = [_beside(source, rename) if output is None or folder else Job(source, output) for source in inputs]
    if output is not None and folder and output != STREAM:
        named = jobs
        jobs = [_into(Path(output), job, Path(job.destination).name) for job in named]
        if not flat and _clash(jobs):
            with contextlib.suppress(ValueError):  # inputs on several drives have no folder in common
                base = os.path.commonpath([Path(job.source).absolute().parent for job in named])
                relative = [os.path.relpath(Path(job.destination).absolute(), base) for job in named]
                jobs = [_into(Path(output), job, name) for job, name in zip(named, relative, strict=True)]
    clash = _clash(jobs)
    if clash:
        a, b, destination = clash
        raise UsageError(f"{a} and {b} would both become {destination}; rename one, or give them different outputs with -o")
    taken = {_place(source): source for source in inputs if source != STREAM}
    for job in jobs:
        other = taken.get(_place(job.destination))
        if other not in (None, job.source) and job.destination != STREAM:
            raise UsageError(f"{job.source} would become {other}, which is an input itself; give another output with -o")
    return jobs


def _beside(source: str, rename: Callable[[Path], Path]) -> Job:
    if source == STREAM:
        return Job(source, STREAM)
    try:
        return Job(source, str(rename(Path(source))))
    except (VoxzError, OSError) as error:
        return Job(source, source, error)


def _into(folder: Path, job: Job, name: str) -> Job:
    return job if job.fault else Job(job.source, str(folder / name), in_folder=True)


def _place(path: str) -> str:
    """One spelling of a path, with links in its folder followed."""
    return str(Path(os.path.realpath(Path(path).parent)) / Path(path).name)


def _clash(jobs: Sequence[Job]) -> tuple[str, str, str] | None:
    """Two inputs with one destination."""
    seen: dict[str, str] = {}
    for job in jobs:
        if not job.fault and job.destination != STREAM:
            first = seen.setdefault(_place(job.destination), job.source)
            if first != job.source:
                return first, job.source, job.destination
    return None
