"""What a fit has found so far, in a safetensors file beside the output, so that an interrupted fit goes on where it was.

Finished pieces of work are kept under names; a fit that is running keeps its state every few seconds. The file belongs to one
task (samples, target, options): another task does not find anything in it, and replaces it. It is deleted when the output is
complete.
"""

import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.errors import MissingDependencyError

EVERY = 15.0
"""Seconds between two states of a running fit."""

Arrays = dict[str, NDArray[Any]]


class Memory:
    """Named arrays in a file; without a path, in memory only."""

    def __init__(self, path: str | os.PathLike[str] | None = None, task: str = "") -> None:
        self._path = None if path is None else Path(path)
        self._task = task
        self._kept: dict[str, Arrays] = {}
        self._written = time.monotonic()
        if self._path is not None and self._path.exists():
            self._read()

    @property
    def path(self) -> Path | None:
        """The file."""
        return self._path

    @property
    def resumed(self) -> bool:
        """Whether anything was found."""
        return bool(self._kept)

    def recall(self, name: str) -> Arrays | None:
        """Return what was kept under a name."""
        return self._kept.get(name)

    def keep(self, name: str, arrays: Arrays, *, replaces: str | None = None) -> None:
        """Keep a finished piece of work, and drop the state that led to it."""
        self._kept[name] = arrays
        if replaces is not None:
            self._kept.pop(replaces, None)
        self.save()

    def due(self) -> bool:
        """Whether it is time for a running fit to keep its state."""
        return self._path is not None and time.monotonic() - self._written > EVERY

    def save(self) -> None:
        """Write everything to a temporary file that then takes the name."""
        if self._path is None:
            return
        save_file = _safetensors().save_file
        flat = {f"{name}|{key}": np.ascontiguousarray(a) for name, arrays in self._kept.items() for key, a in arrays.items()}
        temporary = self._path.with_name(self._path.name + ".part")
        save_file(flat, temporary, metadata={"task": self._task})
        temporary.replace(self._path)
        self._written = time.monotonic()

    def forget(self) -> None:
        """Delete the file."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _read(self) -> None:
        assert self._path is not None
        try:
            with _safe_open()(self._path, framework="numpy") as file:
                if (file.metadata() or {}).get("task") != self._task:
                    return
                for full in file.keys():  # noqa: SIM118 - no dict
                    name, _, key = full.rpartition("|")
                    self._kept.setdefault(name, {})[key] = file.get_tensor(full)
        except Exception as error:
            if isinstance(error, MissingDependencyError):
                raise
            self._kept = {}


def task_of(**facts: Any) -> str:
    """Identity of a task."""
    return json.dumps(facts, sort_keys=True)


def _safetensors() -> Any:
    try:
        from safetensors import numpy as safetensors  # noqa: PLC0415 - an extra
    except ImportError:
        raise MissingDependencyError("keeping the state of a fit needs safetensors; pip install 'voxz[train]'") from None
    return safetensors


def _safe_open() -> Any:
    _safetensors()
    from safetensors import safe_open  # noqa: PLC0415 - an extra

    return safe_open
