"""The decoder in C gives the samples and files that this package gives, and the errors for what is damaged."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray

import voxz
from benchmarks.damaged_set import damaged
from benchmarks.fuzz.damage import damaged_bytes
from benchmarks.fuzz.native import bricks
from native import GOLDEN, STATUS, built, decoded, needs_compiler, run, shared
from phantoms import head, labels, ratio_map, series
from voxz.container.reader import Reader
from voxz.weights.store import FOLDER

pytestmark = needs_compiler

DIGESTS = json.loads((GOLDEN / "digests.json").read_text())


@pytest.fixture(scope="session")
def command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command voxz-decode."""
    return built("voxz-decode", shared(tmp_path_factory))


@pytest.fixture(scope="session")
def replay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that decodes damaged inputs under the sanitizers."""
    return built("replay", shared(tmp_path_factory))


@pytest.mark.parametrize("name", DIGESTS)
def test_golden_files_decode_to_what_they_held(command: Path, name: str) -> None:
    samples = decoded(command, GOLDEN / name)
    expected = DIGESTS[name]
    assert list(samples.shape) == expected["shape"]
    assert hashlib.sha256(np.ascontiguousarray(samples).tobytes()).hexdigest() == expected["sha256"]


def test_golden_files_restore_the_files_that_they_were_made_of(command: Path, tmp_path: Path) -> None:
    for name in ("v1_0_nifti1_rgb", "v1_0_nifti2_extension_tail"):
        voxz.decompress(GOLDEN / f"{name}.voxz", tmp_path / f"{name}.nii")
        done = run(command, "-f", "0", GOLDEN / f"{name}.voxz")
        assert done.returncode == 0, done.stderr
        assert done.stdout == (tmp_path / f"{name}.nii").read_bytes()


Maker = Callable[[], NDArray[np.generic]]

ARRAYS: dict[str, Maker] = {
    "scan": lambda: head((5, 40, 70)),
    "one row": lambda: head((1, 1, 300)),
    "one column": lambda: head((1, 300, 1)),
    "two columns": lambda: head((3, 30, 2)),
    "deep": lambda: head((40, 3, 5)),
    "bytes": lambda: head((4, 30, 30)).astype(np.uint8),
    "signed": lambda: (head((4, 30, 30)) - 300).astype(">i2"),
    "wide": lambda: head((4, 30, 30)).astype(np.uint32) * 70000 + 5,
    "gaps": lambda: (head((4, 30, 30)) // 7 * 7 + 3 * (head((4, 30, 30)) > 100)).astype(np.int32),
    "far apart": lambda: np.where(head((4, 30, 30)) > 100, head((4, 30, 30)), -2000).astype(np.int16),
    "series": lambda: series(4, (3, 25, 30)),
    "volumes of one voxel": lambda: np.arange(900).reshape(900, 1, 1, 1).astype(np.int16) % 77,
    "labels": lambda: labels((10, 40, 40)).astype(np.uint16),
    "series of labels": lambda: np.stack([labels((4, 30, 30), seed=k) for k in (1, 1, 2)]),
    "rows that repeat": lambda: np.repeat(labels((5, 30, 40)), 4, axis=0).astype(np.int64) << 40,
    "mask": lambda: head((6, 30, 30)) > 300,
    "map": lambda: ratio_map((4, 40, 40)),
    "map in doubles": lambda: ratio_map((3, 30, 30), "f8"),
    "halves": lambda: ratio_map((4, 40, 40), "f2"),
    "complex": lambda: (ratio_map((3, 30, 30)) + 1j * ratio_map((3, 30, 30), seed=5)).astype("c8"),
    "scaled": lambda: (head((4, 40, 40)) * 0.37 + 4.25).astype("f4"),
    "not numbers": lambda: np.where(head((4, 40, 40)) > 100, ratio_map((4, 40, 40)), np.nan).astype("f4"),
    "nothing": lambda: np.zeros((0, 5, 5), np.int16),
    "constant": lambda: np.full((3, 4, 5), -7, np.int8),
    "random": lambda: np.random.default_rng(1).integers(0, 255, 3000, np.uint8),
    "random wide": lambda: np.random.default_rng(1).integers(-(2**31), 2**31, (9, 20, 20)).astype("i4"),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_of_all_kinds_come_back_at_all_levels(command: Path, tmp_path: Path, name: str) -> None:
    array = ARRAYS[name]()
    for level in (1, 2, 3, 5, 6, 9):
        (tmp_path / "a.voxz").write_bytes(voxz.encode(array, level=level))
        samples = decoded(command, tmp_path / "a.voxz")
        assert samples.dtype == array.dtype
        assert samples.tobytes() == np.ascontiguousarray(array).tobytes(), f"level {level}"


@pytest.mark.parametrize("level", [1, 3, 5, 7, 9])
@pytest.mark.parametrize("name", ["scan", "series", "map", "wide", "far apart"])
def test_near_lossless_arrays_come_back_as_this_package_decodes_them(
    command: Path, tmp_path: Path, name: str, level: int
) -> None:
    array = ARRAYS[name]()
    bound = float(array.max() - array.min()) / 200
    blob = voxz.encode(array, target=voxz.MaxError(bound), level=level, codec="floats" if name == "map" else "predictive")
    (tmp_path / "a.voxz").write_bytes(blob)
    assert decoded(command, tmp_path / "a.voxz").tobytes() == voxz.decode(blob).tobytes()


def test_small_bricks_are_put_together(command: Path, tmp_path: Path) -> None:
    array = series(3, (20, 50, 40))
    (tmp_path / "a.voxz").write_bytes(voxz.encode(array, brick=(8, 16, 16)))
    assert decoded(command, tmp_path / "a.voxz").tobytes() == array.tobytes()


def test_archives_of_raw_samples_come_back_byte_for_byte(command: Path, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    folder.mkdir()
    for number in range(3):
        shutil.copy(GOLDEN / "digests.json", folder / f"{number}.json")
        np.save(folder / f"{number}.npy", head((3, 20, 20), seed=number))
    (folder / "empty").touch()
    voxz.compress(folder, tmp_path / "a.voxz")
    listed = run(command, tmp_path / "a.voxz").stdout.decode().splitlines()
    names = [line.split("bytes ", 1)[1].split(" (")[0] for line in listed if line.startswith("file")]
    assert sorted(names) == sorted(path.name for path in folder.iterdir())
    for number, name in enumerate(names):
        assert run(command, "-f", str(number), tmp_path / "a.voxz").stdout == (folder / name).read_bytes()
    assert run(command, "-c", tmp_path / "a.voxz").returncode == 0


@pytest.mark.filterwarnings("ignore::voxz.errors.PlainBytesWarning")
def test_files_that_are_kept_whole_and_long_streams_of_lzma_come_back(command: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    noise, text = rng.bytes(150_000), b"".join(b"line %d of many\n" % number for number in rng.integers(0, 9999, 200_000))
    contents = {
        "small": b"some words, " * 40,
        "samples": head((2, 30, 40)).tobytes(),
        "mixed": noise + text[:400_000] + noise + bytes(70_000) + rng.bytes(90_000),
        "long": text + noise,
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        voxz.compress(tmp_path / name, tmp_path / "a.voxz", force=True)
        with Reader(tmp_path / "a.voxz") as reader:
            assert (reader.files.within is not None) == (name == "small")
        done = run(command, "-f", "0", tmp_path / "a.voxz")
        assert done.returncode == 0, done.stderr
        assert done.stdout == content
        voxz.decompress(tmp_path / "a.voxz", tmp_path / "back", force=True)
        assert (tmp_path / "back").read_bytes() == content


def test_damaged_files_give_the_class_of_their_error(command: Path, tmp_path: Path) -> None:
    blob = (GOLDEN / "v1_0_head_level5.voxz").read_bytes()
    middle = len(blob) * 2 // 3
    cases = {
        "not voxz": b"nothing of the kind, but long enough for a head of seventy-two bytes and more",
        "truncated": blob[:-1],
        "damaged": blob[:middle] + bytes([blob[middle] ^ 1]) + blob[middle + 1 :],
        "unsupported": blob[:8] + b"\2" + blob[9:],
    }
    for name, data in cases.items():
        (tmp_path / "a.voxz").write_bytes(data)
        done = run(command, "-s", "0", tmp_path / "a.voxz")
        assert done.returncode == STATUS[name], (name, done.stderr)
        assert done.stderr.decode().startswith("voxz-decode: ")
    for data, name in (
        (b"", "not voxz"),
        (blob[:40], "truncated"),
        (blob + b"x", "damaged"),
        (blob[:60] + b"x" + blob[61:], "damaged"),
    ):
        (tmp_path / "a.voxz").write_bytes(data)
        assert run(command, "-c", tmp_path / "a.voxz").returncode == STATUS[name]
    assert run(command, "-s", "1", GOLDEN / "v1_0_tiny.voxz").returncode == STATUS["argument"]


def test_the_damaged_files_of_the_set_give_their_errors(command: Path, tmp_path: Path) -> None:
    models = [word for model in sorted(FOLDER.glob("*.safetensors")) for word in ("-m", model)]
    for entry in json.loads((GOLDEN / "damaged.json").read_text()):
        (tmp_path / "a.voxz").write_bytes(damaged(entry))
        assert run(command, "-s", "0", *models, tmp_path / "a.voxz").returncode == STATUS[entry["error"]], entry


def tried(replay: Path, folder: Path) -> None:
    models = ":".join(map(str, sorted(FOLDER.glob("*.safetensors"))))
    done = subprocess.run(
        [replay, *sorted(folder.iterdir())],
        check=False, capture_output=True, text=True, timeout=120, env=os.environ | {"VOXZ_MODELS": models},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout.splitlines()[-1] + done.stderr[-3000:]


def test_damaged_inputs_neither_crash_nor_leave_their_memory(replay: Path, tmp_path: Path) -> None:
    rng = Random(1)
    small = [
        path for path in sorted(GOLDEN.glob("*.voxz")) if path.stat().st_size < 7000 and "heavy" not in path.name
    ]  # it is slow
    for path in small:
        blob = path.read_bytes()
        for number, data in enumerate([blob, *bricks(blob)][:2] * 3):
            head = 1 if data[:1] == b"B" else 16
            (tmp_path / f"{path.stem}-{number}").write_bytes(data[:head] + damaged_bytes(data[head:], rng))
    tried(replay, tmp_path)


def test_jpeg_streams_are_refused_by_their_name_and_the_rest_comes_back(command: Path, tmp_path: Path) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    (tmp_path / "in").mkdir()
    picture = head((1, 160, 200))[0].astype(np.uint8)
    (tmp_path / "in/a.jpg").write_bytes(imagecodecs.jpeg8_encode(picture, level=95))
    np.save(tmp_path / "in/b.npy", head((5, 40, 70)))
    (tmp_path / "in/c.txt").write_bytes(b"text")
    for name, files in (("all", tmp_path / "in"), ("jpeg", [tmp_path / "in/a.jpg", tmp_path / "in/c.txt"])):
        archive = tmp_path / f"{name}.voxz"
        voxz.compress(files, archive, level=3)
        with Reader(archive) as reader:
            numbers = {Path(file.name).name: number for number, file in enumerate(reader.files)}
        refused = run(command, "-f", str(numbers["a.jpg"]), archive)
        assert refused.returncode == STATUS["unsupported"], refused.stderr
        assert b"JPEG streams transcoded to JPEG XL" in refused.stderr
        done = run(command, "-f", str(numbers["c.txt"]), archive)
        assert (done.returncode, done.stdout) == (0, b"text")
    assert np.array_equal(decoded(command, tmp_path / "all.voxz").ravel(), head((5, 40, 70)).ravel())
