"""Folders too large to write by hand: many small slices, or many gigabytes, made from one file or from a real series.

Every slice is a copy of a data set with other identifiers, another place and other pixels; what is measured runs in a process of
its own, whose largest memory the operating system tells.
"""

import hashlib
import json
import struct
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SIDE = 28
"""Rows and columns of a small slice, unless told: 1.6 kB of pixels."""

PER_FOLDER = 10_000

_WORK = """
import json, resource, sys, time
import voxz
from voxz.warm.compile_all import compile_all
compile_all()
before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
{statement}
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([time.perf_counter() - started, before * 1024, used.ru_maxrss * 1024]))
"""

_STEPS = {
    "compress": "voxz.compress(sys.argv[1], sys.argv[2], level=int(sys.argv[4]), threads=int(sys.argv[5]))",
    "info": "voxz.info(sys.argv[2])",
    "open, a slice": "a = voxz.open(sys.argv[2]); s = a.series[0]; s[..., 0]; s.members; a.read(s.members[0])",
    "restore": "voxz.decompress(sys.argv[2], sys.argv[3], threads=int(sys.argv[5]))",
}


@dataclass(frozen=True)
class Step:
    """What a process took: seconds, and bytes of memory at its start (with all that is loaded and compiled) and at its peak."""

    name: str
    seconds: float
    start_bytes: int
    peak_bytes: int


def write_many(folder: Path, count: int, side: int = SIDE) -> int:
    """Write `count` slices of `side` rows and columns of one series; returns the bytes of all."""
    template, places = _template(side)
    rng, total = np.random.default_rng(0), 0
    y, x = np.mgrid[:side, :side]
    for number in range(count):
        shown = 600 + 300 * np.sin((x + number / 7) / 5) * np.cos((y - number / 11) / 6) + rng.normal(0, 12, x.shape)
        data = bytearray(template)
        for field, text in (("uid", f"{number:08}"), ("number", f"{number + 1:08}"), ("place", f"{number * 0.25:010.2f}")):
            for at in places[field]:
                data[at : at + len(text)] = text.encode()
        data[places["pixels"][0] :] = shown.astype("<u2").tobytes()
        inside = folder / f"{number // PER_FOLDER:03}"
        if number % PER_FOLDER == 0:
            inside.mkdir(parents=True)
        (inside / f"IM{number % PER_FOLDER:05}").write_bytes(data)
        total += len(data)
    return total


def _template(side: int) -> tuple[bytes, dict[str, list[int]]]:
    """A slice, and where the numbers stand that change from slice to slice."""
    import pydicom  # noqa: PLC0415 - an extra
    from pydicom.dataset import Dataset, FileMetaDataset  # noqa: PLC0415

    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = pydicom.uid.MRImageStorage
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.UID("1.2.826.0.1.11111111")
    data.SeriesInstanceUID, data.Modality, data.ImageType = "1.2.826.0.1.5", "MR", ["ORIGINAL", "PRIMARY"]
    data.InstanceNumber, data.ImagePositionPatient = "22222222", ["-20", "10", "3333333.33"]
    data.ImageOrientationPatient, data.PixelSpacing, data.SliceThickness = [1, 0, 0, 0, 1, 0], [1, 1], "0.25"
    data.SamplesPerPixel, data.PhotometricInterpretation, data.Rows, data.Columns = 1, "MONOCHROME2", side, side
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    data.PixelData = bytes(2 * side * side)
    data["PixelData"].VR = "OW"
    buffer = pydicom.filebase.DicomBytesIO()
    pydicom.dcmwrite(buffer, data, enforce_file_format=True)
    file = bytes(buffer.getvalue())
    marks = {"uid": b"11111111", "number": b"22222222", "place": b"3333333.33"}
    places: dict[str, list[int]] = {name: _all(file, mark) for name, mark in marks.items()}
    places["pixels"] = [len(file) - 2 * side * side]
    return file, places


def _all(data: bytes, mark: bytes) -> list[int]:
    found, at = [], data.find(mark)
    while at >= 0:
        found.append(at)
        at = data.find(mark, at + 1)
    return found


def write_large(folder: Path, series: Path, size: int) -> int:
    """Copies of a real series, each as a series of its own with other noise, until they have `size` bytes; returns the bytes."""
    import pydicom  # noqa: PLC0415 - an extra

    files = [path for path in sorted(series.rglob("*")) if path.is_file()]
    rng, total, copy = np.random.default_rng(0), 0, 0
    while total < size:
        inside = folder / f"copy{copy:03}"
        inside.mkdir(parents=True)
        for path in files:
            data = path.read_bytes()
            head = pydicom.dcmread(path)
            for uid in {str(head.SOPInstanceUID), str(head.SeriesInstanceUID)}:
                data = data.replace(uid.encode(), uid[:-4].encode() + f"{copy + 1000:04}".encode())
            at = data.rindex(head.PixelData)
            data = data[:at] + _noisy(head, rng) + data[at + len(head.PixelData) :]
            (inside / path.name).write_bytes(data)
            total += len(data)
        copy += 1
    return total


def _noisy(head: Any, rng: np.random.Generator) -> bytes:
    """Stored pixels, each one more or less by chance where they are not at an end of their range."""
    kind = np.dtype(f"<{'i' if head.PixelRepresentation else 'u'}{head.BitsAllocated // 8}")
    pixels: NDArray[Any] = np.frombuffer(head.PixelData, kind)
    middle = (pixels > pixels.min()) & (pixels < pixels.max())
    noisy: NDArray[Any] = (pixels + (rng.integers(-1, 2, pixels.size) * middle).astype(kind)).astype(kind)
    return noisy.tobytes()


def measured(folder: Path, place: Path, level: int, threads: int) -> list[Step]:
    """Archive a folder, look into the archive, restore it below `place`: each in a process of its own."""
    arguments = [str(folder), str(place / "a.voxz"), str(place / "back"), str(level), str(threads)]
    steps = []
    for name, statement in _STEPS.items():
        command = [sys.executable, "-W", "ignore", "-c", _WORK.replace("{statement}", statement), *arguments]
        told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        steps.append(Step(name, *told))
        print(f"{name}: {told[0]:.1f} s, peak {told[2] / 1e6:.0f} MB", file=sys.stderr, flush=True)
    return steps


def same(folder: Path, other: Path) -> bool:
    """Whether two folders have the same files with the same contents, without holding them."""
    return _digests(folder) == _digests(other)


def _digests(folder: Path) -> bytes:
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").digest()
        name = path.relative_to(folder).as_posix().encode()
        digest.update(struct.pack("<I", len(name)) + name + content)
    return digest.digest()


def report(title: str, files: int, total: int, packed: int, exact: bool, steps: list[Step]) -> str:
    """A table of the steps."""
    lines = [f"{title}: {files} files, {total:,} bytes => {packed:,} bytes ({100 * packed / total:.1f} %)"]
    lines += ["", "| | s | MB/s | files/s | peak memory, MB | of that at the start |", "|---|---|---|---|---|---|"]
    for step in steps:
        whole = step.name in ("compress", "restore")
        speed = f"{total / step.seconds / 1e6:.1f} | {files / step.seconds:.0f}" if whole else " | "
        memory = f"{step.peak_bytes / 1e6:.0f} | {step.start_bytes / 1e6:.0f}"
        lines.append(f"| {step.name} | {step.seconds:.2f} | {speed} | {memory} |")
    return "\n".join([*lines, "", "All came back byte for byte." if exact else "NOT EXACT"])
