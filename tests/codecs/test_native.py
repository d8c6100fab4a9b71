"""With VOXZ_DECODER=c this package gives the same samples, previews and errors, without numba."""

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import numpy as np
import pytest

import voxz
from benchmarks.fuzz.damage import damaged_bytes
from native import GOLDEN, built, needs_compiler, shared
from native_decoder import payload_start, with_right_sums
from phantoms import head
from voxz.codecs import native, registry
from voxz.container.reader import Reader, brick_shape

FILES = sorted(GOLDEN.glob("*.voxz"))


@pytest.fixture
def in_c(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask for the library, built from decoder/."""
    monkeypatch.setenv(native.CHOICE, "c")
    monkeypatch.setenv(native.LIBRARY, str(built("libvoxz.so", shared(tmp_path_factory))))


@needs_compiler
@pytest.mark.usefixtures("in_c")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_bricks_of_golden_files(path: Path) -> None:
    with Reader(path) as reader:
        (array,) = reader.arrays
        dtype = array.layout.dtype.newbyteorder("=")
        for number, place in enumerate(array.bricks):
            payload = reader.read(place.offset, place.length)
            shape = brick_shape(array.boxes[number], array.layout.channels)
            expected = registry.decode_brick(place.codec, payload, shape, dtype)
            found = array.brick(number)
            assert found.dtype == expected.dtype
            assert found.tobytes() == np.ascontiguousarray(expected).tobytes()


@needs_compiler
@pytest.mark.usefixtures("in_c")
def test_previews(monkeypatch: pytest.MonkeyPatch) -> None:
    blob = voxz.encode(head((9, 33, 47)), brick=(8, 16, 16), target=voxz.Psnr(45))
    with voxz.open(blob) as image:
        found = image.preview(2)
        monkeypatch.delenv(native.CHOICE)
        assert (image.preview(2) == found).all()


def outcome(blob: bytes) -> object:
    """Samples, or the class of an error."""
    try:
        return voxz.decode(blob, threads=1).tobytes()
    except voxz.VoxzError as error:
        return type(error)


@needs_compiler
@pytest.mark.usefixtures("in_c")
@pytest.mark.parametrize("path", [path for path in FILES if path.stat().st_size < 4000], ids=lambda path: path.stem)
def test_damage_gives_the_same_samples_or_errors(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flipped, cut and foreign bytes, with and without sound checksums."""
    rng, sound = Random(3), path.read_bytes()
    start = payload_start(sound)
    blobs = [sound[:-1], sound[: len(sound) // 2], damaged_bytes(sound, rng)]
    for _ in range(12):
        damaged = bytearray(sound)
        damaged[rng.randrange(start, len(sound)) if len(sound) > start else -1] ^= 1 << rng.randrange(8)
        blobs.append(with_right_sums(damaged))
    found = [outcome(blob) for blob in blobs]
    monkeypatch.setenv(native.CHOICE, "numba")
    assert found == [outcome(blob) for blob in blobs]


@needs_compiler
@pytest.mark.usefixtures("in_c")
def test_no_compiler_is_imported(tmp_path: Path) -> None:
    (tmp_path / "a.voxz").write_bytes((GOLDEN / "v1_0_head_level5.voxz").read_bytes())
    script = (
        "import sys, voxz\n"
        "with voxz.open(sys.argv[1]) as image: image[0], image.preview(1)\n"
        "voxz.decompress(sys.argv[1], sys.argv[1] + '.npy')\n"
        "assert 'numba' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "a.voxz")], check=True, env=dict(os.environ))


def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(native.CHOICE, "c")
    monkeypatch.setenv(native.LIBRARY, str(tmp_path / "nothing.so"))
    with pytest.raises(voxz.MissingDependencyError, match="make native"):
        voxz.decode((GOLDEN / "v1_0_tiny.voxz").read_bytes())
    monkeypatch.setenv(native.CHOICE, "fortran")
    with pytest.raises(voxz.UsageError, match="numba or c"):
        voxz.decode((GOLDEN / "v1_0_tiny.voxz").read_bytes())
