"""Division by inverses: quotients are exact for every frequency and the largest states."""

import numpy as np

from voxz.codecs.predictive.interlaced.streams import FREQUENCY_BITS, PRECISION, TOTAL, _put, codes_of
from voxz.jit import kernel
from voxz.jit.wide import high_product


@kernel
def products(first, second, found):  # type: ignore[no-untyped-def]
    """Fill higher halves of products, uint64 (n,) each."""
    for i in range(first.size):
        found[i] = high_product(first[i], second[i])


def test_higher_halves_of_products() -> None:
    first, second = np.random.default_rng(1).integers(0, 1 << 64, (2, 1000), np.uint64)
    first[0] = second[0] = 2**64 - 1
    found = np.zeros(1000, np.uint64)
    products(first, second, found)
    assert [int(n) for n in found] == [int(a) * int(b) >> 64 for a, b in zip(first, second, strict=True)]


def test_quotients_of_states_are_exact() -> None:
    rng = np.random.default_rng(2)
    for frequency in range(1, TOTAL + 1):
        code = int(codes_of(np.array([[frequency, TOTAL - frequency]], np.int32))[0, 0])
        assert code & ((1 << FREQUENCY_BITS) - 1) == frequency
        highest = frequency << (63 - PRECISION)
        for state in (highest - 1, highest - frequency, highest - frequency - 1, 1 << 31, int(rng.integers(1 << 31, highest))):
            if state >= 1 << 31:
                assert int(_put(np.int64(state), np.int64(code))) == (state // frequency << PRECISION) + state % frequency
