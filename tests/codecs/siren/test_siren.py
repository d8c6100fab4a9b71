"""The codec siren through the public functions: targets, variants, damage, what decoding needs."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray

import voxz
from phantoms import blobs
from voxz.codecs.masked import Prepared
from voxz.codecs.numbers import SIREN
from voxz.codecs.siren.codec import decode_brick, decode_part, encode_field
from voxz.codecs.siren.field import Field, Networks
from voxz.codecs.siren.network import Shape
from voxz.codecs.siren.options import PRESETS, Siren, options_from_text
from voxz.container.reader import Reader
from voxz.errors import VoxzError
from voxz.volume.background import find_background

pytest.importorskip("torch")

QUICK: dict[str, Any] = {"iterations": 20, "batch": 512}
TINY: dict[str, Any] = {"iterations": 4, "batch": 64, "width": 4}


def fitted(array: NDArray[Any], target: Any, preset: str = "default", **options: Any) -> bytes:
    return voxz.encode(array, target=target, codec=Siren(preset, **options), threads=1)


def used(blob: bytes) -> list[str]:
    return list(voxz.info(blob).to_dict()["codecs"])


@pytest.mark.parametrize("model", ["latents", "network"])
def test_size_is_met(model: str) -> None:
    array = blobs((8, 32, 40), 6)
    blob = fitted(array, voxz.Ratio(24), "default" if model == "latents" else "siren", **QUICK)
    assert used(blob) == ["siren"]
    assert array.nbytes / len(blob) == pytest.approx(24, rel=0.03)
    facts = voxz.info(blob).to_dict()["loss"]
    background = find_background(array[..., None])
    assert background is not None
    error = voxz.decode(blob).astype(float) - array
    assert facts["rmse"] == pytest.approx(np.sqrt(np.mean(error[~background.mask] ** 2)))
    assert (error[background.mask] == 0).all()


def test_psnr_is_met() -> None:
    array = blobs((8, 32, 40))
    blob = fitted(array, voxz.Psnr(34), **QUICK)
    assert 34 <= voxz.info(blob).to_dict()["loss"]["psnr_db"] < 34.3


@pytest.mark.parametrize("dtype", ["<i2", "<u2", "<f4"])
def test_largest_error_is_kept(dtype: str) -> None:
    array = blobs(dtype=dtype)
    blob = fitted(array, voxz.MaxError(3), **QUICK)
    assert used(blob) == ["siren"]
    assert np.abs(voxz.decode(blob).astype(float) - array).max() <= 3


def test_latents_beat_the_published_network_at_its_own_size() -> None:
    array = blobs((8, 40, 40), 3)
    published = fitted(array, voxz.Lossless(), "sirenmri-2d", iterations=40, width=16)
    ours = fitted(array, voxz.Ratio(array.nbytes / len(published) * 2), **QUICK)
    assert voxz.info(published).to_dict()["target"] == "fitted"
    assert voxz.info(ours).to_dict()["loss"]["psnr_db"] > voxz.info(published).to_dict()["loss"]["psnr_db"] + 6


VARIANTS: list[dict[str, Any]] = [
    {"activation": "relu"},
    {"activation": "tanh", "sine_first": True},
    {"activation": "relu", "sine_last": True, "final": "relu", "outputs": "volumes"},
    {"final": "tanh", "axes": 2, "outputs": "volumes"},
    {"axes": 2, "outputs": "components", "hidden": 2},
    {"axes": 4, "outputs": "volumes"},
    {"weights": "float32", "foreground": False},
]


@pytest.mark.parametrize("options", VARIANTS, ids=lambda options: ",".join(f"{k}={v}" for k, v in options.items()))
@pytest.mark.parametrize("shape", [(4, 2, 9, 13), (1, 1, 16, 5), (3, 1, 1, 30)], ids=str)
def test_variants_come_back(options: dict[str, Any], shape: tuple[int, ...]) -> None:
    array = blobs(shape[1:], shape[0])
    blob = fitted(array, voxz.Lossless(), "siren", **{**TINY, **options})
    decoded = voxz.decode(blob)
    assert decoded.shape == array.shape
    assert decoded.dtype == array.dtype
    voxz.verify(blob)
    assert fitted(array, voxz.Lossless(), "siren", **{**TINY, **options}) == blob


def test_single_volumes_and_presets() -> None:
    volume = blobs()[0]
    for preset in PRESETS:
        blob = fitted(volume, voxz.Lossless(), preset, **TINY)
        assert voxz.decode(blob).shape == volume.shape


def test_special_values_come_back_bit_for_bit() -> None:
    array = blobs(dtype="<f4")
    array[0, 2, 5:8, 4] = np.nan
    array[1, 3, 3, 3] = np.inf
    array[2, 1, 1, 1] = -np.inf
    decoded = voxz.decode(fitted(array, voxz.Ratio(10), **QUICK))
    odd = ~np.isfinite(array)
    assert decoded[odd].tobytes() == array[odd].tobytes()
    assert np.isfinite(decoded[~odd]).all()
    assert np.abs(decoded[~odd] - array[~odd]).max() < 300


@pytest.mark.parametrize("value", [0, 7, np.nan])
def test_constant_volumes(value: float) -> None:
    array = np.full((3, 4, 5), value, np.float32)
    blob = fitted(array, voxz.Lossless(), **QUICK)
    assert voxz.decode(blob).tobytes() == array.tobytes()


def test_what_cannot_be_met_is_refused() -> None:
    array = blobs((8, 32, 40))
    with pytest.raises(voxz.UsageError, match="header and index"):
        fitted(array, voxz.Ratio(1000), **QUICK)
    with pytest.raises(voxz.UsageError, match="smallest network"):
        fitted(array, voxz.Ratio(300), "siren", **QUICK)
    with pytest.raises(voxz.UsageError, match="float32"):
        fitted(array, voxz.Ratio(20), "sirenmri-3d", **QUICK)
    with pytest.raises(voxz.UsageError, match="PSNR of 80 dB is beyond"):
        fitted(array, voxz.Psnr(80), "siren", **TINY)


def test_networks_that_would_decode_for_hours_are_refused() -> None:
    array = np.arange(1 << 18, dtype="<i2").reshape(4, 256, 256)
    with pytest.raises(voxz.LimitError, match="must take at most"):
        fitted(array, voxz.Lossless(), "siren", **{**TINY, "width": 4096})
    wide = Shape((3, 4096, 4096, 4096, 1), (1, 1, 1, 0), (1.0,) * 4)
    networks = Networks(wide, np.zeros((1, 1)), bytes(64), floats=False)
    one = np.ones((1, 1))
    field = Field(1, (4, 256, 256), 3, networks, None, np.zeros(0, np.int64), one, one, None, 0.0)
    prepared = Prepared.of(array[None, ..., None])
    assert prepared is not None
    crafted = encode_field(prepared, field)
    started = time.process_time()
    with pytest.raises(voxz.LimitError, match="must take at most"):
        decode_brick(crafted, (1, 4, 256, 256, 1), array.dtype)
    assert time.process_time() - started < 60


@pytest.mark.parametrize("series", [1, 42, 300, 65535])
def test_presets_on_the_largest_bricks_are_within_bounds(series: int) -> None:
    samples = 1 << 26
    Shape((3, 256, 256, 256, series), (1,) * 4, (1.0,) * 4).check_work(samples // series, samples)
    Shape((4, 256, 256, 256, 1), (1,) * 4, (1.0,) * 4).check_work(samples, samples)


def test_label_maps_are_refused() -> None:
    labels = np.kron(np.random.default_rng(0).integers(0, 3, (2, 6, 6)), np.ones((4, 8, 8))).astype(np.uint8)
    for target in (voxz.Ratio(10), voxz.Lossless()):
        with pytest.raises(voxz.UsageError, match="label map"):
            fitted(labels, target, **TINY)


def test_options() -> None:
    options = Siren("siren", **options_from_text("width=64, omega=25, warm=no,weights=float32,axes=2"))
    assert (options.width, options.omega, options.warm, options.weights, options.axes) == (64, 25.0, False, "float32", 2)
    assert Siren.from_dict(json.loads(json.dumps(options.to_dict()))) == options
    for wrong in ("width", "width=x", "colour=red", "warm=maybe", "axes=5", "width=-1", "model=latents,axes=2"):
        with pytest.raises(voxz.UsageError, match=r"got|name=value|network"):
            Siren("siren", **options_from_text(wrong))
    with pytest.raises(voxz.UsageError, match="preset"):
        Siren("best")
    published = Siren("sirenmri-2d")
    assert (published.hidden, published.width, published.iterations, published.learning_rate) == (3, 256, 2000, 3e-4)
    assert (published.omega_first, published.omega, published.batch, published.axes) == (30, 30, 0, 2)


def test_damage_is_found() -> None:
    for preset, target in (("default", voxz.Ratio(20)), ("siren", voxz.Lossless())):
        blob = fitted(blobs(), target, preset, **TINY)
        with Reader(blob) as reader:
            payload, shape, dtype = reader.arrays[0].brick(0, lambda _, *parts: parts)  # type: ignore[arg-type]
        rng = np.random.default_rng(0)
        for cut in {*range(0, 40), *rng.integers(0, len(payload), 20).tolist()}:
            with pytest.raises(VoxzError):
                decode_brick(payload[:cut], shape, dtype)
        for place in {*range(0, 60), *rng.integers(0, len(payload), 40).tolist()}:
            damaged = bytearray(payload)
            damaged[place] ^= 1 << int(rng.integers(8))
            try:
                decoded = decode_brick(bytes(damaged), shape, dtype)
            except VoxzError:
                continue
            assert decoded.shape == shape


def run(script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", script, *arguments], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def test_decoding_needs_no_torch(tmp_path: Path) -> None:
    array = blobs()
    (tmp_path / "a.voxz").write_bytes(fitted(array, voxz.Ratio(12), **QUICK))
    np.save(tmp_path / "a.npy", voxz.decode((tmp_path / "a.voxz").read_bytes()))
    script = (
        "import sys; sys.modules['torch'] = sys.modules['safetensors'] = None\n"
        "import numpy, voxz, pathlib\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "decoded = voxz.decode((folder / 'a.voxz').read_bytes())\n"
        "assert (decoded == numpy.load(folder / 'a.npy')).all()\n"
        "voxz.encode(decoded, target=voxz.Ratio(6), codec='siren')"
    )
    result = run(script, str(tmp_path))
    assert "MissingDependencyError" in result.stderr
    assert "voxz[train]" in result.stderr


def test_compressing_without_torch_says_what_to_install(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", blobs())
    script = (
        "import runpy, sys; sys.modules['torch'] = sys.modules['safetensors'] = None\n"
        "sys.argv = ['voxz', 'compress', sys.argv[1], '--codec', 'siren', '--ratio', '20']\n"
        "runpy.run_module('voxz', run_name='__main__')"
    )
    result = run(script, str(tmp_path / "a.npy"))
    assert result.returncode == 1
    assert "voxz[train]" in result.stderr
    assert "Traceback" not in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a.npy"]


@pytest.mark.parametrize("preset", ["default", "siren"])
def test_plain_python_decodes_the_same(preset: str, tmp_path: Path) -> None:
    options = {**TINY, "activation": "tanh", "sine_first": True} if preset == "siren" else TINY
    blob = fitted(blobs((2, 9, 8), 2), voxz.Lossless(), preset, **options)
    (tmp_path / "a.voxz").write_bytes(blob)
    script = "import sys, voxz; sys.stdout.write(voxz.decode(open(sys.argv[1], 'rb').read()).tobytes().hex())"
    result = run(script, str(tmp_path / "a.voxz"), VOXZ_JIT="0")
    assert result.stdout == voxz.decode(blob).tobytes().hex(), result.stderr


def test_parts_are_those_of_the_whole() -> None:
    for preset, options in (("default", QUICK), ("siren", TINY), ("siren", {**TINY, "axes": 2, "outputs": "volumes"})):
        blob = fitted(blobs(), voxz.Lossless(), preset, **options)
        with Reader(blob) as reader:
            payload, shape, dtype = reader.arrays[0].brick(0, lambda _, *parts: parts)  # type: ignore[arg-type]
        box = (slice(1, 3), slice(2, 5), slice(7, 8), slice(3, 20))
        assert (decode_part(SIREN, payload, shape, dtype, box) == decode_brick(payload, shape, dtype)[box]).all()
        image = voxz.open(blob)
        assert (image[2, 4] == voxz.decode(blob)[2, 4]).all()


def test_resampling(tmp_path: Path) -> None:
    z, y, x = np.meshgrid(*(np.arange(n) for n in (12, 20, 24)), indexing="ij")

    def smooth(z: Any, y: Any, x: Any) -> Any:
        return 500 + 300 * np.sin(0.3 * x) * np.cos(0.25 * y) + 100 * np.sin(0.4 * z)

    original = nibabel.Nifti1Image(smooth(z, y, x).T.astype(np.int16), np.diag([2.0, 3, 4, 1]))
    original.to_filename(tmp_path / "a.nii.gz")
    voxz.compress(tmp_path / "a.nii.gz", tmp_path / "a.voxz", target=voxz.Psnr(60), codec=Siren(**QUICK))
    image = voxz.open(tmp_path / "a.voxz")
    assert (image.resample(image.shape) == image[...]).all()
    fine = image.resample(2.0)
    assert fine.shape == (48, 40, 24)
    xs, ys, zs = np.meshgrid(*((np.arange(n) + 0.5) / 2 - 0.5 for n in fine.shape), indexing="ij")
    inner = (slice(4, -4),) * 3
    assert np.abs(fine - smooth(zs, ys, xs))[inner].max() < 6
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "b.nii.gz", resample=(24, 10, 12))
    other: Any = nibabel.load(tmp_path / "b.nii.gz")
    assert other.shape == (24, 10, 12)
    assert np.allclose(other.header.get_zooms(), [2, 6, 4])
    centre = [(np.array(i.shape) - 1) / 2 for i in (original, other)]
    assert np.allclose(original.affine[:3] @ [*centre[0], 1], other.affine[:3] @ [*centre[1], 1])
    with pytest.raises(voxz.UnsupportedError, match="siren"):
        voxz.open(voxz.encode(blobs())).resample(2.0)


def test_command_line(tmp_path: Path) -> None:
    nibabel.Nifti1Image(blobs().T, np.eye(4)).to_filename(tmp_path / "a.nii.gz")

    def command(*arguments: str) -> None:
        subprocess.run([sys.executable, "-m", "voxz", *arguments], check=True, cwd=tmp_path)

    command(
        "compress",
        "a.nii.gz",
        "--codec",
        "siren",
        "--ratio",
        "8",
        "--preset",
        "siren",
        "--fit",
        "iterations=60,outputs=volumes",
        "--log",
        "log.jsonl",
        "--log-plot",
        "log.png",
    )
    entries = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert {"seconds", "iteration", "loss", "psnr_db"} <= set(entries[-1])
    assert (tmp_path / "log.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.nii.gz", "a.nii.voxz", "log.jsonl", "log.png"]
    command("decompress", "a.nii.voxz", "--resample", "12x20x6", "-o", "b.nii")
    image: Any = nibabel.load(tmp_path / "b.nii")
    assert image.shape == (12, 20, 6, 4)
