"""VVC reference software: VTM's random access configuration on gray frames, up to 12 bits; lossy. Run with VTM 23.13.

Its pre-filter in time (``TemporalFilter``), and the screen content tools that its configuration leaves out, stay off.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from voxz.bench.rivals.jvet import Jvet


@dataclass(frozen=True)
class Vtm(Jvet):
    """VTM; `config` is the path of its ``encoder_randomaccess_vtm.cfg``; `qp` 0 to 63."""

    qp: int = 27
    most_bits: ClassVar[int] = 12
    origin = "the VTM repository of JVET (vcgit.hhi.fraunhofer.de/jvet/VVCSoftware_VTM)"
    programs: ClassVar[tuple[str, ...]] = ("EncoderApp", "DecoderApp")
    other_names: ClassVar[dict[str, tuple[str, ...]]] = {
        "EncoderApp": ("EncoderAppStatic",),
        "DecoderApp": ("DecoderAppStatic",),
    }
    encoder, decoder, usual_config = "EncoderApp", "DecoderApp", "encoder_randomaccess_vtm.cfg"

    @property
    def bound(self) -> None:
        return None

    def own_options(self, bits: int) -> dict[str, Any]:
        return {"QP": self.qp, "TemporalFilter": 0, "Profile": "auto"}
