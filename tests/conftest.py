"""Settings of all tests: property tests see the same examples every time, without time limits (kernels compile first)."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from http_store import Served

settings.register_profile("voxz", deadline=None, derandomize=True)
settings.load_profile("voxz")

os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads of PyTorch spin while they wait: slow on two busy cores
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # set in many containers: each process of a test would compile all modules anew

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in the background of a script; what tests start would ignore it
    signal.signal(signal.SIGINT, signal.default_int_handler)

FIRST = (
    "warm/",
    "fuzz/",
    "jit/",
    "decoder/test_j",
    "test_docs.py",
    "train/",
    "studies/",
    "ratecontrol/",
    "api/",
    "bench/",
)
"""Files that begin, in this order: those that compile kernels of their own, and those that take long."""


LONG = os.environ.get("VOXZ_LONG") == "1"
"""Whether tests that are marked as long run, too."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort files, so that processes end at about the same time; leave out what is long."""
    tests = Path(__file__).parent
    for item in items:
        if item.get_closest_marker("long") and not LONG:
            item.add_marker(pytest.mark.skip(reason="long: VOXZ_LONG=1 runs it"))
    items.sort(key=lambda item: _turn(item.path.relative_to(tests).as_posix()))


def _turn(path: str) -> int:
    return next((turn for turn, name in enumerate(FIRST) if path.startswith(name)), len(FIRST))


@pytest.fixture
def served() -> Iterator[Served]:
    """A web server whose files are a dict."""
    with Served() as store:
        yield store
