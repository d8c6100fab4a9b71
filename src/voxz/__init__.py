"""voxz: lossless compression of volumetric and multi-dimensional medical images.

>>> import numpy as np, voxz
>>> volume = np.arange(4 * 16 * 16, dtype=np.int16).reshape(4, 16, 16)
>>> blob = voxz.encode(volume)
>>> bool((voxz.decode(blob) == volume).all())
True
"""

from voxz.api import compress, decode, decompress, encode, info, open, verify
from voxz.compare.compare import compare
from voxz.errors import CorruptError, LimitError, MissingDependencyError, TruncatedError, UnsupportedError, UsageError, VoxzError
from voxz.ratecontrol.target import BitsPerVoxel, Lossless, MaxError, Psnr, Ratio

__version__ = "0.1.0"

__all__ = [
    "BitsPerVoxel",
    "CorruptError",
    "LimitError",
    "Lossless",
    "MaxError",
    "MissingDependencyError",
    "Psnr",
    "Ratio",
    "TruncatedError",
    "UnsupportedError",
    "UsageError",
    "VoxzError",
    "compare",
    "compress",
    "decode",
    "decompress",
    "encode",
    "info",
    "open",
    "verify",
]
