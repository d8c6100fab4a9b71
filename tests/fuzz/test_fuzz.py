"""Damaged files with sound checksums end in samples or a `VoxzError`, in time, in bounded memory, all indices checked.

``VOXZ_FUZZ_SECONDS`` says for how long the whole pool is read; by default some golden files are for 10 seconds, because the
kernels of all codecs take minutes to compile with all indices checked. Longer runs: ``python -m benchmarks fuzz``.
"""

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import numpy as np
import pytest

import voxz
from benchmarks import fuzz

SECONDS = os.environ.get("VOXZ_FUZZ_SECONDS")
FEW = ("head_level2", "series_level5", "labels", "floats_scaled", "stored", "wavelet_level5")
"""Words in the names of the golden files that are read by default."""

FOLDER = Path(__file__).parents[2]


def test_no_damaged_file_harms_its_reader(tmp_path: Path) -> None:
    keep = tmp_path / "faults"
    seconds, seeds = (float(SECONDS), []) if SECONDS else (10.0, ["--golden", *FEW])
    command = [sys.executable, "-m", "benchmarks", "fuzz", "--seed", "14", "--minutes", str(seconds / 60), "--keep", str(keep)]
    command += seeds
    environment = dict(os.environ, NUMBA_BOUNDSCHECK="1")
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=FOLDER, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 faults" in done.stdout


@pytest.fixture(scope="module")
def sound() -> list[fuzz.Seed]:
    """A few files of the pool's kind."""
    array = np.arange(60, dtype="<i2").reshape(3, 4, 5)
    return [fuzz.Seed.of(codec, voxz.encode(array, codec=codec)) for codec in ("predictive", "stored", "labels")]


def test_a_file_taken_apart_and_put_together_is_the_same(sound: list[fuzz.Seed]) -> None:
    for seed in sound:
        blob = fuzz.assembled(seed.parts)
        assert fuzz.Seed.of(seed.name, blob) == seed
        assert voxz.decode(blob).shape == (3, 4, 5)


@pytest.mark.parametrize("kind", fuzz.KINDS)
def test_mutations_repeat_and_reach_behind_the_checksums(sound: list[fuzz.Seed], kind: str) -> None:
    files = [fuzz.mutated(sound[n % 3], sound, kind, Random(n)) for n in range(60)]
    assert files == [fuzz.mutated(sound[n % 3], sound, kind, Random(n)) for n in range(60)]
    assert len(set(files)) >= 10
    messages = []
    for blob in files:
        try:
            voxz.decode(blob, threads=1, max_bytes=fuzz.MOST_BYTES)
        except voxz.VoxzError as error:
            messages.append(str(error))
    assert messages
    assert not any("match its checksum" in message or "match their checksum" in message for message in messages)


def test_the_default_reads_files_of_several_codecs() -> None:
    assert len({seed.codec for seed in fuzz.named(fuzz.golden(), FEW)}) >= 5


def test_an_exception_of_another_kind_is_a_fault(monkeypatch: pytest.MonkeyPatch, sound: list[fuzz.Seed]) -> None:
    assert not fuzz.fuzz(60, 1, most=20, seeds=sound).faults

    def broken(blob: bytes, rng: Random) -> str:
        raise IndexError(len(blob) + rng.randrange(2))

    calls = iter(range(1000))
    real = fuzz.read
    monkeypatch.setattr(fuzz, "read", lambda blob, rng: real(blob, rng) if next(calls) < 12 else broken(blob, rng))
    report = fuzz.fuzz(60, 1, most=3, seeds=sound)
    assert report.files == len(report.faults) == 3
    assert "IndexError" in report.faults[0][0]
