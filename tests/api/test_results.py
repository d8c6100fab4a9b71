"""What `info` and `compare` return and print: frozen, typed, strict JSON, and no letter that a terminal obeys."""

import dataclasses
import io
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import voxz
from benchmarks.file_parts import FileParts
from samples import nifti, smooth
from voxz.cli.app import main
from voxz.cli.error_line import report
from voxz.cli.text import printable
from voxz.codecs.numbers import WAVELET
from voxz.codecs.wavelet.head import NAMED, Head
from voxz.weights.naming import DIGEST


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    monkeypatch.setattr("sys.argv", ["voxz", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    return capsys.readouterr().out


def strict(text: str) -> Any:
    """JSON without NaN and infinity."""

    def refuse(name: str) -> None:
        raise AssertionError(name)

    return json.loads(text, parse_constant=refuse)


def test_results_are_frozen_and_what_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    a = smooth((2, 5, 9, 11)).astype(np.float32)
    np.save(tmp_path / "a.npy", a)
    b = a.copy()
    b[0, 0, 0, :2] = np.inf, np.nan
    np.save(tmp_path / "b.npy", b)
    voxz.compress(tmp_path / "a.npy", tmp_path / "a.voxz", target=voxz.MaxError(0.5), level=1)
    facts = voxz.info(tmp_path / "a.voxz")
    assert (facts.shape, facts.dtype, facts.original) == (a.shape, "<f4", "npy")
    assert facts.loss is not None
    assert facts.loss.bound == 0.5
    assert strict(run(monkeypatch, capsys, "info", "--json", tmp_path / "a.voxz")) == facts.to_dict()
    assert facts.to_dict()["loss"]["largest_error"] == facts.loss.largest_error <= 0.5
    result = voxz.compare(tmp_path / "a.npy", tmp_path / "b.npy")
    assert not np.isfinite(result.max_error)
    assert result.volumes[1].max_error == 0
    printed = strict(run(monkeypatch, capsys, "compare", "--json", tmp_path / "a.npy", tmp_path / "b.npy"))
    assert printed == result.to_dict()
    assert printed["max_error"] is None
    assert printed["volumes"][1]["slices_max_error"] == [0.0] * 5
    for made, name in ((facts, "shape"), (result, "rmse")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(made, name, 0)


def test_errors_are_those_that_python_programs_catch(tmp_path: Path) -> None:
    assert issubclass(voxz.UsageError, ValueError)
    with pytest.raises(ValueError, match="level must be 1"):
        voxz.encode(np.zeros(3), level=11)
    with pytest.raises(FileNotFoundError):
        voxz.info(tmp_path / "missing.voxz")
    with pytest.raises(FileNotFoundError):
        voxz.compress(tmp_path / "missing.nii", tmp_path / "a.voxz")
    assert issubclass(voxz.MissingWeightsError, voxz.VoxzError)


def test_the_name_of_a_transform_is_printed_escaped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = b"\x1b[31m\x07\r\nx"
    parts = FileParts.of(voxz.encode(np.zeros((3, 4, 5), "i2"), codec="stored"))
    head = Head(0, 4, (0, 0, 0), 0, 0, NAMED, 1.0, 0.0, 0.0, 9.0).pack()
    named = replace(
        parts, entries=(replace(parts.entries[0], codec=WAVELET),), chunks=(head + bytes(DIGEST) + bytes([len(name)]) + name,)
    )
    (tmp_path / "a.voxz").write_bytes(named.assembled())
    (told,) = voxz.info(tmp_path / "a.voxz").transforms
    assert "\x1b[31m\x07\r\nx" in told
    shown = run(monkeypatch, capsys, "info", tmp_path / "a.voxz")
    assert r"trained:\x1b[31m\x07\r\nx" in shown
    assert not set(shown) & {"\x1b", "\x07", "\r"}


def test_what_a_file_says_is_printed_escaped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mark = b"\nvoxz-lossy target=\x1b[31mred\x07 \xff\n"
    (tmp_path / "a.nii").write_bytes(nifti((9, 8, 7), tail=mark)[1])
    voxz.compress(tmp_path / "a.nii", tmp_path / "a.voxz")
    assert "\x1b" in voxz.info(tmp_path / "a.voxz").lossy_before[0]
    shown = run(monkeypatch, capsys, "info", tmp_path / "a.voxz")
    assert r"target=\x1b[31mred\x07" in shown
    assert not set(shown) & {"\x1b", "\x07"}
    said = io.StringIO()
    monkeypatch.setattr(sys, "stderr", said)
    report(voxz.CorruptError("bad \x1b]0;title\x07"), "a\nb\u202e.voxz")
    assert said.getvalue() == "voxz: a\\nb\\u202e.voxz: bad \\x1b]0;title\\x07\n"
    assert printable("Kopf größer 1 µm") == "Kopf größer 1 µm"
    assert printable("\udc80") == r"\udc80"
