"""Activations of networks as arithmetic that is the same on every machine: sums, products, quotients and floor of doubles.

The sine takes the nearest multiple of pi off its argument, in two parts (Cody and Waite 1980), and the Taylor polynomial of
degree 15 of the rest: within 1e-11 of the sine. The hyperbolic tangent is Lambert's continued fraction of a quarter of the
argument, doubled twice by ``tanh 2a = 2 tanh a / (1 + tanh^2 a)``: within 1e-6.
"""

import numpy as np

from voxz.jit import kernel

IDENTITY, SINE, RELU, TANH = 0, 1, 2, 3
ACTIVATIONS = {"identity": IDENTITY, "sine": SINE, "relu": RELU, "tanh": TANH}
"""Numbers of activations in files, by name."""

_INVERSE_PI = 0.3183098861837907
_PI_HIGH = 3.1415926218032837
"""The first 26 bits of pi: products with whole numbers below 2 ** 27 are exact."""
_PI_LOW = 3.178650954705639e-08

_S3, _S5, _S7 = -1.0 / 6.0, 1.0 / 120.0, -1.0 / 5040.0
_S9, _S11, _S13, _S15 = 1.0 / 362880.0, -1.0 / 39916800.0, 1.0 / 6227020800.0, -1.0 / 1307674368000.0

_FARTHEST = 12.0
"""Beyond it the hyperbolic tangent is 1 within 1e-10."""


@kernel
def sine(x):  # type: ignore[no-untyped-def]
    """Sine of `x`."""
    turns = np.floor(x * _INVERSE_PI + 0.5)
    r = (x - turns * _PI_HIGH) - turns * _PI_LOW
    s = r * r
    tail = _S9 + s * (_S11 + s * (_S13 + s * _S15))
    value = r + r * s * (_S3 + s * (_S5 + s * (_S7 + s * tail)))
    half = turns * 0.5
    return value * (1.0 - 4.0 * (half - np.floor(half)))


@kernel
def tanh(x):  # type: ignore[no-untyped-def]
    """Hyperbolic tangent of `x`."""
    a = 0.25 * min(max(x, -_FARTHEST), _FARTHEST)
    s = a * a
    t = a * (135135.0 + s * (17325.0 + s * (378.0 + s))) / (135135.0 + s * (62370.0 + s * (3150.0 + s * 28.0)))
    t = 2.0 * t / (1.0 + t * t)
    return 2.0 * t / (1.0 + t * t)


@kernel
def activate(values, activation, omega):  # type: ignore[no-untyped-def]
    """Apply an activation to a row of `values`, in place; the sine takes `omega` times its argument."""
    if activation == SINE:
        for i in range(values.size):
            values[i] = sine(omega * values[i])
    elif activation == RELU:
        for i in range(values.size):
            values[i] = max(values[i], 0.0)
    elif activation == TANH:
        for i in range(values.size):
            values[i] = tanh(values[i])
