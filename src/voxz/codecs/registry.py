"""The codecs a brick can be coded with, by name and by the number stored in files.

A codec is a module with two functions: ``encode_brick(samples, level, fidelity)`` returns a payload, or None for samples it
cannot take, and ``decode_brick(payload, shape, dtype)`` returns the samples. Modules are imported when first used: the compiled
kernels behind them cost start-up time that ``voxz info`` should not pay.
"""

import importlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from voxz.codecs import stored, turned
from voxz.codecs.codec import Codec
from voxz.codecs.fidelity import EXACT, Fidelity
from voxz.codecs.labels.detect import DOUBTFUL, SURE, suits, surprise
from voxz.codecs.numbers import CODECS, FLOATS, LABELS, PREDICTIVE, STORED, TURNED, WAVELET, takes
from voxz.errors import CorruptError, needs_newer

if TYPE_CHECKING:
    from voxz.codecs.wavelet.chosen import Chosen
    from voxz.codecs.wavelet.fast.draft import Draft

_MODULES = {number: f"voxz.codecs.{name}" + (".codec" if number else "") for name, number in CODECS.items()}

_SMALL = 1 << 16
"""Bytes up to which a brick of floats is also stored, to see which is smaller."""

_NEAR = 1.35
"""How much more than the smallest payload zlib may take for LZMA to be tried: it takes 0.7 to 0.85 of zlib, or less where samples
come again. Of 12 scans of all kinds 11 are further away."""

_NEARER = 1.2
"""The same where nothing comes again: there it takes 0.81 to 0.9 of zlib. It takes as long as some ten other encodings."""

CLEAR_BITS = 0.5
"""Bits a voxel below which a map is left to `labels` without trying `predictive`."""


PARTS_FROM, APART, PART_WORTH = 3, 8, 0.95
"""Level from which on a part of a brick that may be a map is coded as one first, of how many slices it has one, and the share of
what `predictive` takes for it that it must stay below for the brick to be tried. Levels 1 and 2 gain up to a tenth: they try."""


_BOTH = 3
"""How much longer a brick takes where `labels` is tried before `predictive`."""

Decoded = dict[bytes, NDArray[np.generic]]
"""Payloads, and the samples of their bricks."""


class Module(Protocol):
    """What the module of a codec offers; samples are ``(series, z, y, x, channels)`` in native byte order."""

    def encode_brick(self, samples: NDArray[np.generic], level: int, fidelity: Fidelity, **options: Any) -> bytes | None:
        """Return the payload, or None; what it decodes to is at least as near to `samples` as `fidelity` asks."""

    def decode_brick(self, payload: bytes, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
        """Return the samples; damage raises `CorruptError`."""


def module(number: int) -> Module:
    """Return the module of the codec with this number."""
    if number in _MODULES:
        return cast(Module, importlib.import_module(_MODULES[number]))
    raise needs_newer(f"a brick uses codec {number}")


def encode_brick(
    samples: NDArray[np.generic],
    level: int,
    codec: Codec | None = None,
    fidelity: Fidelity = EXACT,
    draft: "Draft | None" = None,
    decoded: Decoded | None = None,
    kept: "list[Chosen] | None" = None,
) -> tuple[int, bytes]:
    """Code a brick with `codec`, or the one that suits its samples; fall back to another. Its `draft` saves wavelets time.

    Payloads that are decoded on the way, to see whether they keep to a bound, are put into `decoded`. What wavelets choose for a
    step is `kept` for the next one.
    """
    if turned.suits(samples):
        image, period = turned.to_image(samples)
        inner, coded = encode_brick(image, level, codec, fidelity)
        return TURNED, turned.HEAD.pack(inner, period) + coded
    name = None if codec is None else codec.name
    best, smallest = STORED, b""
    for number in _candidates(samples, name, level, fidelity):
        own = codec.brick_options() if codec is not None and number == CODECS[codec.name] else {}
        if number == WAVELET:
            own |= {"draft": draft, "decoded": decoded, "kept": kept}
        payload = module(number).encode_brick(samples, level, fidelity, **own)
        if payload is not None and len(payload) < (len(smallest) or samples.nbytes + 2 * (number == STORED)):
            best, smallest = number, payload
        clear = name is not None or (8 * len(smallest) < CLEAR_BITS * samples.size and surprise(samples) < SURE)
        sure = number == PREDICTIVE or (number == WAVELET and name == "wavelet")
        sure |= (number == FLOATS and samples.nbytes > _SMALL) or (number == LABELS and clear)
        if smallest and sure:
            break
    if name is None and level > 1 and fidelity == EXACT:
        data, near = samples.tobytes(), _NEAR * len(smallest)
        found = stored.estimate(data, near)
        promising = found < near and (found < _NEARER * len(smallest) or stored.repeats(data))
        if promising and len(packed := stored.pack_lzma(data)) < len(smallest):
            return STORED, packed
    return best, smallest


def _candidates(samples: NDArray[np.generic], name: str | None, level: int, fidelity: Fidelity) -> Iterator[int]:
    """Codecs to try in turn: the first that is clearly right is taken, else the one with the smallest payload."""
    if name == "wavelet":
        yield WAVELET
    if name == "labels" or (name is None and _may_be_a_map(samples, level)):
        yield LABELS
    if samples.dtype.kind in "iu" and samples.dtype.itemsize <= 4 and name != "stored":
        yield PREDICTIVE
    if samples.dtype.kind in "fc" and name != "stored":
        yield FLOATS
    yield STORED


def _may_be_a_map(samples: NDArray[np.generic], level: int) -> bool:
    """Whether `labels`, which takes two to three times as long as `predictive`, is tried: a part of a doubtful brick tells."""
    doubt, slices = surprise(samples), samples.shape[1] // APART
    if not SURE <= doubt < DOUBTFUL or level < PARTS_FROM or slices < 2 or samples.dtype.kind not in "iu":
        return doubt < DOUBTFUL
    first = (samples.shape[1] - slices) // 2
    part = np.ascontiguousarray(samples[:, first : first + slices])
    as_map, predicted = (module(number).encode_brick(part, level, EXACT) for number in (LABELS, PREDICTIVE))
    return predicted is None or (as_map is not None and len(as_map) < PART_WORTH * len(predicted))


def effort(samples: NDArray[np.generic], codec: Codec | None = None) -> int:
    """About how long coding a brick takes, in samples: more where its middle slice looks like a map, and two codecs are tried."""
    middle = samples.shape[1] // 2
    return samples.size * (_BOTH if codec is None and suits(samples[:, middle : middle + 1]) else 1)


def decode_brick(number: int, payload: bytes, shape: tuple[int, ...], dtype: np.dtype[np.generic]) -> NDArray[np.generic]:
    """Samples of a payload of codec `number`."""
    if number == TURNED:
        if len(payload) < turned.HEAD.size:
            raise CorruptError(f"a turned brick has {len(payload)} bytes; it needs at least {turned.HEAD.size}")
        inner, period = turned.HEAD.unpack_from(payload)
        if inner not in _MODULES:
            raise needs_newer(f"a turned brick uses codec {inner}")
        if not takes(inner, dtype):
            raise CorruptError(f"codec {inner} of a turned brick does not take samples of type {dtype}")
        image = module(inner).decode_brick(payload[turned.HEAD.size :], turned.image_shape(shape, period), dtype)
        return turned.from_image(image, shape)
    return module(number).decode_brick(payload, shape, dtype)


def draft_brick(samples: NDArray[np.generic], step: float) -> "Draft | None":
    """Draft of a brick for wavelets with about this `step`; None where their fast profile does not suit it."""
    from voxz.codecs.wavelet.fast.draft import Draft  # noqa: PLC0415 - its kernels

    return None if turned.suits(samples) else Draft.of(samples, step)


def sharpen_brick(
    number: int, payload: bytes, samples: NDArray[np.generic], decoded: NDArray[np.generic], squares: float, longest: float
) -> tuple[bytes, NDArray[np.generic]] | None:
    """A payload that takes `squares` from the sum of squared errors, and what it decodes to.

    None where that has no cheap way, or takes more than the `longest` number of bytes for sure.
    """
    if number != WAVELET:
        return None
    from voxz.codecs.wavelet import codec as wavelet  # noqa: PLC0415 - its kernels

    return wavelet.sharpen_brick(payload, samples, decoded, squares, longest)
