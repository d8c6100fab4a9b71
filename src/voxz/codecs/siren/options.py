"""What a caller can ask of the codec `siren`: how a network is built and fitted, and presets of that by name."""

from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, Literal, get_args, get_type_hints

from voxz.codecs.codec import Codec
from voxz.errors import UsageError

Activation = Literal["sine", "relu", "tanh"]

_PRESET: Any = None
"""An option that is not given has its preset's value."""

_REPORTS = ("log", "log_plot")
"""Options that change nothing in the file."""

LIMITS = {
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


@dataclass(frozen=True, repr=False)
class Siren(Codec):
    """The volume as a function that is fitted to it (needs the extra `train`): for very high ratios, and for other grids.

    Parameters
    ----------
    preset : ``"default"``, ``"siren"``, ``"sirenmri-2d"`` or ``"sirenmri-3d"``: values of all options that are not given
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
    log : file that gets a line of JSON for each report of the fit
    log_plot : picture (PNG) of the reports
    """

    name: ClassVar[str] = "siren"
    always_lossy: ClassVar[bool] = True
    whole_volume: ClassVar[bool] = True

    preset: str = "default"
    model: Literal["latents", "network"] = _PRESET
    axes: Literal[2, 3, 4] = _PRESET
    outputs: Literal["volumes", "components"] = _PRESET
    hidden: int = _PRESET
    width: int = _PRESET
    activation: Activation = _PRESET
    sine_first: bool = _PRESET
    sine_last: bool = _PRESET
    final: Literal["identity", "relu", "tanh"] = _PRESET
    omega_first: float = _PRESET
    omega: float = _PRESET
    weights: Literal["coded", "float32"] = _PRESET
    learning_rate: float = _PRESET
    iterations: int = _PRESET
    batch: int = _PRESET
    schedule: Literal["constant", "cosine"] = _PRESET
    patience: float = _PRESET
    warm: bool = _PRESET
    foreground: bool = _PRESET
    seed: int = _PRESET
    log: str | None = None
    log_plot: str | None = None

    def __post_init__(self) -> None:
        if self.preset not in PRESETS:
            raise UsageError(f"there is no preset {self.preset!r}; choose one of {', '.join(PRESETS)}")
        for name, value in PRESETS[self.preset].items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value)
        for name, hint in _hints().items():
            value, allowed = getattr(self, name), get_args(hint)
            if allowed and value not in allowed:
                raise UsageError(f"{name} must be one of {', '.join(map(str, allowed))} (got {value!r})")
        for name, (lowest, highest) in LIMITS.items():
            if not lowest <= getattr(self, name) <= highest:
                raise UsageError(f"{name} must be {lowest} to {highest} (got {getattr(self, name)})")
        if self.model == "latents" and self.axes != 3:
            raise UsageError(f"a model of latents has 3 axes (got {self.axes}); model='network' can have 2 or 4")
        if self.axes == 4 and self.outputs != "volumes":
            raise UsageError(f"a network of 4 axes has outputs='volumes' (got {self.outputs!r})")

    def __repr__(self) -> str:
        preset = {"preset": "default", "log": None, "log_plot": None, **PRESETS[self.preset]}
        given = [f"{key}={value!r}" for key, value in asdict(self).items() if value != preset[key]]
        return f"Siren({', '.join(given)})"

    def fit_options(self) -> dict[str, Any]:
        """All that the fit depends on."""
        return {name: getattr(self, name) for name in _hints()}


def _hints() -> dict[str, Any]:
    """Types of the options that a preset has values for."""
    hints = get_type_hints(Siren)
    return {field.name: hints[field.name] for field in fields(Siren) if field.name not in ("preset", *_REPORTS)}


def options_from_text(text: str) -> dict[str, Any]:
    """Options of `Siren` from a text such as ``"width=64,iterations=500"``.

    Raises
    ------
    UsageError
        A piece is no ``name=value``, or its value has another type.
    """
    hints, values = _hints(), {}
    for piece in filter(None, (part.strip() for part in text.split(","))):
        name, equals, value = piece.partition("=")
        if not equals or name not in hints:
            raise UsageError(f"{piece!r} is no option of a fit; write name=value with one of {', '.join(hints)}")
        values[name] = _parsed(hints[name], name, value)
    return values


def _parsed(hint: Any, name: str, text: str) -> Any:
    """Value of an option from text."""
    kind = type(get_args(hint)[0]) if get_args(hint) else hint
    if kind is bool:
        if text not in {"yes", "no"}:
            raise UsageError(f"{name} must be yes or no (got {text})")
        return text == "yes"
    try:
        return kind(text)
    except ValueError:
        raise UsageError(f"{name} must be of type {kind.__name__} (got {text})") from None


_DEFAULT: dict[str, Any] = {
    "model": "latents",
    "axes": 3,
    "outputs": "components",
    "hidden": 2,
    "width": 0,
    "activation": "sine",
    "sine_first": False,
    "sine_last": False,
    "final": "identity",
    "omega_first": 1.0,
    "omega": 1.0,
    "weights": "coded",
    "learning_rate": 5e-3,
    "iterations": 1000,
    "batch": 8192,
    "schedule": "cosine",
    "patience": 0.3,
    "warm": True,
    "foreground": True,
    "seed": 0,
}

_NETWORK = _DEFAULT | {
    "model": "network",
    "hidden": 3,
    "omega_first": 20.0,
    "omega": 20.0,
    "learning_rate": 2e-3,
    "iterations": 3000,
    "batch": 16384,
}

_PUBLISHED = _NETWORK | {
    "axes": 2,
    "outputs": "volumes",
    "width": 256,
    "omega_first": 30.0,
    "omega": 30.0,
    "weights": "float32",
    "learning_rate": 3e-4,
    "iterations": 2000,
    "batch": 0,
    "schedule": "constant",
    "patience": 0.0,
    "warm": False,
    "foreground": False,
}

PRESETS = {
    "default": _DEFAULT,
    "siren": _NETWORK,
    "sirenmri-2d": _PUBLISHED,
    "sirenmri-3d": _PUBLISHED | {"axes": 3, "learning_rate": 2e-4},
}
"""Presets by name; the values of sirenmri are those of Mancini, Jones and Palombo (arXiv 2208.01602)."""
