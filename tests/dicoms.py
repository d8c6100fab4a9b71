"""DICOM files that several tests build with pydicom."""

import io
import warnings
from pathlib import Path
from typing import Any

import pydicom
from numpy.typing import NDArray
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset

from voxz.io import dicom
from voxz.io.foreign_file import ForeignFile

TEST_FILES = Path(pydicom.__file__).parent / "data"


def slice_of(pixels: NDArray[Any], syntax: str = str(uid.ExplicitVRLittleEndian), **elements: Any) -> Dataset:
    """A slice with everything that a scanner would say; `elements` by keyword are added or changed."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = uid.UID(syntax)
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = uid.MRImageStorage
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = uid.UID(f"1.2.3.{elements.get('InstanceNumber', 1)}")
    data.SeriesInstanceUID = "1.2.3.4"
    data.Modality, data.PatientName, data.StudyDate = "MR", "Nobody^Knows", "20200102"
    data.ImageType = ["ORIGINAL", "PRIMARY"]
    data.InstanceNumber = 1
    data.ImagePositionPatient, data.ImageOrientationPatient = [0, 0, 0], [1, 0, 0, 0, 1, 0]
    data.PixelSpacing, data.SliceThickness = [2, 1], 3
    data.ReferencedImageSequence = [Dataset(), Dataset()]
    for item in data.ReferencedImageSequence:
        item.ReferencedSOPInstanceUID = "1.2.3.5"
    data.SamplesPerPixel = 3 if pixels.shape[-1] == 3 and pixels.ndim > 2 else 1
    data.PhotometricInterpretation = "RGB" if data.SamplesPerPixel == 3 else "MONOCHROME2"
    frames = pixels.shape[: pixels.ndim - 2 - (data.SamplesPerPixel == 3)]
    data.Rows, data.Columns = pixels.shape[len(frames) : len(frames) + 2]
    if frames:
        data.NumberOfFrames = frames[0]
    if data.SamplesPerPixel == 3:
        data.PlanarConfiguration = 0
    data.BitsAllocated = data.BitsStored = 8 * pixels.dtype.itemsize
    data.HighBit, data.PixelRepresentation = data.BitsStored - 1, int(pixels.dtype.kind == "i")
    big = syntax == uid.ExplicitVRBigEndian
    samples = pixels.astype(pixels.dtype.newbyteorder(">" if big else "<")).tobytes()
    data.PixelData = samples + bytes(len(samples) % 2)
    data["PixelData"].VR = "OW" if pixels.dtype.itemsize > 1 else "OB"
    for keyword, value in elements.items():
        setattr(data, keyword, value)
    return data


def written(data: Dataset) -> bytes:
    """The file of a data set, with preamble and file meta information."""
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data.save_as(out, enforce_file_format=True)
    return out.getvalue()


def parsed(file: bytes, name: str = "a.dcm") -> ForeignFile:
    """What the reader says about a file."""

    def beside(other: str) -> io.BytesIO:
        raise AssertionError(f"{other} is not needed")

    return dicom.parse(io.BytesIO(file), len(file), name, beside)
