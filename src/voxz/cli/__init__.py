"""The ``voxz`` command: verbs, progress, one line for every error."""
