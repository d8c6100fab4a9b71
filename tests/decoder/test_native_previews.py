"""Lower resolutions, boxes and parts of files of the decoder in C are those of this package."""

import gzip
import shutil
from collections.abc import Callable
from ctypes import string_at
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.data import get_testdata_file

import voxz
from native_decoder import ALL, ARGUMENT, HEAD, NEAREST, TAIL, UNSUPPORTED, WHOLE, FailureError, File
from phantoms import head, labels, ratio_map, series
from samples import nifti, smooth, write_gzip
from voxz.errors import PersonalDataWarning
from voxz.weights.store import FOLDER

GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("*.voxz"))
MODELS = [path.read_bytes() for path in sorted(FOLDER.glob("*.safetensors"))]


def masked() -> NDArray[np.int16]:
    """Background of two constants, one of which only some volumes have."""
    volumes = series(3, (6, 40, 44))
    volumes[:, :, :12] = 0
    volumes[1, :, 20:30, 5:25] = -2000
    return volumes


def with_gaps() -> NDArray[np.float32]:
    volume = ratio_map((7, 40, 44))
    volume[2:4, 5:20, 6:30] = np.nan
    volume[5, 3, 3] = np.inf
    return volume.astype(np.float32)


ARRAYS: dict[str, Callable[[], NDArray[np.generic]]] = {
    "scan": lambda: head((9, 33, 47)),
    "series": lambda: series(3, (5, 21, 30)),
    "background": masked,
    "not numbers": with_gaps,
    "labels": lambda: labels((10, 40, 40)),
    "labels as floats": lambda: labels((10, 40, 40)).astype("f4"),
    "wide": lambda: (head((9, 33, 40)).astype(np.int64) << 40) + head((9, 33, 40), seed=3),
    "complex": lambda: (ratio_map((4, 20, 20)) + 1j * ratio_map((4, 20, 20), seed=5)).astype("c8"),
    "halves": lambda: ratio_map((4, 40, 40), "f2"),
    "doubles beyond sums": lambda: ratio_map((4, 20, 20), "f8") * 1e301,
    "mask": lambda: head((6, 30, 30)) > 300,
    "constant": lambda: np.full((9, 10, 11), -7, np.int8),
    "thin": lambda: head((1, 1, 300)),
}


def canonical(image: voxz.Image, resolution: int) -> bytes:
    """Samples of a preview in canonical order."""
    found = image.preview(resolution)
    return np.ascontiguousarray(found, found.dtype.newbyteorder("=")).tobytes()


@pytest.mark.parametrize(
    ("name", "brick"),
    [*((name, None) for name in ARRAYS), *((name, (9, 11, 12)) for name in ("scan", "background", "not numbers", "labels"))],
    ids=str,
)
def test_resolutions_of_arrays(name: str, brick: tuple[int, int, int] | None) -> None:
    blob = voxz.encode(ARRAYS[name](), level=2, brick=brick)
    file = File(blob, sanitized=True)
    with voxz.open(blob) as image:
        for resolution in range(1, file.about().resolutions + 1):
            assert file.decode(0, resolution).tobytes() == canonical(image, resolution), resolution


@pytest.mark.parametrize("options", [{"entropy": "heavy"}, {"transform": "trained"}, {}, {"transform": "53"}], ids=str)
@pytest.mark.parametrize("brick", [None, (6, 12, 20)], ids=str)
def test_resolutions_of_wavelets(options: dict[str, str], brick: tuple[int, int, int] | None) -> None:
    for array in (masked()[:2, :, :30, :34], head((9, 33, 37))):
        target = voxz.Lossless() if options.get("transform") == "53" else voxz.Psnr(45)
        blob = voxz.encode(array, target=target, codec=voxz.Wavelet(**options), level=5 if options else 1, brick=brick)
        file = File(blob, MODELS, sanitized=True)
        with voxz.open(blob) as image:
            for resolution in range(1, file.about().resolutions + 1):
                assert file.decode(0, resolution).tobytes() == canonical(image, resolution), resolution


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_resolutions_of_golden_files(path: Path) -> None:
    file = File(path.read_bytes(), MODELS)
    with voxz.open(path) as image:
        shape = image.canonical().shape
        for resolution in range(1, file.about().resolutions + 1):
            found = image.preview(resolution)
            if path.stem in ("v1_0_nifti1_rgb", "v1_0_nifti2_extension_tail"):
                found = np.moveaxis(found, (0, 2), (2, 0))  # x is their first axis
            expected = np.ascontiguousarray(found, found.dtype.newbyteorder("="))
            assert file.decode(0, resolution).tobytes() == expected.tobytes(), (resolution, shape)


def test_labels_are_taken_as_they_are_if_asked_for() -> None:
    volume = head((9, 33, 47))
    file = File(voxz.encode(volume))
    assert file.decode(0, 2 | NEAREST).tobytes() == np.ascontiguousarray(volume[::2, ::4, ::4]).tobytes()
    assert file.decode(0, 0 | NEAREST).tobytes() == volume.tobytes()


def test_boxes_of_lower_resolutions_are_parts_of_them() -> None:
    volumes = series(3, (9, 40, 44))
    file = File(voxz.encode(volumes, brick=(8, 16, 16)), sanitized=True)
    whole = file.decode(0, 2).view(np.int16).reshape(file.box(0, WHOLE, 2).size[:4])
    box = file.box(0, WHOLE, 2)
    box.start[:4], box.size[:4] = [1, 0, 3, 2], [2, 2, 6, 8]
    part = file.decode(0, 2, box).view(np.int16).reshape(2, 2, 6, 8)
    assert (part == whole[1:3, 0:2, 3:9, 2:10]).all()
    placed = [file.box(0, brick, 2) for brick in range(file.about().bricks)]
    assert sum(np.prod(place.size[:]) for place in placed) == whole.size
    box.size[3] = 10
    for bad in (lambda: file.decode(0, 2, box), lambda: file.box(0, WHOLE, 6), lambda: file.box(0, 99), lambda: file.about(1)):
        with pytest.raises(FailureError) as caught:
            bad()
        assert caught.value.status == ARGUMENT


def test_what_surrounds_samples(tmp_path: Path) -> None:
    samples = smooth((4, 10, 12))
    _, plain = nifti((12, 10, 4), samples=samples.tobytes(), tail=b"behind")
    write_gzip(tmp_path / "a.nii.gz", plain)
    voxz.compress(tmp_path / "a.nii.gz", tmp_path / "a.voxz", level=1)
    file = File((tmp_path / "a.voxz").read_bytes())
    entry = file.entry()
    assert (entry.samples, entry.array, entry.first, entry.gzipped) == (samples.size, 0, 0, 1)
    assert file.restored(0, HEAD) + file.decode().tobytes() + file.restored(0, TAIL) == plain == file.restored(0, ALL)
    assert file.restored(0, TAIL) == b"behind"
    file.verify()


def test_archives_of_packed_samples_give_samples_and_heads(tmp_path: Path) -> None:
    """DICOM in RLE and in JPEG-LS, and a NRRD in gzip: what packs them is refused by name."""
    folder = tmp_path / "files"
    folder.mkdir()
    for name in ("MR_small_RLE.dcm", "MR_small_jpeg_ls_lossless.dcm"):
        shutil.copy(str(get_testdata_file(name)), folder / name)
    (folder / "a.nrrd").write_bytes(
        b"NRRD0005\ntype: short\ndimension: 3\nsizes: 12 10 4\nencoding: gzip\nendian: little\n\n"
        + gzip.compress(smooth((4, 10, 12)).tobytes(), 6, mtime=0)
    )
    with pytest.warns(PersonalDataWarning):
        voxz.compress(folder, tmp_path / "a.voxz", level=1)
    file = File((tmp_path / "a.voxz").read_bytes())
    with voxz.open(tmp_path / "a.voxz") as archive:
        stored = [series.canonical() for series in archive.series]
    refused = set()
    for number in range(3):
        entry = file.entry(number)
        original = (folder / string_at(entry.name, entry.name_length).decode()).read_bytes()
        assert entry.samples == 4096 if original[:4] != b"NRRD" else 480
        assert file.decode(entry.array).tobytes() == np.ascontiguousarray(stored[entry.array]).tobytes()
        before, behind = file.restored(number, HEAD), file.restored(number, TAIL)
        assert len(before) > 60
        assert original.startswith(before)
        assert original.endswith(behind)
        with pytest.raises(FailureError) as caught:
            file.restored(number)
        assert caught.value.status == UNSUPPORTED
        refused.add(caught.value.message.split(" can be read")[0])
    assert refused == {f"samples packed by {what}" for what in ("DICOM's RLE", "JPEG-LS", "deflate")}
