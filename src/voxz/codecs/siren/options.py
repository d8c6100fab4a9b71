"""How a network is built and fitted: one set of options for everything, and presets of them by name."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args, get_type_hints

from voxz.errors import UsageError

Activation = Literal["sine", "relu", "tanh"]


@dataclass(frozen=True)
class SirenOptions:
    """Options of the codec `siren`.

    Attributes
    ----------
    model : ``"latents"``, a small network of coordinates and coded latents; ``"network"``, one of coordinates alone
    axes : coordinates of a network: 2, one network for each slice; 3, one for the volume; 4, the volumes of a series along
        a coordinate as well, with a single output
    outputs : what networks of 2 or 3 axes compute: ``"volumes"`` of a series, each scaled to 0 .. 1, or its principal
        ``"components"``
    hidden, width : hidden layers and their units; a width of 0 is chosen for the size that is asked for
    activation : of the hidden layers
    sine_first, sine_last : whether the first and the last hidden layer have sines where the others have not
    final : activation of the outputs
    omega_first, omega : factors of the argument of the sines of the first and of later layers
    weights : ``"coded"`` in as many bits as pay, or ``"float32"``
    learning_rate, iterations, batch : of the fit with Adam; a batch of 0 takes all points at once
    schedule : of the learning rate over the iterations: ``"constant"`` or ``"cosine"``
    patience : share of the iterations without progress after which a fit ends early; 0 never
    warm : whether the network of a slice starts from that of the slice before
    foreground : whether constant background is left out of the fit and kept apart
    seed : of everything random
    """

    model: Literal["latents", "network"] = "latents"
    axes: Literal[2, 3, 4] = 3
    outputs: Literal["volumes", "components"] = "components"
    hidden: int = 2
    width: int = 0
    activation: Activation = "sine"
    sine_first: bool = False
    sine_last: bool = False
    final: Literal["identity", "relu", "tanh"] = "identity"
    omega_first: float = 1.0
    omega: float = 1.0
    weights: Literal["coded", "float32"] = "coded"
    learning_rate: float = 5e-3
    iterations: int = 1000
    batch: int = 8192
    schedule: Literal["constant", "cosine"] = "cosine"
    patience: float = 0.3
    warm: bool = True
    foreground: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for name, hint in hints.items():
            value, allowed = getattr(self, name), get_args(hint)
            if allowed and value not in allowed:
                raise UsageError(f"got {name} {value!r}, expected one of {', '.join(map(str, allowed))}")
        limits = {
            "hidden": (1, 15),
            "width": (0, 4096),
            "iterations": (1, 1 << 24),
            "batch": (0, 1 << 30),
            "seed": (0, (1 << 63) - 1),
            "omega_first": (1e-3, 1e4),
            "omega": (1e-3, 1e4),
            "learning_rate": (1e-9, 10),
            "patience": (0, 1),
        }
        for name, (lowest, highest) in limits.items():
            if not lowest <= getattr(self, name) <= highest:
                raise UsageError(f"got {name} {getattr(self, name)}, expected {lowest} to {highest}")
        if self.model == "latents" and self.axes != 3:
            raise UsageError(f"got {self.axes} axes for a model of latents, expected 3, or the model 'network'")
        if self.axes == 4 and self.outputs != "volumes":
            raise UsageError("got 4 axes with components as outputs, expected volumes")

    def to_json(self) -> str:
        """All options as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "SirenOptions":
        """Inverse of `to_json`."""
        try:
            values = json.loads(text)
            return cls(**values)
        except (TypeError, ValueError) as error:
            raise UsageError(f"got options that are not understood: {error}") from None

    @classmethod
    def from_text(cls, preset: str, text: str) -> "SirenOptions":
        """Return a preset with changes such as ``"width=64,iterations=500"``."""
        hints, values = get_type_hints(cls), {}
        for piece in filter(None, (part.strip() for part in text.split(","))):
            name, equals, value = piece.partition("=")
            if not equals or name not in hints:
                raise UsageError(f"got {piece!r}, expected name=value with one of {', '.join(hints)}")
            values[name] = _parsed(hints[name], name, value)
        return cls.of(preset, **values)

    @classmethod
    def of(cls, preset: str = "default", **changes: Any) -> "SirenOptions":
        """Return a preset with some options changed; None leaves an option as it is."""
        if preset not in PRESETS:
            raise UsageError(f"got preset {preset!r}, expected one of {', '.join(PRESETS)}")
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(changes) - known)
        if unknown:
            raise UsageError(f"got option {unknown[0]!r}, expected one of {', '.join(sorted(known))}")
        return replace(PRESETS[preset], **{name: value for name, value in changes.items() if value is not None})


@dataclass(frozen=True)
class Fitting:
    """What the codec siren is told.

    Attributes
    ----------
    options : how the network is built and fitted
    log : file that gets a line of JSON for each report
    plot : picture (PNG) of the reports
    tell : gets words about how it goes
    """

    options: SirenOptions = SirenOptions()
    log: str | None = None
    plot: str | None = None
    tell: Callable[[str], None] | None = None


_PUBLISHED = SirenOptions(
    model="network",
    axes=2,
    outputs="volumes",
    hidden=3,
    width=256,
    omega_first=30.0,
    omega=30.0,
    weights="float32",
    learning_rate=3e-4,
    iterations=2000,
    batch=0,
    schedule="constant",
    patience=0.0,
    warm=False,
    foreground=False,
)


def _parsed(hint: Any, name: str, text: str) -> Any:
    """Value of an option from text."""
    kind = type(get_args(hint)[0]) if get_args(hint) else hint
    if kind is bool:
        if text not in {"yes", "no"}:
            raise UsageError(f"got {name}={text}, expected yes or no")
        return text == "yes"
    try:
        return kind(text)
    except ValueError:
        raise UsageError(f"got {name}={text}, expected a value of type {kind.__name__}") from None


PRESETS = {
    "default": SirenOptions(),
    "siren": SirenOptions(
        model="network",
        outputs="components",
        hidden=3,
        omega_first=20.0,
        omega=20.0,
        learning_rate=2e-3,
        iterations=3000,
        batch=16384,
    ),
    "sirenmri-2d": _PUBLISHED,
    "sirenmri-3d": replace(_PUBLISHED, axes=3, learning_rate=2e-4),
}
"""Presets by name; the settings of sirenmri are those of Mancini, Jones and Palombo (arXiv 2208.01602)."""
