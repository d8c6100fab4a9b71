"""The codecs that a caller can ask for, by name."""

from collections.abc import Mapping
from typing import Any

from voxz.codecs.codec import Codec, Floats, Labels, Predictive, Stored
from voxz.codecs.siren.options import Siren
from voxz.codecs.wavelet.options import Wavelet
from voxz.errors import UsageError

KINDS: dict[str, type[Codec]] = {kind.name: kind for kind in (Stored, Predictive, Labels, Floats, Wavelet, Siren)}


def codec_of(asked: Codec | str | Mapping[str, Any] | None) -> Codec | None:
    """Codec that is meant by an object, a name, or the result of `Codec.to_dict`; None for the one that suits the samples.

    Raises
    ------
    UsageError
        There is no such codec.
    """
    if asked is None or isinstance(asked, Codec):
        return asked
    values = {"codec": asked} if isinstance(asked, str) else asked
    kind = KINDS.get(values.get("codec", ""))
    if kind is None:
        raise UsageError(f"unknown codec {values.get('codec')!r}; choose one of {', '.join(KINDS)}")
    return kind.from_dict(values)
