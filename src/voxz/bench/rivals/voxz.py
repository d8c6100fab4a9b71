"""voxz itself, through its public functions."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

import voxz
from voxz.bench.rivals.base import Rival
from voxz.codecs.codec import Codec
from voxz.codecs.kinds import codec_of
from voxz.target import Target, target_of


@dataclass(frozen=True)
class Voxz(Rival):
    """voxz at one level, with the codec that suits or a named one.

    `preset` is for the codec siren, `transform` and `entropy` are for the codec wavelet.

    Give nothing for lossless, or `error`, a bound in stored units, or one of `psnr` (dB), `bits` (per sample) and `ratio`;
    `error` goes together with any of them.
    """

    level: int = 5
    codec: str = ""
    preset: str = ""
    transform: str = ""
    entropy: str = ""
    error: float = 0.0
    psnr: float = 0.0
    bits: float = 0.0
    ratio: float = 0.0
    origin = "pip install voxz"

    def __post_init__(self) -> None:
        self._target()
        self._codec()

    @property
    def bound(self) -> float | None:
        return self.error or (None if self.psnr or self.bits or self.ratio else 0.0)

    def version(self) -> str:
        return f"voxz {voxz.__version__}"

    def encode(self, samples: NDArray[Any]) -> bytes:
        return voxz.encode(
            samples,
            target=self._target(),
            level=self.level,
            codec=self._codec(),
            threads=1,
        )

    def decode(self, blob: bytes) -> NDArray[Any]:
        return voxz.decode(blob, threads=1)

    def warm(self) -> None:
        """Compile the kernels, or load them from the cache. So few samples reach a PSNR, but no rate."""
        asked = {"psnr": 40.0, "bits": 0.0, "ratio": 0.0} if self.psnr or self.bits or self.ratio else {}
        coder = replace(self, **asked)  # type: ignore[arg-type]
        for shape in ((1, 4, 32, 32), (3, 4, 32, 32)):
            samples = np.random.default_rng(1).integers(0, 400, shape).cumsum(axis=-1).astype(np.int16)
            self.decode(coder.encode(samples))

    def _codec(self) -> Codec | None:
        options = {name: value for name in ("preset", "transform", "entropy") if (value := getattr(self, name))}
        implied = "siren" if self.preset else "wavelet" if options else None
        name = self.codec or implied
        return None if name is None else codec_of({"codec": name, **options})

    def _target(self) -> Target:
        rates = {"psnr": self.psnr, "bits": self.bits, "ratio": self.ratio}
        return target_of({"stored": self.error or None}, {name: value or None for name, value in rates.items()})
