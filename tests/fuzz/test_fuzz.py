"""Damaged files, with sound checksums where they have any, end in samples or a `VoxzError`, in time, in bounded memory.

``VOXZ_LONG=1`` reads some for 10 seconds, ``VOXZ_FUZZ_SECONDS`` beside it files of all pools for as long as it says: kernels of
all codecs take minutes to compile with all indices checked. Longer runs: ``python -m benchmarks fuzz``.
"""

import os
import subprocess
import sys
from pathlib import Path
from random import Random

import numpy as np
import pytest

import voxz
from benchmarks.fuzz import campaign, foreign_pool, guided, packed_pool
from benchmarks.fuzz.archives import Archive
from benchmarks.fuzz.campaign import fuzz
from benchmarks.fuzz.foreign import Foreign
from benchmarks.fuzz.packed import KINDS, NAME, Packed, assembled
from benchmarks.fuzz.seed import MOST_BYTES, Files, Seed, named

SECONDS = os.environ.get("VOXZ_FUZZ_SECONDS")
FEW = ("head_level2", "series_level5", "labels", "floats_scaled", "stored", "wavelet_level5")
"""Words in the names of the golden files that are read by default."""

FOLDER = Path(__file__).parents[2]


def run(*arguments: str, **variables: str) -> str:
    """Output of the command, which must end well."""
    command = [sys.executable, "-m", "benchmarks", "fuzz", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | variables, cwd=FOLDER, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.long
@pytest.mark.parametrize("pools", [["golden", "packed"], ["archives"], ["foreign"]], ids=" ".join)
def test_no_damaged_file_harms_its_reader(pools: list[str], tmp_path: Path) -> None:
    if not SECONDS and pools[0] == "golden":
        pools = ["golden", "--only", *FEW]
    minutes = (float(SECONDS) if SECONDS else 10.0) / 3 / 60
    said = run(
        *("--seed", "14", "--minutes", str(minutes), "--keep", str(tmp_path / "faults"), "--pools", *pools), NUMBA_BOUNDSCHECK="1"
    )
    assert "0 faults" in said


@pytest.mark.skipif(not guided.available(), reason="atheris is not installed")
def test_guided_runs_find_new_lines(tmp_path: Path) -> None:
    said = run("--guided", "--minutes", "0.2", "--only", "tiny stored", "nrrd", "--keep", str(tmp_path / "faults"))
    assert "reached new lines" in said


@pytest.mark.skipif(guided.available(), reason="atheris is installed")
def test_guided_runs_say_what_they_need() -> None:
    command = [sys.executable, "-m", "benchmarks", "fuzz", "--guided"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=FOLDER, check=False)
    assert done.returncode == 2
    assert done.stderr.endswith("error: guided runs need atheris; install it with: pip install 'voxz[fuzz]'\n")


@pytest.fixture(scope="module")
def sound() -> list[Seed]:
    """A few files of the pool's kind."""
    array = np.arange(60, dtype="<i2").reshape(3, 4, 5)
    return [Packed.of(codec, voxz.encode(array, codec=codec)) for codec in ("predictive", "stored", "labels")]


def test_a_file_taken_apart_and_put_together_is_the_same(sound: list[Packed]) -> None:
    for seed in sound:
        blob = assembled(seed.parts)
        assert Packed.of(seed.name, blob) == seed
        assert voxz.decode(blob).shape == (3, 4, 5)


@pytest.mark.parametrize("kind", KINDS)
def test_mutations_repeat_and_reach_behind_the_checksums(sound: list[Seed], kind: str) -> None:
    files = [sound[n % 3].damaged(kind, sound, Random(n))[NAME] for n in range(60)]
    assert files == [sound[n % 3].damaged(kind, sound, Random(n))[NAME] for n in range(60)]
    assert len(set(files)) >= 10
    messages = []
    for blob in files:
        try:
            voxz.decode(blob, threads=1, max_bytes=MOST_BYTES)
        except voxz.VoxzError as error:
            messages.append(str(error))
    assert messages
    assert not any("match its checksum" in message or "match their checksum" in message for message in messages)


@pytest.fixture(scope="module")
def archives() -> list[Archive]:
    return foreign_pool.archives()


def test_every_format_is_damaged_alone_and_in_archives(archives: list[Archive]) -> None:
    formats = {make.__name__.replace("_", "-") for make in foreign_pool.FORMATS}
    seeds = foreign_pool.foreign()
    assert {seed.family for seed in seeds} == formats
    assert {f"archive of {name}" for name in formats} <= {seed.family for seed in archives}
    packings = {getattr(segment, "packing", 0) for seed in archives for file, _ in seed.entries for segment in file.segments}
    assert len(packings) >= 10


def test_an_archive_taken_apart_and_put_together_restores_the_same(archives: list[Archive], tmp_path: Path) -> None:
    (seed,) = named(archives, ["archive of all"])
    assert isinstance(seed, Archive)
    first, pieces = next((number, pieces) for number, (_, pieces) in enumerate(seed.entries) if pieces)
    (tmp_path / "a").write_bytes(seed.files[NAME])
    (tmp_path / "b").write_bytes(seed.with_piece(first, 0, pieces[0]))
    for name in ("a", "b"):
        voxz.verify(tmp_path / name)


@pytest.mark.parametrize("kind", ["segment", "piece", "gzip", "name", "note"])
def test_damage_to_archives_reaches_behind_the_catalogue(archives: list[Archive], kind: str) -> None:
    errors = []
    for number in range(80):
        seed = archives[number % len(archives)]
        blob = seed.damaged(kind, archives, Random(number))[NAME]
        try:
            voxz.verify(blob, threads=1)
            errors.append("")
        except voxz.VoxzError as error:
            errors.append(str(error))
    assert not any("the file" in error and "checksum" in error for error in errors)
    assert len(set(errors)) >= (2 if kind in ("gzip", "name", "note") else 5)


def test_foreign_files_that_do_not_come_back_are_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = [seed for seed in foreign_pool.foreign() if seed.family == "nrrd"]
    assert not fuzz(60, 1, seeds, most=20).faults
    real = voxz.decompress

    def other(source: Path, destination: Path, **options: int) -> None:
        real(source, destination, **options)  # type: ignore[arg-type]
        path = destination if destination.is_file() else next(destination.iterdir())
        path.write_bytes(path.read_bytes() + b"x")

    monkeypatch.setattr(voxz, "decompress", other)
    monkeypatch.setattr(campaign, "WAYS", 0)
    report = fuzz(60, 1, seeds, most=3)
    assert len(report.faults) == 3
    assert "other files came back" in report.faults[0][0]


def test_the_default_reads_files_of_several_codecs() -> None:
    assert len({seed.family for seed in named(packed_pool.golden(), FEW)}) >= 5


def test_an_exception_of_another_kind_is_a_fault(sound: list[Packed], monkeypatch: pytest.MonkeyPatch) -> None:
    assert not fuzz(60, 1, sound, most=20).faults

    def broken(self: Packed, files: Files, rng: Random) -> str:
        raise IndexError(len(files) + rng.randrange(2))

    monkeypatch.setattr(Packed, "read", broken)
    monkeypatch.setattr(campaign, "WAYS", 0)
    report = fuzz(60, 1, sound, most=3)
    assert report.files == len(report.faults) == 3
    assert "IndexError" in report.faults[0][0]


def test_a_reading_without_end_and_one_that_takes_much_are_faults(sound: list[Packed], monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(self: Packed, files: Files, rng: Random) -> str:
        while True:
            rng.random()

    monkeypatch.setattr(campaign, "WAYS", 0)
    monkeypatch.setattr(campaign, "MOST_SECONDS", 0.2)
    monkeypatch.setattr(Packed, "read", endless)
    assert "Hang" in fuzz(60, 1, sound[:1], most=1).faults[0][0]
    monkeypatch.setattr(campaign, "MOST_SECONDS", 60)
    monkeypatch.setattr(campaign, "MOST_MEMORY", -1)
    monkeypatch.setattr(Packed, "read", lambda self, files, rng: "samples")
    assert "MiB more" in fuzz(60, 1, sound[:1], most=1).faults[0][0]


def test_warnings_of_arithmetic_are_faults_and_those_about_files_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = [Foreign("a", "npy", {"a.txt": b"no image"})]
    assert not fuzz(60, 1, seeds, most=5).faults

    def overflowing(self: Foreign, files: Files, rng: Random) -> str:
        return str(np.float32(1e30) * np.float32(1e30))

    monkeypatch.setattr(Foreign, "read", overflowing)
    monkeypatch.setattr(campaign, "WAYS", 0)
    assert "RuntimeWarning" in fuzz(60, 1, seeds, most=1).faults[0][0]
