"""Trained transforms: kernels, models, payloads, files."""

import contextlib
import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from typer.testing import CliRunner

import voxz
from benchmarks.fuzz.random_models import FAMILIES, model_for, random_model
from samples import brick_digest, decode_damaged_brick, printed_by_plain_python
from voxz.cli.app import app
from voxz.codecs.fidelity import EXACT, Fidelity
from voxz.codecs.wavelet import codec as wavelet
from voxz.errors import CorruptError, MissingWeightsError, UsageError
from voxz.transforms.choice import shipped
from voxz.transforms.lifting_family import Family, kind_of, reach_table
from voxz.transforms.network_kernels import convolved
from voxz.transforms.pyramid import Pyramid
from voxz.transforms.trained_model import Model
from voxz.transforms.trained_pyramid import TrainedPyramid
from voxz.weights.safetensors_file import pack, unpack
from voxz.weights.store import FOLDER, SHIPPED, TRANSFORMS, file_of, read_named


def untrained_model(family: Family) -> Model:
    return replace(random_model(family), filters=family.untrained())


SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 12), st.integers(1, 15))


@given(SHAPES, st.tuples(*[st.integers(0, 4)] * 3), st.sampled_from(FAMILIES), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_every_model_is_undone(shape: tuple[int, ...], levels: tuple[int, int, int], family: Family, seed: int) -> None:
    volume = np.rint(np.random.default_rng(seed).normal(size=shape) * 500)
    pyramid = TrainedPyramid(shape, levels, random_model(family, seed), 5.0)
    work = volume.copy()
    pyramid.analyse(work)
    if family.reversible:
        assert (work == np.rint(work)).all()
    pyramid.synthesise(work)
    if family.reversible:
        assert (work == volume).all()
    else:
        np.testing.assert_allclose(work, volume, atol=1e-6)


@pytest.mark.parametrize("reversible", [False, True])
def test_untrained_members_are_97_and_53(reversible: bool) -> None:
    family, shape, levels = Family(reversible, 2 if reversible else 4), (5, 14, 23), (1, 2, 3)
    volume = np.rint(np.random.default_rng(1).normal(size=shape) * 300)
    work = volume.copy()
    TrainedPyramid(shape, levels, untrained_model(family)).analyse(work)
    if not reversible:
        Pyramid(shape, levels).analyse(volume)
        np.testing.assert_allclose(work, volume, atol=1e-9)
        return
    whole = volume.astype(np.int64)
    Pyramid(shape, levels).analyse(whole)
    assert abs(work - whole).max() <= 8  # (a + b) >> 1 is rounded down there, to the nearest here


def test_constants_stay_constant() -> None:
    for family in FAMILIES:
        volume = np.full((6, 9, 12), 1000.0)
        pyramid = TrainedPyramid((6, 9, 12), (1, 2, 2), random_model(family))
        pyramid.analyse(volume)
        low = volume[tuple(slice(n) for n in pyramid.lowest(2))]
        np.testing.assert_allclose(low, 1000 * pyramid.gain(2), rtol=1e-3)
        volume[tuple(slice(n) for n in pyramid.lowest(2))] = 0
        assert abs(volume).max() < (1.01 if family.reversible else 1e-3)


def test_where_mirrored_samples_lie() -> None:
    assert reach_table(6, 0, 2).tolist() == [2, 1, 0, 1, 2, 2, 1]
    assert reach_table(6, 1, 2).tolist() == [1, 0, 0, 1, 2, 1, 0]
    assert reach_table(5, 1, 2).tolist() == [1, 0, 0, 1, 1, 0]
    assert [kind_of(*split) for split in ((2, 0), (1, 0), (1, 4), (0, 0), (0, 4), (0, 2), (0, 6))] == list(range(7))


def test_models_travel_in_files() -> None:
    for family in FAMILIES:
        model = random_model(family)
        data = model.to_bytes()
        again = Model.from_bytes(data)
        assert again.family == family
        assert again.to_bytes() == data
        assert again.filters.tobytes() == model.filters.tobytes()


def test_damaged_models_are_refused() -> None:
    data = random_model(Family()).to_bytes()
    arrays, facts = unpack(data)
    wrong = {
        "version": pack(arrays, facts | {"version": "2"}),
        "another kind": pack(arrays, facts | {"kind": "entropy"}),
        "shape": pack(arrays | {"filters": arrays["filters"][:-1]}, facts),
        "one too many": pack(arrays | {"more": arrays["norms"]}, facts),
        "not finite": pack(arrays | {"filters": arrays["filters"] * np.inf}, facts),
        "too large": pack(arrays | {"filters": arrays["filters"] * 1e4}, facts),
        "family": pack(arrays, facts | {"family": '{"steps": 3}'}),
        "family types": pack(arrays, facts | {"family": '{"sharing": ["all"]}'}),
        "family names": pack(arrays, facts | {"family": '{"network": "transformer"}'}),
        "no family": pack(arrays, facts | {"family": "["}),
        "gate": pack(arrays, facts | {"family": '{"reversible": true, "network": "affine"}'}),
        "header": data[:8] + b"[" + data[9:],
        "length": b"\xff" * 8 + data[8:],
        "cut": data[:-1],
        "empty": b"",
    }
    for blob in wrong.values():
        with pytest.raises(CorruptError):
            Model.from_bytes(blob)


def test_damaged_files_of_arrays_are_errors_or_arrays() -> None:
    data = pack({"a": np.arange(6, dtype="i4").reshape(2, 3), "b": np.zeros((0, 4))}, {"kind": "x"})
    arrays, facts = unpack(data)
    assert arrays["a"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert arrays["b"].shape == (0, 4)
    assert facts == {"kind": "x"}
    for at in range(len(data)):
        damaged = bytearray(data)
        damaged[at] ^= 1 << at % 8
        for blob in (bytes(damaged), data[:at]):
            with contextlib.suppress(CorruptError):
                assert sum(a.nbytes for a in unpack(blob)[0].values()) <= len(data)


def phantom(shape: tuple[int, ...] = (1, 6, 24, 26, 1), dtype: str = "i2") -> NDArray[np.generic]:
    """A smooth object with noise."""
    s, z, y, x, c = np.indices(shape)
    values = 60 + 20 * np.sin(x / 3) + 10 * np.cos(y / 4 + s) + c + z + np.random.default_rng(3).normal(size=shape) * 3
    found: NDArray[np.generic] = values.astype(dtype)
    return found


@pytest.mark.parametrize("shape", [(1, 6, 24, 26, 1), (2, 1, 17, 19, 1), (1, 13, 5, 3, 3), (1, 1, 1, 1, 1)])
def test_payloads_with_filters_of_their_own(shape: tuple[int, ...]) -> None:
    samples = phantom(shape)
    lossy, exact = model_for(Family(sharing="none", classes=2)), model_for(Family(reversible=True, steps=2))
    payload = wavelet.encode_brick(samples, 5, EXACT, exact) or b""
    assert (wavelet.decode_brick(payload, samples.shape, samples.dtype) == samples).all()
    errors = []
    for step in (1.0, 8.0):
        payload = wavelet.encode_brick(samples, 5, Fidelity.stepped(step), lossy) or b""
        decoded = wavelet.decode_brick(payload, samples.shape, samples.dtype)
        errors.append(float(np.square(decoded.astype(float) - samples.astype(float)).mean()))
    assert errors[0] < 1
    assert errors[1] < 64


def test_bounds_hold_with_trained_transforms() -> None:
    samples = phantom()
    payload = wavelet.encode_brick(samples, 5, Fidelity.within(2), model_for(Family())) or b""
    decoded = wavelet.decode_brick(payload, samples.shape, samples.dtype)
    assert abs(decoded.astype(int) - samples.astype(int)).max() <= 2
    low = wavelet.preview_brick(payload, samples.shape, samples.dtype, (1, 1, 1))
    assert abs(float(low.mean()) - float(samples.mean())) < 3


def test_models_are_found_by_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = phantom((1, 4, 12, 13, 1))[0, ..., 0]
    model = model_for(Family(network="relu"), 17)
    file = tmp_path / "mine.safetensors"
    file.write_bytes(model.to_bytes())
    with pytest.raises(MissingWeightsError, match=r"random.*VOXZ_WEIGHTS"):  # what is written has to be decoded
        voxz.encode(samples, target=voxz.Psnr(40), codec=voxz.Wavelet(f"trained:{file}"))
    monkeypatch.setenv("VOXZ_WEIGHTS", f"{tmp_path / 'nothing'}{os.pathsep}{tmp_path}")
    blob = voxz.encode(samples, target=voxz.Psnr(40), codec=voxz.Wavelet(f"trained:{file}"))
    assert voxz.decode(blob).shape == samples.shape
    monkeypatch.delenv("VOXZ_WEIGHTS")
    assert list(voxz.info(blob).to_dict()["transforms"]) == [f"trained:random (SHA-256 {model.digest()[:8].hex()}...)"]
    with pytest.raises(MissingWeightsError, match=r"random.*VOXZ_WEIGHTS"):
        voxz.decode(blob)


@pytest.mark.parametrize("network", ["relu", "additive"])
def test_networks_code_without_loss(network: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = phantom((1, 4, 12, 13, 1))
    file = tmp_path / "mine.safetensors"
    file.write_bytes(model_for(Family(reversible=True, network=network), 3).to_bytes())
    monkeypatch.setenv("VOXZ_WEIGHTS", str(tmp_path))
    payload = wavelet.encode_brick(samples, 5, EXACT, f"trained:{file}") or b""
    assert (wavelet.decode_brick(payload, samples.shape, samples.dtype) == samples).all()


def test_two_steps_may_code_with_loss() -> None:
    samples = phantom((1, 4, 12, 13, 1))
    payload = wavelet.encode_brick(samples, 5, Fidelity.stepped(1.0), model_for(Family(steps=2))) or b""
    decoded = wavelet.decode_brick(payload, samples.shape, samples.dtype)
    assert abs(decoded.astype(int) - samples.astype(int)).max() < 20


def test_files_with_filters_need_no_model(tmp_path: Path) -> None:
    samples = phantom((1, 9, 30, 31, 1))[0, ..., 0]
    np.save(tmp_path / "scan.npy", samples)
    (tmp_path / "own.safetensors").write_bytes(model_for(Family(), 3).to_bytes())
    command = ["compress", str(tmp_path / "scan.npy"), "--psnr", "45", "--transform", f"trained:{tmp_path / 'own.safetensors'}"]
    assert CliRunner().invoke(app, command).exit_code == 0
    (tmp_path / "own.safetensors").unlink()
    script = "import sys, voxz; print(voxz.info(sys.argv[1]).to_dict()['transforms']); voxz.verify(sys.argv[1])"
    fresh = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "scan.npy.voxz")], check=True, capture_output=True, text=True
    )
    assert fresh.stdout.strip() == "{'own filters': 1}"


def test_transforms_that_do_not_fit_the_target_are_refused() -> None:
    samples = np.arange(64, dtype=np.int16).reshape(4, 4, 4)
    lossy, exact = model_for(Family()), model_for(Family(reversible=True))
    for target, transform in (
        (voxz.Lossless(), "97"),
        (voxz.Psnr(40), "53"),
        (voxz.Psnr(40), "haar"),
        (voxz.Psnr(40), "trained:no-such"),
        (voxz.Psnr(40), "trained:/no/such.safetensors"),
        (voxz.Lossless(), lossy),
        (voxz.Psnr(40), exact),
        (voxz.Psnr(40), "trained:general-reversible"),
        (voxz.Psnr(40), "trained:entropy-general"),
    ):
        with pytest.raises(UsageError, match=r"must be|take one|cannot read|there is no transform"):
            voxz.encode(samples, target=target, codec=voxz.Wavelet(transform))


def test_files_that_hold_no_such_model_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "scan.npy", phantom((1, 4, 12, 13, 1)))
    transform, entropy = read_named("general"), read_named("entropy-general")
    arrays, facts = unpack(transform)
    later = pack(arrays, facts | {"version": "9"})
    expected = {  # contents of the file, words of the message for --transform and for --entropy
        "damaged": (transform[: len(transform) // 2], "header", "header"),
        "garbage": (b"no model at all", "cut short or no file of arrays", "cut short or no file of arrays"),
        "later": (later, "must be of version '1' (got '9')", "no model of the heavy profile"),
        "transform": (transform, "", "no model of the heavy profile, as voxz train entropy"),
        "entropy": (entropy, "must hold a 'voxz wavelet transform'", ""),
        "reversible": (read_named("general-reversible"), "without loss; take one for coding with loss", "no model of the heavy"),
        "absent": (None, "cannot read", "cannot read"),
    }
    for name, (content, *messages) in expected.items():
        path = tmp_path / f"{name}.safetensors"
        if content is not None:
            path.write_bytes(content)
        for option, wish, message in zip(("--transform", "--entropy"), ("trained", "heavy"), messages, strict=True):
            if not message:
                continue
            command = ["compress", str(tmp_path / "scan.npy"), "--psnr", "40", option, f"{wish}:{path}"]
            result = CliRunner().invoke(app, command)
            assert result.exit_code in (2, 3)
            assert result.output.startswith("voxz: ")
            assert message in result.output
            assert result.output.count("\n") == 1
            assert not (tmp_path / "scan.npy.voxz").exists()


@pytest.mark.parametrize("name", sorted(TRANSFORMS))
def test_shipped_models(name: str) -> None:
    data = read_named(name)
    model = Model.from_bytes(data)
    card = json.loads(file_of(name).with_suffix(".json").read_text())
    assert len(data) < 1 << 20
    assert model.name == name == card["name"]
    assert card["sha256"] == hashlib.sha256(data).hexdigest() == SHIPPED[name]
    assert model.family.reversible == (name in shipped(reversible=True))


def test_every_file_of_weights_is_known() -> None:
    known = {file_of(name).name for name in SHIPPED}
    assert known <= {path.name for path in FOLDER.glob("*.safetensors")}


def parity_digests() -> list[str]:
    """Digests of payloads and of what they decode to."""
    samples, found = phantom((1, 2, 7, 9, 1)), []
    channels, weights = np.random.default_rng(2).normal(size=(2, 3, 3, 4)), np.random.default_rng(3).normal(size=(2, 2, 3, 3, 3))
    found.append(hashlib.sha256(convolved(channels, weights, 1).tobytes()).hexdigest())
    for family in (FAMILIES[1], FAMILIES[2], FAMILIES[4]):
        fidelity = EXACT if family.reversible else Fidelity.stepped(4.0)
        if family.network:
            volume = samples[0, ..., 0].astype(np.float64)
            pyramid = TrainedPyramid(volume.shape, (0, 1, 1), model_for(family), 4.0)
            pyramid.analyse(volume)
            coefficients = volume.tobytes()
            pyramid.synthesise(volume)
            found.append(hashlib.sha256(coefficients + volume.tobytes()).hexdigest())
            continue
        found.append(brick_digest(wavelet, samples, 5, fidelity, model_for(family)))
    return found


def test_plain_python_gives_the_same() -> None:
    assert printed_by_plain_python(__file__) == str(parity_digests())


def test_damage_is_an_error_or_other_samples() -> None:
    samples = phantom((1, 2, 7, 9, 1))
    payload = wavelet.encode_brick(samples, 5, Fidelity.stepped(4.0), model_for(Family())) or b""
    decode_damaged_brick(payload, samples)
