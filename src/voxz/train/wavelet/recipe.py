"""What a training run is asked to do: a TOML file."""

from __future__ import annotations

import fnmatch
import tomllib
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from voxz.datasets.manifest import Crop, read_manifest
from voxz.errors import UsageError
from voxz.transforms.lifting_family import Family

PARTS = ("filters", "networks", "gates", "rate")
"""Of a model: filters, networks that add, networks that scale, and the entropy model."""

FEWEST_CROPS = 4


@dataclass(frozen=True)
class Stage:
    """One stage of a run.

    Attributes
    ----------
    steps : of the optimiser
    learning_rate : at the start; it falls to a tenth along a cosine
    train : parts of the model that change, of PARTS
    rounding : quantise by rounding, with gradients straight through, instead of adding uniform noise
    """

    steps: int
    learning_rate: float = 3e-3
    train: tuple[str, ...] = ("filters", "networks", "rate")
    rounding: bool = False


@dataclass(frozen=True)
class Recipe:
    """A whole run.

    Attributes
    ----------
    name : of the model
    transform : its family
    stages : one after the other
    include, held_out : patterns (as in a shell) of the sources of crops to use, and of those only to validate on
    batch : crops of a step of the optimiser, over all processes
    bits : bits/voxel, lowest and highest, that crops are quantised for
    seed : of everything random
    validate_every, save_every : steps
    levels : times that crops are split at most; with networks fewer are much faster, and coarse bands are small
    start : checkpoint of another run whose parameters, where they have the same shape, this one starts from
    """

    name: str
    transform: Family = field(default_factory=Family)
    stages: tuple[Stage, ...] = (Stage(1000),)
    include: tuple[str, ...] = ("*",)
    held_out: tuple[str, ...] = ()
    batch: int = 4
    bits: tuple[float, float] = (0.3, 6.0)
    seed: int = 0
    validate_every: int = 200
    save_every: int = 100
    validation_crops: int = 32
    levels: int = 4
    start: str = ""
    about: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.name.replace("-", "").isalnum() or len(self.name) > 32:
            raise UsageError(f"a model name must be up to 32 letters, digits and - (got {self.name!r})")
        fault = self.transform.fault()
        if fault:
            raise UsageError(fault)
        if self.levels < 1:
            raise UsageError(f"levels must be 1 or more (got {self.levels})")
        if not self.stages or self.batch < 1 or not 0 < self.bits[0] <= self.bits[1]:
            raise UsageError("a recipe needs at least one [[stage]], a batch of 1 or more, and bits above 0 in rising order")
        if min(self.validate_every, self.save_every) < 1 or min(self.seed, self.validation_crops) < 0:
            raise UsageError("a recipe needs validate_every and save_every of 1 or more, seed and validation_crops of 0 or more")
        for stage in self.stages:
            if stage.steps < 1 or not stage.learning_rate > 0 or not set(stage.train) <= set(PARTS):
                raise UsageError(
                    f"a stage must have steps and a learning_rate above 0, and parts of {', '.join(PARTS)} (got {stage})"
                )

    @property
    def steps(self) -> int:
        """Steps of all stages."""
        return sum(stage.steps for stage in self.stages)

    def stage_of(self, step: int) -> tuple[Stage, float]:
        """Stage of a step, and the part of that stage that is done (0 to 1)."""
        for stage in self.stages:
            if step < stage.steps:
                return stage, step / stage.steps
            step -= stage.steps
        return self.stages[-1], 1.0

    def crops(self, folder: str | Path) -> tuple[list[Crop], list[Crop]]:
        """Crops to train and to validate on: sides of the split, and what is held out."""
        found = [crop for crop in read_manifest(folder) if _matches(crop, self.include)]
        held = [crop for crop in found if _matches(crop, self.held_out) or crop.split in ("validation", "test")]
        train = [crop for crop in found if crop not in held and crop.range[1] > crop.range[0]]
        check_enough(len(train))
        return train, [crop for crop in held if crop.range[1] > crop.range[0] and _matches(crop, self.held_out or ("*",))]


def read_recipe(path: str | Path) -> Recipe:
    """Recipe of a TOML file; `UsageError` says what is wrong with it."""
    try:
        values = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not TOML ({error})") from None
    stage = values.pop("stage", [])
    if not isinstance(stage, list):
        raise UsageError(f"{path} has a [stage]; write [[stage]], once or more often")
    stages = tuple(_made(Stage, one, path) for one in stage)
    family = _made(Family, values.get("transform", {}), path)
    recipe: Recipe = _made(Recipe, values | {"transform": family, "stages": stages}, path)
    return recipe


def check_enough(crops: int) -> None:
    """Raise `UsageError` if there are fewer crops than training needs."""
    if crops < FEWEST_CROPS:
        raise UsageError(
            f"{crops} crops to train on are not constant, at least {FEWEST_CROPS} are needed; prepare more "
            "volumes or hold out fewer"
        )


def _made(kind: type[Any], values: Any, path: str | Path) -> Any:
    """Make a dataclass from a TOML table."""
    if not isinstance(values, dict):
        raise UsageError(
            f"{path} has {values!r} in place of a table with some of {', '.join(part.name for part in fields(kind))}"
        )
    known, hints = {part.name for part in fields(kind)}, get_type_hints(kind)
    if not set(values) <= known:
        raise UsageError(
            f"{path} sets {', '.join(sorted(set(values) - known))}, which does not exist; there are {', '.join(sorted(known))}"
        )
    given = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    for name, value in given.items():
        if not _is(value, hints[name]):
            wanted = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}.get(hints[name])
            raise UsageError(f"{path}: {name} must be {wanted or _LISTS.get(name, 'a list of texts')} (got {values[name]!r})")
    lacking = [part.name for part in fields(kind) if part.name not in given and part.default is part.default_factory is MISSING]
    if lacking:
        raise UsageError(f"{path} lacks the {lacking[0]} of its {kind.__name__.lower()}")
    return kind(**given)


_LISTS = {"bits": "two numbers in a list", "about": "a table of texts"}


def _is(value: object, hint: Any) -> bool:
    """Whether a TOML value has the type of a field; integers pass for floats."""
    if get_origin(hint) is tuple:
        one, *rest = get_args(hint)
        return isinstance(value, tuple) and all(_is(v, one) for v in value) and (rest == [...] or len(value) == 1 + len(rest))
    if get_origin(hint) is dict:
        return isinstance(value, dict) and all(isinstance(v, str) for v in value.values())
    if isinstance(value, bool) or hint is bool:
        return isinstance(value, bool) and hint is bool
    return isinstance(value, (int, float) if hint is float else hint)


def _matches(crop: Crop, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatch(crop.source, pattern) for pattern in patterns)
