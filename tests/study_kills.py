"""Runs over a whole study that are killed at random moments: a process that has compiled everything forks one child for each.

``python tests/study_kills.py FOLDER KILLS SEED`` prints as JSON, for each kind of run, how often it was killed, how often it
ended, and how often a file was not what it had been: in the tree after each kill, or in what came back after a run that ended.
"""

import json
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import voxz
from kills import child_of
from samples import contents
from trees import small_study
from voxz.cli.app import main
from voxz.studies.manifest import DONE, Manifest

LEAST, MOST = 0.02, 1.05
"""Of the time that a whole run takes: the shares after which it is killed."""


def command(*arguments: object) -> Callable[[], None]:
    """A run of the command line."""

    def run() -> None:
        sys.argv = ["voxz", *map(str, arguments)]
        main()

    return run


def ended(run: Callable[[], None]) -> bool:
    """Let a run end; whether it ended well."""
    return os.waitpid(child_of(run), 0)[1] == 0


class Study:
    """A study, and the three kinds of run over it."""

    def __init__(self, folder: Path) -> None:
        self.tree, self.packed, self.out, self.back, self.moved = map(
            folder.__truediv__, ("tree", "packed", "out", "back", "moved")
        )
        small_study(self.tree)
        self.whole = contents(self.tree)
        shutil.copytree(self.tree, self.moved)
        self.runs = {
            "compress": command("compress", "-q", "-r", self.tree, "-o", self.out, "-1", "-T", 2),
            "decompress": command("decompress", "-q", "-r", self.packed, "-o", self.back, "-T", 2),
            "compress --rm": command("compress", "-q", "-r", self.moved, "-1", "-T", 2, "--rm"),
        }

    def harmed(self) -> bool:
        """Whether an input was touched, or something is said to be done that is not there."""
        said = [record for record in Manifest(self.out) if record.outcome == DONE]
        return contents(self.tree) != self.whole or not all((self.out / record.destination).exists() for record in said)

    def finish(self, kind: str) -> bool:
        """After a run that ended: whether everything comes back; then begin that kind anew."""
        if kind == "compress --rm":
            good = ended(command("decompress", "-q", "-r", self.moved)) and self.whole.items() <= contents(self.moved).items()
            shutil.rmtree(self.moved)
            shutil.copytree(self.tree, self.moved)
            return good
        place = self.back if kind == "decompress" else self.back.with_name("again")
        good = kind == "decompress" or ended(command("decompress", "-q", "-r", self.out, "-o", place))
        found = {name: data for name, data in contents(place).items() if not name.endswith(".part")}
        shutil.rmtree(place)
        return good and found == self.whole


def kill_all(folder: Path, kills: int, seed: int) -> dict[str, dict[str, int]]:
    """Kill `kills` runs, all kinds in turn, each going on where the last one of its kind was stopped."""
    rng = random.Random(seed)
    study = Study(folder)
    voxz.compress(study.tree / "sub-0/t1.nii.gz", folder / "warm", level=1)
    voxz.decompress(folder / "warm", folder / "warmer")
    assert ended(command("compress", "-q", "-r", study.tree, "-o", study.packed, "-1"))
    seconds = {}
    for kind, run in study.runs.items():
        began = time.monotonic()
        assert ended(run), f"{kind} fails without any kill"
        seconds[kind] = time.monotonic() - began
        assert study.finish(kind)
    found = {kind: {"killed": 0, "ended": 0, "lost": 0} for kind in study.runs}
    while (done := sum(counts["killed"] for counts in found.values())) < kills:
        kind = list(study.runs)[done % len(study.runs)]
        counts, pid = found[kind], child_of(study.runs[kind])
        time.sleep(rng.uniform(LEAST, MOST) * seconds[kind])
        os.kill(pid, signal.SIGKILL)
        status = os.waitpid(pid, 0)[1]
        counts["lost"] += study.harmed()
        if os.WIFSIGNALED(status):
            counts["killed"] += 1
        else:
            counts["ended"] += 1
            counts["lost"] += status != 0 or not study.finish(kind)
            if kind == "compress":
                shutil.rmtree(study.out)
    for kind, run in study.runs.items():
        found[kind]["lost"] += not ended(run) or not study.finish(kind)
    left = [path for path in study.out.rglob("*") if path.name.endswith((".part", ".bricks", ".again"))]
    found["compress"]["lost"] += bool(left)
    return found


if __name__ == "__main__":
    print(json.dumps(kill_all(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
