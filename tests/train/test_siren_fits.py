"""Fits that are interrupted, run out of memory, or run in several processes; the arithmetic of networks and their weights."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

import voxz
from phantoms import blobs
from voxz import Siren
from voxz.codecs.siren.activations import sine, tanh
from voxz.codecs.siren.interpolation import Taps, sample
from voxz.codecs.siren.network import Shape
from voxz.codecs.siren.weights import decode_weights, encode_weights
from voxz.errors import CorruptError

torch = pytest.importorskip("torch")

from voxz.train.siren import checkpoint as memory_module  # noqa: E402
from voxz.train.siren import fit_network as fit  # noqa: E402 - only where torch is
from voxz.train.siren.torch_network import initial, module  # noqa: E402


def test_functions() -> None:
    x = np.concatenate([np.linspace(-40, 40, 4001), [0.0, -0.0, 1e4, -12345.678]])
    assert max(abs(sine(v) - np.sin(v)) for v in x) < 1e-9
    assert max(abs(tanh(v) - np.tanh(v)) for v in x) < 2e-6


def test_networks_are_those_of_torch() -> None:
    shape = Shape((3, 7, 9, 5, 2), (1, 2, 3, 0), (30.0, 1.0, 1.0, 1.0))
    flat = initial(shape, np.random.default_rng(0))
    points = np.random.default_rng(1).uniform(-1, 1, (601, 3))
    with torch.no_grad():
        expected = module(shape, flat, None)(torch.from_numpy(points.astype(np.float32))).numpy()
    assert np.abs(shape.evaluate(flat.astype(np.float64), points.T).T - expected).max() < 1e-4


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 3), st.integers(0, 2**31), st.floats(0, 18))
def test_weights_come_back(count: int, seed: int, bits: float) -> None:
    shape = Shape((2, 3, 4), (1, 0), (1.0, 1.0))
    rng = np.random.default_rng(seed)
    networks = np.rint(rng.laplace(0, 2**bits, (count, shape.weights))).clip(-(1 << 22), 1 << 22).astype(np.int64)
    steps = rng.uniform(0.1, 1, 4).astype(np.float32)
    payload = encode_weights(networks, steps, shape)
    assert (decode_weights(payload, count, shape) == networks * np.repeat(steps.astype(float), shape.tensors())).all()
    with pytest.raises(CorruptError):
        decode_weights(payload + b"\0", count, shape)


def test_sampling_passes_through_the_samples() -> None:
    grid = np.random.default_rng(0).normal(size=(2, 1, 5, 7))
    own = [np.arange(n, dtype=float) for n in grid.shape[1:]]
    for kind in (Taps.cubic, Taps.linear):
        z, y, x = (kind(p, len(p)) for p in own)
        assert (sample(grid, (z, y, x)) == grid).all()
    places = np.array([0.0, 1.75, 2.0, 5.5, 6.0])
    z, y, x = Taps.cubic(own[0], 1), Taps.cubic(np.array([1.25, 3.0]), 5), Taps.cubic(places, 7)
    expected = map_coordinates(grid[1, 0], np.meshgrid([1.25, 3.0], places, indexing="ij"), order=3, mode="mirror")
    assert np.allclose(sample(grid, (z, y, x))[1, 0], expected, atol=1e-12)


class _Stop:
    """Stops a fit after so many looks at the clock."""

    def __init__(self, after: int) -> None:
        self.left = after

    def __call__(self, _: Any) -> bool:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return False


@pytest.mark.parametrize("preset", ["default", "siren"])
def test_interrupted_fits_go_on(preset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.save(tmp_path / "a.npy", blobs((6, 20, 24)))
    codec = Siren(preset, iterations=60, batch=256, width=6, axes=2 if preset == "siren" else 3)

    def compress(name: str) -> bytes:
        voxz.compress(tmp_path / "a.npy", tmp_path / name, target=voxz.Ratio(10), codec=codec, threads=1, force=True)
        return (tmp_path / name).read_bytes()

    whole = compress("whole.voxz")
    for after in (10, 30, 25):
        with monkeypatch.context() as patch:
            stop = _Stop(after)
            patch.setattr(memory_module.Memory, "due", lambda self, stop=stop: stop(self))
            with pytest.raises(KeyboardInterrupt, match=r"goes on from"):
                compress("parts.voxz")
        assert (tmp_path / "parts.voxz.fit").exists()
        assert not (tmp_path / "parts.voxz").exists()
    assert compress("parts.voxz") == whole
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npy", "parts.voxz", "whole.voxz"]


def test_a_damaged_state_is_ignored(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", blobs())
    (tmp_path / "a.voxz.fit").write_bytes(b"no state")
    voxz.compress(tmp_path / "a.npy", tmp_path / "a.voxz", target=voxz.Ratio(6), codec=Siren(iterations=5, width=4))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npy", "a.voxz"]


def test_memory_that_runs_out_halves_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []
    loss = fit._loss

    def small(network: Any, x: Any, y: Any, factors: Any) -> Any:
        sizes.append(len(x))
        if len(x) > 300 and torch.is_grad_enabled():
            raise RuntimeError("CUDA out of memory")
        return loss(network, x, y, factors)

    monkeypatch.setattr(fit, "_loss", small)
    codec = Siren("siren", batch=0, iterations=3, width=4)
    blob = voxz.encode(blobs(), codec=codec, threads=1)
    assert voxz.decode(blob).shape == blobs().shape
    assert max(sizes) > 300
    monkeypatch.setattr(fit, "SMALLEST_BATCH", 1 << 20)
    with pytest.raises(voxz.LimitError, match="smaller width"):
        voxz.encode(blobs(), codec=codec, threads=1)


@pytest.mark.long
def test_two_processes(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", blobs())
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    result = subprocess.run(
        [
            sys.executable,
            "-m",
            "torch.distributed.run",
            "--standalone",
            "--nproc-per-node",
            "2",
            "-m",
            "voxz.train.siren.torchrun",
            "compress",
            "a.npy",
            "--codec",
            "siren",
            "--ratio",
            "10",
            "--fit",
            "iterations=20,width=4",
        ],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert result.returncode == 0, result.stderr
    voxz.verify((tmp_path / "a.npy.voxz").read_bytes())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npy", "a.npy.voxz"]
