import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voxz.entropy.bits import from_bytes, get_bits, put_bits, to_bytes
from voxz.entropy.contexts import GRADES, choose_ranges, read_contexts, tokenise, write_contexts
from voxz.entropy.integers import IntegerReader, IntegerWriter
from voxz.entropy.rans import TOTAL, encode_symbols, fill_slots, normalise, starts_of
from voxz.entropy.residual import DIRECT, TOKENS, raw_length, token_of, value_of
from voxz.errors import CorruptError


@given(st.lists(st.tuples(st.integers(0, 31), st.integers(0, 2**31 - 1)), max_size=60))
def test_bits_come_back(parts: list[tuple[int, int]]) -> None:
    words = np.zeros(len(parts) + 3, np.int64)
    position = 0
    for length, value in parts:
        position = put_bits(words, position, value & ((1 << length) - 1), length)
    stream = from_bytes(to_bytes(words, position))
    position = 0
    for length, value in parts:
        assert get_bits(stream, position, length) == value & ((1 << length) - 1)
        position += length


@given(st.integers(-(2**30), 2**30))
def test_every_residual_has_a_token(value: int) -> None:
    token = token_of(value)
    assert 0 <= token < TOKENS
    magnitude = abs(value)
    raw = magnitude - DIRECT - (1 << raw_length(token)) if magnitude > DIRECT else 0
    assert value_of(token, raw) == value


@given(st.lists(st.integers(-(2**29), 2**29)), st.integers(1, 5))
def test_side_information_comes_back(values: list[int], width: int) -> None:
    columns = np.arange(len(values)) % width
    writer = IntegerWriter()
    writer.put(values, columns)
    writer.put([7])
    reader = IntegerReader(writer.to_bytes())
    assert reader.take(len(values), columns).tolist() == values
    assert reader.take(1).tolist() == [7]
    reader.finish()


def test_side_information_that_is_cut_or_too_long_is_refused() -> None:
    writer = IntegerWriter()
    writer.put(list(range(-50, 50)))
    payload = writer.to_bytes()
    for end in range(len(payload)):
        with pytest.raises(CorruptError):
            IntegerReader(payload[:end]).take(100)
    reader = IntegerReader(payload + b"\0")
    reader.take(100)
    with pytest.raises(CorruptError):
        reader.finish()


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=TOKENS))
def test_frequencies_sum_to_the_total_and_keep_every_symbol(counts: list[int]) -> None:
    row = np.zeros((1, TOKENS), np.int64)
    row[0, : len(counts)] = counts
    frequencies = normalise(row)
    assert frequencies.sum() == TOTAL
    assert (frequencies[row > 0] > 0).all()


@pytest.mark.parametrize("number", [0, 1, 2, 999])
def test_rans_gives_the_symbols_back_and_ends_where_it_began(number: int) -> None:
    rng = np.random.default_rng(number)
    counts = np.zeros((3, TOKENS), np.int64)
    counts[0, 4] = 1
    counts[1, :60] = rng.integers(0, 9, 60)
    counts[2, 100:] = 2 ** np.arange(TOKENS - 100)
    frequencies = normalise(counts)
    tables = rng.integers(0, 3, number).astype(np.uint8)
    symbols = np.array([rng.choice(np.flatnonzero(frequencies[t])) for t in tables], np.uint8)
    words = np.zeros(number + 6, np.uint16)
    used = encode_symbols(tables, symbols, frequencies, starts_of(frequencies), words)
    stream = [int(word) for word in words[words.size - used :]]
    slots, spans = np.zeros((3, TOTAL), np.uint8), np.zeros((3, TOKENS), np.int32)
    assert fill_slots(frequencies, slots, spans)
    states = [stream[0] << 16 | stream[1], stream[2] << 16 | stream[3]]
    rest = iter(stream[4:])
    for i, (table, symbol) in enumerate(zip(tables, symbols, strict=True)):
        state = states[i % 2]
        slot = state % TOTAL
        found = int(slots[table, slot])
        assert found == symbol
        span = int(spans[table, found])
        state = (span >> 16) * (state >> 12) + slot - (span & 0xFFFF)
        states[i % 2] = state << 16 | next(rest) if state < 1 << 16 else state
    assert states == [1 << 16, 1 << 16]
    assert next(rest, None) is None


def test_tables_are_rebuilt_as_they_were_written() -> None:
    rng = np.random.default_rng(5)
    levels = rng.integers(0, 400, 400_000)
    phases = rng.integers(0, 4, levels.size)
    residuals = np.rint(rng.normal(size=levels.size) * levels / 10 + phases / 2).astype(np.int32)
    noted = (levels * 4 + phases).astype(np.int32)
    ranges = choose_ranges(noted, residuals, 16, split_phases=True)
    grade_table, shifts = ranges.tables()
    assert len(ranges.firsts) > 4
    assert 1 in ranges.phased
    assert max(ranges.shifts) > 0
    counts = np.zeros((len(shifts), TOKENS), np.int64)
    tables, tokens = np.zeros(noted.size, np.uint8), np.zeros(noted.size, np.uint8)
    tokenise(noted, residuals, grade_table, shifts, tables, tokens, counts, np.zeros(noted.size + 3, np.int64))
    writer = IntegerWriter()
    written = write_contexts(writer, ranges, counts)
    read = read_contexts(IntegerReader(writer.to_bytes()))
    assert np.array_equal(read.grade_table, written.grade_table)
    assert np.array_equal(read.shifts, written.shifts)
    assert np.array_equal(read.frequencies, written.frequencies)
    assert (written.frequencies[counts > 0] > 0).all()
    assert len(read.grade_table) == GRADES
