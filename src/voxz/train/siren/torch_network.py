"""The networks of `voxz.codecs.siren.network` in torch, and how they start."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from voxz.codecs.siren.activations import ACTIVATIONS, RELU, SINE, TANH
from voxz.codecs.siren.network import Shape
from voxz.codecs.siren.options import Siren
from voxz.train.need_torch import need_torch


def architecture(inputs: int, outputs: int, width: int, options: Siren) -> Shape:
    """Architecture that `options` name."""
    hidden = [options.activation] * options.hidden
    if options.sine_first:
        hidden[0] = "sine"
    if options.sine_last:
        hidden[-1] = "sine"
    activations = tuple(ACTIVATIONS[name] for name in (*hidden, options.final))
    omegas = (options.omega_first, *[options.omega] * (options.hidden - 1), 1.0)
    rounded = tuple(float(np.float32(omega)) for omega in omegas)
    return Shape((inputs, *[width] * options.hidden, outputs), activations, rounded)


def initial(shape: Shape, rng: np.random.Generator, *, silent: bool = False) -> NDArray[np.float32]:
    """Weights to start from: those of SIREN (section 3.2) for sines, uniform in +-1/sqrt(inputs) otherwise.

    With `silent` the last layer is zero: the network adds nothing yet.
    """
    parts = []
    for layer, (inputs, outputs) in enumerate(zip(shape.sizes, shape.sizes[1:], strict=False)):
        bound = bias = 1.0 / math.sqrt(inputs)
        before = shape.activations[layer - 1] if layer else SINE
        if shape.activations[layer] == SINE or (layer == len(shape.sizes) - 2 and before == SINE):
            omega = shape.omegas[layer] if shape.activations[layer] == SINE else shape.omegas[layer - 1]
            bound = 1.0 / inputs if layer == 0 and omega > 1 else math.sqrt(6.0 / inputs) / omega
        if silent and layer == len(shape.sizes) - 2:
            bound = bias = 0.0
        parts += [rng.uniform(-bound, bound, inputs * outputs), rng.uniform(-bias, bias, outputs)]
    return np.concatenate(parts).astype(np.float32)


def module(shape: Shape, flat: NDArray[np.float32], steps: NDArray[np.float32] | None) -> Any:
    """Torch module ``(points, inputs) -> (points, outputs)`` with the weights `flat`.

    With `steps` for all weights it computes with their multiples, and gradients pass through the rounding.
    """
    torch = need_torch("fitting a network")

    class Perceptron(torch.nn.Module):  # type: ignore[misc, name-defined]
        """Multi-layer perceptron."""

        def __init__(self) -> None:
            super().__init__()
            sizes = shape.tensors()
            shapes = [n for a, b in zip(shape.sizes, shape.sizes[1:], strict=False) for n in ((b, a), (b,))]
            pieces = torch.from_numpy(flat.copy()).split(sizes)
            self.tensors = torch.nn.ParameterList([p.reshape(s).clone() for p, s in zip(pieces, shapes, strict=True)])
            self.steps = None
            if steps is not None:
                cut = torch.from_numpy(steps.copy()).split(sizes)
                self.steps = [c.reshape(s) for c, s in zip(cut, shapes, strict=True)]

        def flat(self) -> NDArray[np.float32]:
            """Weights in the order of files."""
            return np.concatenate([p.detach().cpu().numpy().ravel() for p in self.tensors]).astype(np.float32)

        def forward(self, x: Any) -> Any:
            tensors = list(self.tensors)
            if self.steps is not None:
                rounded = [torch.round(p / s.to(p.device)) * s.to(p.device) for p, s in zip(tensors, self.steps, strict=True)]
                tensors = [p + (r - p).detach() for p, r in zip(tensors, rounded, strict=True)]
            for layer, activation in enumerate(shape.activations):
                x = torch.nn.functional.linear(x, tensors[2 * layer], tensors[2 * layer + 1])
                if activation == SINE:
                    x = torch.sin(shape.omegas[layer] * x)
                elif activation == RELU:
                    x = torch.relu(x)
                elif activation == TANH:
                    x = torch.tanh(x)
            return x

    return Perceptron()
