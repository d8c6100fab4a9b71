"""Multi-layer perceptrons, evaluated by a kernel in a fixed order of operations.

A layer is ``activation(weights @ inputs + bias)``, where the sine takes omega times its argument (SIREN: Sitzmann et al.,
Implicit Neural Representations with Periodic Activation Functions, 2020, section 3.2). Points lie along the last axis, so that
compiled code works on several at once without changing the order of any sum.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.siren.activations import activate
from voxz.errors import CorruptError, LimitError
from voxz.jit import allocating_kernel, at, kernel

MOST_LAYERS, MOST_UNITS, MOST_WEIGHTS = 16, 4096, 1 << 26
"""Bounds of what a file may ask for."""

WORK_OF_SAMPLE, WORK_OF_ANY = 1 << 18, 1 << 38
"""Multiplications that the networks of a brick may take for each of its samples, and beyond: at least twice the 132,609 a sample
of the presets `sirenmri` (three layers of 256 units, one volume), and minutes for a brick of few samples."""

_POINTS = 256
"""Points that are evaluated at once."""


@kernel
def _dense(weights, bias, source, target):  # type: ignore[no-untyped-def]
    """``target = weights @ source + bias``; every sum in the order of the inputs.

    Parameters
    ----------
    weights : float64 (outputs, inputs)
    bias : float64 (outputs,)
    source : float64 (inputs, points)
    target : float64 (outputs, points), filled
    """
    inputs = weights.shape[1]
    points = source.shape[1]
    for o in range(weights.shape[0]):
        line = target[o]
        start = bias[o]
        for p in range(points):
            line[at(p)] = start
        i = 0
        while i + 3 < inputs:
            a, b, c, d = weights[o, i], weights[o, i + 1], weights[o, i + 2], weights[o, i + 3]
            x, y, z, w = source[i], source[i + 1], source[i + 2], source[i + 3]
            for p in range(points):
                line[at(p)] = line[at(p)] + a * x[at(p)] + b * y[at(p)] + c * z[at(p)] + d * w[at(p)]
            i += 4
        while i < inputs:
            a, x = weights[o, i], source[i]
            for p in range(points):
                line[at(p)] += a * x[at(p)]
            i += 1


@allocating_kernel
def _forward(inputs, sizes, activations, omegas, flat, work):  # type: ignore[no-untyped-def]
    """Return the outputs ``(outputs, points)`` of a network, in one of the two halves of `work`.

    Parameters
    ----------
    inputs : float64 (inputs, points)
    sizes : int64 (layers + 1,), units from the inputs to the outputs
    activations : int64 (layers,), numbers of `activations`
    omegas : float64 (layers,), factor of the argument of each layer's sine
    flat : float64 (weights,), weights and bias of each layer in turn
    work : float64 (2, most units, points or more), room
    """
    source = inputs
    place = 0
    for layer in range(sizes.size - 1):
        columns, rows = sizes[layer], sizes[layer + 1]
        weights = flat[place : place + rows * columns].reshape((rows, columns))
        place += rows * columns
        target = work[layer & 1, :rows, : inputs.shape[1]]
        _dense(weights, flat[place : place + rows], source[:columns], target)
        place += rows
        for o in range(rows):
            activate(target[o], activations[layer], omegas[layer])
        source = target
    return source


@dataclass(frozen=True)
class Shape:
    """Architecture of a network.

    Attributes
    ----------
    sizes : units from the inputs to the outputs
    activations : number of the activation of each layer, see `functions`
    omegas : factor of the argument of each layer's sine
    """

    sizes: tuple[int, ...]
    activations: tuple[int, ...]
    omegas: tuple[float, ...]

    def check(self) -> None:
        """Raise `CorruptError` unless a network of this shape is within bounds."""
        sound = 2 <= len(self.sizes) <= MOST_LAYERS + 1 and len(self.activations) == len(self.omegas) == len(self.sizes) - 1
        sound = sound and all(1 <= n <= MOST_UNITS for n in self.sizes) and all(0 <= a <= 3 for a in self.activations)
        if not sound or self.weights > MOST_WEIGHTS or not np.isfinite(self.omegas).all():
            raise CorruptError("the network of a brick is out of bounds")

    def check_work(self, points: int, samples: int) -> None:
        """Raise `LimitError` if evaluation at this many `points` takes too long for a brick of this many `samples`."""
        work, most = self.weights * points, WORK_OF_SAMPLE * samples + WORK_OF_ANY
        if work > most:
            raise LimitError(
                f"the networks of a brick of {samples} samples must take at most {most} multiplications (got {work}); "
                "use fewer or narrower layers"
            )

    @property
    def weights(self) -> int:
        """Weights and biases in all."""
        return sum(self.tensors())

    def tensors(self) -> list[int]:
        """Sizes of all tensors in their order: weights and bias of each layer."""
        return [n for a, b in zip(self.sizes, self.sizes[1:], strict=False) for n in (a * b, b)]

    def evaluate(self, flat: NDArray[np.float64], inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Outputs ``(outputs, points)`` of the network with the weights `flat` for `inputs` ``(inputs, points)``."""
        outputs = np.empty((self.sizes[-1], inputs.shape[1]))
        sizes, activations, omegas = np.array(self.sizes), np.array(self.activations), np.array(self.omegas, np.float64)
        work = np.empty((2, max(self.sizes), _POINTS))
        with np.errstate(all="ignore"):
            for start in range(0, inputs.shape[1], _POINTS):
                part = np.zeros((self.sizes[0], _POINTS))
                length = min(_POINTS, inputs.shape[1] - start)
                part[:, :length] = inputs[:, start : start + length]
                found = _forward(part, sizes, activations, omegas, flat, work)
                outputs[:, start : start + length] = found[:, :length]
        return outputs
