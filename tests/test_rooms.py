"""A room imports only from rooms above it, and starting up stays cheap."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import voxz

ROOMS = [
    {"errors", "volume", "target", "fidelity", "background", "bricks", "selection", "parallel"},
    {"jit"}, {"entropy"}, {"predict", "segments"}, {"dense"}, {"weights"}, {"transforms"}, {"subbands"}, {"implicit"},
    {"codecs"}, {"container"}, {"io"},
    {"metrics", "tally", "plan", "pipeline", "slabs"}, {"noise"}, {"search"},
    {"maps", "losses", "image", "samples", "scaled", "resolution", "resample"},
    {"structure", "canvas", "picture", "compare"}, {"progress", "report"}, {"data"}, {"train"}, {"settle"}, {"api"},
    {"summary"}, {"bench"}, {"cli"},
    {"__init__", "__main__"},
]  # fmt: skip
FOLDER = Path(voxz.__file__).parent
FILES = sorted(FOLDER.rglob("*.py"))


def height(room: str) -> int:
    return next(number for number, rooms in enumerate(ROOMS) if room in rooms)


def imported(file: Path) -> list[str]:
    """Rooms of voxz that a file imports anywhere."""
    found = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "voxz":
            assert node.level == 0
            parts = node.module.split(".")
            found += [parts[1]] if len(parts) > 1 else [alias.name for alias in node.names]
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(FOLDER)))
def test_rooms_import_upwards(file: Path) -> None:
    own = height(file.relative_to(FOLDER).parts[0].removesuffix(".py"))
    assert all(height(room) <= own for room in imported(file))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(FOLDER)))
def test_files_stay_readable(file: Path) -> None:
    text = file.read_text()
    assert len(text.splitlines()) <= 300
    assert ast.get_docstring(ast.parse(text))


def test_public_names() -> None:
    assert len(voxz.__all__) <= 20
    assert all(hasattr(voxz, name) for name in voxz.__all__)


def test_starting_up_imports_no_compiler(tmp_path: Path) -> None:
    (tmp_path / "a.voxz").write_bytes(voxz.encode(voxz.decode(voxz.encode([1, 2, 3]))))
    script = (
        "import sys; sys.argv = ['voxz', 'info', sys.argv[1]]\n"
        "from voxz.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'numba', 'nibabel', 'rich', 'torch', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "a.voxz")], check=True, capture_output=True)
