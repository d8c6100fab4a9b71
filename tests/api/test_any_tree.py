"""Any mixture of files: one archive, and file by file, bring back the very tree."""

import json
import os
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings
from typer.testing import CliRunner

import voxz
from dicoms import slice_of, written
from samples import nifti, smooth, write_gzip
from voxz.cli.app import app

VOLUME = smooth((6, 12, 10))
PLAIN = nifti((10, 12, 6), samples=VOLUME.tobytes())[1]


def write_series(path: Path, rng: np.random.Generator) -> None:
    """Slices of DICOM, one of which may be cut."""
    path.mkdir()
    for number, plane in enumerate(VOLUME):
        data = written(slice_of(plane, InstanceNumber=number + 1, ImagePositionPatient=[0, 0, 3 * number]))
        cut = rng.integers(len(data)) if rng.random() < 0.1 else len(data)
        (path / f"IM{number}").write_bytes(data[:cut])


def write_link(path: Path, rng: np.random.Generator) -> None:
    """A link to a file beside it, if there is one."""
    files = sorted(name.name for name in path.parent.iterdir() if name.is_file() and not name.is_symlink())
    if files:
        path.symlink_to(files[rng.integers(len(files))])


KINDS: dict[str, Callable[[Path, np.random.Generator], object]] = {
    ".nii": lambda path, rng: path.write_bytes(PLAIN),
    ".nii.gz": lambda path, rng: write_gzip(path, PLAIN, level=int(rng.integers(1, 10))),
    "_cut.nii": lambda path, rng: path.write_bytes(PLAIN[: rng.integers(len(PLAIN))]),
    "_cut.nii.gz": lambda path, rng: path.write_bytes(b"\x1f\x8b\x08\0" + rng.bytes(int(rng.integers(99)))),
    ".npy": lambda path, rng: np.save(path, VOLUME[: rng.integers(6)]),
    "_dicom": write_series,
    ".json": lambda path, rng: path.write_text(json.dumps({"EchoTime": float(rng.random())})),
    ".bval": lambda path, rng: path.write_text("0 1000 1000\n"),
    ".tsv": lambda path, rng: path.write_text("participant_id\tage\nsub-01\t33\n" * int(rng.integers(9))),
    ".pdf": lambda path, rng: path.write_bytes(b"%PDF-1.7\n" + rng.bytes(3000) + b"\n%%EOF\n"),
    ".bin": lambda path, rng: path.write_bytes(rng.bytes(int(rng.integers(1 << 16)))),
    ".dcm": lambda path, rng: path.write_bytes(bytes(128) + b"DICM" + rng.bytes(int(rng.integers(999)))),
    "_empty": lambda path, rng: path.write_bytes(b""),
    "_folder": lambda path, rng: path.mkdir(),
    "_link": write_link,
}
NAMES = st.sampled_from(["a", "sub-01_T1w", "with space", "ünï", ".hidden", "A"])
FOLDERS = st.sampled_from(["", "sub-01/anat", "sub-01/dwi", "x y"])
ENTRIES = st.lists(st.tuples(FOLDERS, NAMES, st.sampled_from(sorted(KINDS))), min_size=1, max_size=12, unique=True)


def everything(root: Path) -> dict[str, object]:
    """All that lies in a folder: contents of files, where links lead, which folders there are."""
    found: dict[str, object] = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        found[name] = os.fspath(path.readlink()) if path.is_symlink() else None if path.is_dir() else path.read_bytes()
    return found


def followed(root: Path) -> dict[str, object]:
    """The same with the contents of linked files in the place of links."""
    return {name: (root / name).read_bytes() if (root / name).is_symlink() else data for name, data in everything(root).items()}


@settings(max_examples=25, deadline=None)
@given(ENTRIES, st.integers(0, 1 << 16))
def test_any_tree_comes_back(entries: list[tuple[str, str, str]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as place, warnings.catch_warnings():
        warnings.simplefilter("ignore", voxz.errors.VoxzWarning)
        root = Path(place)
        for folder, name, kind in entries:
            (root / "in" / folder).mkdir(parents=True, exist_ok=True)
            KINDS[kind](root / "in" / folder / (name + kind), rng)
        if any(path.is_file() for path in (root / "in").rglob("*")):
            voxz.compress(root / "in", root / "a.voxz", level=1)
            voxz.decompress(root / "a.voxz", root / "back")
            assert followed(root / "back") == followed(root / "in")
        for verb, source, target in (("compress", "in", "packed"), ("decompress", "packed", "out")):
            result = CliRunner().invoke(app, [verb, "-r", str(root / source), "-o", str(root / target)])
            assert result.exit_code == 0, result.output
        assert everything(root / "out") == everything(root / "in")
