import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import voxz
from phantoms import head, series
from samples import printed_by_plain_python
from voxz.codecs.predictive import codec as predictive
from voxz.codecs.predictive.interlaced import codec as interlaced
from voxz.codecs.predictive.interlaced.rows import ORDER, RANKS
from voxz.codecs.predictive.interlaced.taps import ERRORS, PREDICTORS
from voxz.codecs.predictive.neighbourhood import Tap
from voxz.entropy.integers import IntegerReader, IntegerWriter
from voxz.errors import CorruptError, UnsupportedError

FAST = 10
"""What the payload of a brick starts with that is coded by the fast walk."""


def fast_payload(samples: NDArray[np.generic]) -> bytes:
    """Payload of a brick, which must be one of the fast walk and come back."""
    payload = predictive.encode_brick(samples, 1)
    assert payload is not None
    assert payload[0] == FAST
    decoded = predictive.decode_brick(payload, samples.shape, samples.dtype)
    assert decoded.dtype == samples.dtype
    assert np.array_equal(decoded, samples)
    return payload


@settings(max_examples=50)
@given(
    st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 13), st.integers(1, 70), st.integers(1, 3)),
    st.sampled_from(["i1", "u1", "i2", "u2", "i4", "u4"]),
    st.sampled_from(["noise", "extremes", "sparse", "ramp", "lines"]),
    st.integers(0, 99),
)
def test_bricks_of_any_shape_type_and_content_come_back(shape: tuple[int, ...], name: str, kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    limits = np.iinfo(name)
    low, high = max(limits.min, -(2**15)), min(limits.max, 2**15 - 1)
    samples = {
        "noise": lambda: rng.integers(low, high, shape, endpoint=True),
        "extremes": lambda: rng.choice([low, high], shape),
        "sparse": lambda: rng.choice(rng.integers(low, high, 5), shape),
        "ramp": lambda: np.arange(np.prod(shape)).reshape(shape) % (high - low) + low,
        "lines": lambda: np.broadcast_to(rng.choice([low, 3, high], (*shape[:3], 1, 1)), shape),
    }[kind]().astype(name)
    payload = predictive.encode_brick(samples, 1)
    assert payload is not None
    decoded = predictive.decode_brick(payload, shape, samples.dtype)
    assert decoded.dtype == samples.dtype
    assert np.array_equal(decoded, samples)
    assert payload[0] == (FAST if shape[3] >= 16 and (samples != samples[0, 0, 0, 0, 0]).any() else min(payload[0], 1))


@settings(max_examples=30)
@given(
    st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 9), st.integers(1, 70)),
    st.sampled_from([2, 4]),
    st.sampled_from([1, 200, 32767, 32768, 65535]),
    st.integers(0, 99),
)
def test_rows_of_any_width_come_back_in_two_and_in_four_phases(
    shape: tuple[int, int, int, int], phases: int, highest: int, seed: int
) -> None:
    dense = np.random.default_rng(seed).integers(0, highest, shape, np.int32, endpoint=True)
    side = IntegerWriter()
    words, raw = interlaced.encode_phases(dense, highest, side, phases)
    stored = np.arange(highest + 1, dtype=np.uint16)
    assert np.array_equal(interlaced.decode(IntegerReader(side.to_bytes()), words, raw, highest, shape, stored), dense)


def test_four_phases_are_taken_where_columns_between_columns_are_foreseen() -> None:
    coarse = head((12, 96, 33)).astype(np.int32)
    parts = [coarse[:, :, :-1] * (4 - k) + coarse[:, :, 1:] * k for k in range(4)]
    smooth = np.stack(parts, axis=3).reshape(12, 96, 128) // 4
    rough = np.random.default_rng(1).integers(0, 500, smooth.shape, np.int32)
    for dense, phases in ((smooth, 4), (rough, 2)):
        side = IntegerWriter()
        interlaced.encode(dense[None], int(dense.max()), side)
        assert IntegerReader(side.to_bytes()).take(2)[0] == phases


def test_the_tables_of_the_format_description_are_those_of_the_code() -> None:
    written = json.loads((Path(__file__).parents[3] / "docs" / "format" / "interlaced.json").read_text())
    assert {int(phases): tuple(order) for phases, order in written["order"].items()} == ORDER
    assert {int(phases): tuple(ranks) for phases, ranks in written["ranks"].items()} == RANKS
    assert tuple(tuple(tuple(Tap(*tap) for tap in mode) for mode in rank) for rank in written["taps"]) == PREDICTORS
    assert tuple(tuple(tuple((Tap(*tap), w) for *tap, w in mode) for mode in rank) for rank in written["errors"]) == ERRORS


def test_what_the_fast_walk_cannot_take_keeps_the_other_walk() -> None:
    narrow = head((3, 20, 15))[None, ..., None]
    wide = np.random.default_rng(1).integers(0, 1 << 20, (1, 8, 50, 200, 1)).astype(np.int32)
    for samples in (narrow, wide):
        payload = predictive.encode_brick(samples, 1)
        assert payload is not None
        assert payload[0] == 1
        assert np.array_equal(predictive.decode_brick(payload, samples.shape, samples.dtype), samples)


def test_previous_slices_and_volumes_are_used() -> None:
    volume = head((8, 48, 48))[None, ..., None]
    again = np.concatenate([volume, volume + 1, volume + 2])
    assert len(fast_payload(again)) < 1.5 * len(fast_payload(volume))
    still = np.repeat(volume[:, :1], 8, axis=1)
    assert len(fast_payload(still)) < 0.3 * len(fast_payload(volume))


def test_tables_and_tiles_follow_the_scan() -> None:
    quiet, loud = head((8, 128, 256)).astype(np.int32), np.random.default_rng(2).integers(0, 4000, (8, 128, 256))
    both = quiet.copy()
    both[:, :, 128:] = loud[:, :, 128:]
    size = len(fast_payload(both[None, ..., None]))
    halves = [len(fast_payload(part[None, ..., None])) for part in (quiet[:, :, :128], loud[:, :, 128:])]
    assert size < 1.05 * sum(halves)


def damaged(payload: bytes, number: int) -> list[bytes]:
    """Copies of a payload with one to three bits flipped, half of them among the first 100 bytes, where the parameters are."""
    rng = np.random.default_rng(3)
    found = []
    for k in range(number):
        changed = bytearray(payload)
        for at in rng.integers(0, 100 if k % 2 else len(payload), rng.integers(1, 4)):
            changed[at] ^= 1 << int(rng.integers(0, 8))
        found.append(bytes(changed))
    return found


def decode_all_damaged() -> int:
    """Decode damaged payloads of bricks of all kinds; return how many were refused."""
    rng = np.random.default_rng(4)
    refused = 0
    for samples in (
        series(3, (2, 20, 24))[..., None],
        head((3, 24, 64))[None, ..., None],
        rng.integers(-(2**15), 2**15, (1, 2, 12, 33, 1)).astype(np.int16),
    ):
        payload = fast_payload(samples)
        for blob in damaged(payload, 150):
            try:
                decoded = predictive.decode_brick(blob, samples.shape, samples.dtype)
            except (CorruptError, UnsupportedError):
                refused += 1
                continue
            assert decoded.shape == samples.shape
        for end in range(0, len(payload), 17):
            with pytest.raises(CorruptError):
                predictive.decode_brick(payload[:end], samples.shape, samples.dtype)
    return refused


def test_damaged_payloads_are_refused() -> None:
    assert decode_all_damaged() > 400


def test_damaged_payloads_never_index_out_of_bounds(tmp_path: Path) -> None:
    """Compiled with bounds checks, indices out of bounds raise; without them they would read anything."""
    code = "import sys; sys.path[:0] = sys.argv[1:]; from test_interlaced import decode_all_damaged; decode_all_damaged()"
    folders = [str(Path(__file__).parent), str(Path(__file__).parents[2])]
    checked = os.environ | {"NUMBA_BOUNDSCHECK": "1", "VOXZ_CACHE_DIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code, *folders], env=checked, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def parity_digests() -> list[str]:
    """Digests of some encodings; small, because plain Python is slow."""
    digests = []
    ramp = (np.arange(2 * 5 * 40).reshape(2, 5, 40) * 163 % 65536).astype(np.uint16)
    for samples in (head((3, 7, 15)), series(3, (2, 5, 12)), head((1, 7, 34))[0], ramp):
        blob = voxz.encode(samples, level=1)
        assert np.array_equal(voxz.decode(blob), samples)
        digests.append(hashlib.sha256(blob).hexdigest()[:16])
        dense = samples.astype(np.int32).reshape((1,) * (4 - samples.ndim) + samples.shape)
        side = IntegerWriter()
        words, raw = interlaced.encode_phases(dense, int(dense.max()), side, 4)
        digests.append(hashlib.sha256(side.to_bytes() + words + raw).hexdigest()[:16])
    return digests


def test_plain_python_gives_the_same_bytes_as_compiled_code() -> None:
    assert printed_by_plain_python(__file__) == str(parity_digests())
