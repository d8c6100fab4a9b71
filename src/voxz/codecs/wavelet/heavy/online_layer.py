"""The network's last layer goes on learning while coefficients are coded, the same in encoder and decoder.

There are several such layers, alike at first: a slow learner keeps what training gave, a quick one follows the scan.
A step of gradient ascent on the logarithm of the chance of each coefficient, once it is known. Steps are normalised: those of
gates by the energy of the signed inputs and the variance of the distribution (as in normalised least mean squares), all by the
energy of the layer's inputs.
"""

import numpy as np

from voxz.codecs.wavelet.heavy.network import FLOOR, MIXED
from voxz.entropy.mixing import logistic
from voxz.jit import kernel

RATES = np.array([(0.005, 0.02), (0.02, 0.15), (0.05, 0.6)])
"""Learning rates of each expert: of shares and widths, and of gates."""

LEAST = 1e-5
"""Added to chances."""

STEEPEST = 2.0


@kernel
def _slopes_of_shapes(lower, upper, mean, outputs, shares, steepness, rate, slopes):  # type: ignore[no-untyped-def]
    """Fill `slopes` of shares and widths for a magnitude between the bounds; return that of the mean, in variances, and these.

    Parameters
    ----------
    lower, upper : bounds of the magnitude, in half steps
    mean : in half steps, mirrored for a negative coefficient
    outputs : float64 (OUTPUTS,), what the coefficient was coded with
    shares, steepness : float64 (MIXED,), likewise
    rate : learning rate of shares and widths
    slopes : float64 (OUTPUTS,), the first ``2 * MIXED`` are filled
    """
    chance, moved, total, spread = LEAST, 0.0, 0.0, 0.0
    for k in range(MIXED):
        total += max(outputs[k], 0.0) + FLOOR
        a, b = (lower - mean) * steepness[k], (upper - mean) * steepness[k]
        below, above = logistic(a), logistic(b)
        inside = logistic(-a) - logistic(-b) if a + b > 0.0 else above - below
        falling, rising = below * (1.0 - below), above * (1.0 - above)
        chance += shares[k] * inside
        moved += shares[k] * steepness[k] * (falling - rising)
        slopes[k] = inside
        slopes[MIXED + k] = shares[k] * (a * falling - b * rising)
        spread += shares[k] / steepness[k]
    for k in range(MIXED):
        slope = (slopes[k] - chance) / (chance * total) if outputs[k] > 0.0 else 0.0
        slopes[k] = rate * min(max(slope, -STEEPEST), STEEPEST)
        slopes[MIXED + k] = rate * min(max(slopes[MIXED + k] / chance, -STEEPEST), STEEPEST)
    return moved * spread * spread / chance, spread * spread


@kernel
def energy_of(deeper):  # type: ignore[no-untyped-def]
    """What steps are divided by: 1 and the sum of squares of the last layer's inputs."""
    energy = 1.0
    for h in range(deeper.size):
        energy += deeper[h] * deeper[h]
    return energy


@kernel
def learn(  # type: ignore[no-untyped-def]
    lower, upper, minus, mean, outputs, shares, steepness, values, used, deeper, energy, third, third_bias, rates, slopes
):
    """One step of the last layer for a coefficient whose magnitude turned out between two bounds, with this sign.

    Parameters
    ----------
    lower, upper : bounds of the magnitude, in half steps
    minus : whether the coefficient is negative
    mean : what the coefficient was coded with, in half steps, as are the following
    outputs : float64 (OUTPUTS,)
    shares, steepness : float64 (MIXED,)
    values : float64 (SIGNED,), signed inputs
    used : outputs that this orientation has
    deeper : float64 (two,), inputs of the last layer
    energy : `energy_of` these
    third, third_bias : float64 (two, OUTPUTS) and (OUTPUTS,), changed
    rates : float64 (2,), one of RATES
    slopes : float64 (OUTPUTS,), room
    """
    centre = -mean if minus else mean
    moved, signed_energy = _slopes_of_shapes(lower, upper, centre, outputs, shares, steepness, rates[0], slopes)
    for k in range(used - 2 * MIXED):
        signed_energy += values[k] * values[k]
    moved = (-moved if minus else moved) / signed_energy
    for k in range(used - 2 * MIXED):
        slopes[2 * MIXED + k] = rates[1] * min(max(moved * values[k], -1.0), 1.0)
    for k in range(used):
        slopes[k] /= energy
        third_bias[k] += slopes[k]
    for h in range(deeper.size):
        value, row = deeper[h], third[h]
        if value > 0.0:
            for k in range(used):
                row[k] += value * slopes[k]
