"""Large images that several workers code in parts: the same bytes as one worker's, whatever becomes of the parts."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import voxz
from samples import contents, nifti, smooth, write_gzip
from voxz.codecs import registry
from voxz.studies import split
from voxz.studies.plan import Choice, Unit, plan
from voxz.studies.run import compress_study, restore_study
from voxz.studies.split import Split, split_of
from voxz.studies.work import Wish, compress_unit


class Watch:
    """Nobody watches."""

    def start(self, files: int, size: int) -> None: ...

    def part(self, record: object, done: int, total: int) -> None: ...

    def end(self, record: object) -> None: ...


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two images, of which one is large here; and a table."""
    monkeypatch.setattr(split, "PART", 1 << 18)
    monkeypatch.setattr(split, "_SMALL", 1 << 14)
    root = tmp_path / "tree"
    root.mkdir()
    write_gzip(root / "large.nii.gz", nifti((64, 60, 240), samples=smooth((240, 60, 64)).tobytes())[1])
    (root / "small.nii").write_bytes(nifti((8, 6, 4), samples=smooth((4, 6, 8)).tobytes())[1])
    (root / "table.tsv").write_text("a\tb\n")
    return root


WISH = Wish(level=2, brick="16")


def cut(tree: Path, out: Path) -> tuple[Unit, Split]:
    """The large image, cut."""
    unit = plan(tree, Choice(), 1)[0]
    found = split_of(unit, tree, out, WISH)
    assert found is not None
    assert len(found.work) > 2
    return unit, found


def spoilt(part: Path) -> None:
    """Change a payload: a part that a disk has damaged."""
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 1
    part.write_bytes(data)


@pytest.mark.parametrize(
    "fate",
    [
        lambda part: None,
        Path.unlink,
        spoilt,
        lambda part: part.write_bytes(part.read_bytes()[:-9]),
        lambda part: part.write_text("x"),
    ],
)
def test_parts_change_no_byte(fate: Callable[[Path], Any], tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    unit, found = cut(tree, out)
    for work in found.work:
        work()
    fate(found.parts.paths[1])
    record = compress_unit(unit, tree, out, WISH, 1, parts=found.parts)
    assert record.outcome == "done", record.error
    voxz.compress(tree / "large.nii.gz", tmp_path / "whole.voxz", level=2, brick=16)
    assert (out / unit.destination).read_bytes() == (tmp_path / "whole.voxz").read_bytes()
    assert [path.name for path in out.iterdir()] == [unit.destination], "parts are gone"


def test_who_joins_codes_and_decodes_nothing_again(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "out"
    unit, found = cut(tree, out)
    for work in found.work:
        work()

    def never(*_: object) -> tuple[int, bytes]:
        raise AssertionError

    monkeypatch.setattr(registry, "encode_brick", never)
    monkeypatch.setattr(registry, "decode_brick", never)
    assert compress_unit(unit, tree, out, WISH, 1, parts=found.parts).outcome == "done"


def test_a_part_is_decoded_before_it_counts(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, found = cut(tree, tmp_path / "out")

    def wrong(number: int, payload: bytes, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        return np.zeros(shape, dtype)

    monkeypatch.setattr(registry, "decode_brick", wrong)
    with pytest.raises(voxz.CorruptError, match="does not decode"):
        found.work[0]()
    assert not found.parts.paths[0].exists()


def test_small_and_lossy_images_are_not_cut(tree: Path, tmp_path: Path) -> None:
    units = plan(tree, Choice(), 1)
    assert [split_of(unit, tree, tmp_path, WISH) is None for unit in units] == [False, True, True]
    assert split_of(units[0], tree, tmp_path, Wish(voxz.MaxError(1))) is None


def test_a_cluster_codes_parts(tree: Path, tmp_path: Path) -> None:
    pytest.importorskip("dask.distributed")
    from voxz.studies.cluster import on_cluster

    out = tmp_path / "out"
    with on_cluster("local:2") as executor:
        outcome = compress_study(plan(tree, Choice(), 1), tree, out, WISH, executor, Watch(), split=True)
        assert (outcome.done, outcome.failed) == (3, [])
        assert restore_study(out, tmp_path / "back", False, executor, Watch()).failed == []
    assert contents(tmp_path / "back") == contents(tree)
    assert not list(out.glob(".*.bricks"))
