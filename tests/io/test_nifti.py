"""NIfTI files of every kind come back byte for byte; parts of them stay where they were in space."""

import gzip
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

import nibabel
import numpy as np
import pytest

import voxz
from samples import CODES, digest, nifti, write_gzip
from voxz.errors import PlainBytesWarning
from voxz.io.nifti import select


def shipped(package: str) -> list[Path]:
    """NIfTI files inside an installed package, up to 1 MB."""
    found = find_spec(package)
    if found is None or found.origin is None:
        return []
    files = Path(found.origin).parent.rglob("*.nii*")
    return sorted(file for file in files if 400 < file.stat().st_size < 1_000_000)


def round_trip(source: Path, folder: Path, name: str, codec: str | None = None) -> Path:
    """Compress and restore under `name`."""
    packed, restored = folder / "packed.voxz", folder / name
    voxz.compress(source, packed, codec=codec)
    voxz.decompress(packed, restored)
    return restored


@pytest.mark.filterwarnings("ignore::voxz.errors.ContentOnlyWarning")  # what no zlib wrote comes back as its content
@pytest.mark.parametrize("file", [*shipped("nibabel"), *shipped("dipy"), *shipped("nilearn")], ids=lambda path: path.name)
def test_files_of_installed_packages(file: Path, tmp_path: Path) -> None:
    if file.name.endswith(".gz"):
        plain = tmp_path / "plain.nii"
        plain.write_bytes(gzip.decompress(file.read_bytes()))
        assert digest(round_trip(file, tmp_path, "restored.nii")) == digest(plain)
    else:
        assert digest(round_trip(file, tmp_path, "restored.nii")) == digest(file)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", CODES)
def test_all_types(kind: str, order: str, version: int, tmp_path: Path) -> None:
    source = tmp_path / "a.nii"
    source.write_bytes(nifti((5, 4, 3, 2), kind, order=order, version=version)[1])
    assert digest(round_trip(source, tmp_path, "b.nii")) == digest(source)
    channels = {"rgb": 3, "rgba": 4}.get(kind, 1)
    assert voxz.info(tmp_path / "packed.voxz").to_dict()["channels"] == channels


@pytest.mark.parametrize("axes", range(1, 8))
def test_all_numbers_of_axes(axes: int, tmp_path: Path) -> None:
    source = tmp_path / "a.nii"
    shape = (7, 6, 5, 4, 1, 3, 2)[:axes]
    source.write_bytes(nifti(shape)[1])
    assert digest(round_trip(source, tmp_path, "b.nii")) == digest(source)
    with voxz.open(tmp_path / "packed.voxz") as image:
        assert image.shape == shape
        assert np.array_equal(image[...], np.asanyarray(nibabel.load(source).dataobj.get_unscaled()))


@pytest.mark.parametrize("version", [1, 2])
def test_extensions_padding_and_tail_are_kept(version: int, tmp_path: Path) -> None:
    source = tmp_path / "a.nii"
    extension = (32).to_bytes(4, "little") + (6).to_bytes(4, "little") + b"anything at all, really."
    source.write_bytes(nifti((9, 8), version=version, extension=extension, padding=100, tail=b"and more")[1])
    assert digest(round_trip(source, tmp_path, "b.nii")) == digest(source)


def test_no_samples(tmp_path: Path) -> None:
    source = tmp_path / "a.nii"
    source.write_bytes(nifti((0, 8, 3))[1])
    assert digest(round_trip(source, tmp_path, "b.nii")) == digest(source)


def test_an_unset_offset_means_behind_the_header(tmp_path: Path) -> None:
    source = tmp_path / "a.nii"
    data = bytearray(nifti((4, 4))[1])
    data[108:112] = bytes(4)
    source.write_bytes(data)
    assert digest(round_trip(source, tmp_path, "b.nii")) == digest(source)
    assert voxz.info(tmp_path / "packed.voxz").to_dict()["header_bytes"] == 352


@pytest.mark.parametrize("header_zipped", [False, True])
@pytest.mark.parametrize("given", ["hdr", "img"])
def test_pairs(given: str, header_zipped: bool, tmp_path: Path) -> None:
    header, data = nifti((8, 7, 6), pair=True, padding=16, tail=b"tail")
    (tmp_path / "a.img").write_bytes(data)
    if header_zipped:
        write_gzip(tmp_path / "a.hdr.gz", header, name="kept", mtime=7)
    else:
        (tmp_path / "a.hdr").write_bytes(header)
    ending = ".gz" if header_zipped else ""
    restored = round_trip(tmp_path / ("a.hdr" + ending if given == "hdr" else "a.img"), tmp_path, "b.img")
    assert digest(restored) == digest(tmp_path / "a.img")
    assert digest(tmp_path / ("b.hdr" + ending)) == digest(tmp_path / ("a.hdr" + ending))
    with voxz.open(tmp_path / "packed.voxz") as image:
        assert image.shape == (8, 7, 6)
        assert image.affine is not None
        assert np.allclose(np.diag(image.affine), [2, 3, 4, 1])
    with pytest.raises(voxz.UsageError, match=r"name that ends in \.img"):
        voxz.decompress(tmp_path / "packed.voxz", tmp_path / "c.nii")
    voxz.decompress(tmp_path / "packed.voxz", tmp_path / "part.nii", select="z=1:3")
    assert nibabel.load(tmp_path / "part.nii").shape == (8, 7, 2)


@pytest.mark.parametrize("name", ["a.hdr", "a.img"])
def test_half_a_pair_comes_back_as_plain_bytes(name: str, tmp_path: Path) -> None:
    header, data = nifti((8, 7, 6), pair=True)
    (tmp_path / name).write_bytes(header if name == "a.hdr" else data)
    other = {"a.hdr": "img", "a.img": "hdr"}[name]
    with pytest.warns(PlainBytesWarning, match=rf"no \.{other} goes with it"):
        restored = round_trip(tmp_path / name, tmp_path, "b.bin")
    assert digest(restored) == digest(tmp_path / name)


@pytest.mark.parametrize("select", ["z=2:5", "x=1:9:2,y=3", "t=1", "z=-2:", "y=::4", "x=1:9:3,z=4", "x=0:4,y=1:5,z=2:4,t=0:2"])
@pytest.mark.parametrize("version", [1, 2])
def test_selection_stays_in_place(version: int, select: str, tmp_path: Path) -> None:
    source, packed, part = tmp_path / "a.nii", tmp_path / "a.voxz", tmp_path / "part.nii.gz"
    source.write_bytes(nifti((10, 9, 8, 3), version=version)[1])
    voxz.compress(source, packed)
    voxz.decompress(packed, part, select=select)
    whole, cut = nibabel.load(source), nibabel.load(part)
    index = [slice(None)] * 4
    for item in select.split(","):
        bounds = [int(number) if number else None for number in item[2:].split(":")]
        only = bounds[0]
        index["xyzt".index(item[0])] = slice(*bounds) if len(bounds) > 1 else slice(only, (only or 0) + 1)
    assert np.array_equal(cut.get_fdata(), whole.get_fdata()[tuple(index)])
    first = [range(n)[part][0] for n, part in zip(whole.shape, index, strict=True)]
    for voxel in islice(np.ndindex(cut.shape[:3]), 0, None, 7):
        steps = [part.step or 1 for part in index[:3]]
        original = [start + step * i for start, step, i in zip(first, steps, voxel, strict=False)]
        for get in ("get_sform", "get_qform"):
            a, b = getattr(cut.header, get)(), getattr(whole.header, get)()
            assert np.allclose(a @ [*voxel, 1], b @ [*original, 1]), get


@pytest.mark.parametrize("version", [nibabel.Nifti1Header, nibabel.Nifti2Header])
@pytest.mark.parametrize("turned", [(0.0, 1.0, 0.0), (0.6, 0.8, 0.0), (0.6, 0.79999992, 0.0), (0.3, -0.2, 0.5)])
def test_a_quaternion_means_what_nibabel_takes_it_for(version: type[nibabel.Nifti1Header], turned: tuple[float, ...]) -> None:
    """Half a turn, rounded to float32, leaves a real part that is rounding and nothing else."""
    header = version()
    header.set_data_shape((9, 8, 7))
    header["quatern_b"], header["quatern_c"], header["quatern_d"] = np.array(turned) / max(1.0, np.linalg.norm(turned))
    header["qform_code"], header["pixdim"][1:4] = 1, (0.9, 1.3, 2.5)
    part = version(select(header.binaryblock, (5, 3, 2), (1, 1, 1), (4, 5, 5))[: len(header.binaryblock)], check=False)
    assert np.allclose(part.get_qform() @ (0, 0, 0, 1), header.get_qform() @ (5, 3, 2, 1), atol=1e-5)


def test_scaling_is_nibabels(tmp_path: Path) -> None:
    source, packed = tmp_path / "a.nii", tmp_path / "a.voxz"
    source.write_bytes(nifti((10, 9, 8, 3))[1])
    voxz.compress(source, packed)
    loaded, ours = nibabel.load(source), voxz.open(packed)
    assert ours.dtype == np.dtype("<i2")
    image = ours.to_nibabel()
    assert np.array_equal(image.get_fdata(), loaded.get_fdata())
    assert np.array_equal(image.affine, loaded.affine)
    assert np.array_equal(image.slicer[2:4, :, 3:].get_fdata(), loaded.slicer[2:4, :, 3:].get_fdata())
    nibabel.save(image, tmp_path / "saved.nii")
    assert np.allclose(nibabel.load(tmp_path / "saved.nii").get_fdata(), loaded.get_fdata(), atol=0.01)
