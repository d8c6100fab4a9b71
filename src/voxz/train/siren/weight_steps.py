"""How finely the weights of a network are kept: steps per tensor so that the last bit of each tensor is worth the same.

Rounding a weight to a step s costs about ``h s^2 / 12``, where h is the mean squared derivative of the outputs by the weights of
its tensor (the diagonal of the Gauss-Newton matrix, estimated by a few random projections of the outputs). At equal slopes,
steps are proportional to ``1 / sqrt(h)``: one factor for all remains, and sets size against error.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.siren.network import Shape
from voxz.codecs.siren.weights import MOST_BITS, encode_weights
from voxz.train.need_torch import need_torch
from voxz.train.siren.torch_network import module

PROJECTIONS = 8
POINTS = 4096


def sensitivities(shape: Shape, flat: NDArray[np.float32], inputs: NDArray[np.float32], seed: int) -> NDArray[np.float64]:
    """Mean squared derivative of the outputs, summed over outputs and averaged over points, for each tensor."""
    torch = need_torch("fitting a network")
    network = module(shape, flat, None)
    some = torch.from_numpy(np.ascontiguousarray(inputs[:: max(1, len(inputs) // POINTS)]))
    generator = torch.Generator().manual_seed(seed)
    found = np.zeros(len(shape.tensors()))
    for _ in range(PROJECTIONS):
        outputs = network(some)
        signs = torch.randint(2, outputs.shape, generator=generator) * 2.0 - 1.0
        gradients: Any = torch.autograd.grad((outputs * signs).sum(), list(network.tensors))
        found += [float((g.double() ** 2).mean()) for g in gradients]
    return np.maximum(found / (PROJECTIONS * len(some)), 1e-30)


def steps_of(sensitivity: NDArray[np.float64], factor: float) -> NDArray[np.float32]:
    """Steps of all tensors."""
    return (factor / np.sqrt(sensitivity)).astype(np.float32)


def rounded(networks: NDArray[np.float32], steps: NDArray[np.float32], shape: Shape) -> NDArray[np.int64]:
    """Multiples ``(networks, weights)`` of the steps nearest to the weights."""
    wide = np.repeat(steps.astype(np.float64), shape.tensors())
    limit = (1 << (MOST_BITS - 1)) - 1
    return np.clip(np.rint(networks / wide), -limit, limit).astype(np.int64)


def coded(networks: NDArray[np.float32], steps: NDArray[np.float32], shape: Shape) -> bytes:
    """Payload of the weights in multiples of the steps."""
    return encode_weights(rounded(networks, steps, shape), steps, shape)


def factor_of_size(networks: NDArray[np.float32], sensitivity: NDArray[np.float64], shape: Shape, size: float) -> float:
    """Factor of the steps whose payload has about `size` bytes, as near as 0.3 %."""
    low, high = -40.0, 20.0
    middle = 0.0
    for _ in range(40):
        middle = (low + high) / 2
        steps = steps_of(sensitivity, 2.0**middle)
        multiples = np.abs(networks / np.repeat(steps, shape.tensors()))
        if multiples.max() >= 1 << (MOST_BITS - 1):
            low = middle
            continue
        got = len(coded(networks, steps, shape))
        if abs(got / size - 1) < 0.003:
            break
        if got > size:
            low = middle
        else:
            high = middle
    return float(2.0**middle)
