"""Interrupted or failing runs: the input is untouched, the output absent, old or complete; memory stays bounded."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import voxz
from samples import digest, nifti, smooth

resource = pytest.importorskip("resource", reason="signals and limits of POSIX")

SHAPE = (160, 160, 96)


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scan, and what it is compressed to beside it."""
    path = tmp_path_factory.mktemp("scan") / "scan.nii"
    path.write_bytes(nifti(SHAPE, samples=smooth(SHAPE[::-1]).tobytes())[1])
    voxz.compress(path, path.with_name("good.voxz"), level=1)
    return path


def start(*arguments: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "voxz", *map(str, arguments)], stderr=subprocess.PIPE)


@pytest.fixture(scope="module")
def durations(scan: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """Seconds that a run of each verb takes."""
    out, found = tmp_path_factory.mktemp("whole"), {}
    for verb, source in {"compress": scan, "decompress": scan.with_name("good.voxz")}.items():
        started = time.monotonic()
        process = start(verb, *(["-1"] if verb == "compress" else []), source, "-o", out / verb)
        assert process.communicate()[1] == b""
        assert process.returncode == 0
        found[verb] = time.monotonic() - started
    return found


@pytest.mark.parametrize("verb", ["compress", "decompress"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stopped_at_any_moment(
    number: signal.Signals, verb: str, scan: Path, durations: dict[str, float], tmp_path: Path
) -> None:
    source = scan if verb == "compress" else scan.with_name("good.voxz")
    complete = scan.with_name("good.voxz") if verb == "compress" else scan
    options = ["-1"] if verb == "compress" else []
    before, rng = digest(source), random.Random(number)
    for attempt in range(3):
        target = tmp_path / f"out{attempt}"
        target.write_bytes(b"old")
        process = start(verb, "-f", *options, source, "-o", target)
        time.sleep(durations[verb] * rng.uniform(0.3 * attempt, 0.3 * attempt + 0.4))
        process.send_signal(number)
        text = process.communicate()[1].decode()
        assert target.read_bytes() in (b"old", complete.read_bytes())
        assert process.returncode in (0, 130, -number), text
        assert "Traceback" not in text
        if process.returncode == 130:
            assert text.count("\n") == 1, text
        assert not list(tmp_path.glob(".*.part"))
    assert digest(source) == before


@pytest.mark.parametrize("verb", ["compress", "decompress"])
def test_a_full_disk_leaves_the_old_output(verb: str, scan: Path, tmp_path: Path) -> None:
    source = scan if verb == "compress" else scan.with_name("good.voxz")
    target = tmp_path / "out"
    target.write_bytes(b"old")

    def little_room() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))

    process = subprocess.run(
        [sys.executable, "-m", "voxz", verb, "-f", source, "-o", target],
        preexec_fn=little_room,
        capture_output=True,
        check=False,
    )
    assert process.returncode == 1
    assert process.stderr.decode().startswith("voxz: ")
    assert process.stderr.count(b"\n") == 1
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_standard_output(scan: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        process = subprocess.run(
            [sys.executable, "-m", "voxz", "decompress", scan.with_name("good.voxz"), "-o", "-"],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert process.returncode == 1
    assert process.stderr.decode().startswith("voxz: ")
    assert process.stderr.count(b"\n") == 1


def test_failed_verification_leaves_nothing(scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from voxz.codecs import stored

    original = stored.encode_brick
    monkeypatch.setattr(stored, "encode_brick", lambda samples, level, fidelity: original(samples + 1, level, fidelity))
    with pytest.raises(voxz.CorruptError):
        voxz.compress(scan, tmp_path / "out.voxz", codec="stored")
    assert not list(tmp_path.iterdir())


def peak_mib(*arguments: object) -> float:
    """Peak memory of a run of the command, in MiB."""
    script = (
        "import resource, subprocess, sys\n"
        "subprocess.run([sys.executable, '-m', 'voxz', *sys.argv[1:]], check=True)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)"
    )
    return float(subprocess.check_output([sys.executable, "-c", script, *map(str, arguments)]))


@pytest.mark.skipif(sys.platform != "linux", reason="units of ru_maxrss")
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    part = smooth((8, 512, 512)).tobytes()
    peaks = {}
    for depth in (72, 288):
        source = tmp_path / f"{depth}.nii"
        with source.open("wb") as file:
            file.write(nifti((512, 512, depth), samples=b"")[1])
            for _ in range(depth // 8):
                file.write(part)
        packed, restored = tmp_path / f"{depth}.voxz", tmp_path / f"{depth}.out"
        peaks[depth] = max(
            peak_mib("compress", "--codec", "stored", "-T", 2, source, "-o", packed),
            peak_mib("decompress", "-T", 2, packed, "-o", restored),
        )
        assert digest(source) == digest(restored)
        for path in (source, packed, restored):
            path.unlink()
    assert peaks[288] < 400
    assert peaks[288] < peaks[72] + 60  # the larger file has 108 MiB more


@pytest.mark.skipif(sys.platform != "linux", reason="units of ru_maxrss")
@pytest.mark.parametrize("level", [3, pytest.param(5, marks=pytest.mark.long)])
def test_memory_for_a_psnr_grows_with_what_is_coded_at_once(tmp_path: Path, level: int) -> None:
    peaks = {}
    for depth, side in ((10, 128), (2, 512), (10, 512)):  # the first run compiles kernels, those for motion, too
        source = tmp_path / f"{depth}.nii"
        source.write_bytes(nifti((side, side, depth), samples=smooth((depth, side, side)).tobytes())[1])
        peaks[depth] = peak_mib("compress", "--psnr", 45, f"-{level}", "-T", 1, "-f", source, "-o", tmp_path / "packed.voxz")
    assert peaks[10] < 288 + 64 * 10 * 512 * 512 / 2**20
    # the kernels that look for motion take room, too
    assert peaks[10] - peaks[2] < 64 * 8 * 512 * 512 / 2**20 + 80


def test_stopped_within_an_import(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("exec('import os, signal; os.kill(os.getpid(), signal.SIGTERM)')\n")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    done = subprocess.run([sys.executable, "-m", "voxz", "--help"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 130, done.stderr
    assert done.stderr == "voxz: interrupted; no unfinished file was left behind\n"
