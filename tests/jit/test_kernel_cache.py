"""Compiled kernels are kept between processes, and never run after what they were compiled from has changed."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import voxz

SOURCES = Path(voxz.__file__).parents[1]

INNER = "from voxz.jit import kernel\nSCALE = 2\n\n@kernel\ndef inner(a):\n    return a * SCALE\n"
OUTER = "from inner import inner\nfrom voxz.jit import kernel\n\n@kernel\ndef outer(a):\n    return inner(a) + 1\n"
RUN = "from outer import outer; print(outer(10), end='')"
WRITE = (
    "from voxz.entropy.integers import IntegerWriter\n"
    "writer = IntegerWriter()\nwriter.put([300, -5, 12])\nprint(len(writer.to_bytes()))"
)


def environment(sources: Path, **changes: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("VOXZ_CACHE_DIR", "VOXZ_JIT")}
    return {**kept, "PYTHONPATH": os.pathsep.join([str(sources), str(SOURCES)]), **changes}


def run(script: str, sources: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", script]
    return subprocess.run(command, env=environment(sources, **changes), capture_output=True, text=True, check=True)


@pytest.fixture
def kernels(tmp_path: Path) -> Path:
    """Folder of a kernel that calls one of another file."""
    folder = tmp_path / "kernels"
    folder.mkdir()
    (folder / "inner.py").write_text(INNER)
    (folder / "outer.py").write_text(OUTER)
    return folder


def test_edits_of_what_a_kernel_calls_are_seen(kernels: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    assert run(RUN, kernels, VOXZ_CACHE_DIR=cache).stdout == "21"
    (kernels / "inner.py").write_text(INNER.replace("a * SCALE", "a - SCALE"))
    assert run(RUN, kernels, VOXZ_CACHE_DIR=cache).stdout == "9"
    (kernels / "inner.py").write_text(INNER.replace("SCALE = 2", "SCALE = 5"))
    assert run(RUN, kernels, VOXZ_CACHE_DIR=cache).stdout == "51"
    (kernels / "inner.py").write_text(INNER)
    assert run(RUN, kernels, VOXZ_CACHE_DIR=cache).stdout == "21"


def test_edits_of_tables_and_of_the_order_of_fields_are_seen(tmp_path: Path) -> None:
    code = (
        "from typing import NamedTuple\nimport numpy as np\nfrom voxz.jit import kernel\nTABLE = np.array([7, 8])\n\n"
        "class Pair(NamedTuple):\n    a: int\n    b: int\n\n@kernel\ndef apart(pair):\n    return pair.a - pair.b + TABLE[0]\n"
    )
    script = "from pair import Pair, apart; print(apart(Pair(5, 3)), end='')"
    for change, expected in (("", "9"), ("[7, 8]", "10"), ("    a: int\n    b: int\n", "5")):
        new = {"": "", "[7, 8]": "[8, 8]", "    a: int\n    b: int\n": "    b: int\n    a: int\n"}[change]
        (tmp_path / "pair.py").write_text(code.replace(change, new) if change else code)
        assert run(script, tmp_path, VOXZ_CACHE_DIR=str(tmp_path / "cache")).stdout == expected


def test_an_edit_inside_the_package_is_seen_and_the_old_code_removed(tmp_path: Path) -> None:
    copy = tmp_path / "voxz"
    shutil.copytree(SOURCES / "voxz", copy, ignore=shutil.ignore_patterns("__pycache__", "*.safetensors"))
    before = run(WRITE, tmp_path).stdout
    cache = copy / "__pycache__" / "kernels"
    count = len(list(cache.iterdir()))
    bits = copy / "entropy" / "bits.py"
    bits.write_text(bits.read_text().replace("    return position + length\n", "    return position + length + 64\n"))
    assert run(WRITE, tmp_path).stdout != before
    assert len(list(cache.iterdir())) == count


def test_what_kernels_call_is_kept_in_them(kernels: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert run(RUN, kernels, VOXZ_CACHE_DIR=str(cache)).stdout == "21"
    assert [file.name.split("-")[0] for file in cache.iterdir()] == ["outer.outer"]
    both = "from inner import inner; from outer import outer; print(inner(10), outer(11), inner(12), end='')"
    assert run(both, kernels, VOXZ_CACHE_DIR=str(cache)).stdout == "20 23 24"


def test_comments_and_docstrings_do_not_count(kernels: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    run(RUN, kernels, VOXZ_CACHE_DIR=str(cache))
    before = sorted(cache.iterdir())
    (kernels / "inner.py").write_text(INNER.replace("def inner(a):\n", 'def inner(a):\n    """Twice."""  # said\n'))
    assert run(RUN, kernels, VOXZ_CACHE_DIR=str(cache)).stdout == "21"
    assert sorted(cache.iterdir()) == before


def test_damaged_files_are_not_run(kernels: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    run(RUN, kernels, VOXZ_CACHE_DIR=str(cache))
    for number, file in enumerate(sorted(cache.iterdir())):
        data = file.read_bytes()
        file.write_bytes(b"" if number else data[:-1])
    assert run(RUN, kernels, VOXZ_CACHE_DIR=str(cache)).stdout == "21"


def test_many_processes_may_start_at_once(kernels: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    setting = environment(kernels, VOXZ_CACHE_DIR=str(cache))
    count = f"{RUN}; print('', sum(outer.stats.cache_misses.values()), end='')"
    started = [subprocess.Popen([sys.executable, "-c", count], env=setting, stdout=subprocess.PIPE) for _ in range(6)]
    assert sorted(process.communicate()[0] for process in started) == [b"21 0"] * 5 + [b"21 1"]  # one compiles for all
    assert [process.returncode for process in started] == [0] * 6
    assert {file.suffix for file in cache.iterdir()} == {".kernel"}
    before = sorted(cache.iterdir())
    run(RUN, kernels, VOXZ_CACHE_DIR=str(cache))
    assert sorted(cache.iterdir()) == before


def test_nobody_waits_for_a_process_that_was_killed(kernels: Path, tmp_path: Path) -> None:
    setting = environment(kernels, VOXZ_CACHE_DIR=str(tmp_path / "cache"))
    stuck = f"import time; from voxz.jit.cache import KernelCache; KernelCache.save_overload = lambda *_: time.sleep(60)\n{RUN}"
    with subprocess.Popen([sys.executable, "-c", stuck], env=setting) as first:
        while not list(tmp_path.glob("cache/*.lock")):
            assert first.poll() is None
            time.sleep(0.01)
        second = subprocess.Popen([sys.executable, "-c", RUN], env=setting, stdout=subprocess.PIPE)
        with pytest.raises(subprocess.TimeoutExpired):
            second.wait(5)
        first.kill()
    assert second.communicate()[0] == b"21"
    assert {file.suffix for file in (tmp_path / "cache").iterdir()} == {".kernel"}


def test_where_nothing_can_be_written_one_line_says_so(tmp_path: Path) -> None:
    copy = tmp_path / "voxz"
    shutil.copytree(SOURCES / "voxz", copy, ignore=shutil.ignore_patterns("__pycache__", "*.safetensors"))
    (copy / "__pycache__").write_text("a file, so that no folder can be made here")
    script = (  # what the command says, and then a kernel that takes little time to compile
        "import sys\nfrom contextlib import suppress\nfrom voxz.cli.app import main\n"
        f"sys.argv = ['voxz', '--version']\nwith suppress(SystemExit):\n    main()\n{WRITE}"
    )
    result = run(script, tmp_path, HOME=os.devnull, XDG_CACHE_HOME=os.devnull, LOCALAPPDATA=os.devnull)
    (line,) = result.stderr.splitlines()
    assert line.startswith("voxz: warning: cannot write to ")
    assert "VOXZ_CACHE_DIR" in line
    assert result.stdout.splitlines()[-1] == run(WRITE, SOURCES).stdout.strip()


def test_a_prepared_folder_may_be_read_only(kernels: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    run(RUN, kernels, VOXZ_CACHE_DIR=str(cache))
    cache.chmod(0o500)
    result = run(RUN, kernels, VOXZ_CACHE_DIR=str(cache))
    cache.chmod(0o700)
    assert (result.stdout, result.stderr) == ("21", "")


def test_a_kept_kernel_runs_without_what_only_compiling_takes(kernels: Path, tmp_path: Path) -> None:
    asked = "\nimport sys; print('', 'numba.np.linalg' in sys.modules)"
    cache = str(tmp_path / "cache")
    assert run(RUN + asked, kernels, VOXZ_CACHE_DIR=cache).stdout == "21 True\n"
    assert run(RUN + asked, kernels, VOXZ_CACHE_DIR=cache).stdout == "21 False\n"
    coded = (
        "import numpy as np, voxz\nvolume = np.arange(6 * 20 * 20, dtype=np.int16).reshape(6, 20, 20)\n"
        "assert (voxz.decode(voxz.encode(volume, level=1, codec='predictive')) == volume).all()"
    )
    run(coded, SOURCES)  # compiled here, or for another test
    assert run(coded + asked, SOURCES).stdout == " False\n"


def test_who_listens_is_told_once_that_kernels_are_compiled(kernels: Path, tmp_path: Path) -> None:
    cache = str(tmp_path / "cache")
    listening = f"import logging; logging.basicConfig(level=logging.INFO)\n{RUN}"
    told = run(listening, kernels, VOXZ_CACHE_DIR=cache).stderr
    assert told.count("compiling for this machine") == 1
    assert "compiling" not in run(listening, kernels, VOXZ_CACHE_DIR=cache).stderr
