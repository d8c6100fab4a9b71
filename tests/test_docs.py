"""What the documents promise is run: the README's Python, its commands, its links."""

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_python_of_the_readme_runs(tmp_path: Path) -> None:
    found = importlib.util.find_spec("nibabel")
    assert found is not None
    assert found.origin is not None
    shutil.copy(Path(found.origin).parent / "tests/data/example4d.nii.gz", tmp_path / "scan.nii.gz")
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


@pytest.mark.parametrize("verb", re.findall(r"^voxz (\w+) +(?:IN|A)", README, re.MULTILINE))
def test_the_commands_of_the_readme_exist_with_their_options(verb: str) -> None:
    command = [sys.executable, "-m", "voxz", verb, "--help"]
    shown = subprocess.run(command, check=True, capture_output=True, text=True, env={"COLUMNS": "200", "PATH": ""}).stdout
    (line,) = re.findall(rf"^voxz {verb} +(?:IN|A).*$", README, re.MULTILINE)
    for option in re.findall(r"(--[a-z-]+|-[a-zA-Z])\b", line):
        assert option in shown


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text()):
        if "://" not in target:
            assert (document.parent / target).exists(), target
