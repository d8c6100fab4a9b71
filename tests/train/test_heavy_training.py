"""Training of the heavy profile: what is recorded is what the codec sees, and a trained network is a model of the codec."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner

import voxz
from phantoms import head, series
from voxz.cli.app import app
from voxz.codecs.wavelet.bands import decode_bands, encode_bands
from voxz.codecs.wavelet.heavy.model import Model
from voxz.codecs.wavelet.levels import EFFORTS
from voxz.errors import CorruptError, UnsupportedError, UsageError
from voxz.transforms.pyramid import Pyramid

pytest.importorskip("torch")

STEP = 12.0
EFFORT = EFFORTS[5]


def coefficients() -> tuple[NDArray[np.float64], Pyramid]:
    volumes = series(2, (10, 48, 48)).astype(np.float64)
    volumes -= np.rint(volumes.mean())
    pyramid = Pyramid(volumes.shape[1:], (2, 3, 3))
    for volume in volumes:
        pyramid.analyse(volume)
    return volumes, pyramid


def test_a_small_training_gives_a_model_that_codes() -> None:
    import torch

    from voxz.train.entropy.rows import rows_of
    from voxz.train.entropy.train import train

    torch.set_num_threads(1)
    components, pyramid = coefficients()
    rows, light = rows_of(components.copy(), pyramid, STEP, EFFORT, np.random.default_rng(0), 1 << 20)
    assert rows.weights.sum() <= components.size
    assert light == len(encode_bands(components.copy(), pyramid, STEP, EFFORT))
    network, losses = train(rows, 200, one=8, two=8, rate=0.01)
    assert losses[-1] < losses[0]
    again, _ = train(rows, 20, one=8, two=8)
    once_more, _ = train(rows, 20, one=8, two=8)
    assert again.to_bytes() == once_more.to_bytes()
    model = Model.from_bytes(network.to_bytes("entropy-tiny"))
    known = components.copy()
    payload = encode_bands(known, pyramid, STEP, EFFORT, model)
    assert len(payload) < 1.02 * light
    assert (decode_bands(payload, 2, pyramid, STEP, EFFORT.states, model=model) == known).all()
    with torch.no_grad():
        tensors = [torch.from_numpy(getattr(rows, name)) for name in ("features", "signed", "facts")]
        ideal = float((network.bits(*tensors) * torch.from_numpy(rows.weights)).sum()) / 8
    assert len(payload) < 1.05 * ideal + 1500


def test_a_file_cut_short_is_no_model() -> None:
    import torch

    from voxz.train.entropy.torch_network import Network

    data = Network(4, 4, torch.Generator().manual_seed(0)).to_bytes()
    for end in (0, 7, 100, len(data) - 1):
        with pytest.raises(CorruptError):
            Model.from_bytes(data[:end])


def test_the_command_line_trains_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = head((6, 20, 20))
    wide = image.astype(np.int64) << 40  # more than the codec takes without loss
    gaps = np.where(image > 0, image / np.float32(1e9), np.float32(np.nan))
    for name, samples in {"image": image, "wide": wide, "gaps": gaps}.items():
        np.save(tmp_path / f"{name}.npy", samples)
    paths, model = [str(path) for path in sorted(tmp_path.glob("*.npy"))], tmp_path / "mine.safetensors"
    result = CliRunner().invoke(app, ["train", "entropy", *paths, "--out", str(model), "--steps", "3"])
    assert result.exit_code == 0, result.output
    card = json.loads(model.with_suffix(".json").read_text())
    assert card["sha256"] == hashlib.sha256(model.read_bytes()).hexdigest()
    assert (card["name"], card["volumes"]) == ("mine", ["gaps.npy", "image.npy", "wide.npy"])
    monkeypatch.setenv("VOXZ_WEIGHTS", str(tmp_path))
    assert (voxz.decode(voxz.encode(image, codec=voxz.Wavelet(entropy=f"heavy:{model}"))) == image).all()


def test_volumes_without_training_data_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.npy").write_bytes(b"no image")
    arrays = {
        "flat": np.full((4, 9, 9), 7, np.int16),
        "nan": np.full((4, 9, 9), np.nan),
        "complex": np.ones((4, 9, 9), "c8"),
        "colours": np.zeros((4, 9, 9), [("R", "u1"), ("G", "u1"), ("B", "u1")]),
    }
    for name, samples in arrays.items():
        np.save(tmp_path / f"{name}.npy", samples)
    np.save(tmp_path / "good.npy", head((4, 16, 16)))

    def error(volume: str, out: str = "mine.safetensors") -> BaseException | None:
        command = ["train", "entropy", str(tmp_path / volume), "--out", str(tmp_path / out)]
        return CliRunner().invoke(app, command).exception

    refused = {"folder": "is a folder", "flat.npy": "constant", "nan.npy": "constant", "complex.npy": "complex64"}
    for name, words in refused.items():
        found = error(name)
        assert isinstance(found, UsageError)
        assert words in str(found)
    assert all(isinstance(error(name), UnsupportedError) for name in ("text.npy", "colours.npy"))
    assert isinstance(error("absent.npy"), FileNotFoundError)
    assert all(isinstance(error("good.npy", out), UsageError) for out in ("mine.bin", "folder", "nowhere/mine.safetensors"))
    assert not list(tmp_path.glob("*.safetensors"))
