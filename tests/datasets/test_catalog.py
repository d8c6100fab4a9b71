"""The catalogue of data sets, and the command that shows it."""

import json
import subprocess
import sys

from voxz.datasets import catalog


def command(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run ``voxz data`` as a user does."""
    line = [sys.executable, "-m", "voxz", "data", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, check=False)


def test_list() -> None:
    shown = command("list").stdout
    assert all(entry.name in shown and entry.licence in shown and entry.where in shown for entry in catalog.CATALOG)
    assert json.loads(command("list", "--json").stdout) == [entry.to_json() for entry in catalog.CATALOG]
    ct = [entry["name"] for entry in json.loads(command("list", "--json", "--modality", "ct").stdout)]
    assert "msd-spleen" in ct
    assert "msd-heart" not in ct
    wrong = command("list", "--modality", "xray")
    assert wrong.returncode == 2
    assert "choose one of CT, MRI" in wrong.stderr


def test_the_catalogue_is_sound() -> None:
    names = [entry.name for entry in catalog.CATALOG]
    assert len(set(names)) == len(names)
    assert {"mgh-adult-diffusion", "fafb", "fib-25", "msd-spleen", "msd-heart", "chaos-ct", "spm-attention", "mrnet"} <= set(
        names
    )
    for entry in catalog.CATALOG:
        assert entry.modalities
        assert set(entry.modalities) <= set(catalog.MODALITIES)
        assert entry.where.startswith(("https://", "http://"))
        assert entry.what.endswith(".")
        assert entry.how.endswith(".")
        assert entry.licence
        assert entry.size
    assert {modality for entry in catalog.CATALOG for modality in entry.modalities} == set(catalog.MODALITIES)
