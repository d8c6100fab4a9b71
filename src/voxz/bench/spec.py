"""Codec specs: ``jpegxl:effort=9``, several of them between commas, with alternatives after one another (``x265:qp=10/16/22``).

An option belongs to the spec before it: ``x265:preset=veryslow,qp=22,gzip`` is two specs. Alternatives make one spec each;
those that differ in one number are the points of one rate-distortion curve.
"""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from voxz.bench.presets import PRESETS
from voxz.bench.rivals import rival_class
from voxz.bench.rivals.base import Rival
from voxz.errors import UsageError

QUALITY = ("qp", "rmse", "distance", "tolerance", "error", "psnr", "rate", "ratio", "bits")
"""Options that set quality: specs equal but for these are one curve."""


@dataclass(frozen=True)
class Spec:
    """A rival by name, with the options that were given."""

    name: str
    options: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        text = ",".join(f"{name}={value}" for name, value in self.options)
        return f"{self.name}:{text}" if text else self.name

    @property
    def family(self) -> str:
        """The spec without its quality: the name of a curve. Where a codec has several, their names tell curves apart."""
        kind: Any = rival_class(self.name)
        several = sum(field.name in QUALITY for field in fields(kind)) > 1
        asked = [name for name, _ in self.options if name in QUALITY] if several else []
        plain = str(Spec(self.name, tuple(option for option in self.options if option[0] not in QUALITY)))
        return f"{plain} ({', '.join(asked)})" if asked else plain

    def rival(self) -> Rival:
        """Make the rival; a wrong option raises `UsageError`."""
        kind: Any = rival_class(self.name)
        hints = get_type_hints(kind)
        known = {field.name: hints[field.name] for field in fields(kind)}
        values = {}
        for name, text in self.options:
            if name not in known:
                raise UsageError(f"codec {self.name} has no option {name!r}; it has {', '.join(known) or 'none'}")
            values[name] = _value(known[name], text, f"{self.name}:{name}")
        made: Rival = kind(**values)
        return made

    def in_both_orders(self, series: int) -> list["Spec"]:
        """For a series: the spec in volume order and in time order, if it can have either and does not say which."""
        kind: Any = rival_class(self.name)
        if series == 1 or "order" not in {field.name for field in fields(kind)} or "order" in dict(self.options):
            return [self]
        return [self, Spec(self.name, (*self.options, ("order", "time")))]


def parse(text: str) -> list[Spec]:
    """Specs of a list; names of presets stand for theirs.

    Raises
    ------
    UsageError
        A codec, an option or a value is not known.
    """
    written: list[list[str]] = []
    for piece in filter(None, (part.strip() for part in text.split(","))):
        if "=" in piece and ":" not in piece:
            if not written:
                raise UsageError(f"option {piece!r} comes before any codec; write codec:option=value,...")
            written[-1].append(piece)
        else:
            name, _, option = piece.partition(":")
            written.append([name, option] if option else [name])
    specs: list[Spec] = []
    for name, *options in written:
        specs += parse(PRESETS[name]) if name in PRESETS and not options else _expand(name, options)
    for spec in specs:
        spec.rival()
    if not specs:
        raise UsageError(f"no codec is named; name specs or one of the presets {', '.join(PRESETS)}")
    return list(dict.fromkeys(specs))


def _expand(name: str, options: Iterable[str]) -> list[Spec]:
    choices = []
    for option in options:
        key, equals, values = option.partition("=")
        if not equals or not values:
            raise UsageError(f"an option of codec {name} must be option=value (got {option!r})")
        choices.append([(key, value) for value in (values.split("/") if key not in {"config", "folder"} else [values])])
    return [Spec(name, combination) for combination in itertools.product(*choices)]


def _value(kind: Any, text: str, name: str) -> Any:
    if get_origin(kind) is Literal:
        if text not in get_args(kind):
            raise UsageError(f"{name} must be one of {', '.join(get_args(kind))} (got {text})")
        return text
    try:
        return kind(text)
    except ValueError:
        raise UsageError(f"{name} must be of type {kind.__name__} (got {text})") from None
