"""Networks that lifting steps may have beside their filters."""

from collections.abc import Callable
from typing import Any

NETWORKS: dict[str, Callable[[Any], dict[str, tuple[int, ...]]]] = {"": lambda family: {}}
"""By name, the shapes of the arrays of a family."""
