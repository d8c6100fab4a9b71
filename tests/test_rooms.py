"""A room imports only from rooms above it, and starting up stays cheap."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import voxz

ROOMS = [
    {"errors", "limits", "locks", "jit"},
    {"volume", "entropy", "numerics", "threads", "metrics", "plotting", "weights"},
    {"transforms"},
    {"codecs"},
    {"container"},
    {"target"},
    {"io"},
    {"pipeline"},
    {"ratecontrol"},
    {"image"},
    {"compare"},
    {"datasets"},
    {"train"},
    {"plan_volume"},
    {"api"},
    {"studies"},
    {"adapters"},
    {"nibabel"},
    {"warm"},
    {"bench"},
    {"report", "viewer"},
    {"cli"},
    {"__init__", "__main__"},
]
"""The way of the data, from what everything stands on to what a user touches (docs/architecture.md)."""

CODECS = [
    {"numbers", "codec", "fidelity", "payload", "channels", "stored", "special_values", "background_planes", "turned"},
    {"predictive"},
    {"masked", "corrections", "labels"},
    {"floats", "wavelet"},
    {"siren", "native"},
]
"""The same within the room of codecs."""

MOST_AT_THE_ROOT = 10
FOLDER = Path(voxz.__file__).parent
FILES = sorted(FOLDER.rglob("*.py"))


def height(rooms: list[set[str]], room: str) -> int:
    return next(number for number, floor in enumerate(rooms) if room in floor)


def imported(file: Path) -> list[str]:
    """Rooms of voxz that a file imports anywhere."""
    found = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "voxz":
            assert node.level == 0
            parts = node.module.split(".")
            found += [parts[1]] if len(parts) > 1 else [alias.name for alias in node.names]
    return found


def imported_codecs(file: Path) -> list[str]:
    """Parts of the room of codecs that a file imports anywhere."""
    modules = [node.module for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.ImportFrom) and node.module]
    return [module.split(".")[2] for module in modules if module.startswith("voxz.codecs.")]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(FOLDER)))
def test_rooms_import_upwards(file: Path) -> None:
    own = height(ROOMS, file.relative_to(FOLDER).parts[0].removesuffix(".py"))
    assert all(height(ROOMS, room) <= own for room in imported(file))


@pytest.mark.parametrize("file", sorted((FOLDER / "codecs").rglob("*.py")), ids=lambda file: str(file.relative_to(FOLDER)))
def test_codecs_import_upwards(file: Path) -> None:
    part = file.relative_to(FOLDER / "codecs").parts[0].removesuffix(".py")
    if part in ("registry", "kinds", "__init__"):
        return
    own = height(CODECS, part)
    assert all(height(CODECS, other) <= own for other in imported_codecs(file))


@pytest.mark.parametrize("file", sorted(FOLDER.rglob("*/__init__.py")), ids=lambda file: str(file.relative_to(FOLDER)))
def test_packages_import_nothing_of_their_own(file: Path) -> None:
    """A thread that imports the package, and one that imports what the package would, could wait for each other."""
    own = ".".join(["voxz", *file.relative_to(FOLDER).parts[:-1]])
    imports = [node.module for node in ast.parse(file.read_text()).body if isinstance(node, ast.ImportFrom) and node.module]
    assert file.parent == FOLDER or not [module for module in imports if f"{module}.".startswith(f"{own}.")]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(FOLDER)))
def test_files_say_what_they_are_for(file: Path) -> None:
    assert ast.get_docstring(ast.parse(file.read_text()))


def test_the_root_holds_little() -> None:
    assert len([path for path in FOLDER.glob("*.py") if not path.name.startswith("__")]) <= MOST_AT_THE_ROOT


def test_public_names() -> None:
    assert len(voxz.__all__) <= 36
    assert all(hasattr(voxz, name) for name in voxz.__all__)


def test_starting_up_imports_no_compiler(tmp_path: Path) -> None:
    (tmp_path / "a.voxz").write_bytes(voxz.encode(voxz.decode(voxz.encode([1, 2, 3]))))
    script = (
        "import sys; sys.argv = ['voxz', 'info', sys.argv[1]]\n"
        "from voxz.cli.app import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'numba', 'nibabel', 'rich', 'torch', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path / "a.voxz")], check=True, capture_output=True)


def test_docs_architecture_has_a_line_for_each_room() -> None:
    """In an order in which a room imports only from rooms before it, as `test_rooms` checks it."""
    text = (FOLDER.parents[1] / "docs/architecture.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"<!-- rooms -->\n(.*?)<!-- end -->", text, re.DOTALL)
    rows = [re.findall(r"`([a-z_]+)(?:/|\.py)`", line.split("|")[1]) for line in table.splitlines()[2:]]
    listed = [room for row in rows for room in row]
    assert sorted(listed) == sorted(set().union(*ROOMS) - {"__init__", "__main__"})
    heights = {room: height for height, rooms in enumerate(ROOMS) for room in rooms}
    assert [heights[room] for room in listed] == sorted(heights[room] for room in listed)
