"""The entropy profile of a payload of the wavelet codec; read without compiling anything."""

FLAGS_AT = 6
"""Place of the flags in a payload."""

HEAVY = 16
"""Flag: coefficients are in the heavy profile, whose model is named behind the fixed fields."""


def profile_of(front: bytes) -> str:
    """Profile of a payload that begins with `front`."""
    return "heavy" if len(front) > FLAGS_AT and front[FLAGS_AT] & HEAVY else "light"
