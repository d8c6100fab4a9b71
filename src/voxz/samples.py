"""All samples of any file voxz can read, at once."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.container.writer import MAGIC
from voxz.image import Image
from voxz.io.source import Source


def read_samples(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Stored samples of a .voxz, NIfTI or .npy file: ``(series, z, y, x, channels)``, native byte order, never rescaled."""
    with Path(path).open("rb") as file:
        start = file.read(len(MAGIC))
    if start == MAGIC:
        with Image(path) as image:
            return image.canonical()
    with Source(path) as source:
        data = source.read_samples(source.layout.nbytes)
        samples = np.frombuffer(data, source.layout.dtype).reshape(source.layout.canonical)
        return samples.astype(source.layout.dtype.newbyteorder("="), copy=False)
