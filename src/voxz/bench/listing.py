"""What can be measured here: every rival with its version, or how to get it, its options, and the presets."""

from dataclasses import fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from voxz.bench.presets import PRESETS
from voxz.bench.rivals import RIVALS, rival_class
from voxz.errors import MissingDependencyError


def listing() -> str:
    """Text for people."""
    lines = []
    for name in RIVALS:
        kind: Any = rival_class(name)
        hints = get_type_hints(kind)
        options = ", ".join(f"{field.name}={_values(hints[field.name], field.default)}" for field in fields(kind))
        lines += [f"{name:<10} {_version(kind)}", f"{'':<10} {options or 'no options'}"]
    lines += ["", "presets:", *(f"{name}\n  {specs}" for name, specs in PRESETS.items())]
    return "\n".join(lines)


def _version(kind: Any) -> str:
    try:
        return str(kind.version(kind.__new__(kind)))
    except MissingDependencyError as error:
        return f"MISSING: {error}"


def _values(hint: Any, default: Any) -> str:
    """Choices of an option, its default first."""
    if get_origin(hint) is Literal:
        return "|".join(sorted(get_args(hint), key=lambda choice: choice != default))
    return str(default)
