"""Reports of a file: what the verdict says, and that the figures behind it are right."""

import base64
import gzip
import re
import zlib
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray

import voxz
from commands import run
from phantoms import head, labels, noise, series
from voxz.report.charts import Line, Mark, chart, ticks
from voxz.report.evidence import evidence_of
from voxz.report.maps import maps_of, tensor_maps
from voxz.report.planes import planes_of
from voxz.report.residual import structure_of
from voxz.report.what_if import settings_of


def nifti(path: Path, samples: NDArray[np.generic], spacing: tuple[float, ...] = (1.0, 1.0, 2.0)) -> Path:
    """A file of samples ``(t, z, y, x)`` or ``(z, y, x)``."""
    nibabel.Nifti1Image(samples.T, np.diag([*spacing, 1.0])).to_filename(path)
    return path


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scan")
    path = nifti(folder / "scan.nii.gz", head((20, 48, 56)))
    voxz.compress(path, folder / "scan.nii.voxz", target=voxz.MaxError(3))
    voxz.compress(path, folder / "exact.nii.voxz")
    return path


def report(source: Path, *options: object) -> str:
    done = run("report", source, "-o", "-", *options)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def text(page: str) -> str:
    return re.sub(r"<[^>]*>", " ", re.sub(r"<(script|style).*?</\1>", "", page, flags=re.DOTALL))


def test_a_lossy_file_says_its_promise_and_size_beside_the_noise(scan: Path) -> None:
    page = text(report(scan.with_name("scan.nii.voxz"), "--original", scan))
    assert "Promise kept: no voxel is off by more than 3 (at most 3 was promised)." in page
    facts = voxz.info(scan.with_name("scan.nii.voxz"))
    assert facts.loss is not None
    assert f"RMSE is {facts.loss.rmse:.4g}" in page
    share = 100 * facts.bytes / scan.stat().st_size
    assert f"{facts.bytes:,} bytes: {share:.1f} % of .nii.gz," in page
    assert "Header and extensions are the same bytes" in page
    assert facts.original_sha256 in page
    assert f"voxz report scan.nii.voxz --original {scan.name}" in page
    assert "What if?" in page


def test_pages_name_no_folder_and_load_nothing(scan: Path) -> None:
    page = report(scan.with_name("scan.nii.voxz"), "--original", scan)
    assert str(scan.parent) not in page
    assert scan.parent.name not in page
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)", page)
    assert not re.search("https?:", page)


def test_a_lossless_file_is_identical(scan: Path) -> None:
    exact = scan.with_name("exact.nii.voxz")
    alone, beside = text(report(exact)), text(report(exact, "--original", scan))
    assert "Lossless, and intact: the original comes back exactly." in alone
    assert "Identical: every voxel comes back exactly." in beside
    for page in (alone, beside):
        assert voxz.info(exact).samples_sha256 in page
        assert "What the errors are like" not in page


def test_another_file_is_no_original(scan: Path, tmp_path: Path) -> None:
    lossy = scan.with_name("scan.nii.voxz")
    samples = head((20, 48, 56))
    far = nifti(tmp_path / "far.nii.gz", samples + np.int16(9))
    near = voxz.decode(lossy).T + np.int16(1)
    near[3, 4, 5] += 1
    assert "Not the promised quality: errors go up to 1" in text(report(lossy, "--original", far))
    assert "Not the original: errors go up to 2" in text(report(lossy, "--original", nifti(tmp_path / "near.nii.gz", near)))
    assert "Not the promised quality" in text(report(scan.with_name("exact.nii.voxz"), "--original", far))


def test_a_kept_promise_that_costs_much_is_no_good_news(tmp_path: Path) -> None:
    rough = nifti(tmp_path / "rough.nii.gz", (2 * head((12, 48, 56)) + noise((12, 48, 56), 9)).astype(np.int16))
    for bound, sign in ((1, "good"), (40, "note")):
        voxz.compress(rough, tmp_path / "rough.nii.voxz", target=voxz.MaxError(bound), force=True)
        page = report(tmp_path / "rough.nii.voxz", "--original", rough)
        assert "Promise kept" in page
        assert f'class="verdict {sign}"' in page


def test_the_noise_is_what_a_target_in_its_units_takes(tmp_path: Path) -> None:
    rough = nifti(tmp_path / "rough.nii.gz", (2 * head((12, 48, 56)) + noise((12, 48, 56), 9)).astype(np.int16))
    for name, target in {"plain": voxz.MaxError(2), "noise": voxz.MaxError(0.5, "noise")}.items():
        voxz.compress(rough, tmp_path / f"{name}.nii.voxz", target=target)
    plain, told = (evidence_of(tmp_path / f"{name}.nii.voxz", rough) for name in ("plain", "noise"))
    assert told.facts.loss is not None
    assert plain.noise == told.noise == told.facts.loss.noise
    assert plain.noise > 5


def test_archives_are_listed_without_names(tmp_path: Path) -> None:
    (tmp_path / "Doe^John").mkdir()
    nifti(tmp_path / "Doe^John/t1.nii", head((6, 20, 24)))
    (tmp_path / "Doe^John/notes.txt").write_text("a note")
    voxz.compress(tmp_path / "Doe^John", tmp_path / "case.voxz")
    page = report(tmp_path / "case.voxz")
    assert "Identical: every file comes back exactly." in text(page)
    assert "24x20x6" in page
    assert "Doe" not in page
    assert "t1.nii" not in page


def test_wrong_arguments_read_well(scan: Path, tmp_path: Path) -> None:
    lossy = scan.with_name("scan.nii.voxz")
    (tmp_path / "there.html").write_text("kept")
    small = nifti(tmp_path / "small.nii", head((6, 20, 24)))
    for arguments, code, words in [
        ((lossy, "-o", tmp_path / "there.html"), 2, "use -f"),
        ((lossy,), 2, "output"),
        (("-", "-o", "-"), 2, "not standard input"),
        ((tmp_path, "-o", "-"), 2, "is a folder"),
        ((lossy, "--original", small, "-o", "-"), 2, "shapes differ"),
        ((tmp_path / "none.voxz", "-o", "-"), 1, "No such file"),
        ((scan, "-o", "-"), 1, "voxz"),
    ]:
        done = run("report", *arguments)
        assert done.returncode == code, done.stderr
        assert words in done.stderr.decode()
    assert (tmp_path / "there.html").read_text() == "kept"


def test_a_damaged_file_gets_no_page(scan: Path, tmp_path: Path) -> None:
    data = bytearray(scan.with_name("scan.nii.voxz").read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "bad.voxz").write_bytes(data)
    assert run("report", tmp_path / "bad.voxz", "-o", tmp_path / "page.html").returncode == 3
    assert not (tmp_path / "page.html").exists()


def unpacked(values: str, shape: tuple[int, ...]) -> NDArray[np.uint16]:
    """Codes, as the page gets them."""
    data = zlib.decompress(base64.b64decode(values))
    low, high = (np.frombuffer(part, np.uint8).tolist() for part in (data[: len(data) // 2], data[len(data) // 2 :]))
    channels, row = shape[4], shape[3] * shape[4]
    codes: list[int] = []
    for i, (a, b) in enumerate(zip(low, high, strict=True)):
        left, up = (codes[i - n] if i >= n else 0 for n in (channels, row))
        codes.append((a + 256 * b + ((left + up) >> 1)) & 65535)
    return np.array(codes, np.uint16).reshape(shape)


def test_planes_are_exact_where_they_fit(scan: Path) -> None:
    evidence = evidence_of(scan.with_name("scan.nii.voxz"), scan)
    planes = planes_of(evidence, with_errors=True)
    assert (planes.step, planes.error_step, planes.steps) == (1, 1, (1, 1, 1, 1))
    assert (unpacked(planes.values, planes.shape) + planes.low == evidence.original).all()
    errors = np.frombuffer(zlib.decompress(base64.b64decode(planes.errors)), np.int8).reshape(planes.shape)
    assert (errors == evidence.error).all()
    assert not planes.words(evidence.noise)


@pytest.mark.parametrize("room", [60_000, 20_000, 2_000])
def test_larger_volumes_are_sampled_with_the_worst_voxel(scan: Path, room: int) -> None:
    evidence = evidence_of(scan.with_name("scan.nii.voxz"), scan)
    planes = planes_of(evidence, room, with_errors=True)
    assert 3 * (len(planes.values) + len(planes.errors)) // 4 <= room
    shown = tuple(slice(start, None, step) for start, step in zip(planes.starts, planes.steps, strict=True))
    errors = np.frombuffer(zlib.decompress(base64.b64decode(planes.errors)), np.int8).reshape(planes.shape)
    assert evidence.error is not None
    assert (errors == evidence.error[shown]).all()
    assert np.abs(errors).max() == np.abs(evidence.error).max()
    values = unpacked(planes.values, planes.shape) * planes.step + planes.low
    assert np.abs(values - evidence.reference[shown]).max() <= planes.step / 2 + 0.5
    assert planes.words(evidence.noise).startswith(("Values are rounded", "Shown: every"))


def test_structure_tells_white_errors_from_blur_and_blocks(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    original = rng.integers(100, 1000, (32, 64, 64)).astype(np.int16)
    white = rng.integers(-3, 4, original.shape)
    smooth = (white + np.roll(white, 1, 2) + np.roll(white, 2, 2)) // 2
    blocks = 4 * rng.integers(-1, 2, (2, 1, 1)).repeat(16, 0) + rng.integers(-1, 2, original.shape)
    found = {}
    for name, error in {"white": white, "smooth": smooth, "blocks": blocks}.items():
        (tmp_path / f"{name}.voxz").write_bytes(voxz.encode((original + error).astype(np.int16), brick=16))
        np.save(tmp_path / "original.npy", original)
        found[name] = structure_of(evidence_of(tmp_path / f"{name}.voxz", tmp_path / "original.npy"))
    assert abs(found["white"].shared[1]) < 0.02
    assert np.allclose(found["white"].power, 1, atol=0.25)
    assert all(abs(step - 1) < 0.05 for step in found["white"].seams.values())
    assert found["smooth"].shared[0] == "x"
    assert found["smooth"].shared[1] == pytest.approx(2 / 3, abs=0.05)
    assert found["smooth"].power[0] > 2
    assert found["smooth"].power[-1] < 0.8
    assert found["blocks"].seams["z"] > 1.5
    assert found["blocks"].seams["x"] == pytest.approx(1, abs=0.05)


def test_tensors_of_known_diffusion() -> None:
    """Signals that follow the model give back its anisotropy and diffusivity."""
    rng = np.random.default_rng(2)
    directions = rng.normal(size=(30, 3))
    directions /= np.linalg.norm(directions, axis=1)[:, None]
    weights = np.array([0.0] * 3 + [1000.0] * 27)
    directions[:3] = 0
    values = np.array([[1.7e-3, 0.3e-3, 0.3e-3], [0.8e-3, 0.8e-3, 0.8e-3]])
    signals = 900 * np.exp(-weights[:, None] * (directions**2 @ values.T))
    anisotropy, diffusivity = tensor_maps(signals, weights, directions)
    assert diffusivity == pytest.approx(values.mean(axis=1), rel=1e-6)
    spread = ((values[0] - values[0].mean()) ** 2).sum()
    assert anisotropy == pytest.approx([np.sqrt(1.5 * spread / (values[0] ** 2).sum()), 0], abs=1e-5)


def test_maps_of_series(tmp_path: Path) -> None:
    bold = nifti(tmp_path / "bold.nii.gz", series(12, (6, 24, 28)))
    voxz.compress(bold, tmp_path / "bold.nii.voxz", target=voxz.MaxError(4))
    (found,) = maps_of(evidence_of(tmp_path / "bold.nii.voxz", bold))
    assert found.name == "temporal SNR"
    samples, time = np.asarray(nibabel.load(bold).dataobj)[14, 12, 3].astype(float), np.arange(12)
    rest = samples - np.polyval(np.polyfit(time, samples, 1), time)
    assert found.before[3, 12, 14] == pytest.approx(samples.mean() / np.sqrt((rest**2).sum() / 10))
    (tmp_path / "bold.bval").write_text(" ".join(["0"] * 2 + ["1000"] * 10))
    directions = np.random.default_rng(1).normal(size=(3, 12))
    np.savetxt(tmp_path / "bold.bvec", directions / np.linalg.norm(directions, axis=0))
    names = [each.name for each in maps_of(evidence_of(tmp_path / "bold.nii.voxz", bold))]
    assert names == ["fractional anisotropy", "mean diffusivity"]
    assert "mean diffusivity" in text(report(tmp_path / "bold.nii.voxz", "--original", bold))


def test_what_if_grows_smaller(scan: Path) -> None:
    settings, words = settings_of(evidence_of(scan.with_name("scan.nii.voxz"), scan))
    bounds = [setting.bound for setting in settings]
    assert len(settings) == 5
    assert bounds == sorted(bounds)
    assert bounds[0] == 0
    assert [setting.bits for setting in settings] == sorted((setting.bits for setting in settings), reverse=True)
    assert [setting.bound for setting in settings if setting.current] == [3]
    assert words == "all of it"


@pytest.mark.parametrize("kind", ["float", "labels", "rgb", "flat", "constant", "line"])
def test_unusual_images_have_pages(kind: str, tmp_path: Path) -> None:
    volume = head((6, 20, 24))
    samples: dict[str, Any] = {
        "float": np.where(volume > 500, np.nan, volume / 7).astype(np.float32),
        "labels": labels((6, 20, 24)),
        "flat": volume[:1],
        "constant": np.full((4, 5, 6), 7, np.int16),
        "line": np.arange(9, dtype=np.int32),
    }
    if kind == "rgb":
        colours = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
        pixels = (volume[:, :, :, None] // [4, 5, 6]).astype(np.uint8).T.copy().T
        image = np.ascontiguousarray(pixels).view(colours)[..., 0].T
        nibabel.Nifti1Image(image, np.eye(4)).to_filename(tmp_path / "a.nii")
        voxz.compress(tmp_path / "a.nii", tmp_path / "a.voxz")
    else:
        (tmp_path / "a.voxz").write_bytes(voxz.encode(samples[kind]))
        np.save(tmp_path / "a.npy", samples[kind])
        assert "Identical" in text(report(tmp_path / "a.voxz", "--original", tmp_path / "a.npy"))
    assert "Lossless, and intact" in text(report(tmp_path / "a.voxz"))
    if kind == "float":
        (tmp_path / "b.voxz").write_bytes(voxz.encode(samples[kind], target=voxz.MaxError(2)))
        assert "Promise kept" in text(report(tmp_path / "b.voxz", "--original", tmp_path / "a.npy"))


def test_ct_windows_are_hounsfield_units(tmp_path: Path) -> None:
    _, y, x = np.indices((8, 40, 40))
    body = (y - 20) ** 2 + (x - 20) ** 2 < 200
    samples = np.where(body, 1060, 24) + np.random.default_rng(1).integers(-20, 21, body.shape)
    image = nibabel.Nifti1Image(samples.T.astype(np.int16), np.eye(4))
    image.header.set_slope_inter(1, -1024)
    image.to_filename(tmp_path / "scan.nii.gz")
    raw = bytearray(gzip.decompress((tmp_path / "scan.nii.gz").read_bytes()))
    raw[112:120] = np.array([1, -1024], "<f4").tobytes()
    raw[352:] = samples.astype("<i2").tobytes()
    (tmp_path / "scan.nii").write_bytes(raw)
    voxz.compress(tmp_path / "scan.nii", tmp_path / "scan.nii.voxz", target=voxz.MaxError(2))
    page = report(tmp_path / "scan.nii.voxz", "--original", tmp_path / "scan.nii")
    assert '"name": "soft tissue", "low": 864.0, "high": 1264.0' in page
    assert '"unit": " HU"' in page


def test_ticks_are_round_and_charts_are_drawn() -> None:
    assert ticks(0, 10) == [0, 2, 4, 6, 8, 10]
    assert ticks(-0.13, 0.27) == [-0.1, 0, 0.1, 0.2]
    drawn = chart([Line([0, 1, 2], [1, 100], steps=True)], "<x>", "y", marks=[Mark(1, "here")], log=True)
    assert drawn.count("<path") >= 4
    assert "&lt;x&gt;" in drawn
    assert "here" in drawn
    assert "Nothing to draw" in chart([], "x", "y")
    assert "<polyline" in chart([Line([1.0], [5.0])], "x", "y")
