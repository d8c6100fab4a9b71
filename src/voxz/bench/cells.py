"""One cell: a spec on a volume, measured by two fresh processes and checked, or taken from an earlier run.

A result is kept as JSON under a name made of everything it depends on: the samples, the spec, the versions. Of lossy results
the three middle planes are kept too, for pictures.
"""

import hashlib
import json
import math
import os
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import voxz
from voxz.bench.spec import Spec
from voxz.bench.tasks import Task, task_figures
from voxz.bench.volumes import Volume
from voxz.errors import VoxzError
from voxz.metrics import data_range_of, errors, psnr, ssim

MEASUREMENT = 2
"""Counts up when figures change their meaning, so that older results are measured again."""

_TOLERANCE = 1e-6
"""Relative excess over an error bound that is put down to rounding in floats."""

_GRACE = 10.0
"""Seconds that a worker has to end what it started."""


@dataclass(frozen=True)
class Result:
    """One row of the results; sizes of the whole file, MB are 10**6 bytes of samples, errors are in stored units."""

    volume: str
    kind: str
    shape: str
    dtype: str
    part: str
    codec: str
    family: str
    version: str
    status: str
    message: str = ""
    megabytes: float = 0.0
    bytes: int = 0
    bits_per_voxel: float | None = None
    ratio: float | None = None
    encode_mb_s: float | None = None
    decode_mb_s: float | None = None
    encode_peak_mib: float | None = None
    decode_peak_mib: float | None = None
    bound: float | None = None
    max_error: float | None = None
    rmse: float | None = None
    data_range: float | None = None
    psnr_db: float | None = None
    ssim: float | None = None
    tasks: dict[str, float] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        """Whether it was measured and kept its promise."""
        return self.status == "ok"

    @property
    def lossless(self) -> bool:
        """Whether the decoded samples are the original ones."""
        return self.ok and self.max_error == 0


def measure(volume: Volume, spec: Spec, folder: Path, limit: float, tasks: tuple[Task, ...] = ()) -> Result:
    """Return the result of a cell; `folder` keeps it. A rival that fails gives a row that says so.

    Parameters
    ----------
    limit : seconds after which each half is given up
    """
    about: dict[str, Any] = {
        "volume": volume.name,
        "kind": volume.kind,
        "shape": volume.shape,
        "dtype": volume.samples.dtype.name,
        "part": volume.part,
        "codec": str(spec),
        "family": spec.family,
        "megabytes": volume.megabytes,
    }
    try:
        version = spec.rival().version()
    except VoxzError as error:
        return Result(**about, version="", status="missing", message=str(error))
    kept = folder / f"{_key(volume, spec, version, tasks)}.json"
    if kept.is_file():
        return Result(**(json.loads(kept.read_text(encoding="utf-8")) | about))
    facts = _measure(volume, spec, kept.with_suffix(""), limit, tasks)
    result = Result(**about, version=version, **facts)
    if result.status != "failed":  # what failed may have lacked time or memory: it is tried again
        temporary = kept.with_suffix(".tmp")
        temporary.write_text(json.dumps(asdict(result)), encoding="utf-8")
        temporary.replace(kept)
    return result


def planes_path(folder: Path, volume: Volume, spec: Spec, version: str, tasks: tuple[Task, ...] = ()) -> Path:
    """Where the middle planes of a lossy cell are, if it succeeded."""
    return folder / f"{_key(volume, spec, version, tasks)}.npz"


def middle_planes(samples: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Three planes through the middle of the middle volume."""
    volume = samples[len(samples) // 2]
    z, y, x = (length // 2 for length in volume.shape)
    return {"axial": volume[z], "coronal": volume[:, y], "sagittal": volume[:, :, x]}


def _key(volume: Volume, spec: Spec, version: str, tasks: tuple[Task, ...]) -> str:
    names = [task.name for task in tasks]
    depends = [MEASUREMENT, voxz.__version__, volume.sha256, str(spec), version, names]
    return hashlib.sha256(json.dumps(depends).encode()).hexdigest()[:32]


def _measure(volume: Volume, spec: Spec, stem: Path, limit: float, tasks: tuple[Task, ...]) -> dict[str, Any]:
    scratch = {
        name: stem.with_suffix(suffix)
        for name, suffix in (("samples", ".in.npy"), ("file", ".bin"), ("decoded", ".out.npy"), ("report", ".report"))
    }
    try:
        np.save(scratch["samples"], volume.samples)
        encoded = _work("encode", spec, scratch["samples"], scratch["file"], scratch["report"], limit)
        if encoded["status"] != "ok":
            return _said("encoding", encoded)
        scratch["samples"].unlink()
        decoded = _work("decode", spec, scratch["file"], scratch["decoded"], scratch["report"], limit)
        if decoded["status"] != "ok":
            return _said("decoding", decoded)
        size = scratch["file"].stat().st_size
        facts = {
            "bytes": size,
            "bits_per_voxel": 8 * size / volume.samples.size,
            "ratio": volume.samples.nbytes / size,
            "encode_mb_s": volume.megabytes / encoded["cpu_seconds"],
            "decode_mb_s": volume.megabytes / decoded["cpu_seconds"],
            "encode_peak_mib": encoded["peak_mib"],
            "decode_peak_mib": decoded["peak_mib"],
        }
        back = np.load(scratch["decoded"])
        facts |= _compare(volume, back, spec.rival().bound)
        if facts["status"] == "ok" and facts["max_error"]:
            facts["tasks"] = task_figures(tasks, volume, back)
            planes: dict[str, Any] = middle_planes(back)
            np.savez_compressed(stem.with_suffix(".npz"), **planes)
        return facts
    finally:
        for path in scratch.values():
            path.unlink(missing_ok=True)


def _said(half: str, facts: dict[str, Any]) -> dict[str, Any]:
    """Name the half that failed."""
    return facts | {"message": f"{half}: {facts['message']}"} if facts["status"] == "failed" else facts


def _work(verb: str, spec: Spec, source: Path, destination: Path, report: Path, limit: float) -> dict[str, Any]:
    """Run one half in a fresh process; return its report, or how it ended."""
    report.unlink(missing_ok=True)
    command = [sys.executable, "-m", "voxz.bench.worker", verb, str(spec), str(source), str(destination), str(report)]
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "BLOSC_NTHREADS", "RAYON_NUM_THREADS"), "1")
    with subprocess.Popen(
        command, env=os.environ | one_thread, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        try:
            _, errors_said = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            _end(process)
            return {"status": "failed", "message": f"took more than {limit:g} s"}
        except BaseException:
            _end(process)
            raise
    if process.returncode or not report.is_file():
        said = errors_said.decode(errors="replace").strip().splitlines()
        ended = f"by signal {-process.returncode}" if process.returncode < 0 else f"with code {process.returncode}"
        return {"status": "failed", "message": f"ended {ended}: {said[-1] if said else 'no message'}"}
    facts: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    return facts


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a worker, which ends the program that it waits for; one that is stuck in compiled code is killed."""
    process.terminate()
    try:
        process.communicate(timeout=_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()


def _compare(volume: Volume, back: NDArray[Any], bound: float | None) -> dict[str, Any]:
    """Errors of what was decoded, and whether the promise holds."""
    original = volume.samples
    if back.shape != original.shape or back.dtype != original.dtype:
        return {
            "status": "failed",
            "message": f"decoded to {back.shape} {back.dtype} instead of {original.shape} {original.dtype}",
        }
    data_range = data_range_of(original)
    facts: dict[str, Any] = {"status": "ok", "bound": bound, "data_range": data_range}
    if original.tobytes() == back.tobytes():
        return facts | {"max_error": 0.0, "rmse": 0.0}
    error = errors(original, back)
    largest = float(np.abs(error).max())
    mean_square = float(np.mean(np.square(error, dtype=np.float64)))
    if bound == 0:
        facts |= {"status": "failed", "message": f"not lossless: largest error {largest:g}"}
    elif bound is not None and not largest <= bound * (1 + _TOLERANCE):  # NaN exceeds every bound
        facts |= {"status": "failed", "message": f"bound exceeded: largest error {largest:g}, promised {bound:g}"}
    ssims = [value for a, b in zip(original, back, strict=True) if (value := ssim(a, b, data_range)) is not None]
    return facts | {
        "max_error": largest,
        "rmse": math.sqrt(mean_square),
        "psnr_db": psnr(mean_square, data_range),
        "ssim": float(np.mean(ssims)) if ssims else None,
    }
