"""What a caller can ask of the codec `wavelet`; importing it compiles nothing."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Union

from voxz.codecs.codec import Codec
from voxz.errors import UsageError

if TYPE_CHECKING:
    from voxz.transforms.trained_model import Model, Tuned

Transform = Union[str, "Model", "Tuned", None]

TUNED = "tuned"
"""The transform that is made for a volume before it is coded."""


@dataclass(frozen=True)
class Wavelet(Codec):
    """A wavelet transform in three dimensions, quantised and coded band by band.

    Parameters
    ----------
    transform : ``"97"`` (lossy), ``"53"`` (lossless), ``"trained"`` (the shipped model that suits), ``"trained:NAME"``,
        ``"trained:FILE.safetensors"`` (from ``voxz train wavelet``) or ``"tuned"`` (trained on the volume first); None chooses
    entropy : ``"light"``, ``"heavy"`` (smaller and slower) or ``"heavy:FILE.safetensors"`` (from ``voxz train entropy``); None is
        light, and a faster one at low levels with loss
    """

    name: ClassVar[str] = "wavelet"
    large_bricks: ClassVar[bool] = True

    transform: Transform = None
    entropy: str | None = None

    @property
    def reads_ahead(self) -> bool:
        """A tuned transform is trained on the volume."""
        return self.transform == TUNED

    def brick_options(self) -> dict[str, Any]:
        """Keywords for `voxz.codecs.wavelet.codec.encode_brick`."""
        options = {"transform": self.transform, "entropy": self.entropy}
        return {name: value for name, value in options.items() if value is not None}

    def to_dict(self) -> dict[str, Any]:
        """Name and options, for JSON.

        Raises
        ------
        UsageError
            The transform is a model in memory.
        """
        if self.transform is not None and not isinstance(self.transform, str):
            raise UsageError("a model in memory has no place in JSON; save it and name its file: trained:FILE.safetensors")
        return super().to_dict()
