"""Memory that arrays leave when they are freed, which the C library of Linux keeps for arrays to come.

Arrays of many sizes come and go while a brick is coded, and what is kept has holes that the next ones do not fit into: the same
coding held 386 to 523 MiB at its worst moment, of which arrays took 202. With the holes given back before each way of coding it
holds 380, at no cost in time that could be measured.
"""

import ctypes
import sys


def give_back() -> None:
    """Give the system what is free, where the C library can."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)
