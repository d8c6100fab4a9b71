"""HEVC reference software: HM's random access configuration on gray frames, HEVC or its range extensions.

Its pre-filter in time must be off (``--TemporalFilter=0``), since it would count as error. Versions before 16.9 know neither that
option nor ``TransquantBypassEnable``, which is then ``TransquantBypassEnableFlag``. Samples of 13 to 16 bits need a build with
``HIGH_BITDEPTH=ON``; others fail and say so. Run with HM 18.0.
"""

import subprocess
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

from voxz.bench.rivals.jvet import Jvet


@dataclass(frozen=True)
class Hm(Jvet):
    """HM; `config` is the path of its ``encoder_randomaccess_main_rext.cfg`` (or another); `qp` as for HEVC."""

    lossless: Literal["no", "yes"] = "no"
    origin = "the HM repository of JVET (vcgit.hhi.fraunhofer.de/jvet/HM)"
    programs: ClassVar[tuple[str, ...]] = ("TAppEncoder", "TAppDecoder")
    other_names: ClassVar[dict[str, tuple[str, ...]]] = {
        "TAppEncoder": ("TAppEncoderStatic",),
        "TAppDecoder": ("TAppDecoderStatic",),
    }
    encoder, decoder, usual_config = "TAppEncoder", "TAppDecoder", "encoder_randomaccess_main_rext.cfg"

    @property
    def bound(self) -> float | None:
        return 0.0 if self.lossless == "yes" else None

    @cached_property
    def _known(self) -> str:
        """Names of all options of this version."""
        said = subprocess.run([self.program("TAppEncoder"), "--help"], capture_output=True, check=False, stdin=subprocess.DEVNULL)
        return (said.stdout + said.stderr).decode(errors="replace")

    def own_options(self, bits: int) -> dict[str, Any]:
        options: dict[str, Any] = {"Profile": "main-RExt", "ExtendedPrecision": int(bits > 12)}
        if "TemporalFilter" in self._known:
            options["TemporalFilter"] = 0
        if self.bound is None:
            return options | {"QP": self.qp}
        bypass = "TransquantBypassEnable" if "TransquantBypassEnableFlag" not in self._known else "TransquantBypassEnableFlag"
        return options | {"CostMode": "lossless", bypass: 1, "CUTransquantBypassFlagForce": 1, "QP": 0}
