"""``python -m benchmarks.fuzz.native FOLDER``: inputs for `decoder/fuzz.c`, from sound files of every codec and kind.

An input is a whole file; or a brick behind its header: ``B``, codec, sample type, channels, and four 16-bit sizes; or a brick
whose trained model is damaged too: ``M``, the model's length and the eight bytes by which the payload names it, model, brick.
"""

import hashlib
import importlib.util
import os
import struct
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import voxz
from benchmarks.fuzz.packed_pool import GOLDEN, tiny
from benchmarks.fuzz.pools import seeds_of
from benchmarks.fuzz.random_models import FAMILIES, model_for
from voxz.container.reader import Reader, brick_shape
from voxz.weights.store import FOLDER, VARIABLE

LARGEST = 30_000
"""Bytes of an input without its model: small ones are tried more often."""
MOST_SAMPLES = 1 << 17
"""Of a brick; that of decoder/fuzz.c."""
DIGEST = 8
SIRENS: tuple[dict[str, Any], ...] = (
    {"activation": "relu"},
    {"activation": "tanh", "sine_first": True},
    {"final": "tanh", "axes": 2, "outputs": "volumes"},
    {"axes": 2, "outputs": "components", "hidden": 2},
    {"axes": 4, "outputs": "volumes"},
    {"weights": "float32", "foreground": False},
)
"""Options of networks that are fitted."""


def _volumes() -> tuple[np.ndarray, np.ndarray]:
    """A volume and a series of a few samples."""
    rng = np.random.default_rng(0)
    slope = np.add.outer(np.add.outer(np.arange(5) * 9, np.arange(14) * 5), np.arange(17))
    volume = (slope + rng.normal(0, 3, slope.shape)).round().astype("<i2")
    return volume, np.stack([volume[:3, :9, :11] + 3 * t for t in range(3)])


def wavelets() -> Iterator[bytes]:
    """Files of the wavelet codec that the other pools have no small ones of."""
    volume, series = _volumes()
    for array in (volume, series, volume.astype("<f4") / 3):
        for level in (1, 2, 3):
            yield voxz.encode(array, level=level, target=voxz.Psnr(40), codec="wavelet")
        options: dict[str, Any]
        for options in ({"entropy": "heavy"}, {"transform": "trained"}, {"transform": "trained", "entropy": "heavy"}):
            for target in (voxz.Psnr(40), voxz.MaxError(2), voxz.Lossless()):
                if array.dtype.kind == "i" or not isinstance(target, voxz.Lossless):
                    yield voxz.encode(array, target=target, codec=voxz.Wavelet(**options))


def trained() -> Iterator[tuple[bytes, bytes]]:
    """Files that name a model at random, and the model: every kind of transform."""
    volume, _ = _volumes()
    with tempfile.TemporaryDirectory() as folder:
        os.environ[VARIABLE] = folder
        for number, family in enumerate(FAMILIES):
            path = Path(folder) / f"{number}.safetensors"
            path.write_bytes(model_for(family, number).to_bytes())
            target = voxz.Lossless() if family.reversible else voxz.Psnr(40)
            yield voxz.encode(volume, target=target, codec=voxz.Wavelet(f"trained:{path}")), path.read_bytes()


def others() -> Iterator[bytes]:
    """Files of fitted functions, where PyTorch is at hand, and of long series of single voxels."""
    volume, series = _volumes()
    yield voxz.encode((np.arange(900).reshape(900, 1, 1, 1) % 77).astype("<i2"))
    yield voxz.encode((np.arange(900).reshape(900, 1, 1, 1) % 77 * 0.37).astype("<f4"))
    if importlib.util.find_spec("torch") is None:
        return
    small: dict[str, Any] = {"preset": "siren", "iterations": 4, "batch": 64, "width": 4}
    for options in SIRENS:
        yield voxz.encode(series, target=voxz.MaxError(9), codec=voxz.Siren(**small | options), threads=1)
    for array in (volume, series, volume.astype("<f4") / 3):
        yield voxz.encode(array, target=voxz.MaxError(9), codec=voxz.Siren(iterations=4, batch=64), threads=1)


def bricks(blob: bytes) -> Iterator[bytes]:
    """Bricks of a file as inputs."""
    with Reader(blob) as reader:
        for array in reader.arrays:
            code = array.layout.dtype_code()
            for place, box in zip(array.bricks, array.boxes, strict=True):
                shape = brick_shape(box, array.layout.channels)
                if np.prod(shape) <= MOST_SAMPLES and place.length <= LARGEST:
                    head = struct.pack("<cBBB4H", b"B", place.codec, code, shape[4], *shape[:4])
                    yield head + blob[place.offset : place.offset + place.length]


def behind(model: bytes, brick: bytes) -> Iterator[bytes]:
    """The brick behind a model, if it names that."""
    digest = hashlib.sha256(model).digest()[:DIGEST]
    if digest in brick:
        yield b"M" + struct.pack("<I", len(model)) + digest + model + brick


def inputs() -> Iterator[bytes]:
    """All inputs, some more than once."""
    shipped = [path.read_bytes() for path in sorted(FOLDER.glob("*.safetensors"))]
    files = [path.read_bytes() for path in sorted(GOLDEN.glob("*.voxz"))]
    files += [blob for seed in [*seeds_of(("packed", "archives")), *tiny()] for blob in seed.files.values()]
    for blob, models in [
        *((blob, shipped) for blob in (*files, *wavelets(), *others())),
        *((blob, [own]) for blob, own in trained()),
    ]:
        if len(blob) <= LARGEST:
            yield blob
        for brick in bricks(blob):
            yield brick
            for model in models:
                yield from behind(model, brick)


def main(folder: Path) -> None:
    """Write every input to a file that is named after its content."""
    folder.mkdir(parents=True, exist_ok=True)
    for data in inputs():
        (folder / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    print(f"{len(list(folder.iterdir()))} inputs in {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
