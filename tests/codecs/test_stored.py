"""Bytes without a codec of their own, and LZMA where samples come again."""

import lzma

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import voxz
from phantoms import head
from voxz.codecs import registry, stored
from voxz.codecs.numbers import PREDICTIVE, STORED
from voxz.errors import CorruptError

COLOURS = np.random.default_rng(0).integers(0, 256, (40, 3), np.uint8)
PICTURE = COLOURS[np.random.default_rng(1).integers(0, 40, (1, 60))].repeat(50, 0)
"""Rows of few colours that come again: no neighbour predicts them."""


@given(st.binary(max_size=300), st.integers(0, 40))
def test_lzma_there_and_back(data: bytes, times: int) -> None:
    data = data * times
    payload = stored.pack_lzma(data)
    assert payload[0] == stored.LZMA
    assert stored.decode_bytes(payload, len(data)) == data
    for damaged, length in ((payload[:-1], len(data)), (payload + b"\0", len(data)), (payload, len(data) + 1)):
        with pytest.raises(CorruptError):
            stored.decode_bytes(damaged, length)


def test_samples_that_come_again_are_left_to_lzma() -> None:
    number, payload = registry.encode_brick(PICTURE[None, None], 5)
    assert (number, payload[0]) == (STORED, stored.LZMA)
    assert len(payload) < len(lzma.compress(PICTURE.tobytes()))
    assert np.array_equal(registry.decode_brick(number, payload, (1, 1, 50, 60, 3), np.dtype(np.uint8)), PICTURE[None, None])
    assert np.array_equal(voxz.decode(voxz.encode(PICTURE)), PICTURE)


def test_scans_are_not_and_the_fastest_level_never_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(data: bytes) -> bytes:
        raise AssertionError(f"{len(data)} bytes were tried")

    monkeypatch.setattr(stored, "pack_lzma", refuse)
    assert registry.encode_brick(PICTURE[None, None], 1)[0] != STORED
    assert registry.encode_brick(head((5, 40, 50))[None, ..., None], 5)[0] == PREDICTIVE


@pytest.mark.parametrize("codec", ["predictive", "wavelet"])
def test_a_codec_that_was_asked_for_is_kept(codec: str) -> None:
    info = voxz.info(voxz.encode(PICTURE.astype(np.int16), codec=codec))
    assert info.codecs == {codec: 1}
