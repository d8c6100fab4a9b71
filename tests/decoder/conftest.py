"""What the tests of the decoder in C share."""

from pathlib import Path

import pytest

import native


@pytest.fixture(scope="session")
def command(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The command voxz-decode."""
    return native.built("voxz-decode", native.shared(tmp_path_factory))


@pytest.fixture(scope="session")
def fuzzer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that decodes damaged payloads under the sanitizers."""
    return native.built("fuzz", native.shared(tmp_path_factory))
