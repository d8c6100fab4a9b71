"""``python -m benchmarks studies``: how busy `voxz compress -r` keeps the cores, how it scales, and a study there and back.

- ``busy``: 100 small volumes and three large ones (noise on phantoms), each compressed on all threads. At a hundred moments a
  second it is counted how many threads run or could run; so the figure is the same on a machine that has other work.
- ``scale``: the same work on a Dask cluster of 1, 2, 4 and 8 workers of one thread on this machine.
- ``trip TREE...``: trees there and back; a run is killed and goes on, on threads, and on a cluster a worker of which is killed.
"""

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import nibabel
import numpy as np

from benchmarks.demo import scans
from voxz.studies.cluster import on_cluster
from voxz.studies.manifest import MANIFEST, Manifest, Record
from voxz.studies.run import Task

SMALL, LARGE = (100, (64, 64, 32)), (3, (320, 320, 400))
MANY, HUGE = (40, (64, 64, 32)), (1, (400, 400, 640))
"""How many volumes, and their voxels: of `busy` and of `scale`."""

_EVERY = 0.01
"""Seconds."""


def volumes(folder: Path, count: int, shape: tuple[int, int, int]) -> int:
    """Write gzip volumes of 16 bits: soft spheres with noise; the bytes of their samples."""
    folder.mkdir(parents=True)
    axes = np.meshgrid(*(np.linspace(-1, 1, n, dtype=np.float32) for n in shape), indexing="ij")
    for number in range(count):
        rng = np.random.default_rng(number)
        centre = rng.uniform(-0.3, 0.3, 3)
        distance = np.sqrt(sum((axis - at) ** 2 for axis, at in zip(axes, centre, strict=True)))
        samples = 900 / (1 + np.exp(12 * (distance - 0.6))) * (1 + 0.2 * np.sin(9 * axes[0] + number))
        samples += rng.normal(0, 12, shape) * (distance < 0.9)
        nibabel.Nifti1Image(samples.astype(np.int16), np.eye(4)).to_filename(folder / f"{number:03}.nii.gz")
    return count * 2 * int(np.prod(shape))


@dataclass(frozen=True)
class Run:
    """A run of the command: seconds of its work, share of the cores that were or could have been busy then, peak memory."""

    seconds: float
    busy: float
    peak_bytes: int


BEFORE: list[str] = []
"""Words before the command, such as ``chrt -f 50``."""


def command(*arguments: object) -> list[str]:
    """The command line of voxz."""
    return [*BEFORE, sys.executable, "-m", "voxz", *map(str, arguments)]


def watched(tree: Path, out: Path, level: int, threads: int, first: int) -> Run:
    """Compress a tree, and look at the threads once `first` units are done: before, kernels are loaded, which one thread does."""
    process = subprocess.Popen(command("compress", "-q", "-r", tree, "-o", out, f"-{level}", "-T", threads))
    began, counts, peak = 0.0, [], 0
    while process.poll() is None:
        time.sleep(_EVERY)
        if not began and not _has_done(out / MANIFEST, first):
            continue
        began = began or time.perf_counter()
        states, memory = _looked_at(process.pid)
        peak = max(peak, memory)
        counts.append(min(threads, states.count("R")))
    assert process.returncode == 0
    return Run(time.perf_counter() - began, sum(counts) / len(counts) / threads, peak)


def _has_done(manifest: Path, units: int) -> bool:
    return manifest.exists() and manifest.read_bytes().count(b'"written"') >= units


def _looked_at(pid: int) -> tuple[list[str], int]:
    """States of the threads of a process, and its peak memory."""
    states, memory = [], 0
    try:
        for task in Path(f"/proc/{pid}/task").iterdir():
            states.append((task / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0])
        status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        memory = int(status.partition("VmHWM:")[2].split()[0]) << 10
    except (OSError, IndexError):  # it has just ended
        pass
    return states, memory


def busy(level: int, threads: int) -> None:
    """Print how busy the cores are on many small and on few large files."""
    with tempfile.TemporaryDirectory() as place:
        print(f"level {level}, {threads} threads\n\n| files | MB of samples | s | MB/s | cores busy, % | peak memory, MB |")
        print(f"{'|---' * 6}|")
        for count, shape in (SMALL, LARGE):
            tree = Path(place) / str(count)
            size = volumes(tree, count, shape)
            first = count // 50
            run = watched(tree, Path(f"{tree}-packed"), level, threads, first)
            speed = size * (1 - first / count) / run.seconds
            figures = f"{run.seconds:.1f} | {speed / 1e6:.1f} | {100 * run.busy:.0f} | {run.peak_bytes / 1e6:.0f}"
            print(f"| {count} | {size / 1e6:.0f} | {figures} |", flush=True)


def scale(level: int) -> None:
    """Print how long clusters of 1, 2, 4 and 8 workers take, and what the scheduler and the manifest take a task."""
    print(f"level {level}\n\n| workers | {MANY[0]} small files, s | one of {HUGE[1]} voxels, s |\n{'|---' * 3}|")
    with tempfile.TemporaryDirectory() as place:
        small, large = Path(place) / "small", Path(place) / "large"
        volumes(small, *MANY)
        volumes(large, *HUGE)
        for workers in (1, 2, 4, 8):
            times = [_clustered(tree, Path(place) / f"{tree.name}-{workers}", level, workers) for tree in (small, large)]
            print(f"| {workers} | {times[0]:.1f} | {times[1]:.1f} |", flush=True)
        print(f"\ntasks of nothing: {_idle_tasks(Path(place) / 'idle'):.0f} a second", flush=True)


def _nothing(record: Record, threads: int, progress: object) -> Record:
    return record


def _idle_tasks(out: Path, count: int = 3000) -> float:
    """Tasks a second that do nothing but go through the scheduler and the manifest."""
    out.mkdir()
    manifest = Manifest(out)
    records = [Record(f"{number}.voxz", "image", str(number)) for number in range(count)]
    with on_cluster("local:1") as executor:
        began = time.perf_counter()
        for record in executor([Task(record, partial(_nothing, record)) for record in records], lambda record: None, Unwatched()):
            manifest.append(record, synced=False)
        return count / (time.perf_counter() - began)


class Unwatched:
    """Nobody watches."""

    def start(self, files: int, size: int) -> None:
        """Say nothing."""

    def part(self, record: Record, done: int, total: int) -> None:
        """Say nothing."""

    def end(self, record: Record) -> None:
        """Say nothing."""


def _clustered(tree: Path, out: Path, level: int, workers: int) -> float:
    """Seconds from the first line of the manifest on."""
    process = subprocess.Popen(command("compress", "-q", "-r", tree, "-o", out, f"-{level}", "--cluster", f"local:{workers}"))
    while process.poll() is None and not (out / MANIFEST).exists():
        time.sleep(_EVERY)
    began = time.perf_counter()
    while process.poll() is None and not all(record.outcome == "done" for record in Manifest(out)):
        time.sleep(_EVERY)
    seconds = time.perf_counter() - began
    assert process.wait() == 0
    return seconds


def bids_of_packages(folder: Path, subjects: int = 50) -> Path:
    """A BIDS data set of 4 files a subject and 4 more: parts of scans that ship in packages, others for each subject."""
    folder.mkdir(parents=True)
    images = [nibabel.load(path) for _, path in scans()]
    describes = {"Name": "scans of packages", "BIDSVersion": "1.10.0", "DatasetType": "raw"}
    (folder / "dataset_description.json").write_text(json.dumps(describes))
    (folder / "README").write_text("Parts of scans that ship inside packages.\n")
    names = [f"sub-{number:02}" for number in range(1, subjects + 1)]
    (folder / "participants.tsv").write_text("participant_id\n" + "".join(f"{name}\n" for name in names))
    (folder / "task-rest_bold.json").write_text(json.dumps({"TaskName": "rest", "RepetitionTime": 2.0}))
    for number, name in enumerate(names):
        for image, place in zip(images, ("func/{}_task-rest_bold", "dwi/{}_acq-b0_epi", "anat/{}_T1w"), strict=True):
            stored = np.asanyarray(image.dataobj.get_unscaled())
            rolled = np.roll(stored, number, axis=0)[: stored.shape[0] - number % 8]
            path = folder / name / place.format(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            nibabel.Nifti1Image(rolled, image.affine).to_filename(f"{path}.nii.gz")
        (folder / name / f"anat/{name}_T1w.json").write_text(json.dumps({"EchoTime": 0.004}))
    return folder


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of all files of a folder, by path; links and folders without one."""
    found = {}
    for path in sorted(folder.rglob("*")):
        plain = path.is_file() and not path.is_symlink()
        found[path.relative_to(folder).as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest() if plain else ""
    return found


def trip(tree: Path, level: int, cluster: bool) -> str:
    """Compress, kill, go on, verify, restore, compare; a row of a table."""
    with tempfile.TemporaryDirectory() as place:
        out, back = Path(place) / "out", Path(place) / "back"
        given = ["compress", "-q", "-r", tree, "-o", out, f"-{level}", *(["--cluster", "local:2"] if cluster else [])]
        began, units = time.perf_counter(), 0
        process = subprocess.Popen(command(*given), start_new_session=True)
        while process.poll() is None and units < 3:
            time.sleep(_EVERY)
            units = sum(record.outcome == "done" and record.kind != "file" for record in Manifest(out))
        if cluster:  # one worker dies, the run goes on; and then all of it
            os.kill(_a_worker(process.pid), signal.SIGKILL)
            time.sleep(5)
        killed = process.poll() is None
        if killed:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        done = sum(record.outcome == "done" for record in Manifest(out))
        subprocess.run(command(*given), check=True)
        compressed = time.perf_counter() - began
        subprocess.run(command("verify", "-q", "-r", out), check=True)
        began = time.perf_counter()
        subprocess.run(command("decompress", "-q", "-r", out, "-o", back), check=True)
        restored = time.perf_counter() - began
        equal = digests(tree) == digests(back)
        sizes = [sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) for folder in (tree, out)]
        where = "cluster of 2, a worker killed" if cluster else "threads"
        stopped = f"after {done}" if killed else "ended before"
        return (
            f"| {tree.name} | {len(digests(tree))} | {where} | {stopped} | {sizes[0] / 1e6:.1f} => {sizes[1] / 1e6:.1f} "
            f"({100 * sizes[1] / sizes[0]:.1f} %) | {compressed:.0f} | {restored:.0f} | {'equal' if equal else 'DIFFERENT'} |"
        )


def _a_worker(pid: int) -> int:
    """A process of a cluster: the last one below the nannies of this one."""
    listed = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,args="], check=True, capture_output=True, text=True).stdout
    rows = [(int(own), int(parent), words) for own, parent, words in (line.split(None, 2) for line in listed.splitlines())]
    children = [own for own, parent, words in rows if parent == pid and "spawn_main" in words]
    return children[-1]


def main(arguments: list[str]) -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks studies", description=__doc__)
    parser.add_argument("what", choices=("busy", "scale", "trip"))
    parser.add_argument("trees", nargs="*", type=Path, help="of a trip, beside a BIDS data set from packages")
    parser.add_argument("--level", type=int, default=1)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--before", default="", help="words before the command, such as 'chrt -f 50'")
    given = parser.parse_intermixed_args(arguments)
    BEFORE[:] = given.before.split()
    if given.what == "busy":
        busy(given.level, given.threads)
    elif given.what == "scale":
        scale(given.level)
    else:
        print(f"| tree | entries | on | killed | MB | compressed, s | restored, s | `diff -r` |\n{'|---' * 8}|")
        with tempfile.TemporaryDirectory() as place:
            for tree in (bids_of_packages(Path(place) / "bids"), *given.trees):
                for cluster in (False, True):
                    print(trip(tree, given.level, cluster), flush=True)
