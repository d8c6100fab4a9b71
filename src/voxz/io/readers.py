"""Readers of foreign formats: one module each, asked in this order.

A new format is one module with `recognise` and `parse` (`voxz.io.foreign_file`), its line here, and a test.
"""

from voxz.io import dicom
from voxz.io.foreign_file import Reader

READERS: dict[str, Reader] = {"dicom": dicom}
"""Modules by the name of their format."""
