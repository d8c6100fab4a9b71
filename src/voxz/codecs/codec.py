"""What a caller can ask of a codec: one frozen class for each, with the codec's own options as fields.

The options say how to code; what may be lost is the business of a target (`voxz.target`). A file does not hold these
objects: each brick names its codec by number and carries what decoding needs.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

from voxz.errors import UsageError


@dataclass(frozen=True)
class Codec:
    """A codec with its options; `to_dict` and `from_dict` go through JSON, and the `repr` is the call that makes it."""

    name: ClassVar[str]
    always_lossy: ClassVar[bool] = False
    """Whether it loses something even where no loss was asked for."""
    can_lose: ClassVar[bool] = True
    """Whether it can lose anything."""
    large_bricks: ClassVar[bool] = False
    """Whether larger bricks pay."""
    whole_volume: ClassVar[bool] = False
    """Whether a volume is one brick where it fits into memory."""

    @property
    def reads_ahead(self) -> bool:
        """Whether it reads the volume once before it codes it."""
        return self.always_lossy

    def brick_options(self) -> dict[str, Any]:
        """Keywords for the `encode_brick` of its module."""
        return {}

    def to_dict(self) -> dict[str, Any]:
        """Name and options, for JSON."""
        return {"codec": self.name, **asdict(self)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Inverse of `to_dict`; options that are left out have their defaults.

        Raises
        ------
        UsageError
            The values are those of another codec, or name an option that it does not have.
        """
        options = dict(values)
        if options.pop("codec", cls.name) != cls.name:
            raise UsageError(f"these are options of the codec {values['codec']}, not of {cls.name}")
        try:
            return cls(**options)
        except TypeError as error:
            raise UsageError(f"the codec {cls.name} cannot take these options: {error}") from None


@dataclass(frozen=True)
class Stored(Codec):
    """Samples as they are, packed if that helps; always lossless."""

    name: ClassVar[str] = "stored"
    can_lose: ClassVar[bool] = False


@dataclass(frozen=True)
class Predictive(Codec):
    """Prediction from neighbours, for integers: lossless, within a bound, or with a quantiser step."""

    name: ClassVar[str] = "predictive"


@dataclass(frozen=True)
class Labels(Codec):
    """Label maps and masks; always lossless."""

    name: ClassVar[str] = "labels"
    can_lose: ClassVar[bool] = False


@dataclass(frozen=True)
class Floats(Codec):
    """Floating-point and complex samples: lossless, within a bound, or with a quantiser step."""

    name: ClassVar[str] = "floats"
