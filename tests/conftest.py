"""Settings of all tests: property tests see the same examples every time, without time limits (kernels compile first)."""

import os

from hypothesis import settings

settings.register_profile("voxz", deadline=None, derandomize=True)
settings.load_profile("voxz")

os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads of PyTorch spin while they wait: slow on two busy cores
