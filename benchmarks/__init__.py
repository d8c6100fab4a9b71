"""Measurements of voxz against other codecs: ``python -m benchmarks``."""
