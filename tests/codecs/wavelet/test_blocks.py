"""Blocks: decoders rebuild what the encoder had, predictions do what their names say, and what moves is smaller in them."""

import numpy as np
import pytest
from scipy.fft import dctn

import voxz
from phantoms import moving, noise
from voxz.codecs.fidelity import Fidelity
from voxz.codecs.payload import PartReader
from voxz.codecs.wavelet import doubles
from voxz.codecs.wavelet.blocks import cosine
from voxz.codecs.wavelet.blocks.borders import smooth_borders
from voxz.codecs.wavelet.blocks.codec import decode_blocks, encode_blocks
from voxz.codecs.wavelet.blocks.layout import ACROSS, FIRST_ANGLE, LARGEST, MEAN, PLANAR, SIZES, UNIT, turns
from voxz.codecs.wavelet.blocks.within import BESIDE, predict, smooth
from voxz.codecs.wavelet.chosen import Chosen
from voxz.codecs.wavelet.codec import decode_brick, encode_brick, preview_brick
from voxz.codecs.wavelet.head import Head, transform_name
from voxz.errors import CorruptError, VoxzError

STEP = 60.0


def brick(volume: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(volume[None, ..., None])


def beside(side: int, seed: int = 1) -> np.ndarray:
    """Samples beside a block, and the same smoothed."""
    lines = np.zeros((3, BESIDE))
    lines[0] = np.random.default_rng(seed).normal(0, 100, BESIDE)
    smooth(lines[0], side, lines[1])
    return lines


@pytest.mark.parametrize("slices", [2, 3, 4, 9])
def test_every_slice_has_its_turn_after_those_it_is_predicted_from(slices: int) -> None:
    done: set[int] = set()
    for turn in turns(slices):
        assert {other for other in (turn.before, turn.after) if other >= 0} <= done
        done.add(turn.number)
    assert done == set(range(slices))


@pytest.mark.parametrize("size", range(SIZES))
def test_the_transform_is_that_of_cosines_and_comes_back(size: int) -> None:
    side = UNIT << size
    block, room, found, back = (np.zeros((LARGEST, LARGEST)) for _ in range(4))
    block[:side, :side] = np.random.default_rng(size).normal(0, 100, (side, side))
    cosine.analyse(block, size, room, found)
    np.testing.assert_allclose(found[:side, :side], dctn(block[:side, :side], norm="ortho"), atol=1e-5)
    cosine.synthesise(found, size, side, room, back)
    np.testing.assert_allclose(back[:side, :side], block[:side, :side], atol=1e-5)


@pytest.mark.parametrize("size", range(SIZES))
def test_angles_are_each_others_mirror(size: int) -> None:
    side = UNIT << size
    lines, turned = beside(side), np.zeros((3, BESIDE))
    turned[:2, : 4 * side + 1] = lines[:2, 4 * side :: -1]
    found, other = np.zeros((LARGEST, LARGEST)), np.zeros((LARGEST, LARGEST))
    last = ACROSS - 1
    for mode in (PLANAR, MEAN, *range(FIRST_ANGLE, ACROSS)):
        predict(lines, size, mode, found)
        predict(turned, size, mode if mode < FIRST_ANGLE else FIRST_ANGLE + last - mode, other)
        np.testing.assert_allclose(found[:side, :side], other[:side, :side].T, atol=1e-9)


def test_what_goes_on_is_predicted() -> None:
    side, corner = 8, 16
    lines, found = np.full((3, BESIDE), 7.0), np.zeros((LARGEST, LARGEST))
    for mode in range(ACROSS):
        predict(lines, 1, mode, found)
        np.testing.assert_allclose(found[:side, :side], 7.0)
    lines = beside(side)
    upright, lying, falling = (FIRST_ANGLE + angle for angle in (24, 8, 16))
    predict(lines, 1, upright, found)
    np.testing.assert_array_equal(found[:side, 1:side], np.tile(lines[0, corner + 2 : corner + 1 + side], (side, 1)))
    predict(lines, 1, lying, found)
    np.testing.assert_array_equal(found[1:side, :side], np.tile(lines[0, corner - 2 : corner - 1 - side : -1, None], side))
    predict(lines, 1, falling, found)
    rows, columns = np.indices((side, side))
    np.testing.assert_array_equal(found[:side, :side], lines[1, corner + columns - rows])


def test_small_steps_on_borders_are_smoothed_and_edges_are_kept() -> None:
    sizes = np.full((8, 8), 1, np.uint8)
    flat = np.where(np.arange(32) < 16, 0.0, 1.0) * np.ones((32, 1))
    small, large = flat.copy(), 1000 * flat
    smooth_borders(small.reshape(-1), sizes, 8.0)
    smooth_borders(large.reshape(-1), sizes, 8.0)
    assert np.abs(np.diff(small, axis=1)).max() < 0.5
    np.testing.assert_array_equal(small[:, [0, 12, 19, 31]], flat[:, [0, 12, 19, 31]])
    np.testing.assert_array_equal(large, 1000 * flat)


@pytest.mark.parametrize("shape", [(2, 32, 32), (3, 33, 47), (5, 64, 40)])
def test_a_decoder_has_what_the_encoder_had(shape: tuple[int, int, int]) -> None:
    volume = moving(shape).astype(np.float64) - 200
    errors = []
    for step in (64.0, 4.0):
        payload, decoded = encode_blocks(volume, step)
        reader = PartReader(payload)
        np.testing.assert_array_equal(decode_blocks(reader, shape, step), decoded)
        reader.finish()
        errors.append(np.sqrt(np.square(decoded - volume).mean()) / step)
    assert max(errors) < 0.5


def test_what_moves_is_smaller_in_blocks_and_noise_is_not() -> None:
    samples = brick(moving((8, 96, 96)))
    kept: list[Chosen] = []
    blocks, bands = (encode_brick(samples, level, Fidelity.stepped(STEP), kept=kept) for level in (5, 4))
    assert blocks is not None
    assert bands is not None
    assert (transform_name(blocks), transform_name(bands)) == ("blocks", "motion")
    decoded = [decode_brick(one, samples.shape, samples.dtype).astype(np.float64) for one in (blocks, bands)]
    errors = [float(np.square(one - samples).mean()) for one in decoded]
    assert len(blocks) < 0.9 * len(bands)
    assert errors[0] < 1.1 * errors[1]
    low = preview_brick(blocks, samples.shape, samples.dtype, (1, 1, 1))[0, ..., 0]
    assert low.shape == (4, 48, 48)
    assert np.abs(low - samples[0, ::2, ::2, ::2, 0]).mean() < 100
    grains = encode_brick(brick(noise((4, 64, 64), 60).astype(np.int16)), 6, Fidelity.stepped(STEP))
    assert grains is not None
    assert transform_name(grains) == "9/7"


def test_blocks_come_near_an_error_that_is_wanted() -> None:
    samples = brick((moving((14, 96, 96)) + noise((14, 96, 96), 60)).astype(np.int16))

    def error(wanted: float) -> float:
        payload = encode_brick(samples, 5, Fidelity.stepped(100.0, mean_square=wanted))
        assert payload is not None
        assert transform_name(payload) == "blocks"
        return float(np.square(decode_brick(payload, samples.shape, samples.dtype).astype(np.float64) - samples).mean())

    usual = error(0.0)
    for wanted in (0.7 * usual, 1.4 * usual):
        assert error(wanted) == pytest.approx(wanted, rel=0.25)


def test_what_blocks_do_not_suit_is_not_coded_in_them_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doubles, "encode_blocks", lambda volume, step: pytest.fail("the whole is coded in blocks"))
    grains, kept = noise((18, 64, 64), 60), list[Chosen]()
    thick = brick(np.sum([grains[first : first + 14] for first in range(5)], axis=0).astype(np.int16))
    assert encode_brick(thick, 6, Fidelity.stepped(240.0), kept=kept) is not None
    assert [chosen.blocks for chosen in kept] == [0.0]


def test_a_bound_holds_in_blocks() -> None:
    samples = brick(moving((8, 96, 96)))
    payload = encode_brick(samples, 5, Fidelity.within(60))
    assert payload is not None
    assert transform_name(payload) == "blocks"
    assert np.abs(decode_brick(payload, samples.shape, samples.dtype).astype(np.int64) - samples).max() <= 60


def test_damaged_blocks_are_found_out_or_decode_to_something() -> None:
    samples = brick(moving((8, 96, 96)))
    payload = encode_brick(samples, 5, Fidelity.stepped(STEP))
    assert payload is not None
    assert transform_name(payload) == "blocks"
    rng, found = np.random.default_rng(3), 0
    for _ in range(40):
        damaged = bytearray(payload)
        damaged[rng.integers(Head.LAYOUT.size, len(payload))] ^= 1 << int(rng.integers(8))
        try:
            assert decode_brick(bytes(damaged), samples.shape, samples.dtype).shape == samples.shape
        except VoxzError:
            found += 1
    assert found > 20
    for shape in ((1, 1, 96, 96, 1), (1, 8, 24, 384, 1), (2, 8, 96, 96, 1)):
        with pytest.raises(CorruptError):
            decode_brick(payload, shape, samples.dtype)


def test_a_disc_of_one_value_before_another_one_is_coded() -> None:
    """What is beside the background does not change at all, and its step is so small that its square is 0."""
    z, y, x = np.indices((11, 61, 39))
    disc = np.where((y - 30) ** 2 + (x - 19 - z) ** 2 < 15**2, 1000, 0).astype(np.int16)
    blob = voxz.encode(disc, target=voxz.Psnr(29), level=9, codec="wavelet", force_lossy=True)
    assert np.square(voxz.decode(blob) - disc.astype(float)).mean() <= 10 ** (-29 / 10) * 1000**2
