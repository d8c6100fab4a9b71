"""What in a DICOM file may tell who the patient is. An archive keeps all of it, as it must: the caller is warned once.

This looks at the elements that always tell and at those that often do (PS3.15, annex E, is the full list); it is a reminder, not
a check.
"""

from voxz.io.dicom import tags
from voxz.io.dicom.attributes import Attributes

NAMES, DATES, PRIVATE, BURNED_IN = "names or identifiers", "dates", "private elements", "annotation burned into the pixels"

_NAMES = frozenset(
    (
        tags.PATIENT_NAME,
        tags.PATIENT_ID,
        0x00080050,
        0x00080080,
        0x00080081,
        0x00080090,
        0x00081048,
        0x00081050,
        0x00081060,
        0x00081070,
    )
)
"""Patient, institution and its address, referring and performing physicians, readers, operators, accession number."""

_DATES = frozenset({0x00080012, 0x00080020, 0x00080021, 0x00080022, 0x00080023, 0x0008002A, 0x00100030})
"""Dates of creation, study, series, acquisition and content, and of birth."""


def personal_data(attributes: Attributes) -> frozenset[str]:
    """Kinds of personal data that the elements of the top level may hold."""
    present = set(attributes.tags())
    kinds = set()
    if any(attributes.text(tag) for tag in _NAMES & present):
        kinds.add(NAMES)
    if any(attributes.text(tag) for tag in _DATES & present):
        kinds.add(DATES)
    if any(tag >> 16 & 1 for tag in present):
        kinds.add(PRIVATE)
    if attributes.text(tags.BURNED_IN_ANNOTATION) == "YES":
        kinds.add(BURNED_IN)
    return frozenset(kinds)
