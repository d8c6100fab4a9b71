"""The trained network of the heavy profile, evaluated in IEEE doubles in a fixed order: what distribution a coefficient has.

::

    logarithms of magnitudes: 22 neighbours in the band | parent, sisters, previous component, each with its faces | long term |
    wide means
        -> first layer (a set of weights for each orientation), ReLU -> second layer, ReLU -> third layer
        -> shares and widths of MIXED logistic distributions, and gates of signed neighbours, whose weighted sum is their mean

All logarithms are relative to that of the light profile's expected magnitude. The part of the first layer that depends on
finished rows and bands is summed for a whole row at once, one input after the other.
"""

from voxz.codecs.wavelet.band_rows import BESIDE
from voxz.codecs.wavelet.heavy.tables import power_of_two
from voxz.entropy.mixing import logistic
from voxz.jit import at, kernel

EXPERTS = 3
"""Last layers, alike at first, that learn at different rates while coefficients are coded (`heavy_online`)."""

MIXED = 3
"""Logistic distributions that are mixed."""

IN_BAND = 22
"""Inputs of the first layer from the band itself: west, second west, and those of finished rows."""

PLANES = 16
"""Inputs known as whole planes: of parent, sisters 1 to 6, previous component, each the value and the mean of its faces."""

OUTER, INNER, LONG = IN_BAND + PLANES, IN_BAND + PLANES + 1, IN_BAND + PLANES + 2
"""Inputs: the parts of the expectation from other bands and from the band itself; long-term state."""

WIDE_PARENT, WIDE_SISTERS, WIDE_ABOVE, WIDE_BEFORE = LONG + 1, LONG + 2, LONG + 3, LONG + 4
"""Inputs: means over wide surroundings, see `heavy_wide`."""

FEATURES = WIDE_BEFORE + 1
OWN_SIGNED = 14
SIGNED = OWN_SIGNED + 2 + 4 * 6
"""Signed inputs: leaning and 13 neighbours; previous component and its faces; of each sister its value and its slopes along
x, y, z."""

OUTPUTS = 2 * MIXED + SIGNED
FLOOR = 0.02
"""Least share of each distribution before shares are made to sum up to 1."""

NARROWEST, WIDEST = -8.0, 20.0
"""Bounds of the logarithm of a width, in half steps."""


@kernel
def add_line(weights, line, first, hidden):  # type: ignore[no-untyped-def]
    """Add what an input of a whole row gives to the first layer.

    Parameters
    ----------
    weights : float64 (units,)
    line : float64 (first + x or more,)
    first : place of the row's first input in `line`
    hidden : float64 (units, x), added to
    """
    width = hidden.shape[1]
    for h in range(hidden.shape[0]):
        weight = weights[h]
        target = hidden[h]
        for x in range(width):
            target[at(x)] += weight * line[at(x + first)]


@kernel
def row_of_first_layer(logs, around, z, y, planes, places, wide, weights, bias, hidden):  # type: ignore[no-untyped-def]
    """Fill what finished rows and bands give to the first layer.

    Parameters
    ----------
    logs : float64, rows of the band with margins, logarithms of its magnitudes
    around : `band_rows.Around`
    z, y : place of the row
    planes : float64 (planes, z, y, x), what is known as a whole
    places : int64 (planes,), input that each plane is
    wide : float64 (2, x), logarithms of wide means above and in the slices before
    weights : float64 (FEATURES, units)
    bias : float64 (units,)
    hidden : float64 (units, x), filled
    """
    for h in range(hidden.shape[0]):
        hidden[h, :] = bias[h]
    up, top, back, far = logs[around.up], logs[around.top], logs[around.back], logs[around.far]
    above, below = logs[around.above], logs[around.below]
    for k in range(5):
        add_line(weights[2 + k], up, k, hidden)
    for k in range(3):
        add_line(weights[7 + k], top, BESIDE - 1 + k, hidden)
        add_line(weights[10 + k], above, BESIDE - 1 + k, hidden)
        add_line(weights[13 + k], back, BESIDE - 1 + k, hidden)
        add_line(weights[16 + k], below, BESIDE - 1 + k, hidden)
    add_line(weights[19], back, BESIDE - 2, hidden)
    add_line(weights[20], back, BESIDE + 2, hidden)
    add_line(weights[21], far, BESIDE, hidden)
    add_line(weights[WIDE_ABOVE], wide[0], 0, hidden)
    add_line(weights[WIDE_BEFORE], wide[1], 0, hidden)
    for k in range(places.size):
        add_line(weights[places[k]], planes[k, z, y], 0, hidden)


@kernel
def evaluate(  # type: ignore[no-untyped-def]
    hidden, x, west, west_2, outer, inner, expected, first, slope, second, second_bias, deep, deeper
):
    """Fill the hidden layers of a coefficient.

    Parameters
    ----------
    hidden : float64 (one, x), from `row_of_first_layer`
    x : column, without margins
    west, west_2 : logarithms of the two magnitudes before
    outer, inner, expected : logarithms of the expected magnitude: its part from other bands, that from this one, the whole
    first, slope, second, second_bias : as in `model.Layers`
    deep : float64 (one,), the first hidden layer, filled
    deeper : float64 (two,), the second hidden layer, filled
    """
    for h in range(deep.size):
        value = hidden[h, x] + expected * slope[h] + west * first[0, h] + west_2 * first[1, h]
        value += outer * first[OUTER, h] + inner * first[INNER, h]
        deep[h] = max(value, 0.0)
    for o in range(deeper.size):
        deeper[o] = second_bias[o]
    for h in range(deep.size):
        value, row = deep[h], second[h]
        for o in range(deeper.size):
            deeper[o] += value * row[o]
    for h in range(deeper.size):
        deeper[h] = max(deeper[h], 0.0)


@kernel
def last_layer(deeper, third, third_bias, used, outputs):  # type: ignore[no-untyped-def]
    """Fill the first `used` of the `outputs` of an expert.

    Parameters
    ----------
    deeper : float64 (two,), the second hidden layer
    third : float64 (two, OUTPUTS)
    third_bias : float64 (OUTPUTS,)
    used : outputs that this orientation has
    outputs : float64 (OUTPUTS,), filled
    """
    for o in range(used):
        outputs[o] = third_bias[o]
    for h in range(deeper.size):
        value, row = deeper[h], third[h]
        for o in range(used):
            outputs[o] += value * row[o]


@kernel
def distributions(outputs, expected, shares, steepness):  # type: ignore[no-untyped-def]
    """Fill shares and steepness (one over the width, in half steps) of the distributions.

    Parameters
    ----------
    outputs : float64 (OUTPUTS,), from `last_layer`
    expected : logarithm of the expected magnitude
    shares : float64 (MIXED,), filled; sum up to 1
    steepness : float64 (MIXED,), filled
    """
    total = 0.0
    for k in range(MIXED):
        shares[k] = max(outputs[k], 0.0) + FLOOR
        total += shares[k]
    for k in range(MIXED):
        shares[k] /= total
        steepness[k] = power_of_two(-min(max(expected + outputs[MIXED + k], NARROWEST), WIDEST))


@kernel
def signed_inputs(lean, signed, around, z, y, x, beside, beside_at, values):  # type: ignore[no-untyped-def]
    """Fill the signed values whose weighted sum is the mean, in half steps.

    Parameters
    ----------
    lean : prediction of `sign_context`
    signed : int32, rows of the band with margins, its magnitudes with signs
    around : `band_rows.Around`
    z, y, x : place of the coefficient, x with margins
    beside : int32 (bands, z, y, x), magnitudes with signs of other bands, with margins of 1
    beside_at : int64 (bands,), first place of each in `values`: that of the previous component or of a sister
    values : float64 (SIGNED,), filled
    """
    row, up, top = signed[around.row], signed[around.up], signed[around.top]
    back, above, far = signed[around.back], signed[around.above], signed[around.far]
    below = signed[around.below]
    values[0] = lean
    values[1], values[2] = row[x - 1], row[x - 2]
    values[3], values[4], values[5], values[6] = up[x - 1], up[x], up[x + 1], top[x]
    values[7], values[8], values[9], values[10] = back[x], back[x - 1], back[x + 1], above[x]
    values[11], values[12], values[13] = below[x], far[x], above[x + 1]
    u, v, w = z + 1, y + 1, x - BESIDE + 1
    for k in range(beside_at.size):
        first = beside_at[k]
        here, line = beside[k], beside[k, u, v]
        before, after = here[u, v - 1, w], here[u, v + 1, w]
        front, behind = here[u - 1, v, w], here[u + 1, v, w]
        values[first] = line[w]
        if first == OWN_SIGNED:
            faces = line[w - 1] + line[w + 1] + before + after + front + behind
            values[first + 1] = faces * (1.0 / 6.0)
        else:
            values[first + 1] = line[w + 1] - line[w - 1]
            values[first + 2] = after - before
            values[first + 3] = behind - front


@kernel
def mean_of(outputs, values, used):  # type: ignore[no-untyped-def]
    """Mean, in half steps: each of the signed `values` with its gate."""
    mean = 0.0
    for k in range(used - 2 * MIXED):
        mean += outputs[2 * MIXED + k] * values[k]
    return mean


@kernel
def bound_of(index, quantiser, edges):  # type: ignore[no-untyped-def]
    """Magnitude, in half steps, up to which coefficients get at most `index`."""
    base = 1.0 - 0.5 * quantiser if index == 0 else 2.0 * index + 1.0 - quantiser
    return base + edges[quantiser, min(index, 2)]


@kernel
def chance_beyond(bound, mean, shares, steepness):  # type: ignore[no-untyped-def]
    """Chance of a magnitude above `bound`.

    Parameters
    ----------
    bound, mean : in half steps
    shares, steepness : float64 (MIXED,), from `distributions`
    """
    total = 0.0
    for k in range(MIXED):
        total += shares[k] * (logistic((mean - bound) * steepness[k]) + logistic(-(mean + bound) * steepness[k]))
    return total


@kernel
def chance_of_minus(lower, upper, mean, shares, steepness):  # type: ignore[no-untyped-def]
    """Chance that a coefficient whose magnitude is between the bounds is negative.

    Parameters
    ----------
    lower, upper, mean : in half steps
    shares, steepness : float64 (MIXED,), from `distributions`
    """
    minus, plus = 1e-7, 1e-7
    for k in range(MIXED):
        minus += shares[k] * (logistic(-(lower + mean) * steepness[k]) - logistic(-(upper + mean) * steepness[k]))
        plus += shares[k] * (logistic((mean - lower) * steepness[k]) - logistic((mean - upper) * steepness[k]))
    return minus / (minus + plus)
