"""Sound .voxz files of all codecs, levels, profiles and kinds of sample types, and small golden ones."""

import tempfile
from pathlib import Path

import numpy as np

import voxz
from benchmarks.fuzz.packed import Packed

GOLDEN = Path(__file__).parents[2] / "tests" / "golden"
LARGEST = 6200
"""Bytes of a golden file of the pool; small ones are read fast."""


def golden() -> list[Packed]:
    """Small golden files: every codec, and nothing to compile that only encoders need."""
    paths = sorted(GOLDEN.glob("*.voxz"))
    return [Packed.of(path.stem, path.read_bytes()) for path in paths if path.stat().st_size <= LARGEST]


def packed() -> list[Packed]:
    """Files that are made here."""
    rng = np.random.default_rng(0)
    found = []

    def add(name: str, array: np.ndarray, **options: object) -> None:
        found.append(Packed.of(name, voxz.encode(array, **options)))  # type: ignore[arg-type]

    slope = np.add.outer(np.add.outer(np.arange(4) * 9, np.arange(9) * 5), np.arange(11))
    volume = (slope + rng.normal(0, 3, (4, 9, 11))).round()
    series = np.stack([volume[:2, :6, :7] + t for t in range(3)])
    for level in range(1, 10):
        for name, array in {"volume": volume, "series": series, "thin": volume[:, :1, :1], "line": volume.ravel()}.items():
            add(f"predictive {name} {level}", array.astype("<i2"), level=level, codec="predictive")
    for dtype in ("u1", "i1", ">u2", "i4", "u4"):
        add(f"predictive {dtype}", volume.clip(0, 99).astype(dtype), level=3, codec="predictive")
    for dtype in ("u1", "u2", "i8", "f4"):
        add(f"labels {dtype}", (volume // 20).clip(0, 5).astype(dtype), codec="labels")
    for dtype in ("f2", "f4", "f8", "c8"):
        add(f"floats {dtype}", (volume * 0.37).astype(dtype))
        add(f"floats noise {dtype}", rng.normal(size=(3, 8, 9)).astype(dtype))
    for level in (1, 5, 9):
        for bound in (1, 4):
            add(f"near {level} {bound}", np.pad(volume, 3).astype("i2"), level=level, target=voxz.MaxError(bound))
    for dtype in ("i2", "f4"):
        for name, array in {"volume": volume, "series": series}.items():
            add(f"wavelet {name} {dtype}", array.astype(dtype), target=voxz.Psnr(40), codec="wavelet")
    add("wavelet lossless", volume.astype("i2"), codec="wavelet")
    add("stored", volume.astype("i8"), codec="stored")
    add("bool", volume > 40)
    with tempfile.TemporaryDirectory() as folder:
        npy = Path(folder) / "a.npy"
        for name, array in {"npy": volume.astype("i2"), "npy thin": volume[:1]}.items():
            np.save(npy, array)
            voxz.compress(npy, f"{npy}.voxz", force=True, codec="stored")
            found.append(Packed.of(name, Path(f"{npy}.voxz").read_bytes()))
    return found


def tiny() -> list[Packed]:
    """Files of a few samples by every codec, for plain kernels."""
    array = (np.arange(24).reshape(2, 3, 4) * 5 % 17).astype("<i2")
    near, floats = voxz.MaxError(2), (array * 0.37).astype("<f4")
    made = {f"tiny predictive {level}": voxz.encode(array, level=level, codec="predictive") for level in (1, 2, 5, 9)}
    made |= {f"tiny near {level}": voxz.encode(array, level=level, codec="predictive", target=near) for level in (1, 5, 9)}
    made |= {f"tiny {codec}": voxz.encode(array, codec=codec) for codec in ("labels", "stored", "wavelet")}
    made |= {"tiny floats": voxz.encode(floats), "tiny noise": voxz.encode(np.sqrt(floats))}
    made |= {"tiny wavelet lossy": voxz.encode(array, codec="wavelet", target=near)}
    return [Packed.of(name, blob) for name, blob in made.items()]
