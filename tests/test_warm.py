"""After ``voxz warm`` no process has to compile anything to read or to write."""

import subprocess
import sys
from pathlib import Path

GOLDEN = Path(__file__).parent / "golden"

USE = """
import sys
from pathlib import Path
import numpy as np
import voxz
from dicoms import TEST_FILES, parsed
from phantoms import head, labels, ratio_map, series
from voxz.io.packings import packing
from voxz.jit.cache import KernelCache

compiled = []
KernelCache.save_overload = lambda self, signature, result: compiled.append((self._dispatcher.__name__, signature))
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
assert not compiled, compiled
"""


def test_warm_compiles_all_that_reading_and_writing_use() -> None:
    said = subprocess.run([sys.executable, "-m", "voxz", "warm"], capture_output=True, text=True, check=True)
    assert said.stdout.startswith("kernels are compiled, in ")
    assert not said.stderr
    used = subprocess.run(
        [sys.executable, "-c", USE, str(GOLDEN)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,
    )
    assert used.returncode == 0, used.stderr
