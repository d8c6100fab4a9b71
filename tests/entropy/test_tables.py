"""The tables that ship as data are the rounded values of the functions they stand for."""

from decimal import Decimal, localcontext
from pathlib import Path

import numpy as np

import voxz
from voxz.codecs.wavelet.blocks import cosine
from voxz.codecs.wavelet.heavy import tables
from voxz.entropy import logistic

ROOT = Path(voxz.__file__).parent


def rounded(values: list[Decimal], fraction_bits: int) -> list[int]:
    return [int((value * (1 << fraction_bits)).to_integral_value()) for value in values]


def log_odds(half_steps: range, total: int) -> list[Decimal]:
    """``ln(p / (1 - p))`` for p = (i + 1/2) / total."""
    return [(Decimal(2 * i + 1) / Decimal(2 * (total - i) - 1)).ln() for i in half_steps]


def cosines(count: int) -> list[Decimal]:
    """``cos(pi k / count)`` for k from 0 to `count`, a power of two: the first by halving angles, others by adding them."""
    first = Decimal(0)
    for _ in range(count.bit_length() - 2):
        first = ((1 + first) / 2).sqrt()
    found = [Decimal(1), first]
    while len(found) <= count:
        found.append(2 * first * found[-1] - found[-2])
    return found


def test_the_files_hold_what_exact_arithmetic_gives() -> None:
    with localcontext() as context:
        context.prec = 30
        upper = [1 / (1 + (-Decimal(i) / logistic.STEPS).exp()) for i in range(logistic.REACH * logistic.STEPS + 1)]
        sigmoid = rounded(upper, logistic.FRACTION_BITS)
        odds = rounded(log_odds(range(2048, 4096), 1 << logistic.PROBABILITY_BITS), logistic.FRACTION_BITS)
        two = Decimal(2).ln()
        logs = [Decimal(0), *(Decimal(n).ln() / two for n in range(1, 1 << tables.LOG_BITS))]
        powers = [(two * i / tables.POWER_STEPS).exp() for i in range(tables.POWER_STEPS + 1)]
        edge = log_odds(range(tables.EDGE), 1 << 16)
        turn = rounded(cosines(64), cosine.FRACTION_BITS)
    one = 1 << logistic.FRACTION_BITS
    expected = {
        "entropy/logistic.npy": [*(one - value for value in sigmoid[:0:-1]), *sigmoid, sigmoid[-1]],
        "entropy/log_odds.npy": [*(-value for value in reversed(odds)), *odds],
        "codecs/wavelet/blocks/cosines.npy": turn,
        "codecs/wavelet/heavy/logarithms.npy": rounded(logs, tables.FRACTION_BITS),
        "codecs/wavelet/heavy/powers.npy": rounded(powers, tables.FRACTION_BITS),
        "codecs/wavelet/heavy/edge_odds.npy": rounded(edge, tables.FRACTION_BITS),
    }
    assert sorted(expected) == sorted(str(path.relative_to(ROOT).as_posix()) for path in ROOT.rglob("*.npy"))
    for file, values in expected.items():
        found = np.load(ROOT / file)
        assert found.dtype.str in ("<i4", "<i8")
        assert found.tolist() == values, file


def test_the_codecs_read_the_files() -> None:
    assert logistic.LOGISTIC[logistic.REACH * logistic.STEPS] == 0.5
    assert tables.POWERS[[0, -1]].tolist() == [1.0, 2.0]
    assert tables.LOGS[1024] == 10.0
    assert (logistic.LOG_ODDS[::-1] == -logistic.LOG_ODDS).all()
