"""Whole runs of ``voxz bench`` on small volumes: results, resuming, bad input, failing codecs, the page in a browser."""

import csv
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from phantoms import head, series
from samples import nifti

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="programs are shell scripts")

CODECS = "voxz:level=1,gzip,jpegls,jpegls:error=2/4/8,sz3:error=2/4/8"


def bench(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command."""
    command = [sys.executable, "-m", "voxz", "bench", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


def rows(out: Path, name: str = "results.csv") -> list[dict[str, str]]:
    """Rows of a CSV file."""
    with (out / name).open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, subprocess.CompletedProcess[str]]:
    """Data with all kinds of trouble, the results and what was printed."""
    data, out = tmp_path_factory.mktemp("data"), tmp_path_factory.mktemp("out")
    np.save(data / "sub-1_ct.npy", 2 * head((8, 40, 48)) - 1000)
    (data / "sub-1_bold.nii").write_bytes(nifti((24, 20, 4, 8), samples=series(8, (4, 20, 24)).astype("<i2").tobytes())[1])
    np.save(data / "map.npy", (head((3, 20, 24)) / 7).astype(np.float32))
    (data / "broken.nii").write_bytes(nifti((24, 20, 4))[1][:1000])
    (data / "notes.txt").write_text("no volume")
    return data, out, bench(data, "--codecs", CODECS + ",kakadu", "--out", out, "--tasks", "--jobs", 2)


def test_figures(run: tuple[Path, Path, subprocess.CompletedProcess[str]]) -> None:
    data, out, done = run
    assert done.returncode == 0, done.stderr
    found = {(row["volume"], row["codec"]): row for row in rows(out)}
    lossless = found["sub-1_ct", "voxz:level=1"]
    samples = np.load(data / "sub-1_ct.npy")
    assert (lossless["kind"], lossless["shape"], lossless["dtype"], lossless["status"]) == ("CT", "48x40x8", "int16", "ok")
    assert (lossless["max_error"], lossless["bound"], lossless["psnr_db"]) == ("0.0", "0.0", "")
    assert float(lossless["bits_per_voxel"]) == pytest.approx(8 * int(lossless["bytes"]) / samples.size, rel=1e-5)
    assert float(lossless["ratio"]) == pytest.approx(samples.nbytes / int(lossless["bytes"]), rel=1e-5)
    assert float(lossless["encode_mb_s"]) > 0
    assert float(lossless["decode_peak_mib"]) > 10
    near = found["sub-1_ct", "jpegls:error=4"]
    assert float(near["max_error"]) == 4
    assert float(near["data_range"]) == np.ptp(samples)
    assert float(near["psnr_db"]) == pytest.approx(20 * np.log10(np.ptp(samples) / float(near["rmse"])), abs=1e-3)
    assert 0.5 < float(near["ssim"]) < 1
    assert abs(float(near["hu_bias_soft_tissue"])) < 4
    assert found["sub-1_bold", "gzip:order=time"]["status"] == "ok"
    assert found["sub-1_bold", "jpegls:error=4"]["tsnr_change_percent"]
    assert {row["kind"] for row in rows(out, "lossless.csv")} == {"all", "CT", "fMRI", "3-D"}


def test_rate_distortion(run: tuple[Path, Path, subprocess.CompletedProcess[str]]) -> None:
    found = {(row["volume"], row["anchor"], row["codec"]): row["bd_rate_percent"] for row in rows(run[1], "deltas.csv")}
    there, back = found["sub-1_ct", "jpegls", "sz3"], found["sub-1_ct", "sz3", "jpegls"]
    assert (float(there) > 0) != (float(back) > 0)


def test_what_goes_wrong_has_a_row_and_a_line(run: tuple[Path, Path, subprocess.CompletedProcess[str]]) -> None:
    _, out, done = run
    found = {(row["volume"], row["codec"]): row for row in rows(out)}
    assert found["broken", ""]["status"] == "unreadable"
    assert "ends early" in found["broken", ""]["message"]
    assert found["map", "jpegls"]["status"] == "unsupported"
    assert found["map", "jpegls"]["message"] == "takes integers only (got float32)"
    assert found["map", "sz3:error=2"]["status"] == "ok"
    assert found["sub-1_ct", "kakadu"]["status"] == "missing"
    assert "kakadusoftware.com" in found["sub-1_ct", "kakadu"]["message"]
    for line in ("voxz: broken: unreadable:", "voxz: map, jpegls: unsupported:", "voxz: sub-1_ct, kakadu: missing:"):
        assert line in done.stderr
    assert "Traceback" not in done.stderr


def test_finished_cells_are_reused(run: tuple[Path, Path, subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    data, first, _ = run
    out = shutil.copytree(first, tmp_path / "out")
    before = {path.name: path.stat().st_mtime_ns for path in (out / "cells").glob("*.json")}
    assert bench(data, "--codecs", CODECS + ",xz", "--out", out, "--tasks").returncode == 0
    after = {path.name: path.stat().st_mtime_ns for path in (out / "cells").glob("*.json")}
    assert before.items() <= after.items()
    assert len(after) - len(before) == 4  # xz on three volumes, on the series in two orders
    assert not [path for path in (out / "cells").iterdir() if path.suffix not in (".json", ".npz")]
    np.save(tmp_path / "sub-1_ct.npy", head((8, 40, 48)) - 999)
    assert bench(tmp_path / "sub-1_ct.npy", "--codecs", "gzip", "--out", out).returncode == 0
    assert len(list((out / "cells").glob("*.json"))) == len(after) + 1


def program(path: Path, script: str) -> None:
    """Make a program."""
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(path.stat().st_mode | stat.S_IEXEC)


@POSIX
def test_an_interrupted_run_leaves_no_half_results(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", head((4, 16, 16)))
    program(tmp_path / "kdu_expand", "exit 1\n")
    sleeping = tmp_path / "process"  # it cannot have ended when the bench is interrupted
    program(tmp_path / "kdu_compress", f"echo $$ > {sleeping}.part; mv {sleeping}.part {sleeping}; exec sleep 600\n")
    codecs = ["--codecs", f"gzip,kakadu:folder={tmp_path}", "--out", str(tmp_path / "out")]
    command = [sys.executable, "-m", "voxz", "bench", str(tmp_path / "a.npy"), *codecs]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        while process.poll() is None and not (sleeping.exists() and list((tmp_path / "out").glob("cells/*.json"))):
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        _, said = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "Traceback" not in said
    for path in (tmp_path / "out" / "cells").iterdir():
        assert path.suffix == ".json"
        assert json.loads(path.read_text())["status"] == "ok"


@POSIX
def test_a_codec_that_lies_crashes_or_hangs_is_shown_as_failed(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", head((2, 16, 16)))
    for name, script in (
        ("lies", "head -c 1000 in.jpx > out.rawl; tail -c +1001 in.jpx | tr '\\001' '\\002' >> out.rawl\n"),
        ("crashes", "kill -SEGV $$\n"),
        ("hangs", f"echo $$ > {tmp_path / 'process'}; exec sleep 600\n"),
        ("short", "head -c 100 in.jpx > out.rawl\n"),
    ):
        (tmp_path / name).mkdir()
        program(tmp_path / name / "kdu_compress", "cp in.rawl out.jpx\n")
        program(tmp_path / name / "kdu_expand", script)
    codecs = ",".join(f"kakadu:folder={tmp_path / name}" for name in ("lies", "crashes", "hangs", "short"))
    done = bench(tmp_path / "a.npy", "--codecs", f"{codecs},gzip", "--out", tmp_path / "out", "--limit", 8)
    found = {Path(row["codec"]).name: (row["status"], row["message"]) for row in rows(tmp_path / "out")}
    assert found["lies"] == ("failed", found["lies"][1])
    assert "not lossless: largest error" in found["lies"][1]
    assert "kdu_expand failed" in found["crashes"][1]
    assert found["hangs"] == ("failed", "decoding: took more than 8 s")
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "process").read_text()), 0)  # it was ended with the worker that waited for it
    assert found["short"][0] == "failed"
    assert found["gzip"][0] == "ok"
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["EMPTY"], "found no volumes in"),
        (["EMPTY/none.nii"], "does not exist"),
        (["DATA", "--codecs", "jpeg3000"], "unknown codec 'jpeg3000'"),
        (["DATA", "--codecs", "gzip", "--reference", "xz"], "must be one of the measured codecs gzip"),
        (["DATA", "--rates", "6:1"], "must be two rates"),
        ([], "no volumes are named"),
    ],
)
def test_wrong_arguments(arguments: list[str], message: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    np.save(tmp_path / "a.npy", head((2, 16, 16)))
    names = {"EMPTY": str(tmp_path / "empty"), "DATA": str(tmp_path / "a.npy")}
    given = [names.get(a, a.replace("EMPTY", names["EMPTY"])) for a in arguments]
    done = bench(*given, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_without_the_extra_it_says_so_at_once(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", head((2, 16, 16)))
    code = "import sys; sys.modules['matplotlib'] = None; from voxz.cli.app import main; main()"
    command = [sys.executable, "-c", code, "bench", str(tmp_path), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "voxz: voxz bench needs matplotlib; pip install 'voxz[bench]'\n"
    assert not (tmp_path / "out").exists()


def test_middle_slices_only(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", head((9, 16, 16)))
    assert bench(tmp_path / "a.npy", "--codecs", "gzip", "--slices", 4, "--out", tmp_path / "out").returncode == 0
    (row,) = rows(tmp_path / "out")
    assert (row["shape"], row["part"]) == ("16x16x4", "slices 2 to 5 of 9")


BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)


@pytest.mark.skipif(BROWSER is None, reason="no Chromium")
def test_the_page_in_a_browser(run: tuple[Path, Path, subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    page, shot = run[1] / "index.html", tmp_path / "shot.png"
    assert "http://" not in page.read_text()
    assert "https://" not in page.read_text().replace("https://www.w3.org", "")
    options = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--virtual-time-budget=5000",
        f"--user-data-dir={tmp_path / 'profile'}",
    ]
    command = [str(BROWSER), *options, "--enable-logging=stderr", "--window-size=1200,4000"]
    shown = subprocess.run(
        [*command, f"--screenshot={shot}", page.as_uri()], capture_output=True, text=True, check=True, timeout=120
    )
    assert "CONSOLE" not in shown.stderr
    assert shot.stat().st_size > 20_000
    built = subprocess.run(
        [*command, "--dump-dom", page.as_uri()], capture_output=True, text=True, check=True, timeout=120
    ).stdout
    assert built.count("<canvas") == 12  # three planes: original twice, decoded, difference
    assert "jpegls:error=" in built
    assert 'class="best"' in built


def test_without_resource_there_is_no_memory_column(tmp_path: Path) -> None:
    """As Windows does: what is loaded before the measurement keeps its system."""
    np.save(tmp_path / "a.npy", np.arange(4096, dtype=np.int16).reshape(1, 4, 32, 32))
    script = (
        "import sys, numpy, voxz.bench.rivals.gzip, voxz.bench.spec\n"
        "sys.platform, sys.modules['resource'] = 'win32', None\n"
        "from voxz.bench.worker import main; main()"
    )
    arguments = ["encode", "gzip", tmp_path / "a.npy", tmp_path / "a.gz", tmp_path / "report.json"]
    subprocess.run([sys.executable, "-c", script, *map(str, arguments)], check=True)
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["status"] == "ok"
    assert report["cpu_seconds"] > 0
    assert report["peak_mib"] is None
