"""Folders of foreign formats through archives: every file comes back byte for byte, and arrays have their affines."""

import gzip
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import voxz
from benchmarks.archives import RIVALS, read_folder
from benchmarks.fuzz.foreign_pool import foreign
from samples import smooth

DATA = Path(nib.__file__).parent / "tests" / "data"
SHIPPED = (
    "test.mgz",
    "example4d+orig.HEAD",
    "example4d+orig.BRIK.gz",
    "phantom_varscale.PAR",
    "phantom_varscale.REC",
    "tiny.mnc",
)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Files of all kinds in one folder."""
    folder = tmp_path / "study"
    folder.mkdir()
    for name in SHIPPED:
        (folder / name).write_bytes((DATA / name).read_bytes())
    tifffile, nrrd, image = pytest.importorskip("tifffile"), pytest.importorskip("nrrd"), pytest.importorskip("PIL.Image")
    volume = (smooth((6, 40, 50)) + 300).astype(np.uint16)
    for z, plane in enumerate(volume):
        tifffile.imwrite(folder / f"slice_{z:03d}.tif", plane, compression="lzw", photometric="minisblack")
        image.fromarray((plane >> 4).astype(np.uint8)).save(folder / f"slice_{z:03d}.png")
    tifffile.imwrite(folder / "tiles.ome.tif", volume, tile=(16, 16), photometric="minisblack", ome=True)
    tifffile.imwrite(folder / "big.tif", volume, compression="packbits", byteorder=">", photometric="minisblack")
    for encoding in ("raw", "gzip", "bzip2"):
        header = {"encoding": encoding, "space": "RAS", "space directions": np.diag([1, 2, 3]), "space origin": [0, 0, 0]}
        nrrd.write(str(folder / f"{encoding}.nrrd"), volume, header)
    (folder / "a.mif.gz").write_bytes(
        gzip.compress(
            b"mrtrix image\ndim: 50,40,6\nvox: 1,2,3\nlayout: -0,-1,+2\ndatatype: UInt16LE\n"
            b"transform: 1,0,0,0\ntransform: 0,1,0,0\ntransform: 0,0,1,0\nfile: . 256\nEND\n".ljust(256, b"\0")
            + volume.tobytes(),
            mtime=0,
        )
    )
    (folder / "notes.txt").write_text("what was seen")
    return folder


def test_a_folder_of_formats_comes_back(study: Path, tmp_path: Path) -> None:
    voxz.compress(study, tmp_path / "a.voxz", level=1)
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "back")
    before = {path.name: path.read_bytes() for path in study.iterdir()}
    assert {path.name: path.read_bytes() for path in (tmp_path / "back").iterdir()} == before
    with voxz.open(tmp_path / "a.voxz") as archive:
        series = {image.name: image for image in archive.series}
        assert {"raw.nrrd", "gzip.nrrd", "bzip2.nrrd", "tiny.mnc", "tiles.ome.tif"} <= set(series)
        assert sorted(image.shape for image in archive.series if image.dtype == np.uint8)[-1] == (50, 40, 6)
        expected, found = nib.load(DATA / "tiny.mnc").affine, series["tiny.mnc"].affine
        assert found is not None
        assert np.allclose(found, expected @ np.eye(4)[[2, 1, 0, 3]])


@pytest.mark.filterwarnings("ignore::voxz.errors.VoxzWarning")
def test_the_sample_files_of_nibabel_come_back_from_less_than_tar_xz(tmp_path: Path) -> None:
    folder = tmp_path / "samples"
    for path in Path(nib.__file__).parent.rglob("data/*"):
        if path.is_file() and path.suffix not in (".py", ".pyc"):
            place = folder / path.relative_to(Path(nib.__file__).parent)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())
    voxz.compress(folder, tmp_path / "a.voxz")
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "back")
    files = read_folder(folder)
    assert len(files) > 50
    assert read_folder(tmp_path / "back") == files
    assert (tmp_path / "a.voxz").stat().st_size < len(RIVALS["tar.xz"][0](folder, files))


ABSURD = {
    "metaimage": ("ElementSpacing = 2 3 4", "ElementSpacing = 1e308 3 4", "Matrix = 1 0", "Matrix = 10 0"),
    "mrtrix": ("vox: 2,3,4", "vox: 1e308,3,4", "transform: 1,0", "transform: 1e308,0"),
    "no samples": ("DimSize = 7 6 5", "DimSize = 7 0 5", "", ""),
    "largest": ("ElementSpacing = 2 3 4", "ElementSpacing = 1e200 3 4", "", ""),
    "flat": ("ElementSpacing = 2 3 4", "ElementSpacing = 0 3 4", "", ""),
}


@pytest.mark.parametrize("case", ABSURD)
def test_absurd_numbers_of_a_header_come_back_and_nothing_warns(case: str, tmp_path: Path) -> None:
    folder, (old, new, other, newer) = tmp_path / "in", ABSURD[case]
    folder.mkdir()
    name = "foreign mrtrix 0" if case == "mrtrix" else "foreign metaimage 2"
    seed = next(seed for seed in foreign() if seed.name == name)
    for name, data in seed.files.items():
        (folder / name).write_bytes(data.replace(old.encode(), new.encode()).replace(other.encode(), newer.encode()))
    voxz.compress(folder, tmp_path / "a.voxz", level=1)
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "back")
    for path in folder.iterdir():
        assert (tmp_path / "back" / path.name).read_bytes() == path.read_bytes()
    told = voxz.info(tmp_path / "a.voxz").to_dict()["series"]
    assert len(told) == (case != "no samples")
    with voxz.open(tmp_path / "a.voxz") as archive:
        for image in archive.series:
            assert (image.affine is None) == (case in ("metaimage", "mrtrix"))
            if case != "metaimage":  # without a place, nothing says what its axes are
                loaded = image.to_nibabel()
                assert loaded.shape == (7, 6, 5)
                assert image.affine is None or np.allclose(loaded.affine, image.affine)


def test_types_that_nifti_has_not_have_a_place_and_no_header(tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    folder = tmp_path / "in"
    folder.mkdir()
    volume = smooth((6, 20, 24))
    for dtype in ("f2", "f4"):
        tifffile.imwrite(folder / f"{dtype}.tif", volume.astype(dtype), photometric="minisblack")
    voxz.compress(folder, tmp_path / "a.voxz", level=1)
    with voxz.open(tmp_path / "a.voxz") as archive:
        half = next(image for image in archive.series if image.dtype == np.float16)
        assert half.affine is None
        assert half.nifti_header() is None
        with pytest.raises(voxz.UnsupportedError, match="can become nibabel images"):
            half.to_nibabel()
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "out", convert="nifti")
    (converted,) = (tmp_path / "out").iterdir()
    assert nib.load(converted).get_data_dtype() == np.float32
