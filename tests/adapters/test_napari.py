"""napari, through its plugin engine: layers are found by name, lazy, in place, and saved without loss."""

import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

import voxz
from phantoms import head, labels

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # pydantic's, on how npe2 uses it
    npe2 = pytest.importorskip("npe2")


def packed(path: Path, samples: Any, zooms: tuple[float, ...] = (), **options: Any) -> Path:
    image = nibabel.Nifti1Image(samples, np.diag([*zooms[:3], 1.0]) if zooms else np.eye(4))
    if len(zooms) > 3:
        image.header.set_zooms(zooms)
    image.to_filename(path.with_suffix(""))
    voxz.compress(path.with_suffix(""), path, **options)
    return path


def engine() -> Any:
    """napari's plugin engine, which knows voxz also where it was not installed anew."""
    manager = npe2.PluginManager.instance()
    if "voxz" not in [manifest.name for manifest in manager.iter_manifests()]:
        manager.register(npe2.PluginManifest.from_file(Path(voxz.__file__).parent / "adapters/napari.yaml"))
    return manager


def read(path: Path) -> list[Any]:
    from npe2.io_utils import _read

    return list(_read([str(path)], stack=False, _pm=engine()))


def test_a_scan_is_a_lazy_layer_in_millimetres(tmp_path: Path) -> None:
    samples = head((10, 20, 22)).transpose(2, 1, 0)
    ((data, options, kind),) = read(packed(tmp_path / "scan.nii.voxz", samples, (0.5, 1.0, 3.0), level=1))
    assert (kind, data.shape, options["scale"]) == ("image", (10, 20, 22), [3.0, 1.0, 0.5])
    assert np.array_equal(np.asarray(data[4]), samples[:, :, 4].T)


def test_a_series_has_time_first(tmp_path: Path) -> None:
    samples = np.stack([head((6, 20, 22)), head((6, 20, 22)) + 1]).transpose(3, 2, 1, 0)
    ((data, options, _),) = read(packed(tmp_path / "series.nii.voxz", samples, (1, 1, 2, 4), level=1))
    assert (data.shape, options["scale"]) == ((2, 6, 20, 22), [1.0, 2.0, 1.0, 1.0])


def test_only_whole_label_maps_are_labels(tmp_path: Path) -> None:
    regions = labels((16, 32, 32)).transpose(2, 1, 0)
    assert read(packed(tmp_path / "map.nii.voxz", regions))[0][2] == "labels"
    mixed = head((32, 64, 64)).transpose(2, 1, 0).copy()
    mixed[:, :, :16] = 0
    mixed[:8, :8, :8] = np.arange(8)[:, None, None]
    assert read(packed(tmp_path / "scan.nii.voxz", mixed, brick=16))[0][2] == "image"


def test_a_layer_is_saved_without_loss(tmp_path: Path) -> None:
    samples = head((10, 20, 22))
    manager = npe2.PluginManager()
    manager.register(npe2.PluginManifest.from_file(Path(voxz.__file__).parent / "adapters/napari.yaml"))
    from npe2.io_utils import _write

    written = _write(str(tmp_path / "out.nii.voxz"), [(samples, {"scale": [3.0, 1.0, 0.5]}, "image")], _pm=engine())
    assert written == [str(tmp_path / "out.nii.voxz")]
    with voxz.open(written[0]) as image:
        assert np.array_equal(image, samples.transpose(2, 1, 0))
        assert image.voxel_size == (3.0, 1.0, 0.5)[::-1]
    name = str(tmp_path / "few.nii.voxz")  # few samples are not coded as labels
    _write(name, [(np.arange(60, dtype=np.int32).reshape(3, 4, 5) % 3, {"scale": [1.0, 1.0, 1.0]}, "labels")], _pm=engine())
    assert read(Path(name))[0][2] == "labels"


def test_napari_finds_the_manifest_by_itself() -> None:
    script = (
        "import npe2, sys\n"
        "manager = npe2.PluginManager.instance()\n"
        "manager.discover()\n"
        "assert 'voxz' in [manifest.name for manifest in manager.iter_manifests()]\n"
        "assert 'numba' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
