"""Fitting and training with torch (extra `train`). Decoding never comes here."""
