"""The fast walk: even columns of a row first, then odd ones, which have a neighbour on either side.

No sample waits for the one to its west, so every step of a row runs on vectors: contexts from the errors of finished rows, all
residuals of half a row read from the entropy coder in one go, predictions, samples.

::

    half rows: errors around -> context -> table -> token (rANS, eight states) -> residual
               samples around -> prediction + residual -> sample, error

Leaving out the west neighbour costs nothing, because every second sample has one to the east instead.
"""

from voxz.codecs.predictive.interlaced.codec import LARGEST, decode, encode

__all__ = ["LARGEST", "decode", "encode"]
