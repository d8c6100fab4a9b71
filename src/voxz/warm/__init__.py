"""Compiles all kernels now: the ways to use them, and the processes that share the work."""
