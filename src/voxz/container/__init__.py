"""The .voxz file format, version 1 (docs/format.md)."""
