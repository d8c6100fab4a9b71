"""Small sound files of all foreign formats, made here or shipped with nibabel and pydicom, and archives of them."""

import bz2
import copy
import gzip
import io
import re
import tempfile
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from nibabel.freesurfer.mghformat import MGHImage

import voxz
from benchmarks.fuzz.archives import Archive
from benchmarks.fuzz.foreign import Foreign, gzipped
from benchmarks.fuzz.seed import Files

SHIPPED = Path(nibabel.__file__).parent / "tests" / "data"
LARGEST = 12_000
"""Bytes of a shipped file of the pool."""

SHAPE = (7, 6, 5)
SAMPLES = (np.add.outer(np.add.outer(np.arange(7) * 3, np.arange(6) * 20), np.arange(5) * 50)).astype("<i2")
BYTES = SAMPLES.tobytes("F")
AFFINE = np.array([[2, 0, 0, -5], [0, 3, 0.5, -6], [0, -0.5, 4, -7], [0, 0, 0, 1.0]])


def nifti() -> Iterator[Files]:
    """Single files of both versions and a pair, with extensions and in gzip."""
    image = nibabel.Nifti1Image(SAMPLES, AFFINE)
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"who made it"))
    single = image.to_bytes()
    yield {"a.nii": single + b"behind"}
    yield {"a.nii.gz": gzipped(single)}
    yield {"a.nii": nibabel.Nifti2Image(SAMPLES.astype(">f4"), AFFINE).to_bytes()}
    with tempfile.TemporaryDirectory() as folder:
        nibabel.save(nibabel.Nifti1Pair(SAMPLES, AFFINE), Path(folder) / "a.img")
        yield {name: (Path(folder) / name).read_bytes() for name in ("a.img", "a.hdr")}


def npy() -> Iterator[Files]:
    """Arrays of several types."""
    for array in (SAMPLES, SAMPLES.astype(">c8"), SAMPLES > 40, np.asfortranarray(SAMPLES.astype("f8")) / 3):
        file = io.BytesIO()
        np.save(file, array)
        yield {"a.npy": file.getvalue()}


def analyze() -> Iterator[Files]:
    """A pair without the magic of NIfTI."""
    with tempfile.TemporaryDirectory() as folder:
        nibabel.save(nibabel.AnalyzeImage(SAMPLES, None), Path(folder) / "a.img")
        yield {name: (Path(folder) / name).read_bytes() for name in ("a.hdr", "a.img")}


def mgh() -> Iterator[Files]:
    """With and without gzip."""
    file = MGHImage(SAMPLES.astype("i4"), AFFINE).to_bytes()
    yield {"a.mgh": file}
    yield {"a.mgz": gzipped(file)}


def nrrd() -> Iterator[Files]:
    """All encodings, attached and detached."""
    packed = {"raw": bytes, "gzip": lambda data: gzip.compress(data, 9, mtime=0), "bzip2": bz2.compress}
    for encoding, pack in packed.items():
        head = "NRRD0005\n# made here\ntype: short\ndimension: 3\nsizes: 7 6 5\nspace: left-posterior-superior\n"
        head += f"encoding: {encoding}\nendian: little\nspace directions: (2,0,0) (0,3,0.5) (0,0,4)\n"
        head += "space origin: (1,2,3)\nkey:=value\n"
        yield {"a.nrrd": (head + "\n").encode() + pack(BYTES)}
        yield {"a.nhdr": (head + "line skip: 1\ndata file: a.raw\n\n").encode(), "a.raw": b"a line\n" + pack(BYTES)}
    head = head.replace("bzip2", "raw") + "data file: s%d.raw 0 4 1 2\n\n"
    yield {"a.nhdr": head.encode()} | {f"s{k}.raw": SAMPLES[:, :, k].tobytes("F") for k in range(5)}


def metaimage() -> Iterator[Files]:
    """Plain and in zlib, attached and detached."""
    for packed in (False, True):
        data = zlib.compress(BYTES) if packed else BYTES
        head = "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = False\n"
        head += f"TransformMatrix = 1 0 0 0 1 0 0 0 1\nCompressedData = {packed}\nCompressedDataSize = {len(data)}\n"
        head += "Offset = 1 2 3\nElementSpacing = 2 3 4\n"
        head += "DimSize = 7 6 5\nElementType = MET_SHORT\nElementDataFile = "
        yield {"a.mha": (head + "LOCAL\n").encode() + data}
        yield {"a.mhd": (head + "a.raw\n").encode(), "a.raw": data}


def mrtrix() -> Iterator[Files]:
    """Attached, in gzip, and in two files."""
    text = "mrtrix image\ndim: 7,6,5\nvox: 2,3,4\nlayout: -0,+2,+1\ndatatype: Int16LE\ntransform: 1,0,0,-9\n"
    text += "transform: 0,0,1,-8\ntransform: 0,-1,0,-7\nfile: "
    attached = (text + ". 256\nEND\n").encode().ljust(256, b"\0") + BYTES
    yield {"a.mif": attached}
    yield {"a.mif.gz": gzipped(attached)}
    yield {"a.mih": (text + "a.dat 8\nEND\n").encode(), "a.dat": bytes(8) + BYTES}


def afni() -> Iterator[Files]:
    """The header that nibabel ships, for fewer samples."""
    head = (SHIPPED / "example4d+orig.HEAD").read_bytes()
    head = head.replace(b" 33 41 25", b" 7 6 5").replace(b"33 41 25", b"7 6 5")
    yield {"a+orig.HEAD": head, "a+orig.BRIK": BYTES * 3}
    yield {"a+orig.HEAD": head, "a+orig.BRIK.gz": gzipped(BYTES * 3)}


def par_rec() -> Iterator[Files]:
    """The shortest header that nibabel ships, for slices of 8 x 8."""
    head = re.sub(rb"\b64( +)64\b", rb" 8\1 8", (SHIPPED / "phantom_EPI_asc_CLEAR_2_1.PAR").read_bytes())
    slices = len(re.findall(rb"^ +\d+ +\d", head, re.MULTILINE))
    yield {"a.PAR": head, "a.REC": (np.arange(64 * slices) % 900).astype("<u2").tobytes()}


def minc1() -> Iterator[Files]:
    """Those that nibabel ships."""
    for name in ("tiny.mnc", "minc1_1_scale.mnc", "minc1-no-att.mnc"):
        yield {name: (SHIPPED / name).read_bytes()}


def tiff() -> Iterator[Files]:
    """Strips and tiles, all compressions, colours, both byte orders and BigTIFF."""
    import tifffile  # noqa: PLC0415 - an extra

    pages = np.repeat(np.repeat(SAMPLES.T[:3].astype("u2"), 4, axis=1), 4, axis=2)
    colours = np.stack([pages[0] % 250] * 3, axis=-1).astype("u1")
    forms = (
        (pages, {"compression": "lzw", "predictor": True, "rowsperstrip": 7}),
        (pages, {"compression": "packbits", "byteorder": ">"}),
        (pages, {"compression": "deflate", "tile": (16, 16)}),
        (pages, {"bigtiff": True, "ome": True}),
        (colours, {"compression": "lzw", "photometric": "rgb"}),
        (pages.astype("f4"), {"imagej": True}),
    )
    for samples, options in forms:
        file = io.BytesIO()
        tifffile.imwrite(file, samples, **({"photometric": "minisblack"} | options))
        yield {"a.tif": file.getvalue()}


def png() -> Iterator[Files]:
    """Depths of a bit to 16, colours, a numbered series; and the same compression in TIFF."""
    from PIL import Image  # noqa: PLC0415 - an extra

    grey = np.repeat(np.repeat(SAMPLES[..., 2] % 250, 3, axis=0), 3, axis=1).astype("u1")
    for picture in (grey > 90, grey.astype("u2") * 200, np.stack([grey] * 3, axis=-1), grey):
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "png")
        yield {"a.png": file.getvalue()}
    yield {f"s{k}.png": file.getvalue() for k in range(3)}
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "tiff", compression="tiff_adobe_deflate")
    yield {"a.tif": file.getvalue()}


def dicom() -> Iterator[Files]:
    """Small files that pydicom ships, of all transfer syntaxes, and a series."""
    import pydicom  # noqa: PLC0415 - an extra

    folder = Path(pydicom.__file__).parent / "data" / "test_files"
    for path in sorted(folder.glob("*.dcm")):
        if path.stat().st_size <= LARGEST:
            yield {path.name: path.read_bytes()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = pydicom.dcmread(folder / "MR_small.dcm")
        yield {f"im{place}.dcm": _changed(data, 8, place, InstanceNumber=place + 1) for place in range(4)}
        data.add_new(0x00190010, "LO", "SIEMENS MR HEADER")
        data.add_new(0x0019100A, "US", 3)
        yield {"mosaic.dcm": _changed(data, 16, 0, ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"])}
        yield {
            "bits.dcm": _changed(data, 16, 0, BitsAllocated=1, BitsStored=1, HighBit=0, NumberOfFrames=2, PixelRepresentation=0)
        }


def _changed(data: Any, side: int, place: int, **elements: Any) -> bytes:
    """The file of a DICOM data set with `side` x `side` pixels and other elements."""
    data = copy.deepcopy(data)
    data.Rows = data.Columns = side
    pixels = np.arange(side * side).reshape(side, side) % 90 + 100 * place
    if elements.get("ImageType"):
        pixels[side // 2 :, side // 2 :] = 0
    data.PixelData = pixels.astype("<i2").tobytes()[: 2 * side * side // (8 if "BitsAllocated" in elements else 1)]
    data.ImagePositionPatient = [0, 0, 3.0 * place]
    for keyword, value in elements.items():
        setattr(data, keyword, value)
    file = io.BytesIO()
    data.save_as(file, enforce_file_format=True)
    return file.getvalue()


FORMATS: tuple[Callable[[], Iterator[Files]], ...] = (
    nifti, npy, analyze, mgh, nrrd, metaimage, mrtrix, afni, par_rec, minc1, tiff, png, dicom,
)  # fmt: skip


def foreign() -> list[Foreign]:
    """Files of all formats; those that need a package that is not installed are left out."""
    found = []
    for make in FORMATS:
        family = make.__name__.replace("_", "-")
        try:
            found += [Foreign(f"foreign {family} {number}", family, files) for number, files in enumerate(make())]
        except ImportError:
            continue
    return found


def archives() -> list[Archive]:
    """An archive of each of them, and one of all: with permissions and times, an empty file and an empty folder."""
    found: list[Archive] = []
    everything: dict[str, Path] = {}
    with tempfile.TemporaryDirectory() as place, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number, seed in enumerate(foreign()):
            folder = Path(place) / str(number)
            folder.mkdir()
            for name, data in seed.files.items():
                (folder / name).write_bytes(data)
            found.append(_archived(seed.name.replace("foreign", "archive"), folder))
            everything |= {seed.family: folder}
        (Path(place) / "empty").mkdir()
        (Path(place) / "empty.txt").touch()
        some = [*everything.values(), Path(place) / "empty", Path(place) / "empty.txt"]
        found.append(_archived("archive of all", *some))
    return found


def _archived(name: str, *paths: Path) -> Archive:
    packed = paths[0].with_suffix(".voxz")
    voxz.compress(paths[0] if len(paths) == 1 else paths, packed, codec="stored", keep_attributes=len(paths) > 1, force=True)
    return Archive.of(name, packed.read_bytes())
