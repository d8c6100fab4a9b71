"""voxz: lossless compression of volumetric and multi-dimensional medical images.

>>> import numpy as np, voxz
>>> volume = np.arange(4 * 16 * 16, dtype=np.int16).reshape(4, 16, 16)
>>> blob = voxz.encode(volume)
>>> bool((voxz.decode(blob) == volume).all())
True
"""

from voxz.adapters import register
from voxz.api import compress, decode, decompress, encode, info, open, verify
from voxz.codecs.codec import Floats, Labels, Predictive, Stored
from voxz.codecs.siren.options import Siren
from voxz.codecs.wavelet.options import Wavelet
from voxz.compare.compare import Comparison, compare
from voxz.errors import (
    CorruptError,
    LimitError,
    MissingDependencyError,
    MissingWeightsError,
    TruncatedError,
    UnsupportedError,
    UsageError,
    VoxzError,
)
from voxz.image.facts import Info
from voxz.image.lazy import Image
from voxz.target import BitsPerVoxel, Lossless, MaxError, Psnr, Ratio, Target

__version__ = "0.1.0"

__all__ = [
    "BitsPerVoxel",
    "Comparison",
    "CorruptError",
    "Floats",
    "Image",
    "Info",
    "Labels",
    "LimitError",
    "Lossless",
    "MaxError",
    "MissingDependencyError",
    "MissingWeightsError",
    "Predictive",
    "Psnr",
    "Ratio",
    "Siren",
    "Stored",
    "Target",
    "TruncatedError",
    "UnsupportedError",
    "UsageError",
    "VoxzError",
    "Wavelet",
    "compare",
    "compress",
    "decode",
    "decompress",
    "encode",
    "info",
    "open",
    "register",
    "verify",
]
