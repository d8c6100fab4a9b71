"""Settings of all tests: property tests see the same examples every time, without time limits (kernels compile first)."""

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from http_store import Served

settings.register_profile("voxz", deadline=None, derandomize=True)
settings.load_profile("voxz")

os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads of PyTorch spin while they wait: slow on two busy cores

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in the background of a script; what tests start would ignore it
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def served() -> Iterator[Served]:
    """A web server whose files are a dict."""
    with Served() as store:
        yield store
