"""Every rival that is installed: real round trips through bytes, promises kept, refusals that say why."""

import stat
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import voxz
from phantoms import head, series
from voxz.bench.listing import listing
from voxz.bench.rivals import RIVALS
from voxz.bench.spec import Spec, parse

PROMISING = (
    "voxz:level=1,gzip,zstd:level=3,xz:preset=1,blosc2:shuffle=shuffle/bitshuffle,pcodec,openzl:graph=delta/plain,"
    "jpegls,jpegls:error=3,jpeg2000,jpeg2000:z=wavelet,htj2k,jpegxl:effort=3,jpegxl:layout=mosaic/channels,effort=3,prequant:error=2,effort=3,ffv1,"
    "x265:lossless=yes,preset=ultrafast,tomoz,zfp,zfp:tolerance=4,sz3:error=2,sperr:error=2"
)
LOSSY = (
    "jpeg2000:rmse=4,jpeg2000:z=wavelet,rmse=4,jpegxl:distance=0.5,x265:qp=4,preset=ultrafast,"
    "vvenc:qp=8,preset=faster,sperr:psnr=50,tthresh"
)


def volumes() -> dict[str, NDArray[Any]]:
    """Small samples ``(series, z, y, x)`` of several types."""
    still = head((5, 40, 48))[None]
    return {
        "int16": still,
        "signed": (still - 300).astype(np.int16),
        "uint8": (still // 4).astype(np.uint8),
        "series": series(3, (4, 32, 40)),
    }


def installed(spec: Spec) -> Any:
    """The rival, or skip."""
    rival = spec.rival()
    try:
        rival.version()
    except voxz.MissingDependencyError as error:
        pytest.skip(str(error))
    return rival


@pytest.mark.parametrize("kind", volumes())
@pytest.mark.parametrize("spec", parse(PROMISING), ids=str)
def test_promises_are_kept(spec: Spec, kind: str) -> None:
    samples = volumes()[kind]
    for each in spec.in_both_orders(len(samples)):
        rival = installed(each)
        blob = rival.encode(samples)
        back = rival.decode(blob)
        assert (back.shape, back.dtype) == (samples.shape, samples.dtype)
        assert np.abs(back.astype(int) - samples).max() <= rival.bound
        assert len(blob) < 2 * samples.nbytes


@pytest.mark.parametrize("kind", ["int16", "signed", "series"])
@pytest.mark.parametrize("spec", parse(LOSSY), ids=str)
def test_lossy_rivals_are_near(spec: Spec, kind: str) -> None:
    samples = volumes()[kind]
    for each in spec.in_both_orders(len(samples)):
        rival = installed(each)
        assert rival.bound is None
        back = rival.decode(rival.encode(samples))
        assert (back.shape, back.dtype) == (samples.shape, samples.dtype)
        assert 0 < np.sqrt(np.mean((back.astype(float) - samples) ** 2)) < 25


@pytest.mark.parametrize("spec", parse("gzip,zstd:level=1,pcodec,zfp,voxz:level=1"), ids=str)
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_floats(spec: Spec, dtype: str) -> None:
    samples = (head((3, 20, 24))[None] / 7).astype(dtype)
    rival = installed(spec)
    assert np.array_equal(rival.decode(rival.encode(samples)), samples)


@pytest.mark.parametrize("spec", parse("jpegls,jpegxl,jpeg2000,prequant,x265,vvenc"), ids=str)
def test_integer_codecs_refuse_floats(spec: Spec) -> None:
    with pytest.raises(voxz.UnsupportedError, match=r"takes integers only \(got float32\)"):
        installed(spec).encode(np.zeros((1, 2, 32, 32), np.float32))


@pytest.mark.parametrize(
    ("spec", "samples", "message"),
    [
        ("jpegls", np.array([0, 70000], np.int32).reshape(1, 1, 1, 2), "takes up to 16 bits \\(got values 0 to 70000\\)"),
        ("x265:lossless=yes", np.full((1, 1, 16, 16), 5000, np.int16) * np.arange(2).repeat(128).reshape(16, 16), "12 bits"),
        ("x265", np.zeros((1, 1, 8, 8), np.int16), "at least 16x16"),
        ("tthresh", np.zeros((1, 1, 8, 8), np.int16), "at least 2 samples"),
    ],
)
def test_codecs_say_what_they_cannot_take(spec: str, samples: NDArray[Any], message: str) -> None:
    with pytest.raises(voxz.UnsupportedError, match=message):
        installed(parse(spec)[0]).encode(samples.astype(samples.dtype))


def test_slices_as_channels_beat_single_slices() -> None:
    spec, alone = parse("jpegxl:layout=channels,jpegxl")
    samples = head((16, 64, 64))[None]
    assert len(installed(spec).encode(samples)) < len(installed(alone).encode(samples))


def test_the_listing_names_every_rival() -> None:
    text = listing()
    assert all(f"\n{name} " in f"\n{text}" for name in RIVALS)
    assert "lossless-default" in text


def program(folder: Path, name: str, script: str) -> None:
    """Make a program."""
    (folder / name).write_text(script)
    (folder / name).chmod((folder / name).stat().st_mode | stat.S_IEXEC)


def test_external_programs_get_their_arguments_and_files(tmp_path: Path) -> None:
    samples = head((3, 8, 10))[None].astype(np.uint16)
    bits = int(samples.max()).bit_length()
    program(
        tmp_path,
        "opj_jp3d_compress",
        f'#!/bin/sh\necho "$@" > {tmp_path}/arguments\ncat in.img > {tmp_path}/image\ncp in.bin out.jp3d\n',
    )
    program(tmp_path, "opj_jp3d_decompress", "#!/bin/sh\ncp in.jp3d out.bin\n")
    program(tmp_path, "kdu_compress", f'#!/bin/sh\necho "$@" > {tmp_path}/arguments2\ncp in.rawl out.jpx\n')
    program(tmp_path, "kdu_expand", "#!/bin/sh\ncp in.jpx out.rawl\n")
    for text in (f"jp3d:folder={tmp_path}", f"kakadu:folder={tmp_path}"):
        rival = parse(text)[0].rival()
        assert str(tmp_path) in rival.version()
        assert np.array_equal(rival.decode(rival.encode(samples)), samples)
    assert "-C 3EB -n 4,4,3" in (tmp_path / "arguments").read_text()
    assert f"Bpp\t{bits}\n" in (tmp_path / "image").read_text()
    assert "Dimensions\t10\t8\t3" in (tmp_path / "image").read_text()
    assert "Mstage_xforms:I25={DWT,1,4,1,0}" in (tmp_path / "arguments2").read_text()
    parse(f"jp3d:folder={tmp_path},ratio=8")[0].rival().encode(np.zeros((1, 2, 64, 64), np.uint16))
    assert (tmp_path / "arguments").read_text().split()[-4:] == ["-n", "5,5,2", "-r", "8"]


@pytest.mark.parametrize(
    ("name", "encoder", "decoder", "place"),
    [
        ("hm", "TAppEncoder", "TAppDecoder", "."),
        ("hm", "TAppEncoderStatic", "TAppDecoderStatic", "bin"),
        ("vtm", "EncoderAppStatic", "DecoderAppStatic", "bin/umake/gcc-12.2/x86_64/release"),
    ],
)
@pytest.mark.parametrize("older", [False, True])
def test_encoders_of_jvet(
    name: str, encoder: str, decoder: str, place: str, older: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Programs where builds leave them, by relative paths, of versions with and without newer options."""
    samples = head((3, 8, 10))[None].astype(np.uint16)
    folder = tmp_path / "build" / place
    folder.mkdir(parents=True, exist_ok=True)
    known = "TransquantBypassEnableFlag" if older else "TemporalFilter TransquantBypassEnable"
    script = f'#!/bin/sh\n[ "$1" = --help ] && echo {known} && exit\necho "$@" > {tmp_path}/arguments\ncp in.yuv out.bin\n'
    program(folder, encoder, script)
    program(folder, decoder, "#!/bin/sh\ncp in.bin out.yuv\n")
    monkeypatch.chdir(tmp_path)
    options = {"hm": ",lossless=yes", "vtm": ""}[name]
    rival = parse(f"{name}:folder=build,config=cfg/random.cfg{options}")[0].rival()
    assert np.array_equal(rival.decode(rival.encode(samples)), samples)
    arguments = (tmp_path / "arguments").read_text()
    assert f"-c {tmp_path}/cfg/random.cfg" in arguments
    assert "--IntraPeriod=-1" in arguments
    if name == "hm":
        assert ("--TemporalFilter=0" in arguments) is not older
        assert f"--TransquantBypassEnable{'Flag' if older else ''}=1" in arguments


def test_errors_on_standard_output_are_shown(tmp_path: Path) -> None:
    program(tmp_path, "EncoderApp", "#!/bin/sh\necho 'Error: bit depth'\necho 'see the manual'\nexit 1\n")
    with pytest.raises(RuntimeError, match=r"EncoderApp failed \(1\): Error: bit depth"):
        parse(f"vtm:folder={tmp_path},config=a.cfg")[0].rival().encode(np.zeros((1, 2, 8, 8), np.uint16))


def test_an_external_program_that_fails(tmp_path: Path) -> None:
    program(tmp_path, "kdu_compress", "#!/bin/sh\necho no licence >&2\nexit 3\n")
    rival = parse(f"kakadu:folder={tmp_path}")[0].rival()
    with pytest.raises(RuntimeError, match=r"kdu_compress failed \(3\): no licence"):
        rival.encode(np.zeros((1, 2, 8, 8), np.uint16))
    with pytest.raises(voxz.MissingDependencyError, match="kdu_expand is not in"):
        rival.version()
