"""The decoder in C gives the samples of the heavy entropy profile bit for bit."""

import ctypes
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import voxz
from native_decoder import MODEL, OK, decode, library, payload_start, with_right_sums
from phantoms import head, series
from voxz.codecs.wavelet.heavy.tables import EDGE_ODDS, LOGS, POWERS
from voxz.target import LOSSLESS
from voxz.weights.store import ENTROPY, read_named

MODELS = [read_named(name) for name in ENTROPY]


def test_tables_are_computed_to_the_last_bit() -> None:
    room, found = np.zeros(1 << 19, np.uint8), ctypes.c_void_p()
    task = (ctypes.c_size_t * 512)(room.ctypes.data, room.size)
    assert library().vx_new_functions(task, ctypes.byref(found)) == OK
    assert found.value is not None
    expected = np.concatenate([LOGS, POWERS, EDGE_ODDS])
    tables = np.ctypeslib.as_array((ctypes.c_double * expected.size).from_address(found.value + ctypes.sizeof(ctypes.c_void_p)))
    assert (tables == expected).all()


@pytest.mark.parametrize(
    ("samples", "transform", "target"),
    [
        (head((7, 20, 22)), "97", voxz.Psnr(45)),
        (head((1, 30, 22)), "97", voxz.MaxError(2)),
        (head((9, 5, 17)), "53", LOSSLESS),
        (series(3, (4, 12, 14)), "97", voxz.Psnr(40)),
        (series(3, (4, 12, 14)), "53", LOSSLESS),
        (head((6, 18, 20)).astype("f4") / 3, "97", voxz.MaxError(0.2)),
    ],
    ids=["volume", "slice", "lossless", "series", "lossless series", "floats"],
)
def test_bricks_come_back(samples: NDArray[Any], transform: str, target: Any) -> None:
    blob = voxz.encode(samples, target=target, codec=voxz.Wavelet(transform, entropy="heavy"))
    assert decode(blob)[0] == MODEL
    status, message, found = decode(blob, MODELS, sanitized=True)
    assert (status, message) == (OK, "")
    assert found.tobytes() == np.ascontiguousarray(voxz.decode(blob)).tobytes()


def test_damaged_payloads_are_errors_or_samples() -> None:
    blob = voxz.encode(head((4, 12, 13)), target=voxz.Psnr(40), codec=voxz.Wavelet("97", entropy="heavy"))
    rng, refused = np.random.default_rng(1), 0
    start = payload_start(blob)
    for _ in range(40):
        damaged = bytearray(blob)
        damaged[int(rng.integers(start, len(blob)))] ^= 1 << int(rng.integers(8))
        refused += decode(with_right_sums(damaged), MODELS, memory=1 << 26, sanitized=True)[0] != OK
    assert refused > 20
