"""Weights of networks in files: float32 as they are, or whole multiples of a step per tensor in an adaptive binary code.

A multiple is coded as the bit length of its magnitude, in unary decisions that adapt per tensor, its sign, the bit after the
leading one, which adapts too, and the rest with equal chances. Networks of neighbouring slices resemble each other, so a network
may be coded as the difference to the one before.
"""

import struct

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.siren.network import Shape
from voxz.entropy.binary import POSITION, code_bit, finish, start
from voxz.entropy.mixing import COUNT_BITS, learnt
from voxz.errors import CorruptError
from voxz.jit import at, kernel
from voxz.limits import affordable, at_least_a_bit

MOST_BITS = 24
"""Bit lengths of multiples."""

LEAST_PER_BIT = 64
"""Most weights of 0 that one bit can code: chances of decisions end at 1/1024."""

BYTES_A_WEIGHT = 24
"""Memory of a weight: its multiple, its value, and one more while it is made."""

_KINDS = 2 * MOST_BITS + 2
_UNDECIDED = 1 << (15 + COUNT_BITS)
_HALF = 1 << 15
_STEP = struct.Struct("<f")


@kernel
def _decide(counters, place, coder, data, bit, decoding):  # type: ignore[no-untyped-def]
    """Code a bit with an adaptive counter; return it.

    Parameters
    ----------
    counters : int64 (counters,), probability << COUNT_BITS | count; the one used learns
    place : of the counter
    coder : int64 (4,), see `voxz.entropy.binary`
    data : uint8 (bytes,)
    bit : 0 or 1; anything when decoding
    decoding : whether `data` is decoded
    """
    known = np.int64(counters[at(place)])
    bit = code_bit(bit, min(max(known >> COUNT_BITS, 64), 65536 - 64), coder, data, decoding)
    counters[at(place)] = learnt(known, bit)
    return bit


@kernel
def _code(values, counters, coder, data, decoding):  # type: ignore[no-untyped-def]
    """Code the `values` of a tensor; decoding fills them. False if one is out of bounds.

    Parameters
    ----------
    values : int64 (weights,), multiples of a step
    counters : int64 (_KINDS,), those of the tensor
    coder, data, decoding : as for `_decide`
    """
    for i in range(values.size):
        value = np.int64(values[i])
        size = abs(value)
        length = np.int64(0)
        while length < MOST_BITS:
            if not _decide(counters, length, coder, data, np.int64((size >> length) > 0), decoding):
                break
            length += 1
        if length == MOST_BITS:
            return False
        if length > 0:
            found = np.int64(1)
            for k in range(length - 2, -1, -1):
                bit = (size >> k) & 1
                if k == length - 2:
                    bit = _decide(counters, MOST_BITS + length, coder, data, bit, decoding)
                else:
                    bit = code_bit(bit, _HALF, coder, data, decoding)
                found = (found << 1) | bit
            negative = code_bit(np.int64(value < 0), _HALF, coder, data, decoding)
            values[i] = -found if negative else found
        else:
            values[i] = 0
    return True


def _fresh(shape: Shape) -> NDArray[np.int64]:
    return np.full((len(shape.tensors()), _KINDS), _UNDECIDED, np.int64)


def encode_weights(networks: NDArray[np.int64], steps: NDArray[np.float32], shape: Shape) -> bytes:
    """Code multiples ``(networks, weights)`` of the `steps` of all tensors."""
    coder, data, counters = np.zeros(4, np.int64), np.zeros(8 * networks.size + 64, np.uint8), _fresh(shape)
    start(coder, b"")
    before = np.zeros_like(networks[0])
    for network in networks:
        plain, changed = np.abs(network).sum(), np.abs(network - before).sum()
        related = int(changed < plain)
        code_bit(related, _HALF, coder, data, False)
        values = network - before * related
        for tensor, row in zip(_tensors(values, shape), counters, strict=True):
            coded = _code(tensor, row, coder, data, False)
            assert coded
        before = network
    return steps.astype("<f4").tobytes() + finish(coder, data)


def decode_weights(payload: bytes, count: int, shape: Shape, samples: int = 0) -> NDArray[np.float64]:
    """Weights ``(networks, weights)`` of a payload; `samples` are those of the brick. Damage raises `CorruptError`."""
    tensors = shape.tensors()
    front = len(tensors) * _STEP.size
    if len(payload) < front:
        raise CorruptError(f"the weights of a network take at least {front} bytes (got {len(payload)})")
    at_least_a_bit(count * shape.weights, LEAST_PER_BIT * len(payload), "weights")
    affordable(BYTES_A_WEIGHT * count * shape.weights, samples, len(payload), "the networks of a brick")
    steps = finite_floats(payload[:front])
    stream = payload[front:]
    coder, data, counters = np.zeros(4, np.int64), np.frombuffer(stream, np.uint8).copy(), _fresh(shape)
    start(coder, stream)
    networks = np.zeros((count, shape.weights), np.int64)
    before = np.zeros(shape.weights, np.int64)
    for number in range(count):
        network = networks[number]
        related = code_bit(0, _HALF, coder, data, True)
        for tensor, row in zip(_tensors(network, shape), counters, strict=True):
            if not _code(tensor, row, coder, data, True):
                raise CorruptError("the weights of a network are damaged")
        network[...] += before * related
        before = network
    if coder[POSITION] != data.size:
        raise CorruptError("the weights of a network do not end where their stream does")
    return networks.astype(np.float64) * np.repeat(steps, tensors)


def _tensors(flat: NDArray[np.int64], shape: Shape) -> list[NDArray[np.int64]]:
    """Views of the tensors."""
    return np.split(flat, np.cumsum(shape.tensors())[:-1])


def encode_floats(networks: NDArray[np.float32]) -> bytes:
    """Weights as they are."""
    return networks.astype("<f4").tobytes()


def decode_floats(payload: bytes, count: int, shape: Shape, samples: int = 0) -> NDArray[np.float64]:
    """Inverse of `encode_floats`."""
    del samples  # each weight takes four bytes
    expected = 4 * count * shape.weights
    if len(payload) != expected:
        raise CorruptError(f"the weights of the networks take {expected} bytes (got {len(payload)})")
    return finite_floats(payload).reshape(count, shape.weights)


def finite_floats(data: bytes) -> NDArray[np.float64]:
    """Return f32 numbers; `CorruptError` unless all are finite."""
    found = np.frombuffer(data, "<f4")
    if not np.isfinite(found).all():
        raise CorruptError("numbers of a network are not finite")
    return found.astype(np.float64)
