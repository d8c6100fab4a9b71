"""Previews: a smaller image in the same place, whatever codec its bricks have and however they are cut."""

from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray

import phantoms
import voxz
from samples import nifti, write_nifti
from voxz.cli.app import main
from voxz.container.reader import StoredArray
from voxz.image.notebook import middle_picture, middle_slices
from voxz.transforms.pyramid import Pyramid

HEAD = phantoms.head((22, 70, 83))
_Z, _Y, _X = np.indices(HEAD.shape)
SMOOTH = (500 + 200 * np.sin(_X / 14) * np.cos(_Y / 17) + 5 * _Z + phantoms.noise(HEAD.shape, 2)).astype(np.int16)
SERIES = phantoms.series(3, (9, 40, 30))


def low_pass(volume: NDArray[Any], halvings: tuple[int, int, int]) -> NDArray[Any]:
    """What a preview should show of a volume ``(z, y, x)``, but for the borders of bricks."""
    return Pyramid(volume.shape, halvings).low_pass(volume.astype(np.float64))


@pytest.mark.parametrize(
    "how",
    [{"target": voxz.Psnr(60)}, {}, {"codec": "wavelet"}, {"codec": "stored"}, {"target": voxz.MaxError(1)}, {"level": 7}],
    ids=str,
)
@pytest.mark.parametrize("level", [1, 2, 3])
def test_a_preview_is_a_low_pass(how: dict[str, Any], level: int) -> None:
    halvings = (min(level, 2), level, level)
    with voxz.open(voxz.encode(SMOOTH, **{"level": 1, **how})) as image:
        seen = image.preview(level)
        assert seen.dtype == image.dtype
        assert np.array_equal(image.preview(0), image[...])
    expected = low_pass(SMOOTH, halvings)
    assert seen.shape == expected.shape
    assert np.abs(seen - expected)[1:-1, 1:-1, 1:-1].mean() < 1.5 * level**2


def test_only_the_low_resolutions_of_wavelet_bricks_are_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of the stream holds the finest level, so a preview does not see that it is damaged."""
    blob = bytearray(voxz.encode(HEAD, target=voxz.Psnr(50), level=1))
    with voxz.open(bytes(blob)) as image:
        sound = image.preview(2)
        (brick,) = image._array.bricks
    for at in range(brick.offset + brick.length - 40, brick.offset + brick.length):
        blob[at] ^= 255

    monkeypatch.setattr(
        StoredArray, "_checked", lambda array, place, payload: payload or array.reader.read(place.offset, place.length)
    )
    with voxz.open(bytes(blob)) as image:
        assert np.array_equal(image.preview(2), sound)


def test_bricks_need_not_begin_at_multiples() -> None:
    volume = phantoms.head((50, 90, 90))
    for target in (voxz.Lossless(), voxz.Psnr(50)):
        blob = voxz.encode(np.tile(volume, (2, 1, 1)), target=target, level=1, codec="wavelet")
        with voxz.open(blob) as image:
            image._array.boxes = [image._array.boxes[0]]  # whole, whatever it holds
            assert image.preview(3).shape == (13, 12, 12)
    blob = voxz.encode(np.tile(volume, (3, 2, 2)), level=1)
    with voxz.open(blob) as image:
        starts = {box[1].start for box in image._array.boxes}
        assert any(start % 4 for start in starts)
        seen, expected = image.preview(2), low_pass(np.tile(volume, (3, 2, 2)), (2, 2, 2))
        assert np.abs(seen - expected).mean() < 12


def test_impossible_resolutions_are_refused() -> None:
    with voxz.open(voxz.encode(HEAD, target=voxz.Psnr(50), level=1)) as image:
        assert image.preview(4).shape == (6, 5, 6)
        for level in (5, 99, -1):
            with pytest.raises(voxz.UsageError, match=r"must be 0 \(full\) to 4 for an image of 83x70x22"):
                image.preview(level)
    with voxz.open(voxz.encode(HEAD[:5, :6, :7])) as image, pytest.raises(voxz.UsageError, match="to 0 for an image of 7x6x5"):
        image.preview(1)


def test_series_and_arrays_of_fewer_axes() -> None:
    for target in (voxz.Lossless(), voxz.Psnr(50)):
        with voxz.open(voxz.encode(SERIES, target=target, level=1)) as image:
            assert image.preview(1).shape == (3, 5, 20, 15)
            assert image.preview(2).shape == (3, 5, 10, 8)
        with voxz.open(voxz.encode(SERIES[0, 4], target=target, level=1)) as image:
            assert image.preview(2).shape == (10, 8)
    with voxz.open(voxz.encode(SERIES[0, 4, 20])) as image:
        assert image.preview(1).shape == (15,)


def test_background_nan_and_names_are_kept() -> None:
    masked = np.where(phantoms.head((8, 40, 40)) > 300, phantoms.head((8, 40, 40)), -1000).astype(np.float32)
    masked[3:5, 10:12, 20:24] = np.nan
    for target in (voxz.Lossless(), voxz.Psnr(50)):
        with voxz.open(voxz.encode(masked, target=target, level=1)) as image:
            seen = image.preview(1)
        assert np.array_equal(np.isnan(seen), np.isnan(masked[::2, ::2, ::2]))
        assert (seen[:, 0] == -1000).all()
    atlas = phantoms.labels((12, 40, 40))
    for options in ({}, {"codec": "predictive"}, {"target": voxz.MaxError(1), "force_lossy": True}):
        with voxz.open(voxz.encode(atlas, level=1, **options)) as image:
            assert np.array_equal(image.preview(1), image[...][::2, ::2, ::2])


@pytest.mark.parametrize("version", [1, 2])
def test_voxels_stay_where_they_were(version: int, tmp_path: Path) -> None:
    path = write_nifti(tmp_path / "a.nii", SERIES, version=version)
    for target in (voxz.Lossless(), voxz.Psnr(50)):
        voxz.compress(path, tmp_path / "a.voxz", target=target, level=1, force=True)
        voxz.decompress(tmp_path / "a.voxz", tmp_path / "small.nii.gz", resolution=2, force=True)
        whole: Any = nibabel.load(path)
        small: Any = nibabel.load(tmp_path / "small.nii.gz")
        assert small.shape == (8, 10, 5, 3)
        for get in ("get_sform", "get_qform"):
            before, after = getattr(whole, get)(), getattr(small, get)()
            assert np.allclose(after, before @ np.diag([4, 4, 2, 1]), atol=1e-4)
        assert small.header.get_zooms()[:3] == pytest.approx(np.array(whole.header.get_zooms()[:3]) * [4, 4, 2])
        with voxz.open(tmp_path / "a.voxz") as image:
            coarse = image.to_nibabel(2)
            assert np.allclose(coarse.affine, small.affine)
            assert np.array_equal(np.asarray(small.dataobj), np.asarray(coarse.dataobj))
            assert np.array_equal(np.asarray(coarse.dataobj), 2.0 * image.preview(2).astype(float) + 5)


def test_colour(tmp_path: Path) -> None:
    (tmp_path / "a.nii").write_bytes(nifti((16, 10, 4), "rgb")[1])
    voxz.compress(tmp_path / "a.nii", tmp_path / "a.voxz")
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "small.nii", resolution=1)
    with voxz.open(tmp_path / "a.voxz") as image:
        assert image.preview(1).shape == (8, 5, 4, 3)
        stored = np.frombuffer((tmp_path / "small.nii").read_bytes()[352:], np.uint8).reshape(4, 5, 8, 3)
        assert np.array_equal(stored.transpose(2, 1, 0, 3), image.preview(1))


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "a.npy", HEAD)

    def run(*arguments: str) -> int:
        monkeypatch.setattr("sys.argv", ["voxz", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        return int(end.value.code or 0)

    monkeypatch.chdir(tmp_path)
    assert run("compress", "a.npy", "--psnr", "45", "-1") == 0
    assert run("decompress", "a.npy.voxz", "--resolution", "1", "-o", "small.npy") == 0
    assert np.load("small.npy").shape == (11, 35, 42)
    assert run("decompress", "a.npy.voxz", "--resolution", "1", "--select", "z=1", "-o", "b.npy") == 2
    assert "the selection 'z=1' cannot be combined with the resolution 1" in capsys.readouterr().err
    assert run("decompress", "a.npy.voxz", "--resolution", "9", "-o", "b.npy") == 2
    assert "must be 0 (full) to 4" in capsys.readouterr().err
    assert run("decompress", "a.npy.voxz", "--resolution", "-1", "-o", "b.npy") == 2
    assert not (tmp_path / "b.npy").exists()


def test_a_thumbnail_decodes_no_more_than_it_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    blob = voxz.encode(phantoms.head((6, 250, 250)), target=voxz.MaxError(8), codec="wavelet", level=1, brick=(6, 128, 128))
    with voxz.open(blob) as image:
        name, whole, size = middle_slices(image)[0]
        again, coarse, larger = middle_slices(image, 1)[0]
        assert (name, again, coarse.shape) == ("axial", "axial", (125, 125))
        assert larger == (2 * size[0], 2 * size[1])
        assert np.abs(coarse.astype(float) - whole[::2, ::2]).mean() < 0.1 * whole.std()

        def refused(*_: object) -> None:
            raise AssertionError("a whole brick is decoded")

        monkeypatch.setattr(voxz.Image, "__getitem__", refused)
        monkeypatch.setattr("voxz.image.preview_brick.decode_brick", refused)
        picture = middle_picture(image)
        assert picture is not None
        assert picture.startswith(b"\x89PNG")
