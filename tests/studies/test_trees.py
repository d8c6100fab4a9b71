"""Whole trees: every file back, nothing done twice, nothing lost whenever a run ends."""

import errno
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import voxz
from samples import contents, nifti, smooth
from trees import mixed_tree, small_study
from voxz.errors import CorruptError
from voxz.studies import run as studies
from voxz.studies.manifest import MANIFEST, Manifest, Record
from voxz.studies.plan import Choice, plan

KILLS = os.environ.get("VOXZ_KILLS", "12")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A mixed tree, with links, a name that two files would take, and an archive of its own."""
    root = mixed_tree(tmp_path / "study")
    (root / "sub-01/link.json").symlink_to("anat/t1.json")
    (root / "dwi").symlink_to("sub-01/dwi")
    shutil.copy(root / "sub-01/anat/t2.nii.gz", root / "sub-01/anat/t1.nii.gz")
    voxz.compress(root / "sub-01/anat/t1.nii", root / "ready.nii.voxz", level=1)
    (root / "a name with ünicode.txt").write_text("text")
    (root / "zero").touch()
    return root


def run(*arguments: object, code: int = 0, environment: dict[str, str] | None = None) -> str:
    """Run the command; return what it said on standard error and output."""
    command = [sys.executable, "-m", "voxz", *map(str, arguments)]
    ended = subprocess.run(
        command, capture_output=True, check=False, text=True, errors="replace", env={**os.environ, **(environment or {})}
    )
    assert ended.returncode == code, ended.stderr
    return ended.stderr + ended.stdout


def test_a_tree_comes_back_and_is_not_done_twice(tree: Path, tmp_path: Path) -> None:
    out, back = tmp_path / "out", tmp_path / "back"
    said = run("compress", "-r", tree, "-o", out, "-1")
    assert " files, " in said
    assert "failed" not in said
    names = set(contents(out))
    assert {"sub-01/anat/t1.nii.voxz", "sub-01/anat/t2.nii.voxz", "array.zarr.voxz", "participants.tsv"} <= names
    assert {"sub-01/anat/t1.nii.voxz", "sub-01/anat/t1.nii.gz.voxz"} <= names, "two files would have one name"
    assert any(name.startswith("dicom/ct/series-") for name in names)
    told = {line["destination"]: line for line in map(json.loads, (out / MANIFEST).read_text().splitlines())}
    source, line = tree / "sub-01/anat/t1.nii", told["sub-01/anat/t1.nii.voxz"]
    assert (line["size"], line["mtime_ns"]) == (source.stat().st_size, source.stat().st_mtime_ns)
    assert line["sha256"] == hashlib.sha256(source.read_bytes()).hexdigest()
    assert line["ratio"] == round(line["size"] / (out / line["destination"]).stat().st_size, 4)
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.voxz")}
    assert "0 files" in run("compress", "-r", tree, "-o", out, "-1")
    assert before == {path: path.stat().st_mtime_ns for path in out.rglob("*.voxz")}
    run("verify", "-r", out)
    run("decompress", "-r", out, "-o", back)
    assert contents(back) == contents(tree)
    assert (back / "dwi").is_symlink()
    assert (back / "sub-01/link.json").readlink() == Path("anat/t1.json")
    run("decompress", "-r", out, "-o", back)


def test_without_its_manifest_a_tree_comes_back_too(tree: Path, tmp_path: Path) -> None:
    (tree / "ready.nii.voxz").unlink()  # nothing tells it from what the study made
    run("compress", "-r", tree, "-o", tmp_path / "out", "-1", "--pack-rest")
    (tmp_path / "out" / MANIFEST).unlink()
    run("decompress", "-r", tmp_path / "out", "-o", tmp_path / "back")
    assert contents(tmp_path / "back") == contents(tree)


def test_only_what_is_new_or_changed_is_done(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run("compress", "-r", tree, "-o", out, "-1")
    changed = nifti((18, 20, 12), samples=smooth((12, 20, 18), seed=5).tobytes())[1]
    (tree / "sub-01/anat/t1.nii").write_bytes(changed)
    (tree / "new.nii").write_bytes(changed)
    told = json.loads(run("compress", "-r", tree, "-o", out, "-1", "--json", "-q"))
    assert (told["done"], told["failed"]) == (2, [])
    voxz.decompress(out / "sub-01/anat/t1.nii.voxz", tmp_path / "t1.nii")
    assert (tmp_path / "t1.nii").read_bytes() == changed


def test_beside_the_originals_which_go_once_they_are_safe(tree: Path, tmp_path: Path) -> None:
    original = tmp_path / "original"
    shutil.copytree(tree, original, symlinks=True)
    run("compress", "-r", tree, "-1", "--rm")
    assert "0 files" in run("compress", "-r", tree, "-1", "--rm"), "as after a run that was killed at its end"
    assert not (tree / "sub-01/anat/t1.nii").exists()
    assert not list((tree / "dicom/ct").glob("*.dcm"))
    assert (tree / "participants.tsv").exists()
    run("decompress", "-r", tree)
    for name, data in contents(original).items():
        assert (tree / name).read_bytes() == data if data is not None else (tree / name).is_dir()


def test_a_failure_is_named_and_stops_nothing(tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "sub-01/anat").mkdir(parents=True)
    (out / "sub-01/anat/t1.nii.voxz").write_bytes(b"somebody else's")
    os.mkfifo(tree / "fifo")
    said = run("compress", "-r", tree, "-o", out, "-1", code=4)
    assert "sub-01/anat/t1.nii: " in said
    assert "there already" in said
    assert "fifo" in said
    assert "no regular file" in said
    assert (out / "sub-01/anat/t1.nii.voxz").read_bytes() == b"somebody else's"
    assert (out / "sub-01/anat/t2.nii.voxz").exists()
    (tree / "fifo").unlink()
    assert "there already" in run("compress", "-r", tree, "-o", out, "-1", code=4)
    assert (out / "sub-01/anat/t1.nii.voxz").read_bytes() == b"somebody else's", "also when it was named before"
    run("compress", "-r", tree, "-o", out, "-1", "-f")


def test_what_was_finished_but_not_written_down_is_found(tree: Path, tmp_path: Path) -> None:
    """As when the disk lost the manifest, or a worker died before it told."""
    out = tmp_path / "out"
    run("compress", "-r", tree, "-o", out, "-1")
    before = {path: path.stat().st_mtime_ns for path in out.rglob("*.voxz") if path.name != "ready.nii.voxz"}
    (out / MANIFEST).unlink()
    shutil.rmtree(out / "analyze")
    other = nifti((18, 20, 12), samples=smooth((12, 20, 18), seed=5).tobytes())[1]
    (tree / "sub-01/anat/t1.nii").write_bytes(other)
    said = run("compress", "-r", tree, "-o", out, "-1", code=4)
    named = [line for line in said.splitlines() if "there already" in line]
    assert len(named) == 1, named
    assert "t1.nii.voxz is" in named[0], "it holds another file than the one that is there now"
    assert all(path.stat().st_mtime_ns == time for path, time in before.items() if path.exists() and "analyze" not in str(path))


def test_two_runs_do_not_write_one_study(tree: Path, tmp_path: Path) -> None:
    with Manifest(tmp_path / "out").alone():
        assert "another voxz is at work" in run("compress", "-r", tree, "-o", tmp_path / "out", code=2)
    run("compress", "-r", tree, "-o", tmp_path / "out", "-1")


def test_a_study_is_written_where_files_cannot_be_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows and some network folders."""

    def cannot(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", cannot)
    with Manifest(tmp_path).alone():
        pass


def test_damage_is_found(tree: Path, tmp_path: Path) -> None:
    run("compress", "-r", tree, "-o", tmp_path / "out", "-1")
    packed = tmp_path / "out/sub-01/anat/t1.nii.voxz"
    data = bytearray(packed.read_bytes())
    data[len(data) // 2] ^= 1
    packed.write_bytes(data)
    (tmp_path / "out/participants.tsv").write_text("other")
    said = run("verify", "-r", tmp_path / "out", code=4)
    assert "t1.nii" in said
    assert "participants.tsv" in said
    said = run("decompress", "-r", tmp_path / "out", "-o", tmp_path / "back", code=4)
    assert not (tmp_path / "back/sub-01/anat/t1.nii").exists()
    assert (tmp_path / "back/sub-01/anat/t2.nii.gz").exists()


def test_a_hostile_manifest_leads_nowhere(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text(json.dumps({"destination": "../a", "kind": "file", "source": "b"}) + "\n")
    with pytest.raises(CorruptError, match="leads out"):
        Manifest(tmp_path)
    (tmp_path / MANIFEST).write_text('{"destination": 3}\n[]\nnull\n{"destin')
    assert len(Manifest(tmp_path)) == 0
    Manifest(tmp_path).append(Record("a", "file", "a"))
    assert [record.destination for record in Manifest(tmp_path)] == ["a"], "an unfinished line spoils the next one"


def test_links_lead_nothing_out_of_the_restored_tree(tmp_path: Path) -> None:
    tree, out, back = tmp_path / "tree", tmp_path / "out", tmp_path / "back"
    (tree / "inner").mkdir(parents=True)
    (tree / "inner/a.txt").write_text("a")
    run("compress", "-r", tree, "-o", out)
    back.mkdir()
    (tmp_path / "elsewhere").mkdir()
    (back / "inner").symlink_to(tmp_path / "elsewhere")
    assert "leads out of the folder" in run("decompress", "-r", out, "-o", back, code=4)
    assert not list((tmp_path / "elsewhere").iterdir())


def test_patterns_choose_files(tree: Path) -> None:
    def sources(*, include: tuple[str, ...] = (), exclude: tuple[str, ...] = ()) -> set[str]:
        return {source for unit in plan(tree, Choice(include, exclude), 1) for source in unit.sources if unit.kind != "link"}

    assert sources(include=("*.nii",)) == {"sub-01/anat/t1.nii"}
    assert not any(name.startswith("dicom/") for name in sources(exclude=("dicom/*",)))
    assert sources(include=("sub-01/*",), exclude=("*.gz", "*.json")) == {
        "sub-01/anat/t1.nii",
        "sub-01/dwi/dwi.bval",
        "sub-01/dwi/dwi.bvec",
    }


def test_an_estimate_writes_nothing(tree: Path, tmp_path: Path) -> None:
    before = contents(tree)
    told = json.loads(run("compress", "-r", tree, "-o", tmp_path / "out", "--dry-run", "--json", "-1"))
    assert told["written"] < told["read"]
    assert contents(tree) == before
    assert not (tmp_path / "out").exists()


def test_trees_refuse_what_makes_no_sense(tree: Path, tmp_path: Path) -> None:
    for words, arguments in (
        ("takes one folder", ("compress", "-r", tree / "zero")),
        ("add -r", ("compress", tree / "zero", "--dry-run")),
        ("-r goes with none of", ("compress", "-r", tree, "--split", "series", "-o", tmp_path / "out")),
        ("no manifest", ("decompress", "-r", tree / "dicom", "-o", tmp_path / "back")),
        ("local:4", ("verify", "-r", tree, "--cluster", "local:none")),
    ):
        assert words in run(*arguments, code=2)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_any_moment_it_goes_on(tmp_path: Path) -> None:
    command = [sys.executable, str(Path(__file__).parent.parent / "study_kills.py"), str(tmp_path), KILLS, "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    kinds = json.loads(done.stdout)
    assert sum(found["killed"] for found in kinds.values()) == int(KILLS)
    for name, found in kinds.items():
        assert (found["lost"], found["killed"] >= int(KILLS) // 3) == (0, True), (name, found)
    assert sum(found["ended"] for found in kinds.values())


def test_a_cluster_does_the_same_and_outlives_a_worker(tmp_path: Path) -> None:
    distributed = pytest.importorskip("dask.distributed")
    tree = small_study(tmp_path / "study")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        pid = client.run(os.getpid)
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "voxz", "compress", "-r", str(tree), "-o", str(tmp_path / "out"), "-1"),
                *("--cluster", cluster.scheduler_address),
            ]
        )
        time.sleep(2)
        os.kill(next(iter(pid.values())), signal.SIGKILL)
        assert process.wait(120) == 0
    run("decompress", "-r", tmp_path / "out", "-o", tmp_path / "back")
    assert contents(tmp_path / "back") == contents(tree)


def test_large_files_take_all_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studies, "LARGE", 1 << 14)
    used: dict[str, int] = {}

    class Watch:
        def start(self, files: int, size: int) -> None:
            assert (files, size) == (2, 20_001)

        def part(self, record: Record, done: int, total: int) -> None:
            raise AssertionError

        def end(self, record: Record) -> None:
            pass

    def work(record: Record) -> object:
        def done(threads: int, _: object) -> Record:
            used[record.destination] = threads
            return record

        return done

    records = [Record("large", "image", "a", size=20_000), Record("small", "image", "b", size=1)]
    tasks = [studies.Task(record, work(record)) for record in records]  # type: ignore[arg-type]
    found = list(studies.on_threads(3)(tasks, lambda record: None, Watch()))
    assert used == {"large": 3, "small": 1}
    assert found == records
