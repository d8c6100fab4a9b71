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

    def version(self) -> str:
        """Paths of the programs; they stand for a version, which not all of them print."""
        return ", ".join(self.program(name) for name in self.programs)

    def program(self, name: str) -> str:
        """Path of a program."""
        found = shutil.which(name, path=self.folder or None)
        if found is None:
            where = f"in {self.folder}" if self.folder else "on PATH"
            raise MissingDependencyError(f"{name} is not {where}; get it from: {self.origin}")
        return found

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
                said = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
                raise RuntimeError(f"{name} failed ({done.returncode}): {said[-1] if said else 'it said nothing'}")
            return result.read_bytes()
