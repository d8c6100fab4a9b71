"""Readers of foreign formats: one module each, asked in this order.

A new format is one module with `recognise` and `parse` (`voxz.io.foreign_file`), its line here, and a test.
"""

from voxz.io import dicom
from voxz.io.foreign_file import Reader
from voxz.io.volume_files import Nifti, Npy

READERS: dict[str, Reader] = {"nifti": Nifti(), "npy": Npy(), "dicom": dicom}
"""Modules by the name of their format."""
