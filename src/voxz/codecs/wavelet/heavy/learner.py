"""What adapts while bands are coded in the heavy profile, and what is remembered of them."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.wavelet.band_context import BandContext, CodedBand
from voxz.codecs.wavelet.heavy.band_features import Memory, known_logs
from voxz.codecs.wavelet.heavy.band_walk import Surroundings, code_band
from voxz.codecs.wavelet.heavy.coefficient_code import KINDS, ROWS
from voxz.codecs.wavelet.heavy.mixing import Mixture
from voxz.codecs.wavelet.heavy.model import Model
from voxz.codecs.wavelet.heavy.network import EXPERTS, IN_BAND, MIXED, OWN_SIGNED, PLANES
from voxz.codecs.wavelet.heavy.tables import NOTHING
from voxz.entropy.binary import start


@dataclass
class HeavyLearner:
    """The heavy counterpart of the light profile's learner; `last` is what each orientation made of the network's last layer."""

    model: Model
    memory: Memory
    coder: NDArray[np.int64]
    data: NDArray[np.uint8]
    last: dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]] = field(default_factory=dict)
    mixture: Mixture = field(default_factory=lambda: Mixture.fresh(KINDS, KINDS * ROWS))

    @classmethod
    def fresh(cls, model: Model, memory: Memory, data: NDArray[np.uint8], payload: bytes) -> "HeavyLearner":
        """Before anything was coded; a decoder has the `payload`."""
        coder = np.zeros(4, np.int64)
        start(coder, payload)
        return cls(model, memory, coder, data)

    def code(self, context: BandContext, coded: CodedBand, *, decoding: bool) -> bool:
        """Code the indices of a band."""
        band = context.band
        state = self.memory.long_term(context.component, band)
        planes, places = known_logs(context.planes, context.parent, context.sisters, context.previous, state)
        layers = self.model.layers(band.orientation, band.scale, len(coded.after) > 1, places)
        third, third_bias = self.last.setdefault(
            band.orientation, (np.stack([layers.third] * EXPERTS), np.stack([layers.third_bias] * EXPERTS))
        )
        beside, beside_at = self.memory.beside(context.component, band)
        parts = [IN_BAND, IN_BAND + 2 * max(context.sisters, default=0), IN_BAND + PLANES - 2]
        present = [context.parent, bool(context.sisters), context.previous]
        known = np.array(
            [list(places).index(part) if there else -1 for part, there in zip(parts, present, strict=True)], np.int64
        )
        used = 2 * MIXED + OWN_SIGNED + 2 + 4 * max(band.orientation - 1, 0)
        role = 2 * min(band.scale, 3) + context.previous
        done = code_band(
            coded,
            Surroundings(np.full(coded.signed.shape, NOTHING), planes, places, known, beside, beside_at, role, used),
            layers._replace(third=third, third_bias=third_bias),
            self.mixture,
            self.coder,
            self.data,
            decoding,
        )
        self.memory.learn(context.component, band, coded.signed)
        return bool(done)
