"""What kind of image a file probably holds: by what its format says, by its name as BIDS and people give names, by its header.

A guess is for people who look at a list of files. Nothing depends on it.
"""

import re
from collections.abc import Mapping

DICOM = {
    "CT": "CT",
    "MR": "MRI",
    "PT": "PET",
    "US": "ultrasound",
    "NM": "nuclear medicine",
    "XA": "angiography",
    "MG": "mammography",
    "SM": "slide microscopy",
    "OPT": "optical coherence tomography",
    "SEG": "segmentation",
}
"""Values of (0008,0060), DICOM PS3.3, C.7.3.1.1.1."""

_NAMES = {
    "T1-weighted MRI": ("t1w", "t1", "mprage", "spgr"),
    "T2-weighted MRI": ("t2w", "t2", "t2fs"),
    "MRI, FLAIR": ("flair",),
    "MRI, T2*": ("t2starw", "swi"),
    "functional MRI": ("bold", "fmri", "sbref", "rest", "task"),
    "diffusion MRI": ("dwi", "dmri", "dti"),
    "perfusion MRI": ("asl", "perf", "dce", "dsc"),
    "MRI, field map": ("phasediff", "fieldmap", "epi", "magnitude1", "magnitude2", "phase1", "phase2"),
    "MRI": ("mri", "mr", "pd", "pdw"),
    "PET": ("pet", "suv", "fdg"),
    "CT": ("ct", "cta", "cbct"),
    "ultrasound": ("us", "ultrasound"),
    "segmentation": ("dseg", "seg", "label", "labels", "mask", "aseg", "aparc", "parcellation"),
    "electron microscopy": ("em", "fib", "fibsem", "sem", "tem"),
    "light microscopy": ("micr", "micro", "spim", "confocal"),
}

_LABELS = 1002
_TENSOR = 1005
"""Codes of the intent in a NIfTI header."""

_SERIES = 20
"""Volumes from which on a fourth axis is taken for time or directions."""


def modality_of(
    name: str,
    shape: tuple[int, ...] = (),
    codecs: Mapping[str, int] | None = None,
    facts: Mapping[str, str] | None = None,
    intent: int = 0,
) -> str:
    """A guess in words, and what it goes by; empty if there is none.

    Parameters
    ----------
    name : of the file or the series
    shape : of the original, fastest axis first
    codecs : of its bricks, and how many have each
    facts : what the reader of its format says
    intent : code of the NIfTI header
    """
    told = (facts or {}).get("modality", "")
    if told:
        return DICOM.get(told, told)
    if intent in (_LABELS, _TENSOR):
        return "segmentation (its header)" if intent == _LABELS else "diffusion tensors (its header)"
    words = re.split(r"[^a-z0-9]+", name.lower().partition(".")[0])
    for word in reversed(words):
        for modality, names in _NAMES.items():
            if word in names:
                return f"{modality} (its name)"
    if codecs and codecs.get("labels", 0) * 2 > sum(codecs.values()):
        return "segmentation (few values)"
    return "functional or diffusion MRI (many volumes)" if len(shape) > 3 and shape[3] >= _SERIES else ""
