"""What the DICOM reader finds: pixels of every syntax, position, space; and that it survives any file."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, encapsulate_extended

from dicoms import TEST_FILES, parsed, slice_of, written
from voxz.errors import CorruptError, VoxzError
from voxz.io import dicom
from voxz.io.arrange import arrange
from voxz.io.foreign_file import NO_SAMPLES, Stretch
from voxz.io.packings import jpeg, packing

RNG = np.random.default_rng(7)
SLICE = RNG.integers(-900, 900, (12, 10)).astype(np.int16)
NATIVE = [uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian]


def array_of(file: bytes, stretch: Stretch) -> NDArray[Any]:
    """Samples of a stretch in the order of its layout: slowest axis first, channels last."""
    data = file[stretch.start : stretch.start + stretch.length]
    if stretch.packing != "raw":
        unpacked = packing(stretch.packing).unpack(data, stretch.layout, *stretch.options)
        assert unpacked is not None
        assert packing(stretch.packing).pack(*unpacked, stretch.layout) == data
        data = unpacked[0]
    samples = stretch.view.apply(np.frombuffer(data, stretch.layout.dtype))
    channels = (stretch.layout.channels,) if stretch.layout.channels > 1 else ()
    return samples.reshape(*stretch.layout.memory_shape, *channels)


def only(file: bytes) -> NDArray[Any]:
    (stretch,) = parsed(file).stretches["a.dcm"]
    return array_of(file, stretch)


@pytest.mark.parametrize("syntax", NATIVE)
@pytest.mark.parametrize("kind", ["u1", "i1", "u2", "i2", "u4", "i4"])
def test_native_pixels_are_found(syntax: str, kind: str) -> None:
    pixels = RNG.integers(0, 100, (7, 5)).astype(kind)
    assert np.array_equal(only(written(slice_of(pixels, syntax))), pixels)


@pytest.mark.parametrize("syntax", NATIVE)
@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("frames", [1, 3])
def test_colours_and_frames(syntax: str, planar: int, frames: int) -> None:
    colours = RNG.integers(0, 255, (frames, 6, 4, 3), np.uint8)
    data = slice_of(colours if frames > 1 else colours[0], syntax, PlanarConfiguration=planar)
    if planar:
        data.PixelData = np.ascontiguousarray(np.moveaxis(colours, -1, 1)).tobytes()
    assert np.array_equal(only(written(data)), colours if frames > 1 else colours[0])


def test_words_of_bytes_in_big_endian_are_seen_in_order() -> None:
    pixels = np.arange(24, dtype=np.uint8).reshape(4, 6)
    data = slice_of(pixels, uid.ExplicitVRBigEndian)
    data.PixelData = pixels.reshape(-1, 2)[:, ::-1].tobytes()
    data["PixelData"].VR = "OW"
    assert np.array_equal(only(written(data)), pixels)


@pytest.mark.parametrize(("keyword", "kind"), [("FloatPixelData", "<f4"), ("DoubleFloatPixelData", "<f8")])
def test_floats(keyword: str, kind: str) -> None:
    pixels = RNG.normal(size=(5, 4)).astype(kind)
    data = slice_of(np.zeros((5, 4), np.uint16))
    del data.PixelData
    setattr(data, keyword, pixels.tobytes())
    assert np.array_equal(only(written(data)), pixels)


def test_halved_colours_are_four_channels() -> None:
    data = slice_of(np.zeros((4, 6, 3), np.uint8), PhotometricInterpretation="YBR_FULL_422")
    data.PixelData = bytes(range(48))
    found = only(written(data))
    assert found.shape == (4, 3, 4)
    assert found.tobytes() == bytes(range(48))


@pytest.mark.parametrize("left_over", [0, 5])
def test_mosaics_are_unfolded_and_placed(left_over: int) -> None:
    slices = RNG.integers(0, 999, (9, 4, 6)).astype(np.int16)
    slices[7:] = left_over
    picture = slices.reshape(3, 3, 4, 6).swapaxes(1, 2).reshape(12, 18)
    data = slice_of(picture, ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"])
    data.add_new(0x00190010, "LO", "SIEMENS MR HEADER")
    data.add_new(0x0019100A, "US", 7)
    assert np.array_equal(only(written(data)), slices[:7])
    space = parsed(written(data)).space
    assert space is not None
    assert space.affine is not None
    # The picture is 12 columns of 1 mm and 8 rows of 2 mm larger than a slice; half of that lies before the first slice.
    assert np.allclose(space.affine, [[-1, 0, 0, -6], [0, -2, 0, -8], [0, 0, 3, 0], [0, 0, 0, 1]])


@pytest.mark.parametrize("make", ["preamble", "no preamble", "no meta", "no length", "padding", "undefined lengths"])
def test_unusual_files(make: str) -> None:
    data = slice_of(SLICE)
    if make == "undefined lengths":
        data["ReferencedImageSequence"].is_undefined_length = True
        for item in data.ReferencedImageSequence:
            item.is_undefined_length_sequence_item = True
    if make == "padding":
        data.DataSetTrailingPadding = bytes(64)
    file = written(data)
    file = file[132:] if make == "no preamble" else file
    if make == "no meta":
        file = file[file.index(b"\x08\0\x08\0CS") :]
    if make == "no length":
        file = file[:132] + file[144:]
    assert dicom.recognise(file[:4096], "a")
    (stretch,) = parsed(file + bytes(100)).stretches["a.dcm"]
    assert np.array_equal(array_of(file, stretch), SLICE)


def test_odd_lengths_and_unknown_vrs() -> None:
    data = slice_of(SLICE)
    file = written(data)
    at = file.index(b"\x28\0\x02\0US")
    odd = b"\x20\0\x00\x40LT\3\0odd" + b"\x20\0\x01\x40ZZ\0\0\5\0\0\0other" + b"\x20\0\x02\x40\4\0\0\0impl"
    file = file[:at] + odd + file[at:]
    assert np.array_equal(only(file), SLICE)


def test_sequences_in_unknown_and_wrong_elements_do_not_lead_astray() -> None:
    """Private sequences as UN, implicit within explicit, and text that only looks like a sequence."""
    file = written(slice_of(SLICE))
    at = file.index(b"\x28\0\x02\0US")
    implicit = b"\x09\0\x01\x10\4\0\0\0abcd"
    item = b"\xfe\xff\x00\xe0" + len(implicit).to_bytes(4, "little") + implicit
    known = b"\x21\0\x01\x10UN\0\0" + len(item).to_bytes(4, "little") + item
    undefined = b"\x21\0\x02\x10UN\0\0\xff\xff\xff\xff" + item + b"\xfe\xff\xdd\xe0\0\0\0\0"
    wrong = b"\xfe\xff\x00\xe0\x10\0\0\0" + b"\xff" * 16
    astray = b"\x21\0\x03\x10UN\0\0" + len(wrong).to_bytes(4, "little") + wrong
    assert np.array_equal(only(file[:at] + known + undefined + astray + file[at:]), SLICE)


def test_nesting_has_an_end() -> None:
    """Sequences a thousand deep are one opaque value, or refused; never a crash."""
    inner = b""
    for _ in range(1000):
        inner = (
            b"\xfe\xff\x00\xe0"
            + (len(inner) + 12).to_bytes(4, "little")
            + b"\x09\0\x01\x10SQ\0\0"
            + len(inner).to_bytes(4, "little")
            + inner
        )
    file = written(slice_of(SLICE))
    at = file.index(b"\x28\0\x02\0US")
    deep = b"\x21\0\x01\x10SQ\0\0" + len(inner).to_bytes(4, "little") + inner
    assert np.array_equal(only(file[:at] + deep + file[at:]), SLICE)
    endless = b"\x21\0\x01\x10SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * 1000
    with pytest.raises(CorruptError):
        parsed(file[:at] + endless + file[at:])


@pytest.mark.parametrize(("rows", "parts"), [(8, 3), (7, 1)])
def test_masks_of_one_bit_a_sample_are_read(rows: int, parts: int) -> None:
    masks = RNG.integers(0, 2, (3, rows, 5)).astype(np.uint8)
    data = slice_of(masks, BitsAllocated=1, BitsStored=1, HighBit=0)
    packed = np.packbits(masks.reshape(-1), bitorder="little").tobytes()
    for filled in (packed, packed[:-1] + bytes([packed[-1] | 0x80])) if rows == 7 else (packed,):
        data.PixelData = filled + bytes(len(filled) % 2)
        file = written(data)
        stretches = parsed(file).stretches["a.dcm"]
        assert len(stretches) == parts
        assert np.array_equal(np.concatenate([array_of(file, stretch) for stretch in stretches]).reshape(masks.shape), masks)


def test_cut_pixels_are_an_error() -> None:
    file = written(slice_of(SLICE))
    with pytest.raises(CorruptError, match="pixels"):
        parsed(file[:-1])


def test_objects_without_pixels_have_no_stretches() -> None:
    data = slice_of(SLICE)
    del data.PixelData
    assert parsed(written(data)).stretches == {"a.dcm": ()}


def test_deflated_data_sets() -> None:
    data = slice_of(SLICE, uid.DeflatedExplicitVRLittleEndian)
    file = written(data)
    assert np.array_equal(only(file), SLICE)
    with pytest.raises(CorruptError, match="deflated"):
        parsed(file[:-5])
    with pytest.raises(CorruptError, match="deflated"):
        parsed(file[: len(file) - 60] + bytes(60))


FRAMES = RNG.integers(0, 4000, (3, 8, 9)).astype(np.uint16)


def rle_frames(data: Dataset, frames: NDArray[Any]) -> list[bytes]:
    """Frames in RLE, each of an even length."""
    out = []
    for frame in frames:
        single = slice_of(frame)
        single.compress(uid.RLELossless, generate_instance_uid=False)
        (stretch,) = parsed(written(single)).stretches["a.dcm"]
        out.append(written(single)[stretch.start + 8 : stretch.start + stretch.length])
    return out


@pytest.mark.parametrize("way", ["one fragment", "two fragments, basic table", "two fragments, extended table", "no table"])
def test_frames_in_fragments(way: str) -> None:
    data = slice_of(FRAMES, uid.RLELossless)
    frames = rle_frames(data, FRAMES)
    if way == "two fragments, extended table":
        data.PixelData, data.ExtendedOffsetTable, data.ExtendedOffsetTableLengths = encapsulate_extended(frames)
    else:
        data.PixelData = encapsulate(frames, fragments_per_frame=2 if "two" in way else 1, has_bot=way != "no table")
    data["PixelData"].is_undefined_length = True
    data["PixelData"].VR = "OB"
    file = written(data)
    stretches = parsed(file).stretches["a.dcm"]
    assert [stretch.position[0] for stretch in stretches] == [0, 1, 2]
    assert len({stretch.key for stretch in stretches}) == 1
    assert np.array_equal(np.stack([array_of(file, stretch) for stretch in stretches]), FRAMES)


def test_frames_that_cannot_be_told_apart_stay_as_they_are() -> None:
    data = slice_of(FRAMES, uid.RLELossless)
    data.PixelData = encapsulate(rle_frames(data, FRAMES), fragments_per_frame=2, has_bot=False)
    data["PixelData"].is_undefined_length = True
    file = written(data)
    assert parsed(file).stretches["a.dcm"] == ()
    with pytest.raises(CorruptError, match="frames"):
        parsed(file[: file.rindex(b"\xfe\xff\x00\xe0") + 20])


def test_slices_of_a_series_share_an_array() -> None:
    def key(**elements: Any) -> object:
        return parsed(written(slice_of(SLICE, **elements))).stretches["a.dcm"][0].key

    assert key(InstanceNumber=1) == key(InstanceNumber=2, ImagePositionPatient=[0, 0, 7])
    others = [
        key(SeriesInstanceUID="1.2.9"),
        key(ImageType=["ORIGINAL", "PRIMARY", "P"]),
        key(ImageOrientationPatient=[0, 1, 0, 0, 0, 1]),
    ]
    assert len({key(), *others}) == 4


def test_position_is_along_the_normal() -> None:
    angle = np.deg2rad(30)
    orientation = [1, 0, 0, 0, float(np.cos(angle)), float(np.sin(angle))]
    data = slice_of(
        SLICE, ImageOrientationPatient=orientation, ImagePositionPatient=[5, 7, 11], InstanceNumber=4, AcquisitionNumber=2
    )
    (stretch,) = parsed(written(data)).stretches["a.dcm"]
    assert stretch.position[:2] == (4, 2)
    assert np.isclose(stretch.position[2], -7 * np.sin(angle) + 11 * np.cos(angle))


def test_space_of_a_slice() -> None:
    data = slice_of(SLICE, ImagePositionPatient=[-10, 20, 30], RescaleSlope=2.5, RescaleIntercept=-7)
    space = parsed(written(data)).space
    assert space is not None
    assert space.affine is not None
    # Columns are 1 mm apart and rows 2 mm; left and back of DICOM are negative here.
    assert np.array_equal(space.affine, [[-1, 0, 0, 10], [0, -2, 0, -20], [0, 0, 3, 30], [0, 0, 0, 1]])
    assert space.scaling == ((2.5, -7.0),)


def enhanced(frames: NDArray[Any], positions: list[list[float]], syntax: str = str(uid.ExplicitVRLittleEndian)) -> Dataset:
    """An enhanced object: positions and scales in the per-frame groups, the rest shared."""
    data = slice_of(frames, syntax)
    del data.ImagePositionPatient, data.ImageOrientationPatient
    shared, measures, orientation = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [2, 1], 5
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared.PixelMeasuresSequence, shared.PlaneOrientationSequence = [measures], [orientation]
    data.SharedFunctionalGroupsSequence, groups = [shared], []
    for frame, place in enumerate(positions):
        group, position, scale = Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient = place
        scale.RescaleSlope, scale.RescaleIntercept = frame + 1, 0
        group.PlanePositionSequence, group.PixelValueTransformationSequence = [position], [scale]
        groups.append(group)
    data.PerFrameFunctionalGroupsSequence = groups
    return data


@pytest.mark.parametrize("syntax", NATIVE)
def test_space_and_scales_of_frames(syntax: str) -> None:
    found = parsed(written(enhanced(FRAMES, [[1, 2 + frame, 3 + 4 * frame] for frame in range(3)], syntax)))
    assert found.space is not None
    assert found.space.affine is not None
    assert np.allclose(found.space.affine, [[-1, 0, 0, -1], [0, -2, -1, -2], [0, 0, 4, 3], [0, 0, 0, 1]])
    assert found.space.scaling == ((1.0, 0.0), (2.0, 0.0), (3.0, 0.0))
    assert len(found.stretches["a.dcm"]) == 1


SIX = RNG.integers(0, 4000, (6, 8, 9)).astype(np.uint16)


def test_frames_of_several_times_have_four_axes() -> None:
    found = parsed(written(enhanced(SIX, [[0, 0, 4 * place] for _ in range(2) for place in range(3)])))
    (stretch,) = found.stretches["a.dcm"]
    assert stretch.layout.shape == (9, 8, 3, 2)
    assert found.space is not None
    assert found.space.affine is not None
    assert found.space.affine[2, 2] == 4


def test_frames_in_another_order_are_put_in_theirs() -> None:
    """All times of a place come before the next place, downwards: each frame has its position."""
    file = written(enhanced(SIX, [[0, 0, -4 * place] for place in range(3) for _ in range(2)]))
    found = parsed(file)
    stretches = found.stretches["a.dcm"]
    order, shape = arrange([stretch.position for stretch in stretches])
    assert shape == (2, 3)
    assert order == [4, 2, 0, 5, 3, 1]
    assert all(np.array_equal(array_of(file, stretches[frame]), SIX[frame]) for frame in range(6))
    assert found.space is not None
    assert found.space.affine is not None
    assert found.space.affine[2].tolist() == [0, 0, 4, -8]
    assert [slope for slope, _ in found.space.scaling] == [5, 3, 1, 6, 4, 2]


def test_facts_tell_nothing_of_a_person() -> None:
    data = slice_of(SLICE, PatientID="secret", OperatorsName="secret", StudyDescription="secret", BurnedInAnnotation="YES")
    data.add_new(0x00090010, "LO", "secret")
    found = parsed(written(data))
    assert found.facts["modality"] == "MR"
    assert "secret" not in str(found.facts)
    assert "Nobody" not in str(found.facts)
    assert found.personal == {"names or identifiers", "dates", "private elements", "annotation burned into the pixels"}
    bare = slice_of(SLICE)
    del bare.PatientName, bare.StudyDate
    assert not parsed(written(bare)).personal


DIFFERENT = {
    "badVR.dcm": "its number of frames is 1A, of which pydicom makes 15 and we one",
    "SC_ybr_full_422_uncompressed.dcm": "pydicom spreads its halved colours over all pixels",
    "SC_rgb_small_odd_big_endian.dcm": "an odd number of bytes in words of two: their order is left as it is",
}


def all_files() -> list[Path]:
    return sorted(path for path in TEST_FILES.rglob("*") if path.is_file())


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
def test_test_files_of_pydicom(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pixels of all of its files, as pydicom has them, where they lie in a way that this knows."""
    monkeypatch.setattr(jpeg, "FEWEST", 0)
    seen, repacked = set(), 0
    for path in all_files():
        file = path.read_bytes()
        if not dicom.recognise(file[: 1 << 16], path.name):
            continue
        try:
            stretches = parsed(file).stretches["a.dcm"]
        except VoxzError:
            assert path.name == "MR_truncated.dcm"
            continue
        if not stretches or path.name in DIFFERENT:
            continue
        if stretches[0].packing == "jpeg":
            repacked += sum(comes_back(file[part.start : part.start + part.length]) for part in stretches)
            continue
        reference = pydicom.dcmread(io.BytesIO(file), force=True).pixel_array
        found = np.stack([array_of(file, stretch) for stretch in stretches])
        assert np.array_equal(found.reshape(reference.shape), reference), path.name
        seen.add(stretches[0].packing)
    assert seen == {"raw", "rle", "jpeg-lossless", "jpeg-ls", "deflate", "bits"}
    assert repacked > 40


def comes_back(stream: bytes) -> bool:
    """Whether libjxl takes a JPEG stream; it must make its very bytes then."""
    found = jpeg.unpack(stream, NO_SAMPLES)
    assert found is None or jpeg.pack(b"", found[1], NO_SAMPLES) == stream
    return found is not None


DAMAGED = [
    *(TEST_FILES / "test_files" / name for name in ("MR_small_RLE.dcm", "rtdose_expb_1frame.dcm", "priv_SQ.dcm", "rtplan.dcm")),
    TEST_FILES / "test_files" / "SC_rgb_rle_2frame.dcm",
]


@given(
    st.sampled_from(DAMAGED),
    st.integers(0, 3),
    st.lists(st.tuples(st.integers(0, 1 << 13), st.integers(0, 255)), max_size=8),
    st.data(),
)
def test_damage_raises_only_our_errors(path: Path, lengths: int, changes: list[tuple[int, int]], data: st.DataObject) -> None:
    """Changed bytes, lengths of all ones, a cut: an error of ours, or stretches within the file."""
    file = bytearray(path.read_bytes())
    for at, value in changes:
        file[at % len(file)] = value
    for _ in range(lengths):
        at = data.draw(st.integers(0, len(file) - 4))
        file[at : at + 4] = data.draw(
            st.sampled_from([b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\0\0\0\0", b"\xfe\xff\x00\xe0"])
        )
    cut = bytes(file[: data.draw(st.integers(0, len(file)))]) if data.draw(st.booleans()) else bytes(file)
    try:
        found = parsed(cut)
    except VoxzError:
        return
    at = 0
    for stretch in found.stretches["a.dcm"]:
        assert at <= stretch.start <= stretch.start + stretch.length <= len(cut)
        at = stretch.start + stretch.length
        if stretch.packing != "raw":
            part = cut[stretch.start : at]
            unpacked = packing(stretch.packing).unpack(part, stretch.layout, *stretch.options)
            assert unpacked is None or len(unpacked[0]) == stretch.layout.nbytes
