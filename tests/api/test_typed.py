"""What a user of types sees: `mypy --strict` accepts right calls of the public names, and finds wrong ones."""

import sys
from pathlib import Path

from mypy import api

RIGHT = """
import numpy as np
import voxz

targets: list[voxz.Target] = [
    voxz.Lossless(), voxz.MaxError(2), voxz.MaxError(0.5, unit="noise"), voxz.Psnr(50, max_error=3),
    voxz.BitsPerVoxel(1.5), voxz.Ratio(20),
]
codec = voxz.Siren("siren", width=64, model="network", log="fit.jsonl")
units: int = codec.width


def store(source: str, target: voxz.Target) -> bytes:
    voxz.compress(source, source + ".voxz", target=target, level=9, codec=voxz.Wavelet(transform="trained", entropy="heavy"))
    voxz.compress(source, source + ".voxz", codec="predictive", progress=lambda done, total: None)
    return voxz.encode(np.zeros((4, 4, 4), np.int16), target=targets[0], codec=voxz.Predictive())


bound: float | None = targets[0].max_error
known = voxz.Wavelet.from_dict(voxz.Wavelet().to_dict())
wavelet: voxz.Wavelet = known
"""

WRONG = """
import voxz

voxz.Siren(width="wide")
voxz.Siren(activation="relux")
voxz.MaxError(1, unit="grey")
voxz.encode([1], codec=voxz.Psnr(40))
voxz.encode([1], target=40)
voxz.encode([1], entropy="heavy")
"""


def test_users_are_typed(tmp_path: Path) -> None:
    for name, text in (("right", RIGHT), ("wrong", WRONG)):
        (tmp_path / f"{name}.py").write_text(text)
    options = ["--strict", "--no-incremental", "--follow-imports=silent", "--python-executable", sys.executable]
    report, errors, _ = api.run([*options, str(tmp_path / "right.py"), str(tmp_path / "wrong.py")])
    assert not errors
    found = [Path(line).name.split(":")[:2] for line in report.replace(str(tmp_path), "").splitlines() if ": error:" in line]
    assert found == [["wrong.py", str(line)] for line in range(4, 10)], report
