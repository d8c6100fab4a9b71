"""MGH, AFNI, MRtrix, Analyze, PAR/REC and MINC1: all bytes come back, samples and affines are those that nibabel reads."""

import io
import warnings
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nibabel.freesurfer.mghformat import MGHImage
from nibabel.parrec import PARRECHeader

from foreign import content, folder, parsed, taken
from voxz.errors import CorruptError, UnsupportedError, VoxzError

DATA = Path(nib.__file__).parent / "tests" / "data"
RNG = np.random.default_rng(5)
AFFINE = np.array([[0, 0.5, -2, 10], [-1, 0.2, 0, 20], [0.1, 0, 3, -30], [0, 0, 0, 1.0]])


def shipped(*names: str) -> dict[str, bytes]:
    return {name: content((DATA / name).read_bytes()) for name in names}


@pytest.mark.parametrize("kind", ["u1", "i2", "u2", "i4", "f4"])
@pytest.mark.parametrize("shape", [(3, 4, 5), (3, 4, 5, 2), (7, 1, 2)])
def test_mgh(kind: str, shape: tuple[int, ...]) -> None:
    samples = RNG.integers(0, 99, shape).astype(kind)
    image = MGHImage(samples, AFFINE)
    files = {"a.mgz": image.to_bytes() + b"commands that were run"}
    found = taken(files, "a.mgz")
    assert np.array_equal(found.array, samples)
    assert np.allclose(found.affine, AFFINE, atol=1e-4)


def test_mgh_without_directions_is_coronal() -> None:
    file = bytearray(MGHImage(np.zeros((4, 6, 8), np.uint8), AFFINE).to_bytes())
    file[28:30] = b"\0\0"
    coronal = [[-1, 0, 0, 2], [0, 0, 1, -4], [0, -1, 0, 3], [0, 0, 0, 1]]  # as FreeSurfer has it: x left, y down, z to the front
    assert np.array_equal(taken({"a.mgh": bytes(file)}, "a.mgh").affine, coronal)


def test_shipped_mgz() -> None:
    found, image = taken(shipped("test.mgz"), "test.mgz"), nib.load(DATA / "test.mgz")
    assert np.array_equal(found.array, np.asarray(image.dataobj))
    assert np.allclose(found.affine, image.affine)


@pytest.mark.parametrize("stem", ["example4d+orig", "scaled+tlrc"])
def test_afni(stem: str) -> None:
    brick = next(path.name for path in DATA.glob(f"{stem}.BRIK*"))
    found, image = taken(shipped(f"{stem}.HEAD", brick), f"{stem}.HEAD"), nib.load(DATA / f"{stem}.HEAD")
    assert np.array_equal(found.array, image.dataobj.get_unscaled().reshape(found.array.shape))
    assert np.allclose(found.affine, image.affine)
    if stem == "scaled+tlrc":
        assert found.found.space is not None
        assert found.found.space.scaling == ((3.883363e-08, 0.0),)


def test_afni_runs_of_types_are_arrays() -> None:
    head = (DATA / "example4d+orig.HEAD").read_bytes()
    types = b"name = BRICK_TYPES\ncount = 3\n"
    at = head.index(types) + len(types)
    head = head[:at] + b" 1 1 3\n" + head[head.index(b"\n", at) + 1 :]
    shape = (33, 41, 25)
    short, real = RNG.integers(0, 99, (2, *shape[::-1])).astype("<i2"), RNG.normal(size=shape[::-1]).astype("<f4")
    first, second = taken({"a.HEAD": head, "a.BRIK": short.tobytes() + real.tobytes()}, "a.HEAD").arrays
    assert np.array_equal(first.T, short)
    assert np.array_equal(second.T, real)


@pytest.mark.parametrize("stem", ["phantom_EPI_asc_CLEAR_2_1", "phantom_truncated", "phantom_varscale"])
def test_par_rec(stem: str) -> None:
    found = taken(shipped(f"{stem}.PAR", f"{stem}.REC"), f"{stem}.PAR")
    with (DATA / f"{stem}.PAR").open("r") as text, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        whole = PARRECHeader.from_fileobj(text, permit_truncated=True)
    assert np.array_equal(found.array.T, np.fromfile(DATA / f"{stem}.REC", "<u2").reshape(3, 9, 64, 64))
    assert found.array.shape == whole.get_data_shape()
    assert np.allclose(found.affine, whole.get_affine())


@pytest.mark.parametrize("path", sorted(set(DATA.glob("*.PAR")) - {DATA / "NA.PAR"}), ids=lambda path: path.stem)
def test_all_versions_of_par(path: Path) -> None:
    """REC files of zeros for the headers that nibabel has without one; it cannot read slices in several directions."""
    with path.open("r") as text, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        header = PARRECHeader.from_fileobj(text, permit_truncated=True)
    expected = header.get_affine()
    shape = header.get_rec_shape()
    kind = header.get_data_dtype()
    files = {path.name: path.read_bytes(), f"{path.stem}.REC": bytes(int(np.prod(shape)) * kind.itemsize)}
    found = taken(files, path.name)
    assert sum(array.size for array in found.arrays) == np.prod(shape)
    assert np.allclose(found.affine, expected, atol=1e-6)


@pytest.mark.parametrize("name", ["minc1-no-att.mnc", "minc1_1_scale.mnc", "minc1_4d.mnc", "tiny.mnc"])
def test_minc1(name: str) -> None:
    found, image = taken(shipped(name), name), nib.load(DATA / name)
    assert found.array.shape == image.shape[::-1]
    axes = 3 - len(image.shape)
    turn = np.eye(4)[[2, 1, 0, 3]]
    assert axes <= 0
    assert np.allclose(found.affine, image.affine @ turn)
    space = found.found.space
    assert space is not None
    if space.scaling:
        slices = found.array.T.shape[:-2] if len(space.scaling) > 1 else ()
        slopes, intercepts = np.array(space.scaling).T.reshape(2, *slices, 1, 1)
        assert np.allclose(found.array.T * slopes + intercepts, image.get_fdata(), atol=1e-6)


def test_minc1_of_records() -> None:
    """An image whose slowest axis may grow lies in records, between those of other variables."""
    from scipy.io import netcdf_file

    samples, file = RNG.integers(-99, 99, (4, 3, 5)).astype(">i2"), io.BytesIO()
    with netcdf_file(file, "w") as data:
        for name, length in (("time", None), ("yspace", 3), ("xspace", 5)):
            data.createDimension(name, length)
        data.createVariable("image", "i2", ("time", "yspace", "xspace"))[:] = samples
        data.createVariable("time", "f8", ("time",))[:] = np.arange(4)
        data.flush()
        found = taken({"a.mnc": file.getvalue()}, "a.mnc")
    assert np.array_equal(found.array.T, samples)


@pytest.mark.parametrize("kind", ["u1", "i2", "i4", "f4", "f8", "c8"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_analyze(kind: str, order: str, tmp_path: Path) -> None:
    samples = RNG.integers(0, 99, (3, 4, 5, 2)).astype(kind)
    image = nib.Spm99AnalyzeImage(samples, np.diag([-2, 3, 4, 1]), nib.Spm99AnalyzeHeader(endianness=order))
    image.set_data_dtype(kind)
    nib.save(image, tmp_path / "a.img")
    (tmp_path / "a.mat").unlink()
    found, again = taken(folder(tmp_path), "a.hdr"), nib.load(tmp_path / "a.img")
    assert np.array_equal(found.array, samples)
    assert np.allclose(found.affine, again.affine)


DIFFERENT_LAYOUTS = ["+0,+1,+2,+3", "-0,-1,+2,+3", "+1,+2,+3,+0", "-2,+0,-3,-1"]


@pytest.mark.parametrize("layout", DIFFERENT_LAYOUTS)
@pytest.mark.parametrize(("said", "kind"), [("Int16LE", "<i2"), ("Float32BE", ">f4"), ("UInt8", "u1"), ("CFloat32LE", "<c8")])
def test_mrtrix(layout: str, said: str, kind: str) -> None:
    samples = RNG.integers(0, 99, (3, 4, 5, 2)).astype(kind)
    ranks = [abs(int(word)) for word in layout.split(",")]
    against = tuple(axis for axis, word in enumerate(layout.split(",")) if word.startswith("-"))
    lying = np.flip(samples, against).transpose(sorted(range(4), key=lambda axis: -ranks[axis])).tobytes()
    text = f"mrtrix image\ndim: 3,4,5,2\nvox: 2,3,4,1\nlayout: {layout}\ndatatype: {said}\ntransform: 1,0,0,-9\n"
    text += "transform: 0,0,1,-8\ntransform: 0,-1,0,-7\nfile: "
    inside = {"a.mif": (text + ". 300\nEND\n").encode().ljust(300, b"\0") + lying}
    outside = {"a.mih": (text + "a.dat\nEND\n").encode(), "a.dat": lying}
    for files in (inside, outside):
        found = taken(files, next(iter(files)))
        assert np.array_equal(found.array, samples)
        assert np.allclose(found.affine, [[2, 0, 0, -9], [0, 0, 4, -8], [0, -3, 0, -7], [0, 0, 0, 1]])


def test_mrtrix_in_several_files() -> None:
    samples = RNG.integers(0, 99, (2, 5, 4, 3)).astype("<u2")
    text = (
        "mrtrix image\ndim: 3,4,5,2\nvox: 1,1,1,1\nlayout: +0,+1,+2,+3\ndatatype: UInt16LE\nfile: b0.dat\nfile: b1.dat 2\nEND\n"
    )
    files = {"a.mih": text.encode(), "b0.dat": samples[0].tobytes(), "b1.dat": b"xx" + samples[1].tobytes()}
    assert np.array_equal(taken(files, "a.mih").array.T, samples)


def test_bits_of_mrtrix_are_kept_as_they_are() -> None:
    text = b"mrtrix image\ndim: 8,1,1\nvox: 1,1,1\nlayout: +0,+1,+2\ndatatype: Bit\nfile: . 200\nEND\n"
    with pytest.raises(UnsupportedError, match="Bit"):
        parsed({"a.mif": text.ljust(201, b"\0")}, "a.mif")


SMALL = {
    "test.mgz": ("test.mgz",),
    "example4d+orig.HEAD": ("example4d+orig.HEAD", "example4d+orig.BRIK.gz"),
    "phantom_EPI_asc_CLEAR_2_1.PAR": ("phantom_EPI_asc_CLEAR_2_1.PAR", "phantom_EPI_asc_CLEAR_2_1.REC"),
    "tiny.mnc": ("tiny.mnc",),
    "a.hdr": ("a.hdr", "a.img"),
}


def analyze_pair() -> dict[str, bytes]:
    image = nib.Spm99AnalyzeImage(RNG.integers(0, 99, (9, 8, 7)).astype(np.int16), np.diag([-2, 3, 4, 1]))
    files = image.make_file_map({"header": io.BytesIO(), "image": io.BytesIO(), "mat": io.BytesIO()})
    image.to_file_map(files)
    return {f"a.{ending}": files[kind].fileobj.getvalue() for ending, kind in (("hdr", "header"), ("img", "image"))}


@pytest.mark.parametrize("name", SMALL)
def test_cut_and_changed_files_are_refused_or_read(name: str) -> None:
    """Headers cut anywhere, and with any byte changed, raise errors of this package only."""
    files = analyze_pair() if name == "a.hdr" else shipped(*SMALL[name])
    header, last = files[name], list(files)[-1]
    with pytest.raises(CorruptError):
        parsed(files | {last: files[last][: len(files[last]) // 40]}, name)
    for _ in range(300):
        changed = bytearray(header)
        for at in RNG.integers(0, min(len(header), 20000), RNG.integers(1, 4)):
            changed[at] = RNG.integers(256)
        files[name] = bytes(changed[: RNG.integers(1, len(header) + 1)] if RNG.random() < 0.3 else changed)
        try:
            parsed(files, name)
        except (VoxzError, StopIteration):
            continue
