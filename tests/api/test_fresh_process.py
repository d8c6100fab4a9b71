"""Files of trained transforms and both entropy profiles, read by a process that knows nothing but the file, compiled or not."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import voxz
from phantoms import head

SMALL = ((8, 8, 4), (3, 9, 8), (1, 8, 17))
"""Shapes (z, y, x) for plain Python: a split along z, thick slices, one slice;"""

LARGE = ((24, 24, 24), (13, 47, 31), (4, 64, 64))
"""and for compiled code: a cube, odd sizes, thick slices with several levels."""

BOUND = 3

CASES: dict[str, dict[str, Any]] = {
    f"{kind}-{entropy}-{'x'.join(map(str, shape))}": {"shape": shape, "target": target, "entropy": entropy}
    for kind, target in (("exact", voxz.Lossless()), ("lossy", voxz.MaxError(BOUND)))
    for entropy in ("light", "heavy")
    for shape in SMALL + LARGE
}

SCRIPT = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[1:3]
from test_fresh_process import read_all, write_all
folder = Path(sys.argv[3])
if sys.argv[4] == "write":
    write_all(folder)
read_all(folder)
assert not {"torch", "safetensors"} & set(sys.modules)
"""


def write_all(folder: Path, shapes: tuple[tuple[int, ...], ...] = SMALL) -> None:
    """Compress the cases of these shapes to ``NAME.voxz``."""
    for name, case in CASES.items():
        if case["shape"] not in shapes:
            continue
        np.save(folder / "image.npy", head(case["shape"]))
        codec = voxz.Wavelet(transform="trained:general", entropy=case["entropy"])
        options: dict[str, Any] = {"codec": codec, "target": case["target"], "force_lossy": True, "verify": False, "threads": 1}
        voxz.compress(folder / "image.npy", folder / f"{name}.voxz", **options)
    (folder / "image.npy").unlink()


def read_all(folder: Path) -> None:
    """Decompress all files to ``NAME.npy``."""
    for path in sorted(folder.glob("*.voxz")):
        voxz.decompress(path, path.with_suffix(".npy"), threads=1)


def run(folder: Path, task: str, jit: str) -> None:
    command = [
        sys.executable,
        "-W",
        "error",
        "-c",
        SCRIPT,
        str(Path(__file__).parent),
        str(Path(__file__).parents[1]),
        str(folder),
        task,
    ]
    done = subprocess.run(command, env=os.environ | {"VOXZ_JIT": jit}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files that this process wrote."""
    folder = tmp_path_factory.mktemp("ours")
    write_all(folder, SMALL + LARGE)
    return folder


def test_what_was_asked_for_is_in_the_files(ours: Path) -> None:
    for name, case in CASES.items():
        facts = voxz.info(ours / f"{name}.voxz").to_dict()
        assert facts["entropy_profiles"] == {case["entropy"]: 1}
        assert next(iter(facts["transforms"])).startswith("trained:general")


def test_a_fresh_process_decodes_the_same_samples(ours: Path) -> None:
    run(ours, "read", "1")
    for name, case in CASES.items():
        image, found = head(case["shape"]), np.load(ours / f"{name}.npy")
        assert found.dtype == image.dtype
        assert np.array_equal(found, voxz.decode((ours / f"{name}.voxz").read_bytes()))
        assert abs(found.astype(int) - image).max() <= (BOUND if name.startswith("lossy") else 0)
        assert np.array_equal(found, np.load(ours / f"{name.replace('heavy', 'light')}.npy"))


@pytest.mark.long
def test_plain_python_writes_the_same_bytes_and_reads_the_same_samples(ours: Path, tmp_path: Path) -> None:
    run(tmp_path, "write", "0")
    names = sorted(path.stem for path in tmp_path.glob("*.voxz"))
    assert len(names) == 4 * len(SMALL)
    for name in names:
        assert (tmp_path / f"{name}.voxz").read_bytes() == (ours / f"{name}.voxz").read_bytes(), name
        assert np.array_equal(np.load(tmp_path / f"{name}.npy"), voxz.decode((ours / f"{name}.voxz").read_bytes())), name
