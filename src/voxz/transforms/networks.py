"""Networks that lifting steps may have beside their filters."""

NETWORKS = ("",)
