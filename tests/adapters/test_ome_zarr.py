"""OME-Zarr pyramids whose levels are coded by voxz, written and read by the package ome-zarr."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from phantoms import head

zarr = pytest.importorskip("zarr", minversion="3")
numcodecs = pytest.importorskip("numcodecs")
pytest.importorskip("ome_zarr", minversion="0.11")

CODED: dict[int, dict[str, Any]] = {
    2: {"compressor": {"id": "voxz"}},
    3: {"serializer": {"name": "voxz", "configuration": {"level": 1}}, "compressors": None},
}
"""Storage options by the version of Zarr."""


@pytest.mark.filterwarnings("ignore")  # what ome-zarr and its packages deprecate
@pytest.mark.parametrize("version", CODED)
def test_a_pyramid_is_coded_and_read_by_ome_zarr(version: int, tmp_path: Path) -> None:
    from ome_zarr.io import parse_url
    from ome_zarr.reader import Reader
    from ome_zarr.writer import write_image

    volume, options = head((20, 48, 64)), CODED[version] | {"chunks": (20, 32, 32)}
    if version == 2:
        options["compressor"] = numcodecs.get_codec(options["compressor"])
    group = zarr.open_group(tmp_path / "scan.zarr", mode="w", zarr_format=version)
    write_image(volume, group, axes="zyx", scale_factors=[{"z": 2, "y": 2, "x": 2}], storage_options=options)
    (node,) = Reader(parse_url(tmp_path / "scan.zarr"))()
    finest, coarser = node.data
    assert (finest.chunksize, coarser.shape) == ((20, 32, 32), (10, 24, 32))
    assert np.array_equal(finest.compute(), volume)
    for name in zarr.open_group(tmp_path / "scan.zarr", mode="r").array_keys():
        settings = group[name].metadata.to_dict()
        codec = settings["compressor"]["id"] if version == 2 else settings["codecs"][0]["name"]
        assert codec == "voxz"
