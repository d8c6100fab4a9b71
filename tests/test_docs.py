"""What the documents promise is run: Python and shell examples, options, links."""

import functools
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import typer

import voxz
from dicoms import slice_of, written
from phantoms import head
from voxz.cli.app import app

ROOT = Path(__file__).parents[1]
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]

BLOCK = re.compile(r"(?:^<!-- not run: (\w[^>]*) -->\n)?^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
"""Why an example cannot be run, if it cannot; language and text of a fenced block."""

SHOWN = {"groovy", "yaml", "text", "toml", "hex"}
"""Languages of blocks that are no examples to run."""


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks(document: Path) -> list[tuple[str, str, str]]:
    return BLOCK.findall(document.read_text(encoding="utf-8"))


EXTRAS = {"zarr", "dask", "distributed", "xarray", "torch", "monai", "torchio", "SimpleITK", "ome_zarr"}
"""Packages that examples need and voxz does not: where one is missing, what comes after it in the document is not run."""

STUDY = ["scan", "study/sub-01/bold", "study/sub-01/t1", "study/sub-02/t1", *(f"scans/sub-0{number}/t1" for number in (1, 2, 3))]

EXECUTED = [
    document for document in DOCUMENTS if any(language in {"python", "sh"} and not why for why, language, _ in blocks(document))
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where examples run: with a scan, a study, and the commands `voxz` and `python`."""
    series = np.stack([head((20, 48, 56)), head((20, 48, 56)) + 3], axis=-1).transpose(2, 1, 0, 3).astype(np.int16)
    scan = nibabel.Nifti1Image(series, np.diag([3.0, 3.0, 3.0, 1.0]))
    scan.header.set_xyzt_units("mm", "sec")
    for name in STUDY:
        path = tmp_path / f"{name}.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        volume = series if name.endswith(("scan", "bold")) else series[..., 0] + len(name) + int(name[-4])
        nibabel.Nifti1Image(volume, scan.affine, scan.header).to_filename(path)
    (tmp_path / "ct").mkdir()
    for number, pixels in enumerate(head((4, 32, 36))):
        data = slice_of(pixels, InstanceNumber=number + 1, ImagePositionPatient=[0, 0, 3 * number])
        (tmp_path / "ct" / f"{number}.dcm").write_bytes(written(data))
    commands = tmp_path / "commands"
    commands.mkdir()
    for name, arguments in {"voxz": "-m voxz", "python": ""}.items():
        (commands / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
        (commands / name).chmod(0o755)
    for name in ("weights", "trained"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.filterwarnings("ignore:NvImgCodec:UserWarning")  # of MONAI, on a decoder that it does not find
@pytest.mark.filterwarnings("ignore:Call to deprecated class Scaler")  # by ome-zarr, of its own class
@pytest.mark.skipif(sys.platform == "win32", reason="shell examples are for POSIX shells")
@pytest.mark.parametrize(
    "document", [pytest.param(one, marks=[pytest.mark.long] * (one.parent.name == "tutorials")) for one in EXECUTED], ids=named
)
def test_examples_run(document: Path, folder: Path) -> None:
    space: dict[str, Any] = {"__name__": "example"}
    for why, language, text in blocks(document):
        if language == "toml" and not (folder / "recipe.toml").exists():
            (folder / "recipe.toml").write_text(text)
        if language == "python" and not why:
            for name in EXTRAS & set(re.findall(r"^(?:import|from) (\w+)", text, re.MULTILINE)):
                pytest.importorskip(name)
            exec(compile(text, named(document), "exec"), space)
        if language == "sh" and not why:
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", text], capture_output=True, text=True, check=False)
            assert done.returncode == 0, f"{text}\n{done.stderr}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_blocks_say_their_language(document: Path) -> None:
    assert {language for _, language, _ in blocks(document)} <= {"python", "sh"} | SHOWN


@pytest.mark.long
def test_examples_pass_a_users_type_checker(tmp_path: Path) -> None:
    for document in DOCUMENTS:
        code = "\n".join(text for _, language, text in blocks(document) if language == "python")
        if code:
            (tmp_path / f"{document.stem.lower()}_example.py").write_text(code)
    # nibabel says that what it loads is an image without samples, so nobody can check a program that uses `load`;
    # the methods of dask's arrays, and what MONAI and TorchIO export, have no types
    untyped = ",".join(f"{name}.*" for name in ("nilearn", "numba", *sorted(EXTRAS - {"dask", "monai", "torchio"})))
    skipped = "[mypy-nibabel.*,dask.*,monai.*,torchio.*]\nfollow_imports = skip\nignore_missing_imports = True\n"
    others = f"{skipped}[mypy-{untyped}]\nignore_missing_imports = True\n"
    (tmp_path / "mypy.ini").write_text(f"[mypy]\nstrict = True\n{others}")
    command = [sys.executable, "-m", "mypy", "--config-file", "mypy.ini", "--cache-dir", str(ROOT / ".mypy_cache/examples"), "."]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_options_in_the_documents_exist() -> None:
    """Also those of examples that cannot be run."""
    texts = [(named(document), text) for document in DOCUMENTS for _, language, text in blocks(document) if language == "sh"]
    checked = 0
    for document, text in texts:
        for call in re.findall(r"^(?:[A-Z_]+=\S+ )?voxz ([^#|>\n]*)", text.replace("\\\n", ""), re.MULTILINE):
            verb, *words = call.split()
            known = options_of(*([verb, words[0]] if verb in {"data", "train"} else [verb]))
            for option in (word for word in words if re.fullmatch(r"--[a-z][a-z-]+", word)):
                assert option in known, f"{document}: voxz {verb} has no {option}"
                checked += 1
    assert checked > 20


@functools.cache
def options_of(*verbs: str) -> set[str]:
    command: Any = typer.main.get_command(app)
    for verb in verbs:
        command = command.commands[verb]
    return {name for parameter in command.params for name in parameter.opts}


@pytest.mark.parametrize("document", DOCUMENTS, ids=named)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8")):
        if "://" not in target and target != "cli.md":
            assert (document.parent / target).exists(), target


def test_files_that_are_named_exist() -> None:
    for document in DOCUMENTS:
        if document.name not in ("safety.md", "SECURITY.md"):  # their paths begin below tests/
            for path in re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)`", document.read_text(encoding="utf-8")):
                assert any((ROOT / top / path).exists() for top in ("", "src", "src/voxz")), f"{named(document)}: {path}"


def test_the_reference_has_all_names() -> None:
    text = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^::: voxz\.(\w+)$", text, re.MULTILINE))
    assert "errors" in listed
    assert all(name in listed or hasattr(voxz.errors, name) for name in voxz.__all__)


@pytest.mark.parametrize(("document", "least"), [("docs/safety.md", 40), ("SECURITY.md", 7)])
def test_safety_names_tests_that_exist(document: str, least: int) -> None:
    whole = (ROOT / document).read_text(encoding="utf-8")
    rows = [line for line in whole.splitlines() if line.startswith("| ") and line.count("|") == 3]
    promises = [row for row in rows if row != "| promise | test |"]
    assert len(promises) >= least
    assert all("`" in row.split("|")[2] for row in promises)
    for path, function in re.findall(r"`((?:\w+/)*test_\w+\.py)(?:::(\w+))?`", whole):
        text = (ROOT / "tests" / path).read_text(encoding="utf-8")
        assert not function or f"def {function}(" in text, f"{path}::{function}"
