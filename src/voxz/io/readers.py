"""Readers of foreign formats: one module each, asked in this order.

A new format is one module with `recognise` and `parse` (`voxz.io.foreign_file`), its line here, and a test.
"""

from voxz.io import afni, analyze, dicom, hdf5, jpeg, metaimage, mgh, minc1, mrtrix, nrrd, par_rec, png, tiff, zarr
from voxz.io.foreign_file import Reader
from voxz.io.volume_files import Nifti, Npy

READERS: dict[str, Reader] = {
    "nifti": Nifti(),
    "npy": Npy(),
    "dicom": dicom,
    "mgh": mgh,
    "nrrd": nrrd,
    "metaimage": metaimage,
    "mrtrix": mrtrix,
    "afni": afni,
    "par-rec": par_rec,
    "minc1": minc1,
    "hdf5": hdf5,
    "tiff": tiff,
    "png": png,
    "jpeg": jpeg,
    "analyze": analyze,
    "zarr": zarr,
}
"""Modules by the name of their format."""
