"""Preparing crops: the same everywhere, resumable, never leaking; and a catalogue one can rely on."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import voxz
from phantoms import head, series
from samples import nifti, write_nifti
from voxz.datasets.crop_options import CropOptions
from voxz.datasets.crop_places import ATTEMPTS
from voxz.datasets.manifest import read_manifest
from voxz.datasets.prepare import Summary, prepare
from voxz.datasets.volumes import read
from voxz.errors import CorruptError, UsageError

SETTINGS = CropOptions(crop=(16, 16, 16), crops_per_volume=3, split={"train": 0.5, "validation": 0.5})


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Eight subjects in BIDS layout with an anatomical volume each, three with a series, one as .npy and .voxz."""
    root = tmp_path / "scans"
    for number in range(8):
        name = f"sub-{number:02}"
        write_nifti(root / name / "anat" / f"{name}_T1w.nii.gz", head((20, 24, 28), seed=number))
        if number < 3:
            write_nifti(root / name / "func" / f"{name}_bold.nii", series(4, (18, 20, 22), seed=100 + number))
    np.save(root / "other.npy", head((24, 20, 20), seed=50))
    (root / "packed.voxz").write_bytes(voxz.encode(head((16, 30, 30), seed=51)))
    return root


def run(source: Path, target: Path, options: CropOptions = SETTINGS) -> tuple[Summary, list[str], list[str]]:
    """Prepare; return the summary, the notices and the errors."""
    notices: list[str] = []
    errors: list[str] = []
    summary = prepare(
        source, target, options, notice=notices.append, failed=lambda error, path: errors.append(f"{path}: {error}")
    )
    return summary, notices, errors


def content(folder: Path) -> dict[str, bytes]:
    """All files of a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_two_runs_give_the_same_bytes(scans: Path, tmp_path: Path) -> None:
    summary, notices, errors = run(scans, tmp_path / "a")
    run(scans, tmp_path / "b")
    assert content(tmp_path / "a") == content(tmp_path / "b")
    assert (summary.written, summary.failed, notices, errors) == (13, 0, [], [])
    assert sum(summary.crops.values()) == 39
    run(scans, tmp_path / "c", CropOptions((16, 16, 16), 3, SETTINGS.split, seed=1))
    assert content(tmp_path / "c").keys() != content(tmp_path / "a").keys()


def test_crops_are_the_regions_they_name(scans: Path, tmp_path: Path) -> None:
    run(scans, tmp_path / "out")
    crops = read_manifest(tmp_path / "out")
    assert crops
    assert {crop.series for crop in crops} > {0}
    for crop in crops:
        volumes = read(scans / crop.source)
        z, y, x = (slice(start, start + length) for start, length in zip(crop.position, crop.shape, strict=True))
        loaded = crop.load()
        assert np.array_equal(loaded, volumes.samples[crop.series, z, y, x])
        assert loaded.dtype == volumes.samples.dtype == np.int16
        assert crop.sha256 == volumes.sha256
        assert crop.range == (loaded.min(), loaded.max())
        assert crop.volume_range == (volumes.samples[crop.series].min(), volumes.samples[crop.series].max())
        assert crop.spacing_mm == ((4.0, 3.0, 2.0) if ".nii" in crop.source else None)
        assert crop.short_axes == ()


def test_no_subject_is_on_both_sides(scans: Path, tmp_path: Path) -> None:
    run(scans, tmp_path / "out")
    sides: dict[str, set[str]] = {}
    for crop in read_manifest(tmp_path / "out"):
        sides.setdefault(crop.subject, set()).add(crop.split)
    assert len(sides) == 10
    assert all(len(found) == 1 for found in sides.values())
    assert {side for found in sides.values() for side in found} == {"train", "validation"}
    train = read_manifest(tmp_path / "out", "train")
    assert train
    assert all(crop.split == "train" and crop.file.startswith("train/") for crop in train)


def test_more_data_moves_nothing(scans: Path, tmp_path: Path) -> None:
    run(scans, tmp_path / "out")
    before = read_manifest(tmp_path / "out")
    write_nifti(scans / "sub-001" / "sub-001_T1w.nii.gz", head((20, 24, 28), seed=77))
    summary, _, _ = run(scans, tmp_path / "out")
    assert (summary.written, summary.reused) == (1, 13)
    assert set(read_manifest(tmp_path / "out")) > set(before)
    run(scans, tmp_path / "fresh")
    assert content(tmp_path / "out") == content(tmp_path / "fresh")


def test_a_scan_under_two_names_is_taken_once(scans: Path, tmp_path: Path) -> None:
    (scans / "sub-99").mkdir()
    (scans / "sub-99" / "copy.nii.gz").write_bytes((scans / "sub-00/anat/sub-00_T1w.nii.gz").read_bytes())
    summary, notices, _ = run(scans, tmp_path / "out")
    assert summary.skipped == 1
    assert notices == ["sub-99/copy.nii.gz holds the samples of sub-00/anat/sub-00_T1w.nii.gz; left out"]


@pytest.mark.parametrize("cut", ["a line", "lines", "all lines"])
def test_an_interrupted_run_is_taken_up(cut: str, scans: Path, tmp_path: Path) -> None:
    run(scans, tmp_path / "whole")
    out = tmp_path / "out"
    run(scans, out)
    manifest = out / "manifest.jsonl"
    lines = manifest.read_bytes().splitlines(keepends=True)
    kept = {"a line": b"".join(lines[:7]) + lines[7][:40], "lines": b"".join(lines[:8]), "all lines": b""}[cut]
    manifest.write_bytes(kept)
    (out / "train" / ".half.npy.1234.part").write_bytes(b"half")
    assert len(read_manifest(out)) == {"a line": 6, "lines": 6, "all lines": 0}[cut]
    summary, _, _ = run(scans, out)
    assert summary.reused == len(kept.splitlines()) // 3
    assert content(out) == content(tmp_path / "whole")


def test_a_signal_in_the_middle_leaves_whole_volumes(scans: Path, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done > total // 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(scans, tmp_path / "out", SETTINGS, notice=print, failed=print, progress=stop)
    assert not list(tmp_path.rglob("*.part"))
    assert 0 < len(read_manifest(tmp_path / "out")) < 39
    assert run(scans, tmp_path / "out")[0].reused > 0
    run(scans, tmp_path / "whole")
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def test_changed_sources_are_cut_anew(scans: Path, tmp_path: Path) -> None:
    run(scans, tmp_path / "out")
    np.save(scans / "other.npy", head((24, 20, 20), seed=60))
    summary, _, _ = run(scans, tmp_path / "out")
    assert (summary.written, summary.reused) == (1, 12)
    run(scans, tmp_path / "fresh")
    assert content(tmp_path / "out") == content(tmp_path / "fresh")


def test_other_options_are_refused(scans: Path, tmp_path: Path) -> None:
    run(scans, tmp_path / "out")
    with pytest.raises(
        UsageError, match=r"prepared with crops per volume 3 \(now 4\), seed 0 \(now 9\); give the same options or a new"
    ):
        run(scans, tmp_path / "out", CropOptions((16, 16, 16), 4, SETTINGS.split, seed=9))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").touch()
    with pytest.raises(UsageError, match="not empty"):
        run(scans, tmp_path / "mine")


def test_the_destination_may_lie_in_the_source(scans: Path, tmp_path: Path) -> None:
    first, _, _ = run(scans, scans / "crops")
    second, _, _ = run(scans, scans / "crops")
    assert (first.written, second.reused, second.written) == (13, 13, 0)


def test_small_volumes(tmp_path: Path) -> None:
    root = tmp_path / "scans"
    write_nifti(root / "thin.nii", head((9, 40, 40)))
    write_nifti(root / "exact.nii", head((16, 16, 16), seed=2))
    write_nifti(root / "flat.nii", head((7, 40, 40), seed=3))
    np.save(root / "empty.npy", np.zeros((0, 20, 20), np.int16))
    np.save(root / "slice.npy", head((20, 20, 20))[0])
    summary, notices, errors = run(root, tmp_path / "out")
    crops = {crop.source: crop for crop in read_manifest(tmp_path / "out")}
    assert crops["thin.nii"].shape == (9, 16, 16)
    assert crops["thin.nii"].short_axes == ("z",)
    assert crops["thin.nii"].load().shape == (9, 16, 16)
    assert crops["exact.nii"].count == 1
    assert crops.keys() == {"thin.nii", "exact.nii"}
    assert (summary.written, summary.skipped, errors) == (2, 3, [])
    assert "flat.nii is left out: it has 7x40x40 voxels (z, y, x), fewer than 8 along an axis" in notices
    assert f"exact.nii gave 1 of 3 crops: the others were empty or drawn before, {ATTEMPTS} times each" in notices


def test_unreadable_files_do_not_stop_the_rest(scans: Path, tmp_path: Path) -> None:
    (scans / "broken.nii").write_bytes(b"no image")
    (scans / "lonely.hdr").write_bytes(b"x" * 348)
    np.save(scans / "waves.npy", np.ones((9, 9, 9), np.complex64))
    summary, _, errors = run(scans, tmp_path / "out")
    assert (summary.written, summary.failed) == (13, 3)
    assert [Path(line.split(": ")[0]).name for line in errors] == ["broken.nii", "lonely.hdr", "waves.npy"]


def test_pairs_and_colours(tmp_path: Path) -> None:
    root = tmp_path / "scans"
    root.mkdir()
    header, data = nifti((12, 10, 9), samples=head((9, 10, 12)).astype("<i2").tobytes(), pair=True)
    (root / "a.hdr").write_bytes(header)
    (root / "a.img").write_bytes(data)
    colours = np.random.default_rng(1).integers(0, 255, (9, 10, 12, 3)).astype(np.uint8)
    (root / "rgb.nii").write_bytes(nifti((12, 10, 9), "rgb", samples=colours.tobytes())[1])
    summary, _, _ = run(root, tmp_path / "out", CropOptions((8, 8, 8), 2))
    assert summary.written == 2
    assert read(root / "a.hdr").spacing_mm == (4.0, 3.0, 2.0)
    assert np.array_equal(read(root / "rgb.nii").samples, np.moveaxis(colours, 3, 0))


def test_a_damaged_folder_is_noticed(scans: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(UsageError, match="voxz data prepare"):
        read_manifest(out)
    run(scans, out)
    with pytest.raises(UsageError, match="there are train, validation"):
        read_manifest(out, "test")
    crop = read_manifest(out)[0]
    (out / crop.file).write_bytes((out / crop.file).read_bytes()[:-1])
    with pytest.raises(CorruptError, match="prepare the folder again"):
        crop.load()
    np.save(out / crop.file, np.zeros(3))
    with pytest.raises(CorruptError, match="the manifest says"):
        crop.load()
    with (out / crop.file).open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": crop.dtype, "fortran_order": False, "shape": (1 << 60,)})
    with pytest.raises(CorruptError, match="prepare the folder again"):
        crop.load()
    manifest = out / "manifest.jsonl"
    good = manifest.read_text()
    deep = "[" * 100_000 + "\n"
    odd = [good.replace(json.dumps(crop.source), "[]"), good.replace(json.dumps(crop.dtype), '"none"')]
    for wrong in ("{}\n", "[1]\n", "nonsense\n", deep, *odd, good.replace(crop.file, "../" + crop.file)):
        manifest.write_text(wrong)
        with pytest.raises(CorruptError, match="line 1"):
            read_manifest(out)
    (out / "settings.json").write_text(deep)
    with pytest.raises(CorruptError, match="cannot be read"):
        read_manifest(out)
    with pytest.raises(UsageError, match="cannot be read"):
        run(scans, out)


def test_lines_come_back(scans: Path, tmp_path: Path) -> None:
    run(scans, tmp_path / "out")
    lines = [crop.to_json() for crop in read_manifest(tmp_path / "out")]
    assert lines == (tmp_path / "out" / "manifest.jsonl").read_text().splitlines()


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run ``voxz data`` as a user does."""
    line = [sys.executable, "-m", "voxz", "data", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, check=False)


def test_command(scans: Path, tmp_path: Path) -> None:
    arguments = (scans, tmp_path / "out", "--crop", "16", "--crops-per-volume", "3", "--split", "train=0.5,validation=0.5")
    first = command("prepare", *arguments)
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == "39 crops (train 18, validation 21); volumes: 13 new, 0 unchanged, 0 left out, 0 failed\n"
    run(scans, tmp_path / "same")
    assert content(tmp_path / "out") == content(tmp_path / "same")
    (scans / "broken.nii").write_bytes(b"no image")
    second = command("prepare", *arguments)
    assert second.returncode == 4
    assert second.stderr.startswith("voxz: ")
    assert second.stderr.count("\n") == 1
    assert "13 unchanged, 0 left out, 1 failed" in second.stdout
    third = command("prepare", *arguments, "--seed", "5")
    assert (third.returncode, third.stderr.count("\n")) == (2, 1)


def test_command_mistakes(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    mistakes: dict[str, list[object]] = {
        "holds no volumes": [tmp_path / "empty", tmp_path / "out"],
        "is not a folder": [tmp_path / "absent", tmp_path / "out"],
        "a crop must be": [tmp_path, tmp_path / "out", "--crop", "big"],
        "add up to 1": [tmp_path, tmp_path / "out", "--split", "0.5/0.1"],
        "Missing argument": [tmp_path],
    }
    for words, arguments in mistakes.items():
        result = command("prepare", *arguments)
        assert result.returncode == 2
        assert words in result.stderr
        assert (result.stderr.count("\n"), result.stdout) == (1, "")
    assert not (tmp_path / "out").exists()
