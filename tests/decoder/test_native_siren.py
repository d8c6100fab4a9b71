"""The decoder in C gives the samples of fitted functions bit for bit."""

from typing import Any

import numpy as np
import pytest

import voxz
from benchmarks.fuzz.native import SIRENS
from native_decoder import OK, decode, payload_start, with_right_sums
from phantoms import blobs
from voxz.codecs.siren.options import Siren
from voxz.target import LOSSLESS

pytest.importorskip("torch")

TINY: dict[str, Any] = {"iterations": 4, "batch": 64, "width": 4}


def same(blob: bytes) -> bool:
    status, message, found = decode(blob, sanitized=True)
    assert (status, message) == (OK, "")
    return bool(found.tobytes() == np.ascontiguousarray(voxz.decode(blob)).tobytes())


@pytest.mark.parametrize("options", SIRENS, ids=str)
@pytest.mark.parametrize("shape", [(4, 2, 9, 13), (3, 1, 1, 30)], ids=str)
def test_networks(options: dict[str, Any], shape: tuple[int, ...]) -> None:
    array = blobs(shape[1:], shape[0])
    assert same(voxz.encode(array, target=LOSSLESS, codec=Siren("siren", **{**TINY, **options}), threads=1))


@pytest.mark.parametrize("shape", [(1, 6, 21, 24), (3, 5, 12, 13), (2, 1, 9, 14)], ids=str)
def test_latents(shape: tuple[int, ...]) -> None:
    array = blobs(shape[1:], shape[0])
    assert same(voxz.encode(array, target=voxz.Psnr(34), codec=Siren(iterations=6, batch=256), threads=1))


@pytest.mark.parametrize("kind", ["<i2", "<f4"])
def test_bounds_and_special_values(kind: str) -> None:
    array = blobs(dtype=kind)
    if kind == "<f4":
        array[0, 2, 5:8, 4] = np.nan, -np.inf, -0.0
    blob = voxz.encode(array, target=voxz.MaxError(3), codec=Siren(iterations=6, batch=256), threads=1)
    assert list(voxz.info(blob).to_dict()["codecs"]) == ["siren"]
    assert same(blob)


def test_damaged_payloads_are_errors_or_samples() -> None:
    array = blobs((2, 9, 10), 2)
    blob = voxz.encode(array, target=voxz.Psnr(30), codec=Siren(iterations=4, batch=64), threads=1)
    start, rng, refused = payload_start(blob), np.random.default_rng(1), 0
    for _ in range(80):
        damaged = bytearray(blob)
        damaged[int(rng.integers(start, len(blob)))] ^= 1 << int(rng.integers(8))
        refused += decode(with_right_sums(damaged), memory=1 << 26, sanitized=True)[0] != OK
    assert refused > 40
