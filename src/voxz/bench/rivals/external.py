"""Programs that the user installs: found in the folder that the spec gives, or on PATH; files in and out of a scratch folder."""

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from voxz.bench.rivals.base import Rival
from voxz.errors import MissingDependencyError


@dataclass(frozen=True)
class External(Rival):
    """A rival that runs programs; `folder` is where they are, PATH if empty."""

    folder: str = ""
    programs: ClassVar[tuple[str, ...]]
    other_names: ClassVar[dict[str, tuple[str, ...]]] = {}
    """Names that builds give to a program, tried when its own is not there."""
    below: ClassVar[tuple[str, ...]] = ()
    """Patterns of folders below `folder` where builds leave programs."""

    def version(self) -> str:
        """Paths of the programs; they stand for a version, which not all of them print."""
        return ", ".join(self.program(name) for name in self.programs)

    def program(self, name: str) -> str:
        """Path of a program."""
        for known in (name, *self.other_names.get(name, ())):
            for place in self._places():
                if found := shutil.which(known, path=place):
                    return str(Path(found).absolute())
        where = f"in {self.folder}" if self.folder else "on PATH"
        raise MissingDependencyError(f"{name} is not {where}; get it from: {self.origin}")

    def _places(self) -> list[str | None]:
        if not self.folder:
            return [None]
        root = Path(self.folder).absolute()
        return [str(root), *(str(place) for pattern in self.below for place in sorted(root.glob(pattern)) if place.is_dir())]

    def run(self, name: str, arguments: list[str], inputs: dict[str, bytes], output: str) -> bytes:
        """Run a program in a scratch folder with these input files, and return its output file."""
        with tempfile.TemporaryDirectory() as scratch:
            for file, data in inputs.items():
                (Path(scratch) / file).write_bytes(data)
            done = subprocess.run(
                [self.program(name), *arguments], cwd=scratch, capture_output=True, check=False, stdin=subprocess.DEVNULL
            )
            result = Path(scratch) / output
            if done.returncode or not result.is_file():
                raise RuntimeError(f"{name} failed ({done.returncode}): {_reason(done.stderr, done.stdout)}")
            return result.read_bytes()


def _reason(*said: bytes) -> str:
    """The last line that speaks of an error, or the last line; some programs say what went wrong on standard output."""
    lines = [line.strip() for text in said for line in text.decode(errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    return (errors or lines or ["it said nothing"])[-1]
