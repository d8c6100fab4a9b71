"""After ``voxz warm`` no process has to compile anything to read or to write.

What is compiled already, by whatever ran before, must not hide a gap. So both processes tell which kernels they take from the
cache or put there, with the types of their arguments.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]

TELL = """
import atexit, json, os
from voxz.jit.cache import KernelCache

taken = set()
load, save = KernelCache.load_overload, KernelCache.save_overload

def note(cache, signature, found):
    if found is not None:
        taken.add(f"{cache._dispatcher.__module__}.{cache._dispatcher.__name__}{signature}")
    return found

KernelCache.load_overload = lambda cache, signature, context: note(cache, signature, load(cache, signature, context))
KernelCache.save_overload = lambda cache, signature, result: (note(cache, signature, result), save(cache, signature, result))
atexit.register(lambda: open(os.environ["TAKEN"], "w").write(json.dumps(sorted(taken))))
"""

WARM = """
import sys
from voxz.__main__ import main

sys.argv = ["voxz", "warm", "--processes", "1"]
main()
"""

USE = """
import sys
from pathlib import Path
import numpy as np
import voxz
from dicoms import TEST_FILES, parsed
from phantoms import head, labels, ratio_map, series
from voxz.io.packings import packing

for file in sorted(Path(sys.argv[1]).glob("*.voxz")):
    voxz.decode(file.read_bytes())
for level in (1, 2, 5, 6, 9):
    for array in (head((9, 40, 44)), series(4, (4, 24, 24)), labels((9, 40, 44)), ratio_map((9, 40, 44))):
        voxz.decode(voxz.encode(array, level=level))
wide = np.random.default_rng(2).integers(-(1 << 23), 1 << 23, (9, 100, 90), np.int32)
for level in (1, 3, 7):
    for target in (voxz.Lossless(), voxz.MaxError(3)):
        voxz.decode(voxz.encode(wide, level=level, target=target, codec="predictive"))
for target in (voxz.MaxError(3), voxz.Psnr(40), voxz.BitsPerVoxel(1)):
    with voxz.open(voxz.encode(head((9, 40, 44)).astype("u2"), target=target)) as image:
        image.preview(1)
        image[2:5, 3]
for name in ("MR_small_RLE.dcm", "MR_small_jpeg_ls_lossless.dcm", "SC_rgb_jpeg_gdcm.dcm"):
    file = (TEST_FILES / "test_files" / name).read_bytes()
    for stretch in parsed(file).stretches["a.dcm"]:
        module, data = packing(stretch.packing), file[stretch.start : stretch.start + stretch.length]
        assert module.pack(*module.unpack(data, stretch.layout), stretch.layout) == data
"""


def kernels(program: str, told: Path, *arguments: str) -> tuple[set[str], str]:
    """Kernels that a program takes, and what it prints."""
    said = subprocess.run(
        [sys.executable, "-c", TELL + program, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=TESTS,
        env={**os.environ, "TAKEN": str(told)},
    )
    assert said.returncode == 0, said.stderr
    assert not said.stderr
    return set(json.loads(told.read_text())), said.stdout


def test_warm_compiles_all_that_reading_and_writing_use(tmp_path: Path) -> None:
    warmed, said = kernels(WARM, tmp_path / "warmed")
    assert said.startswith("kernels are compiled, in ")
    used, _ = kernels(USE, tmp_path / "used", str(TESTS / "golden"))
    assert used
    assert not sorted(used - warmed)
