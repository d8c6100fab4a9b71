"""Tables that ship as data: whole numbers in `.npy` files, read as multiples of a power of two.

They stand for functions that no two mathematical libraries round alike. Files give the same bits on every machine, and a second
decoder can read them. ``tests/entropy/test_tables.py`` computes each anew in exact decimal arithmetic.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def read_table(file: Path, fraction_bits: int) -> NDArray[np.float64]:
    """Values of a table whose whole numbers count ``2 ** -fraction_bits``."""
    whole: NDArray[np.int64] = np.load(file, allow_pickle=False)
    return whole.astype(np.float64) / (1 << fraction_bits)
