"""Refuse lossy targets for label maps.

Maps are recognised by the header and by the samples. Slab after slab is read until enough voxels
lie outside constant regions (see `voxz.codecs.labels.detect`); in a scan those of the first slab are enough. An image of one
value is no map: there is nothing that it could lose.
"""

from voxz.codecs.labels.detect import surprises
from voxz.errors import UsageError
from voxz.io import nifti
from voxz.pipeline.samples import Samples
from voxz.pipeline.slabs import native_slabs
from voxz.ratecontrol.planning import Opener
from voxz.target import Target
from voxz.volume.layout import Foreign

ENOUGH = 1 << 15
"""Voxels outside constant regions after which the answer is clear."""

FEWEST = 64
"""With fewer of them there is no telling."""

MAP = 0.13
"""Share of surprising voxels below which a volume is a map: maps have up to 0.11, scans, masked ones too, 0.5 and more, single
slices of mostly air 0.15 and more."""


def refuse_maps(target: Target, opened: Opener) -> None:
    """Raise `UsageError` if something may be lost of what looks like a label map."""
    if not target.loses:
        return
    with opened() as samples:
        reason = _reason(samples)
    if reason:
        raise UsageError(
            f"a label map must not be compressed lossily, and this looks like one ({reason}); "
            "compress it losslessly, or insist with --force-lossy (force_lossy=True)"
        )


def _reason(samples: Samples) -> str:
    """Why the samples look like a map; empty if they do not."""
    if samples.layout.dtype.kind == "b":
        return "its samples are true or false"
    if _intent(samples.foreign) == nifti.INTENT_LABEL:
        return f"its NIfTI header has the intent code {nifti.INTENT_LABEL}, labels"
    surprising = rough = 0
    for _, slab in native_slabs(samples):
        found = surprises(slab)
        surprising, rough = surprising + found[0], rough + found[1]
        if rough >= ENOUGH:
            break
    if rough < FEWEST or surprising >= MAP * rough:
        return ""
    return f"{100 - 100 * surprising / rough:.0f} % of its voxels at borders continue a neighbour's value"


def _intent(foreign: Foreign) -> int:
    """Intent code of a NIfTI header, else 0."""
    header = nifti.header_of(foreign)
    return 0 if header is None else nifti.intent(header)
