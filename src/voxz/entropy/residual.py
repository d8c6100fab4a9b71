"""From a prediction residual to a token for the entropy coder plus raw bits.

In a context whose residuals are about ``10 * 2**shift`` large, the low `shift` bits of a residual are as good as
random: they are stored raw. What remains, ``e >> shift``, is the token itself while it lies within ``+-DIRECT``; beyond,
the token says the sign and the bit length of the excess, whose bits (below the leading one) are raw too.

Tokens: ``0 .. 2*DIRECT`` for ``-DIRECT .. DIRECT``, then ``2*DIRECT + 1 + 2*length + sign``.
"""

from voxz.jit import inlined_kernel

DIRECT = 30
LARGEST_LENGTH = 31
TOKENS = 2 * DIRECT + 1 + 2 * (LARGEST_LENGTH + 1)


@inlined_kernel
def token_of(value):  # type: ignore[no-untyped-def]
    """Token of a shifted residual."""
    if -DIRECT <= value <= DIRECT:
        return value + DIRECT
    excess = (value if value > 0 else -value) - DIRECT
    length = 0
    while excess > 1:
        excess >>= 1
        length += 1
    return 2 * DIRECT + 1 + 2 * length + (1 if value < 0 else 0)


@inlined_kernel
def raw_length(token):  # type: ignore[no-untyped-def]
    """Raw bits of the excess that follow `token`."""
    if token <= 2 * DIRECT:
        return 0
    return (token - 2 * DIRECT - 1) >> 1


@inlined_kernel
def value_of(token, raw):  # type: ignore[no-untyped-def]
    """Shifted residual from its token and the raw bits of its excess."""
    if token <= 2 * DIRECT:
        return token - DIRECT
    length = (token - 2 * DIRECT - 1) >> 1
    magnitude = DIRECT + (1 << length) + raw
    if (token - 2 * DIRECT - 1) & 1:
        return -magnitude
    return magnitude
