"""Settings of all property tests: the same examples every time, and no time limits (kernels compile first)."""

from hypothesis import settings

settings.register_profile("voxz", deadline=None, derandomize=True)
settings.load_profile("voxz")
