"""The decoder in C gives the samples of trained transforms bit for bit, and finds their models by hash."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

import voxz
from benchmarks.fuzz.random_models import FAMILIES, model_for
from native_decoder import DAMAGED, MODEL, OK, decode, with_right_sums
from phantoms import head, series
from voxz.target import LOSSLESS
from voxz.transforms.lifting_family import Family
from voxz.weights.store import FOLDER


@pytest.mark.parametrize("family", [*FAMILIES, Family(steps=2), Family(sharing="none", classes=3, reach=4, steps=8)], ids=str)
@pytest.mark.parametrize("shape", [(6, 17, 70), (13, 5, 1)])
def test_families(family: Family, shape: tuple[int, int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "mine.safetensors"
    file.write_bytes(model_for(family, 3).to_bytes())
    monkeypatch.setenv("VOXZ_WEIGHTS", str(tmp_path))
    target = LOSSLESS if family.reversible else voxz.Psnr(45)
    blob = voxz.encode(head(shape), target=target, codec=voxz.Wavelet(f"trained:{file}"))
    status, message, found = decode(blob, [file.read_bytes()], sanitized=True)
    assert (status, message) == (OK, "")
    assert found.tobytes() == voxz.decode(blob).tobytes()


def test_shipped_models_along_a_series() -> None:
    models = [path.read_bytes() for path in sorted(FOLDER.glob("general*.safetensors"))]
    for target in (LOSSLESS, voxz.Psnr(45)):
        blob = voxz.encode(series(4, (5, 30, 34)), target=target, codec=voxz.Wavelet("trained"))
        assert decode(blob)[0] == MODEL
        assert decode(blob, models)[2].tobytes() == np.ascontiguousarray(voxz.decode(blob)).tobytes()


def test_damaged_models_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model is found by its hash, so damage shows only in files that lie: here the payload is made to name them."""
    monkeypatch.setenv("VOXZ_WEIGHTS", str(tmp_path))
    model = model_for(Family(network="relu"), 3).to_bytes()
    (tmp_path / "mine.safetensors").write_bytes(model)
    blob = voxz.encode(head((4, 12, 13)), target=voxz.Psnr(40), codec=voxz.Wavelet(f"trained:{tmp_path / 'mine.safetensors'}"))
    rng = np.random.default_rng(1)
    for _ in range(60):
        damaged = bytearray(model)
        damaged[int(rng.integers(0, 900))] ^= 1 << int(rng.integers(8))
        digests = [hashlib.sha256(data).digest()[:8] for data in (model, damaged)]
        renamed = with_right_sums(bytearray(blob.replace(digests[0], digests[1])))
        assert decode(renamed, [bytes(damaged)], memory=1 << 26, sanitized=True)[0] in (OK, DAMAGED, MODEL)
