"""An image as a nibabel image, which reads lazily from it, and its header as nibabel's."""

import io
import warnings
from typing import TYPE_CHECKING, Any

import nibabel
import numpy as np
from nibabel import spatialimages

from voxz.errors import UnsupportedError
from voxz.image.nibabel_faults import nibabel_faults
from voxz.image.nibabel_proxy import ImageProxy
from voxz.image.part import head_of
from voxz.image.preview import coarse_positions
from voxz.image.scaled_slices import ScaledSlices
from voxz.io import nifti

if TYPE_CHECKING:
    from voxz.image.lazy import Image


def header_of(head: bytes) -> Any:
    """A NIfTI header with its extensions; those that cannot be read are left out, with a warning."""
    known = nifti.recognise(head)
    assert known is not None
    size = known[0].size
    kind: Any = nibabel.Nifti1Header if known[0] is nifti.NIFTI1 else nibabel.Nifti2Header
    header = kind(head[:size], check=False)
    if len(head) > size + 4 and head[size]:
        swapped = header.endianness != nibabel.volumeutils.native_code
        try:
            header.extensions = kind.exts_klass.from_fileobj(io.BytesIO(head[size + 4 :]), len(head) - size - 4, swapped)
        except (spatialimages.HeaderDataError, ValueError) as error:
            warnings.warn(f"the extensions of the NIfTI header cannot be read and are left out: {error}", stacklevel=3)
    return header


def to_nibabel(image: "Image", resolution: int) -> "nibabel.Nifti1Image":
    """An image, or its preview at a `resolution` above 0; `UnsupportedError` for arrays without a header and for colour."""
    head, layout = image.nifti_header(), image._layout
    if head is None or layout.channels > 1:
        raise UnsupportedError("only scalar volumes of NIfTI files and archives can become nibabel images")
    positions = coarse_positions(layout, resolution)
    header = header_of(head_of(layout, head, positions) if resolution else head)
    header.set_data_offset(0)  # where nibabel will write the samples, not where they were
    kind = nibabel.Nifti2Image if isinstance(header, nibabel.Nifti2Header) else nibabel.Nifti1Image
    with nibabel_faults():
        (slope, intercept), affine = header.get_slope_inter(), np.asarray(header.get_best_affine(), np.float64)
    stored = image.preview(resolution) if resolution else image
    scaling, proxy = image.scaling, None
    if scaling is not None and scaling.ndim > 1:
        proxy = ScaledSlices(stored, scaling[tuple(slice(None, None, part.step) for part in positions[2:])])
    proxy = proxy or ImageProxy(stored, (stored.shape, stored.dtype, 0, 1.0 if slope is None else slope, intercept or 0.0))
    with nibabel_faults():
        result = kind(proxy, None, header)
    result._affine = affine  # as nibabel.load does: unchecked, it may be NaN
    return result
