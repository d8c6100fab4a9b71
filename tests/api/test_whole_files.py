"""Small files are kept whole where that is smaller: never more than tar.xz and 1 %, and they open as the images that they are."""

import io
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest

import voxz
from benchmarks.archives import RIVALS, read_folder
from benchmarks.single_files import MARGIN, files_below, measured
from phantoms import head, labels
from voxz.container.catalogue import WITHIN, CatalogueBuilder
from voxz.container.files import StoredFile, Verbatim
from voxz.container.reader import Reader
from voxz.container.writer import Writer
from voxz.errors import CorruptError, VoxzError
from voxz.pipeline import whole
from voxz.pipeline.encode import KEPT, Written
from voxz.pipeline.plan import Plan

pytestmark = pytest.mark.filterwarnings("ignore::voxz.errors.VoxzWarning")

PACKAGES = [Path(str(package.__file__)).parent for package in (pydicom, nibabel)]
SAMPLES = [path for _, path in files_below(PACKAGES) if path.stat().st_size < 60_000]


def test_no_sample_file_of_the_packages_takes_more_than_tar_xz_and_a_hundredth() -> None:
    rows = [measured(path, path.name, 5) for path in SAMPLES]
    assert len(rows) > 200
    assert [row for row in rows if not row.exact or not row.within] == []
    assert 50 < sum(row.whole for row in rows) < len(rows)


def _shown(place: Path) -> list[tuple[Any, ...]]:
    """All that is known of the images in a file."""
    with voxz.open(place) as archive:
        files = [(file.name, file.size, file.format, file.gzip) for file in archive.files]
        told = [
            (
                image.shape,
                image.dtype,
                np.asarray(image[...]).tobytes(),
                None if image.affine is None else image.affine.tolist(),
                None if image.scaling is None else image.scaling.tolist(),
                image.format,
                image.facts,
                image.name,
                image.members,
            )
            for image in archive.series
        ]
    return [*files, *told]


def _kept_whole(place: Path) -> bool:
    with Reader(place) as reader:
        return not reader.arrays and reader.files.within is not None


@pytest.fixture
def in_arrays(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any, Path], None]:
    """Compresses as if nothing was ever kept whole."""

    def compress(source: Any, place: Path) -> None:
        def kept(file: io.BufferedIOBase, written: Written, plan: Plan) -> Written:
            del file, plan
            return written

        with monkeypatch.context() as patched:
            for module in ("voxz.pipeline.whole", "voxz.pipeline.archive_file"):
                patched.setattr(f"{module}.smaller", kept)
            voxz.compress(source, place)

    return compress


@pytest.mark.parametrize("alone", [True, False])
def test_images_of_files_that_are_kept_whole_are_those_of_arrays(
    alone: bool, in_arrays: Callable[[Any, Path], None], tmp_path: Path
) -> None:
    seen = 0
    for path in SAMPLES[::7]:
        source: Any = path if alone else {f"sub/{path.name}": path, "note.txt": Path(__file__)}
        voxz.compress(source, tmp_path / "a.voxz", force=True)
        if _kept_whole(tmp_path / "a.voxz"):
            (tmp_path / "b.voxz").unlink(missing_ok=True)
            in_arrays(source, tmp_path / "b.voxz")
            assert _shown(tmp_path / "a.voxz") == _shown(tmp_path / "b.voxz"), path
            if path.suffix != ".mnc":
                assert voxz.info(tmp_path / "a.voxz").shape == voxz.info(tmp_path / "b.voxz").shape
            seen += 1
    assert seen > 5


def test_a_small_nifti_file_opens_as_before(tmp_path: Path) -> None:
    array = np.zeros((6, 5, 4), np.int16)
    array[2, 2, 2] = 7
    image = nibabel.Nifti1Image(array, np.diag([2.0, 3, 4, 1]))
    image.to_filename(tmp_path / "a.nii.gz")
    voxz.compress(tmp_path / "a.nii.gz", tmp_path / "a.voxz")
    assert _kept_whole(tmp_path / "a.voxz")
    info = voxz.info(tmp_path / "a.voxz")
    assert (info.original, info.shape, info.level, info.codecs) == ("nifti", (6, 5, 4), 0, {"stored": 1})
    assert info.bytes == (tmp_path / "a.voxz").stat().st_size
    assert np.array_equal(voxz.decode(tmp_path / "a.voxz"), array)
    with voxz.open(tmp_path / "a.voxz") as opened:
        assert np.array_equal(opened[2, :, 2], array[2, :, 2])
        assert opened.to_nibabel().header == nibabel.load(tmp_path / "a.nii.gz").header
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "b.nii")
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "b.nii.gz")
    assert (tmp_path / "b.nii.gz").read_bytes() == (tmp_path / "a.nii.gz").read_bytes()
    assert (tmp_path / "b.nii").read_bytes() == zlib.decompress((tmp_path / "a.nii.gz").read_bytes(), 31)
    voxz.verify(tmp_path / "a.voxz")


@pytest.mark.parametrize("options", [{"level": 1}, {"codec": "labels"}, {"brick": 16}, {"target": voxz.MaxError(1)}])
def test_who_asks_for_something_gets_arrays(options: dict[str, Any], tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", head((4, 5, 6)))
    voxz.compress(tmp_path / "a.npy", tmp_path / "a.voxz", **options)
    assert not _kept_whole(tmp_path / "a.voxz")


def test_scans_of_some_size_are_arrays(tmp_path: Path) -> None:
    for name, array in (("scan", head((12, 64, 64))), ("map", labels((24, 48, 48)))):
        np.save(tmp_path / f"{name}.npy", array)
        voxz.compress(tmp_path / f"{name}.npy", tmp_path / f"{name}.voxz")
        assert not _kept_whole(tmp_path / f"{name}.voxz")


def test_a_folder_of_small_files_takes_no_more_than_tar_xz(tmp_path: Path) -> None:
    folder = PACKAGES[0] / "data/test_files/dicomdirtests/98892003"
    files = read_folder(folder)
    voxz.compress(folder, tmp_path / "a.voxz")
    voxz.decompress(tmp_path / "a.voxz", tmp_path / "back")
    assert read_folder(tmp_path / "back") == files
    assert (tmp_path / "a.voxz").stat().st_size <= MARGIN * len(RIVALS["tar.xz"][0](folder, files))


def _whole(content: bytes, told: bytes, flags: int = WITHIN) -> bytes:
    catalogue, file = CatalogueBuilder(flags), io.BytesIO()
    catalogue.add_file(StoredFile("", "bytes", zlib.crc32(content), (Verbatim(len(content)),)))
    Writer(file, []).finish([], catalogue, bytes(32), told)
    return file.getvalue()


def test_streams_within_that_are_damaged_are_refused(tmp_path: Path) -> None:
    for told in (b"\0abc", b"\0abcde", b"", b"\1\0abcd", b"\7abcd"):
        with pytest.raises(VoxzError):
            voxz.verify(_whole(b"abcd", told))
    with pytest.raises(CorruptError):
        voxz.verify(_whole(b"abcd", b"\0abcd", flags=0))
    with pytest.raises(CorruptError, match="SHA-256"):
        voxz.decompress(_whole(b"abcd", b"\0abcd"), tmp_path / "a")


def test_what_is_found_again_is_bounded(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((64, 64, 64), np.int16))
    voxz.compress(tmp_path / "a.npy", tmp_path / "a.voxz")
    content = b"\x93NUMPY\1\0\x76\0" + (
        b"{'descr': '<i2', 'fortran_order': False, 'shape': (1099511627775,), }".ljust(117) + b"\n"
    )
    with Reader(_whole(content, b"\0" + content)) as reader:
        assert whole.images_of(reader) is None
    large = bytes(KEPT + 1)
    with Reader(_whole(large, b"\0" + large)) as reader:
        assert whole.images_of(reader) is None
