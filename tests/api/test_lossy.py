"""What a user sees of loss: promises kept and recorded, a mark that stays, label maps refused."""

import gzip
import io
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from numpy.typing import NDArray

import phantoms
import voxz
from samples import nifti, smooth, write_gzip
from voxz.container.reader import Reader
from voxz.io.array import ArraySource
from voxz.ratecontrol.label_guard import refuse_maps

SHAPE = (2, 10, 24, 22)
SAMPLES = smooth(SHAPE)
FILE = nifti(SHAPE[::-1], samples=SAMPLES.tobytes())[1]
MARK = b"\nvoxz-lossy "
BOUND = voxz.MaxError(3)


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    path = tmp_path / "scan.nii"
    path.write_bytes(FILE)
    return path


def restored(source: Path, name: str, target: Any = BOUND, **options: Any) -> Path:
    """What comes back of a file that is compressed to `target`."""
    packed = source.with_name(f"{name}.voxz")
    voxz.compress(source, packed, target=target, level=1, **options)
    voxz.decompress(packed, source.with_name(name))
    return source.with_name(name)


def test_the_bound_is_kept_and_recorded(scan: Path) -> None:
    back = restored(scan, "back.nii")
    decoded = np.frombuffer(back.read_bytes()[352:][: SAMPLES.nbytes], "<i2").reshape(SHAPE)
    loss = voxz.info(scan.with_name("back.nii.voxz")).to_dict()["loss"]
    error = np.abs(decoded.astype(int) - SAMPLES)
    assert error.max() <= 3
    assert loss["largest_error"] == error.max()
    assert loss["rmse"] == pytest.approx(np.sqrt(np.mean(error.astype(float) ** 2)))
    assert (loss["asked"], loss["unit"], loss["bound"], loss["noise"]) == (3, "stored", 3, None)
    assert loss["promise"] == "max error 3 (stored units)"
    with voxz.open(scan.with_name("back.nii.voxz")) as image:
        assert voxz.info(scan.with_name("back.nii.voxz")).loss == image.loss
        assert np.array_equal(image[...].T, decoded)
        assert np.array_equal(np.asarray(image.to_nibabel().dataobj).T, 2.0 * decoded + 5)


def test_scaled_units_follow_the_slope(scan: Path) -> None:
    restored(scan, "back.nii", voxz.MaxError(7, unit="scaled"))
    loss = voxz.info(scan.with_name("back.nii.voxz")).to_dict()["loss"]
    assert (loss["asked"], loss["unit"], loss["bound"]) == (7, "scaled", 3)
    assert loss["promise"] == "max error 7 (scaled units): 3 in stored units"


@pytest.mark.parametrize("target", [voxz.MaxError(0), voxz.MaxError(0.9), voxz.MaxError(1.9, unit="scaled")])
def test_a_bound_below_one_step_gives_the_original_back(target: voxz.MaxError, tmp_path: Path) -> None:
    path = write_gzip(tmp_path / "scan.nii.gz", FILE)
    voxz.compress(path, tmp_path / "a.voxz", target=target, level=1)
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "back.nii.gz")
    assert (tmp_path / "back.nii.gz").read_bytes() == path.read_bytes()
    facts = voxz.info(tmp_path / "a.voxz").to_dict()
    assert facts["gzip_identical"]
    assert facts["loss"]["bound"] == 0
    assert "nothing may be lost" in facts["loss"]["promise"]


def test_lossless_files_have_no_loss(scan: Path) -> None:
    assert restored(scan, "back.nii", voxz.Lossless()).read_bytes() == FILE
    facts = voxz.info(scan.with_name("back.nii.voxz")).to_dict()
    assert (facts["target"], facts["loss"], facts["lossy_before"]) == ("lossless", None, [])
    with voxz.open(scan.with_name("back.nii.voxz")) as image:
        assert image.loss is None


def test_the_mark_sticks(scan: Path) -> None:
    once = restored(scan, "once.nii")
    assert once.read_bytes().count(MARK) == 1
    assert voxz.info(scan.with_name("once.nii.voxz")).to_dict()["lossy_before"] == []
    exact = restored(once, "exact.nii", voxz.Lossless())
    assert exact.read_bytes() == once.read_bytes()
    (mark,) = voxz.info(scan.with_name("exact.nii.voxz")).to_dict()["lossy_before"]
    assert mark.startswith("target=max-error:3 bound=3 largest-error=")
    twice = restored(exact, "twice.nii", voxz.MaxError(2, unit="scaled"))
    assert twice.read_bytes().count(MARK) == 2
    facts = voxz.info(scan.with_name("twice.nii.voxz")).to_dict()
    assert facts["lossy_before"] == [mark]
    assert facts["loss"]["bound"] == 1
    assert b"target=max-error-scaled:2 bound=1 " in twice.read_bytes()
    again = restored(twice, "again.nii", voxz.Lossless())
    assert len(voxz.info(scan.with_name("again.nii.voxz")).to_dict()["lossy_before"]) == 2
    assert again.read_bytes() == twice.read_bytes()


def test_parts_carry_the_marks(scan: Path) -> None:
    restored(restored(scan, "once.nii"), "twice.nii")
    for name, count in (("once", 1), ("twice", 2)):
        part = scan.with_name("part.nii")
        voxz.decompress(scan.with_name(f"{name}.nii.voxz"), part, select="z=2:5,t=1", force=True)
        assert part.read_bytes().count(MARK) == count
        assert nibabel.load(part).shape == (22, 24, 3, 1)
        voxz.compress(part, scan.with_name("part.voxz"), force=True)
        assert len(voxz.info(scan.with_name("part.voxz")).to_dict()["lossy_before"]) == count


def test_arrays_leave_the_mark_in_exported_parts(tmp_path: Path) -> None:
    blob = voxz.encode(SAMPLES, target=BOUND, level=1)
    assert voxz.info(blob).to_dict()["lossy_before"] == []
    voxz.decompress(blob, tmp_path / "part.npy", select="z=2:5")
    assert (tmp_path / "part.npy").read_bytes().count(MARK) == 1
    assert np.abs(np.load(tmp_path / "part.npy").astype(int) - SAMPLES[:, 2:5]).max() <= 3


@pytest.mark.parametrize("ending", ["nii", "nii.gz"])
def test_nibabel_reads_marked_files(ending: str, scan: Path) -> None:
    back = restored(scan, f"back.{ending}")
    data = gzip.decompress(back.read_bytes()) if ending == "nii.gz" else back.read_bytes()
    assert MARK in data
    for mmap in (True, False):
        image: Any = nibabel.load(back, mmap=mmap)
        assert np.abs(np.asarray(image.dataobj.get_unscaled()).T.astype(int) - SAMPLES).max() <= 3
        assert np.asarray(image.dataobj[..., 3, 1]).shape == (22, 24)


def test_pairs_have_the_mark_behind_the_samples(tmp_path: Path) -> None:
    header, data = nifti(SHAPE[::-1], samples=SAMPLES.tobytes(), pair=True)
    (tmp_path / "a.hdr").write_bytes(header)
    (tmp_path / "a.img").write_bytes(data)
    voxz.compress(tmp_path / "a.img", tmp_path / "a.voxz", target=BOUND, level=1)
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "b.img")
    assert (tmp_path / "b.hdr").read_bytes() == header
    assert MARK in (tmp_path / "b.img").read_bytes()
    assert nibabel.load(tmp_path / "b.img").shape == SHAPE[::-1]


def test_numpy_reads_marked_files(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", SAMPLES)
    back = restored(tmp_path / "a.npy", "b.npy")
    assert MARK in back.read_bytes()
    for mode in (None, "r"):
        loaded = np.load(back, mmap_mode=mode)
        assert np.abs(loaded.astype(int) - SAMPLES).max() <= 3


@pytest.mark.parametrize("dtype", ["u1", "i2", "i4", "f4", "f8"])
def test_label_maps_are_refused(dtype: str, tmp_path: Path) -> None:
    labels = phantoms.labels((12, 40, 40)).astype(dtype)
    with pytest.raises(voxz.UsageError, match=r"label map must not be compressed lossily.*--force-lossy \(force_lossy=True\)"):
        voxz.encode(labels, target=BOUND)
    assert (voxz.decode(voxz.encode(labels)) == labels).all()
    assert (voxz.decode(voxz.encode(labels, target=voxz.MaxError(0))) == labels).all()
    forced = voxz.decode(voxz.encode(labels, target=BOUND, level=1, force_lossy=True))
    assert np.abs(forced.astype(float) - labels).max() <= 3
    np.save(tmp_path / "a.npy", labels)
    with pytest.raises(voxz.UsageError, match="label map"):
        voxz.compress(tmp_path / "a.npy", tmp_path / "a.voxz", target=BOUND)
    assert [path.name for path in tmp_path.iterdir()] == ["a.npy"]


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("pair", [False, True])
def test_headers_that_say_labels_are_believed(version: int, pair: bool, tmp_path: Path) -> None:
    header, data = nifti(SHAPE[::-1], samples=SAMPLES.tobytes(), version=version, pair=pair)
    changed = bytearray(header or data)
    at, size = (68, 2) if version == 1 else (504, 4)
    changed[at : at + size] = (1002).to_bytes(size, "little")
    if pair:
        (tmp_path / "a.hdr").write_bytes(changed)
    path = tmp_path / ("a.img" if pair else "a.nii")
    path.write_bytes(data if pair else bytes(changed))
    with pytest.raises(voxz.UsageError, match="intent code 1002"):
        voxz.compress(path, tmp_path / "a.voxz", target=BOUND)
    voxz.compress(path, tmp_path / "a.voxz", target=BOUND, force_lossy=True, level=1)


def masked() -> NDArray[Any]:
    head = phantoms.head((10, 64, 64))
    return np.where(head > 300, head, 0)


def mostly_air() -> NDArray[Any]:
    volume = np.zeros((12, 96, 96), np.int16)
    volume[4:8, 30:60, 30:60] = phantoms.head((4, 30, 30))
    return volume


IMAGES = {
    "head": phantoms.head((8, 40, 40)),
    "masked": masked(),
    "mostly air": mostly_air(),
    "8 bits": (masked() // 8).astype(np.uint8),
    "constant": np.full((5, 20, 20), 7, np.int16),
    "floats": phantoms.ratio_map((6, 30, 30)),
    "tiny": np.arange(8, dtype=np.int16).reshape(2, 2, 2),
    "line": np.zeros(1000, np.uint8),
    "nothing": np.zeros((0, 3, 3), np.int16),
    "series": phantoms.series(3, (6, 30, 30)),
}


@pytest.mark.parametrize("name", IMAGES)
def test_images_are_no_label_maps(name: str) -> None:
    refuse_maps(BOUND, lambda: ArraySource(IMAGES[name]))


def test_truth_values_are_refused() -> None:
    with pytest.raises(voxz.UsageError, match="true or false"):
        voxz.encode(phantoms.head((4, 9, 9)) > 100, target=BOUND)


@pytest.mark.parametrize("target", [voxz.Lossless, lambda: voxz.MaxError(3)])
def test_two_records_of_loss_never_contradict(target: Any) -> None:
    facts = voxz.info(voxz.encode(SAMPLES, target=target(), level=1)).to_dict()
    assert (facts["target"] == "lossless") == (facts["loss"] is None)


def test_a_damaged_record_is_refused() -> None:
    blob = bytearray(voxz.encode(SAMPLES, target=BOUND, level=1))
    record = Reader(bytes(blob)).arrays[0].header.loss
    assert record
    blob[blob.index(record.pack()) + 3] ^= 1
    with pytest.raises(voxz.CorruptError):
        voxz.info(bytes(blob)).to_dict()


@pytest.mark.parametrize("value", [-1, float("nan"), float("inf"), "2", None])
def test_targets_want_numbers(value: Any) -> None:
    with pytest.raises(voxz.UsageError, match="must be a number of at least 0"):
        voxz.MaxError(value)


def test_unknown_units() -> None:
    with pytest.raises(voxz.UsageError, match="unit must be 'stored', 'scaled' or 'noise'"):
        voxz.MaxError(1, unit="hounsfield")  # type: ignore[arg-type]


def test_numpy_numbers_are_numbers() -> None:
    blob = voxz.encode(SAMPLES, target=voxz.MaxError(np.float32(3)), level=1)  # type: ignore[arg-type]
    assert voxz.info(blob).to_dict()["loss"]["bound"] == 3
    assert np.load(io.BytesIO(_npy(blob))).shape == SHAPE


def _npy(blob: bytes) -> bytes:
    """The array that a blob decodes to as the bytes of a .npy file."""
    file = io.BytesIO()
    np.save(file, voxz.decode(blob))
    return file.getvalue()
