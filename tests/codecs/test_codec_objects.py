"""Codec objects: their text forms, what they refuse, and how the flags of the command line become one."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import voxz
from phantoms import blobs
from voxz.bench.rivals.voxz import Voxz
from voxz.cli.app import app
from voxz.cli.codec_flags import codec_from_flags
from voxz.codecs.codec import Codec
from voxz.codecs.kinds import KINDS, codec_of
from voxz.transforms.trained_model import Tuned

OBJECTS = (
    voxz.Stored(),
    voxz.Predictive(),
    voxz.Labels(),
    voxz.Floats(),
    voxz.Wavelet(),
    voxz.Wavelet(transform="trained", entropy="heavy"),
    voxz.Siren(),
    voxz.Siren("sirenmri-3d", width=64, warm=True, log="fit.jsonl"),
)


@pytest.mark.parametrize("codec", OBJECTS, ids=repr)
def test_codecs_survive_json_and_repr(codec: Codec) -> None:
    assert codec_of(json.loads(json.dumps(codec.to_dict()))) == codec
    assert type(codec).from_dict(codec.to_dict()) == codec
    assert eval(repr(codec), vars(voxz)) == codec
    assert hash(eval(repr(codec), vars(voxz))) == hash(codec)


def test_reprs_are_short() -> None:
    assert repr(voxz.Siren("siren", width=64)) == "Siren(preset='siren', width=64)"
    assert repr(voxz.Siren("siren", hidden=3)) == "Siren(preset='siren')"
    assert repr(voxz.Wavelet("97")) == "Wavelet(transform='97', entropy=None)"


def test_a_preset_fills_in_what_is_not_given() -> None:
    codec = voxz.Siren("sirenmri-2d", width=32, warm=True, batch=0)
    assert (codec.width, codec.warm, codec.batch) == (32, True, 0)
    assert (codec.axes, codec.hidden, codec.omega) == (2, 3, 30.0)
    assert codec != voxz.Siren("sirenmri-2d", width=32)


def test_names_and_objects_give_the_same_file() -> None:
    samples = blobs()
    for name, kind in KINDS.items():
        if not kind.always_lossy:
            blob = voxz.encode(samples, codec=name)
            assert blob == voxz.encode(samples, codec=kind())
            assert (voxz.decode(blob) == samples).all()
    assert voxz.encode(samples, codec=voxz.Wavelet(entropy="heavy")) != voxz.encode(samples, codec="wavelet")


def test_wrong_wishes() -> None:
    with pytest.raises(voxz.UsageError, match=r"unknown codec 'zip'; choose one of stored, .*siren"):
        voxz.encode([1], codec="zip")
    with pytest.raises(voxz.UsageError, match="options of the codec siren, not of wavelet"):
        voxz.Wavelet.from_dict(voxz.Siren().to_dict())
    with pytest.raises(voxz.UsageError, match="colour"):
        codec_of({"codec": "labels", "colour": "red"})
    with pytest.raises(voxz.UsageError, match="memory"):
        voxz.Wavelet(Tuned(None)).to_dict()
    with pytest.raises(voxz.UsageError, match=r"hidden must be 1 to 15 \(got 99\)"):
        voxz.Siren(hidden=99)
    for codec in ("labels", voxz.Stored()):
        with pytest.raises(voxz.UsageError, match="always lossless"):
            voxz.encode(np.arange(64).reshape(4, 4, 4), target=voxz.Psnr(40), codec=codec, force_lossy=True)


def test_flags_become_a_codec() -> None:
    assert codec_from_flags(None) is None
    assert codec_from_flags("floats") == voxz.Floats()
    assert codec_from_flags(None, entropy="heavy") == voxz.Wavelet(entropy="heavy")
    assert codec_from_flags("wavelet", transform="53") == voxz.Wavelet("53")
    assert codec_from_flags("siren") == voxz.Siren()
    fitted = codec_from_flags("siren", preset="siren", fit="width=64,warm=no", log="a.jsonl")
    assert fitted == voxz.Siren("siren", width=64, warm=False, log="a.jsonl")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--preset", "siren"], "--preset, --fit, --log and --log-plot only apply to --codec siren; add --codec siren"),
        (["--codec", "wavelet", "--log", "x"], "only apply to --codec siren (got --codec wavelet)"),
        (
            ["--codec", "labels", "--entropy", "heavy"],
            "--transform and --entropy only apply to --codec wavelet (got --codec labels)",
        ),
        (["--codec", "zip"], "unknown codec 'zip'"),
        (["--codec", "siren", "--fit", "colour=red"], "no option of a fit"),
    ],
)
def test_flags_of_another_codec_are_refused(flags: list[str], message: str) -> None:
    result = CliRunner().invoke(app, ["compress", "no-such.nii", *flags])
    assert isinstance(result.exception, voxz.UsageError)
    assert message in str(result.exception)


def test_help_shows_the_flags_of_a_codec_together() -> None:
    text = CliRunner().invoke(app, ["compress", "--help"]).output
    usual, rest = text.split("Options of --codec wavelet:")
    wavelet, siren = rest.split("Options of --codec siren:")
    assert "--codec" in usual
    assert "--preset" not in usual
    assert "--entropy" in wavelet
    assert all(flag in siren for flag in ("--preset", "--fit", "--log", "--log-plot"))


def test_the_bench_names_codecs_by_their_options() -> None:
    assert Voxz(entropy="heavy")._codec() == Voxz(codec="wavelet", entropy="heavy")._codec() == voxz.Wavelet(entropy="heavy")
    assert Voxz(codec="siren", preset="siren")._codec() == voxz.Siren("siren")
    assert Voxz()._codec() is None
    with pytest.raises(voxz.UsageError, match="labels"):
        Voxz(codec="labels", entropy="heavy")
