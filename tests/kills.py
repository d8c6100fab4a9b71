"""Runs that are killed at random moments: a process that has compiled everything forks one child for each.

``python tests/kills.py FOLDER KILLS SEED`` prints as JSON, for each kind of run, how many were killed before and after their end,
how many lost something, and how many unfinished files the last run left over.
"""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import voxz
from samples import nifti, smooth
from voxz.cli.app import main

NAMES = "a.nii", "b.nii", "c.nii"
CONTENT = {name: nifti((24, 20, 10), samples=smooth((10, 20, 24), seed=seed).tobytes())[1] for seed, name in enumerate(NAMES)}
OLD = b"old"


class Kind(NamedTuple):
    """A kind of run: what it does in a folder, the files it starts from, and what must hold when it was killed."""

    run: Callable[[Path], object]
    before: dict[str, bytes]
    lost: Callable[[dict[str, bytes]], bool]


def command(*arguments: str) -> Callable[[Path], object]:
    """A run of the command line in the folder."""

    def run(folder: Path) -> None:
        os.chdir(folder)
        sys.argv = ["voxz", *arguments]
        main()

    return run


def kinds(packed: dict[str, bytes]) -> dict[str, Kind]:
    """All of them; `packed` holds the files that inputs are compressed to."""
    scan, archive = {"a.nii": CONTENT["a.nii"]}, {"a.nii.voxz": packed["a.nii"]}

    def loses(source: dict[str, bytes], destination: dict[str, bytes], old: bytes | None) -> Callable[[dict[str, bytes]], bool]:
        ((name, whole),) = destination.items()
        return lambda found: any(found.get(key) != data for key, data in source.items()) or found.get(name) not in (old, whole)

    def loses_any(source: dict[str, bytes], destination: dict[str, bytes]) -> Callable[[dict[str, bytes]], bool]:
        pairs = list(zip(source.items(), destination.items(), strict=True))
        return lambda found: not all(found.get(a) == data or found.get(b) == other for (a, data), (b, other) in pairs)

    everything = {f"{name}.voxz": data for name, data in packed.items()}
    return {
        "compress": Kind(lambda f: voxz.compress(f / "a.nii", f / "a.nii.voxz", level=1), scan, loses(scan, archive, None)),
        "compress -f": Kind(
            lambda f: voxz.compress(f / "a.nii", f / "a.nii.voxz", level=1, force=True),
            scan | {"a.nii.voxz": OLD},
            loses(scan, archive, OLD),
        ),
        "compress --rm of a batch": Kind(command("compress", "-1", "--rm", *NAMES), CONTENT, loses_any(CONTENT, everything)),
        "decompress": Kind(lambda f: voxz.decompress(f / "a.nii.voxz", f / "a.nii"), archive, loses(archive, scan, None)),
        "decompress -f": Kind(
            lambda f: voxz.decompress(f / "a.nii.voxz", f / "a.nii", force=True),
            archive | {"a.nii": OLD},
            loses(archive, scan, OLD),
        ),
        "decompress --rm of a batch": Kind(
            command("decompress", "--rm", *everything), everything, loses_any(everything, CONTENT)
        ),
    }


def child_of(run: Callable[[], object]) -> int:
    """Start a run in a process of its own."""
    pid = os.fork()  # noqa: TID251 - a new interpreter would need a second to start
    if pid:
        return pid
    code = 1
    try:
        run()
        code = 0
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        os._exit(code)


def files_in(folder: Path) -> dict[str, bytes]:
    """Names and contents, without unfinished files."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith(".part")}


def prepare(folder: Path, files: dict[str, bytes]) -> None:
    """Leave just these files; unfinished ones of the run before stay."""
    for path in folder.iterdir():
        if not path.name.endswith(".part"):
            path.unlink()
    for name, data in files.items():
        (folder / name).write_bytes(data)


def kill_all(folder: Path, kills: int, seed: int) -> dict[str, dict[str, int]]:
    """Kill `kills` runs, all kinds in turn; return what became of them."""
    packed = {}
    for name, data in CONTENT.items():
        (folder / name).write_bytes(data)
        voxz.compress(folder / name, folder / "warm", level=1, force=True)
        voxz.decompress(folder / "warm", folder / "warmer", force=True)
        packed[name] = (folder / "warm").read_bytes()
    rng, found = random.Random(seed), {}
    for name, kind in kinds(packed).items():
        room = folder / name.replace(" ", "-")
        room.mkdir()
        prepare(room, kind.before)
        started = time.monotonic()
        assert os.waitpid(child_of(partial(kind.run, room)), 0)[1] == 0, f"{name} fails without any kill"
        seconds = time.monotonic() - started
        after = files_in(room)
        counts = found[name] = {"killed": 0, "finished": 0, "lost": int(kind.lost(after)), "left over": 0}
        for _ in range(kills // 6):
            prepare(room, kind.before)
            pid = child_of(partial(kind.run, room))
            time.sleep(rng.uniform(0, 1.1 * seconds))
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            files = files_in(room)
            counts["lost"] += kind.lost(files)
            counts["finished" if files == after else "killed"] += 1
        prepare(room, kind.before)
        assert os.waitpid(child_of(partial(kind.run, room)), 0)[1] == 0
        counts["left over"] = len(list(room.glob(".*.part")))
    return found


if __name__ == "__main__":
    print(json.dumps(kill_all(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
