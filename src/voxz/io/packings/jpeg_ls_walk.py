"""The walk of JPEG-LS (ISO/IEC 14495-1, annex A) over the samples of an image: one for both directions.

Each sample is predicted from four finished neighbours a (west), b (north), c (north-west), d (north-east). Where they agree, a
run is coded; elsewhere the gradients d - b, b - c, c - a choose one of 365 contexts, which corrects the prediction and gives the
parameter of the Golomb code of its error. With a bound (NEAR), errors are quantised; samples that come from such a stream
quantise to themselves, so that the stream can be made again from them; a decoded run is of equal samples, and what ended it is
never equal to them.

`walk` reads or writes by one flag, deep inside, so that both directions have the same contexts. Names of state are those of the
standard.
"""

import numpy as np

from voxz.jit import allocating_kernel, kernel

POSITION, BITS, HAVE, LAST, BEYOND = range(5)
CODER = 5
"""State of the bits: next byte, bits that wait and their number, the byte before, and whether reading went beyond the data."""

MAXVAL, NEAR, T1, T2, T3, RESET, RANGE, QBPP, LIMIT = range(9)

CONTEXTS = 367
RUN = 365
"""Number of the first of the two contexts of interrupted runs."""

J = np.array([0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 9, 10, 11, 12, 13, 14, 15], np.int64)
"""Logarithm of the length that one bit of a run stands for."""

LINE, SAMPLE = 1, 2
"""Interleaving of components, by lines or by samples."""


@kernel
def put(data, coder, value, count):  # type: ignore[no-untyped-def]
    """Write `count` bits; after a byte of ones, the next has seven.

    Parameters
    ----------
    data : uint8 (bytes,), written
    coder : int64 (CODER,), see POSITION, changed
    value : its low bits are written; no higher ones are set
    count : 0 to 32
    """
    bits = coder[BITS] << count | value
    have = coder[HAVE] + count
    while True:
        room = 7 if coder[LAST] == 0xFF else 8
        if have < room:
            break
        have -= room
        byte = (bits >> have) & 0xFF
        bits &= (np.int64(1) << have) - 1
        data[coder[POSITION]] = byte
        coder[POSITION] += 1
        coder[LAST] = byte
    coder[BITS] = bits
    coder[HAVE] = have


@kernel
def get(data, coder, count):  # type: ignore[no-untyped-def]
    """Read `count` bits; beyond the data, or a marker, there are zeros."""
    while coder[HAVE] < count:
        byte, room = np.int64(0), 8
        if coder[POSITION] < data.shape[0]:
            byte = np.int64(data[coder[POSITION]])
            if coder[LAST] == 0xFF:
                room = 7
                if byte & 0x80:
                    byte = np.int64(0)
                    coder[BEYOND] += 1
        else:
            coder[BEYOND] += 1
        coder[POSITION] += 1
        coder[LAST] = byte
        coder[BITS] = coder[BITS] << room | byte
        coder[HAVE] += room
    coder[HAVE] -= count
    value = coder[BITS] >> coder[HAVE]
    coder[BITS] &= (np.int64(1) << coder[HAVE]) - 1
    return value


@kernel
def code_golomb(data, coder, writing, value, k, limit, qbpp):  # type: ignore[no-untyped-def]
    """Write or read a number by a Golomb code, with an escape after `limit - qbpp - 1` zeros; return it.

    Parameters
    ----------
    data, coder, writing : as for `walk`
    value : from 0 on; anything when reading
    k : parameter of the code
    limit : LIMIT of the standard, less what a run took
    qbpp : bits of a number behind the escape
    """
    most = limit - qbpp - 1
    if writing:
        high = value >> k
        zeros = min(high, most)
        while zeros > 16:
            put(data, coder, 0, 16)
            zeros -= 16
        put(data, coder, 1, zeros + 1)
        if high < most:
            put(data, coder, value & ((1 << k) - 1), k)
        else:
            put(data, coder, (value - 1) & ((1 << qbpp) - 1), qbpp)
        return value
    zeros = 0
    while zeros < most and get(data, coder, 1) == 0:
        zeros += 1
        if coder[BEYOND] > 16:
            return 0
    if zeros < most:
        return np.int64(zeros) << k | get(data, coder, k)
    get(data, coder, 1)
    return get(data, coder, qbpp) + 1


@kernel
def quantised(error, near):  # type: ignore[no-untyped-def]
    """An error in steps of the bound."""
    if near == 0:
        return error
    if error > 0:
        return (error + near) // (2 * near + 1)
    return -((near - error) // (2 * near + 1))


@kernel
def wrapped(error, span):  # type: ignore[no-untyped-def]
    """An error modulo RANGE."""
    if error < 0:
        error += span
    if error >= (span + 1) // 2:
        error -= span
    return error


@kernel
def restored(predicted, error, p):  # type: ignore[no-untyped-def]
    """The sample of a prediction and a quantised error."""
    step = 2 * p[NEAR] + 1
    value = predicted + error * step
    if value < -p[NEAR]:
        value += p[RANGE] * step
    elif value > p[MAXVAL] + p[NEAR]:
        value -= p[RANGE] * step
    return min(max(value, 0), p[MAXVAL])


@kernel
def class_of(gradient, p):  # type: ignore[no-untyped-def]
    """One of nine classes of a gradient, -4 to 4."""
    size = abs(gradient)
    if size <= p[NEAR]:
        return 0
    found = 1 if size < p[T1] else 2 if size < p[T2] else 3 if size < p[T3] else 4
    return found if gradient > 0 else -found


@kernel
def golomb_parameter(count, total):  # type: ignore[no-untyped-def]
    """Smallest `k` with ``count << k >= total``."""
    k = 0
    while count << k < total and k < 24:
        k += 1
    return k


@kernel
def count_one(state, q, most):  # type: ignore[no-untyped-def]
    """Count a sample of context `q`, halving what it has summed up after `most` of them; return the new count."""
    if state[3, q] == most:
        state[0, q] >>= 1
        state[1, q] >>= 1
        state[3, q] >>= 1
    state[3, q] += 1
    return state[3, q]


@kernel
def code_regular(data, coder, writing, value, a, b, c, q, p, state):  # type: ignore[no-untyped-def]
    """Code a sample outside runs; returns it as the decoder has it.

    Parameters
    ----------
    data, coder, writing, p, state : as for `walk`
    value : the sample; anything when reading
    a, b, c : its neighbours
    q : context, -364 to 364; a negative one is mirrored
    """
    sign = -1 if q < 0 else 1
    q = abs(q)
    if c >= max(a, b):
        predicted = min(a, b)
    elif c <= min(a, b):
        predicted = max(a, b)
    else:
        predicted = a + b - c
    predicted = min(max(predicted + sign * state[2, q], 0), p[MAXVAL])
    k = golomb_parameter(state[3, q], state[0, q])
    mirrored = 1 if p[NEAR] == 0 and k == 0 and 2 * state[1, q] <= -state[3, q] else 0
    mapped = np.int64(0)
    if writing:
        error = wrapped(quantised(sign * (value - predicted), p[NEAR]), p[RANGE])
        mapped = 2 * error if error >= 0 else -2 * error - 1
        mapped ^= mirrored
    mapped = code_golomb(data, coder, writing, mapped, k, p[LIMIT], p[QBPP])
    error = -(mapped >> 1) - 1 if (mapped ^ mirrored) & 1 else mapped >> 1
    state[1, q] += error * (2 * p[NEAR] + 1)
    state[0, q] += abs(error)
    count = count_one(state, q, p[RESET])
    if state[1, q] <= -count:
        state[1, q] = max(state[1, q] + count, 1 - count)
        state[2, q] = max(state[2, q] - 1, -128)
    elif state[1, q] > 0:
        state[1, q] = min(state[1, q] - count, 0)
        state[2, q] = min(state[2, q] + 1, 127)
    return restored(predicted, sign * error, p)


@kernel
def code_interruption(data, coder, writing, value, a, b, kind, run_index, p, state):  # type: ignore[no-untyped-def]
    """Code the sample that ends a run; returns it as the decoder has it.

    Parameters
    ----------
    data, coder, writing, p, state : as for `walk`
    value : the sample; anything when reading
    a, b : its neighbours
    kind : 1 where a and b agree, else 0
    run_index : RUNindex, 0 to 31
    """
    predicted = a if kind else b
    sign = -1 if not kind and a > b else 1
    q = RUN + kind
    count = state[3, q]
    k = golomb_parameter(count, state[0, q] + (count >> 1) * kind)
    mapped = np.int64(0)
    if writing:
        error = wrapped(quantised(sign * (value - predicted), p[NEAR]), p[RANGE])
        odd = (k == 0 and error > 0 and 2 * state[1, q] < count) or (error < 0 and (2 * state[1, q] >= count or k != 0))
        mapped = 2 * abs(error) - kind - (1 if odd else 0)
    mapped = code_golomb(data, coder, writing, mapped, k, p[LIMIT] - J[run_index] - 1, p[QBPP])
    odd = (mapped + kind) & 1
    error = (mapped + kind + odd) >> 1
    if (k != 0 or 2 * state[1, q] >= count) == (odd == 1):
        error = -error
    if error < 0:
        state[1, q] += 1
    state[0, q] += (mapped + 1 - kind) >> 1
    count_one(state, q, p[RESET])
    return restored(predicted, sign * error, p)


@kernel
def code_run(data, coder, writing, length, most, run_index):  # type: ignore[no-untyped-def]
    """Code the length of a run; returns it and the new RUNindex.

    Parameters
    ----------
    data, coder, writing : as for `walk`
    length : samples of the run; anything when reading
    most : samples to the end of the line
    run_index : RUNindex, 0 to 31
    """
    if writing:
        left = length
        while left >= np.int64(1) << J[run_index]:
            put(data, coder, 1, 1)
            left -= np.int64(1) << J[run_index]
            run_index = min(run_index + 1, 31)
        if length == most:
            if left > 0:
                put(data, coder, 1, 1)
        else:
            put(data, coder, left, J[run_index] + 1)
        return length, run_index
    length = 0
    while length < most:
        if get(data, coder, 1):
            step = np.int64(1) << J[run_index]
            if length + step <= most:
                run_index = min(run_index + 1, 31)
            length = min(length + step, most)
        else:
            length += get(data, coder, J[run_index])
            break
    return min(length, most), run_index


@kernel
def neighbours(samples, y, x, c):  # type: ignore[no-untyped-def]
    """a, b, c, d of a sample; those outside are as the standard has them.

    Parameters
    ----------
    samples : uint16 (rows, columns, components)
    y, x, c : place of the sample
    """
    columns = samples.shape[1]
    b = np.int64(samples[y - 1, x, c]) if y > 0 else np.int64(0)
    a = np.int64(samples[y, x - 1, c]) if x > 0 else b
    d = np.int64(samples[y - 1, x + 1, c]) if y > 0 and x + 1 < columns else b
    if x > 0:
        corner = np.int64(samples[y - 1, x - 1, c]) if y > 0 else np.int64(0)
    else:
        corner = np.int64(samples[y - 2, 0, c]) if y > 1 else np.int64(0)
    return a, b, corner, d


@kernel
def walk_line(data, coder, writing, samples, y, first, last, p, state, run_index):  # type: ignore[no-untyped-def]
    """Code some components of a line, sample by sample; False if samples that are written are none of such a stream.

    Parameters
    ----------
    data, coder, writing, samples, p, state : as for `walk`
    y : number of the line
    first, last : component from which on, and before which
    run_index : int64 (components,), RUNindex of each, changed
    """
    columns = samples.shape[1]
    index = run_index[first]
    x = 0
    while x < columns:
        flat = True
        for c in range(first, last):
            a, b, corner, d = neighbours(samples, y, x, c)
            flat = flat and abs(d - b) <= p[NEAR] and abs(b - corner) <= p[NEAR] and abs(corner - a) <= p[NEAR]
        if not flat:
            for c in range(first, last):
                if last - first > 1:
                    a, b, corner, d = neighbours(samples, y, x, c)
                q = 81 * class_of(d - b, p) + 9 * class_of(b - corner, p) + class_of(corner - a, p)
                value = np.int64(samples[y, x, c]) if writing else np.int64(0)
                coded = code_regular(data, coder, writing, value, a, b, corner, q, p, state)
                if writing and coded != value:
                    return False
                samples[y, x, c] = coded
            x += 1
            continue
        length = 0
        if writing:
            going = True
            while going and x + length < columns:
                for c in range(first, last):
                    if last - first > 1:
                        a, b, corner, d = neighbours(samples, y, x, c)
                    going = going and np.int64(samples[y, x + length, c]) == a
                if going:
                    length += 1
        length, index = code_run(data, coder, writing, length, columns - x, index)
        for c in range(first, last):
            a, b, corner, d = neighbours(samples, y, x, c)
            for i in range(x, x + length):
                samples[y, i, c] = a
        x += length
        if x == columns:
            break
        for c in range(first, last):
            a, b, corner, d = neighbours(samples, y, x, c)
            kind = 1 if last - first == 1 and abs(a - b) <= p[NEAR] else 0
            value = np.int64(samples[y, x, c]) if writing else np.int64(0)
            coded = code_interruption(data, coder, writing, value, a, b, kind, index, p, state)
            if writing and coded != value:
                return False
            samples[y, x, c] = coded
        index = max(index - 1, 0)
        x += 1
    run_index[first] = index
    return True


@allocating_kernel
def walk(data, coder, writing, samples, interleaving, p, state):  # type: ignore[no-untyped-def]
    """Write the entropy-coded data of samples, or read it; False if it is damaged, or samples cannot come from such a stream.

    Parameters
    ----------
    data : uint8 (bytes,), read or written
    coder : int64 (CODER,), see POSITION, zeros at first
    writing : whether `data` is written
    samples : uint16 (rows, columns, components), filled when reading
    interleaving : LINE, SAMPLE, or 0 for a single component
    p : nine whole numbers, see MAXVAL
    state : int64 (4, CONTEXTS), A, B, C and N of the standard, changed
    """
    rows, _, components = samples.shape
    run_index = np.zeros(components, np.int64)
    for y in range(rows):
        if interleaving == SAMPLE:
            if not walk_line(data, coder, writing, samples, y, 0, components, p, state, run_index):
                return False
        else:
            for c in range(components):
                if not walk_line(data, coder, writing, samples, y, c, c + 1, p, state, run_index):
                    return False
        if coder[BEYOND] > 16:
            return False
    if writing and coder[HAVE]:
        room = 7 if coder[LAST] == 0xFF else 8
        put(data, coder, 0, room - coder[HAVE])
    return True
