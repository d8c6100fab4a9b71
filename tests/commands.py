"""The command line in tests: within this process, or alone."""

import io
import subprocess
import sys

import pytest

from voxz.cli.app import main


def run(*arguments: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run the command within this process, which is started already; `run_alone` is what a user does."""
    given, shown, said = io.TextIOWrapper(io.BufferedReader(io.BytesIO(stdin))), io.BytesIO(), io.BytesIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["voxz", *map(str, arguments)])
        patch.setattr(sys, "stdin", given)
        patch.setattr(sys, "stdout", io.TextIOWrapper(shown, write_through=True))
        patch.setattr(sys, "stderr", io.TextIOWrapper(said, write_through=True))
        with pytest.raises(SystemExit) as ended:
            main()
        code = ended.value.code
        assert isinstance(code, int)
        return subprocess.CompletedProcess(sys.argv, code, shown.getvalue(), said.getvalue())


def run_alone(*arguments: object, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run the command in a process of its own."""
    return subprocess.run([sys.executable, "-m", "voxz", *map(str, arguments)], input=stdin, capture_output=True, check=False)
