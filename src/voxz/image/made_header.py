"""A NIfTI header for a volume of an archive whose own format is another one: its shape, place in space, and scale.

It is what a conversion writes and what nibabel reads such a volume through. Samples stay the stored ones, in their order: the
affine says where they are. A plane that is sheared against the others (a tilted gantry) is in the sform only; the qform cannot
hold it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.volume.layout import Layout

_MOST_NIFTI1 = 32767
"""Longest axis of NIfTI-1; its places and scales are floats of 32 bits. Of both, NIfTI-2 holds more."""

_MILLIMETRES, _SECONDS = "mm", "sec"


def made_header(
    layout: Layout, affine: NDArray[np.float64] | None, scaling: tuple[float, float] | None, seconds: float | None
) -> bytes:
    """Bytes of a single-file header, up to the samples.

    Parameters
    ----------
    layout : of the samples: at most seven axes, the first one fastest, without channels
    affine : indices along the first three axes to mm (RAS); None if nobody knows
    scaling : slope and intercept of all samples; None if they have none, and a slope of 0 is none, as NIfTI has it
    seconds : between the volumes of a series; None if nobody knows
    """
    import nibabel  # noqa: PLC0415 - start-up time

    scaling = scaling if scaling and scaling[0] else (1.0, 0.0)
    numbers = [*scaling, seconds or 0.0, *(affine.flat if affine is not None else ())]
    small = max(layout.shape, default=1) <= _MOST_NIFTI1 and np.abs(numbers).max() <= np.finfo(np.float32).max
    kind: Any = nibabel.Nifti1Header if small else nibabel.Nifti2Header
    header = kind(endianness=">" if layout.dtype.str[0] == ">" else "<")
    header.set_data_dtype(layout.dtype)
    header.set_data_shape(layout.shape)
    if affine is not None:
        if _has_three_axes(affine):
            header.set_qform(affine, 1)
        header.set_sform(affine, 1)
        header.set_xyzt_units(_MILLIMETRES, _SECONDS)
    if seconds is not None and len(layout.shape) > 3:
        header["pixdim"][4] = seconds
    header.set_slope_inter(*scaling)
    header["magic"] = header.single_magic
    start = int(header["sizeof_hdr"]) + 4
    start += -start % 16
    header["vox_offset"] = start
    block: bytes = header.binaryblock
    return block + bytes(start - len(block))


def _has_three_axes(affine: NDArray[np.float64]) -> bool:
    """Whether an affine can be told by voxel sizes and a rotation."""
    steps = affine[:3, :3]
    return bool(steps.any() and np.linalg.matrix_rank(steps / np.abs(steps).max()) == 3)
