"""What a caller can ask of the codec `wavelet` besides a fidelity; importing it compiles nothing."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Union

from voxz.codecs.numbers import CODECS
from voxz.errors import UsageError

if TYPE_CHECKING:
    from voxz.transforms.trained_model import Model, Tuned

Transform = Union[str, "Model", "Tuned", None]

TUNED = "tuned"
"""The transform that is made for a volume before it is coded."""


@dataclass(frozen=True)
class WaveletOptions:
    """Options of the codec `wavelet`; None is what suits the level.

    Attributes
    ----------
    transform : see `voxz.transforms.choice`
    entropy : profile of the coder, see `voxz.codecs.wavelet.codec.heavy.model`
    """

    transform: Transform = None
    entropy: str | None = None

    def given(self) -> dict[str, Any]:
        """Those that are not None, by name."""
        options = {"transform": self.transform, "entropy": self.entropy}
        return {name: value for name, value in options.items() if value is not None}

    def codec(self, name: str | None) -> str | None:
        """Codec that is meant by its `name`, None for the one that suits the samples: with an option, this one."""
        if name is not None and name not in CODECS:
            raise UsageError(f"got codec {name!r}, expected one of {', '.join(CODECS)}")
        if not self.given():
            return name
        if name not in (None, "wavelet"):
            asked = " and ".join(self.given())
            raise UsageError(f"got an option ({asked}) for the codec {name}, expected the codec wavelet, whose option it is")
        return "wavelet"


NO_OPTIONS = WaveletOptions()
