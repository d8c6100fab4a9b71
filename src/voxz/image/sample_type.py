"""The numpy type of the samples of a file, which the file itself calls opaque where it depends on the machine.

Floats of 128 bits are 80-bit numbers on x86 and IEEE quadruples elsewhere; files keep their bytes. Arrays and .npy files come
back as the long doubles that they were, NIfTI samples where nibabel would read them, too (IEEE quadruples); otherwise they
stay bytes.
"""

import numpy as np

from voxz.container.reader import StoredArray
from voxz.container.surroundings import Surroundings
from voxz.io import npy

_WIDE = {"V16": np.dtype(np.longdouble), "V32": np.dtype(np.clongdouble)}
_QUADRUPLE_BITS = 112


def sample_type(array: StoredArray) -> np.dtype[np.generic]:
    """Type of the stored samples, in their stored byte order."""
    stored = array.layout.dtype
    wide = _WIDE.get(stored.str.lstrip("|"))
    if wide is None or wide.itemsize != stored.itemsize:
        return stored
    around = Surroundings(array)
    if around.format.startswith("nifti") and np.finfo(np.longdouble).nmant != _QUADRUPLE_BITS:
        return stored
    if around.format == "npy":
        return wide.newbyteorder(npy.fields(around.head.read())[2].byteorder)
    return wide
