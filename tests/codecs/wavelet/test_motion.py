"""Steps along z that follow motion: they come back whatever fields say, and are taken where they make a brick smaller."""

import numpy as np
import pytest

from phantoms import moving, noise
from voxz.codecs.fidelity import Fidelity
from voxz.codecs.wavelet.chosen import Chosen
from voxz.codecs.wavelet.codec import decode_brick, encode_brick, preview_brick
from voxz.codecs.wavelet.head import transform_name
from voxz.errors import CorruptError
from voxz.transforms.motion.field import COLUMNS, FARTHEST, KIND, Fields, shapes
from voxz.transforms.motion.pyramid import MotionPyramid

STEP, LEVEL = 60.0, 4
"""A level that has no blocks, which would do better."""


def any_fields(shape: tuple[int, int, int], scales: tuple[int, int, int], seed: int = 1) -> Fields:
    """Fields that follow nothing, as far as they may."""
    rng = np.random.default_rng(seed)
    cells = [rng.integers(-FARTHEST, FARTHEST + 1, one) for one in shapes(shape, scales)]
    for one in cells:
        one[..., KIND] = rng.integers(0, 3, one.shape[:-1])
    length = shape[0]
    for one in cells:
        if length % 2 == 0:
            one[-1, ..., KIND] = 1
        length = -(-length // 2)
    return Fields(shape[0], tuple(cells))


def brick(volume: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(volume[None, ..., None])


@pytest.mark.parametrize("shape", [(7, 37, 50), (4, 16, 5), (2, 1, 1)])
def test_any_field_is_undone_and_read_as_it_was_written(shape: tuple[int, int, int]) -> None:
    scales = (2, 1, 2)
    fields = any_fields(shape, scales)
    found = Fields.read(fields.pack(), shape, scales)
    for one, other in zip(found.cells, fields.cells, strict=True):
        np.testing.assert_array_equal(one, other)
    volume = np.random.default_rng(2).normal(0, 100, shape)
    work = volume.copy()
    pyramid = MotionPyramid(shape, scales, found)
    pyramid.analyse(work)
    assert not np.allclose(work, volume)
    pyramid.synthesise(work)
    np.testing.assert_allclose(work, volume, atol=1e-9)


def test_displacements_out_of_bounds_are_damage() -> None:
    cells = np.full((1, 1, 1, COLUMNS), FARTHEST + 1)
    cells[..., KIND] = 1
    with pytest.raises(CorruptError, match="displacements"):
        Fields.read(Fields(2, (cells,)).pack(), (2, 4, 4), (1, 0, 0))


def test_what_moves_gets_smaller_and_noise_does_not_try() -> None:
    samples = brick(moving((8, 80, 80)))
    moved, still = (encode_brick(samples, LEVEL, Fidelity.stepped(STEP), transform=name) for name in (None, "97"))
    assert moved is not None
    assert still is not None
    assert (transform_name(moved), transform_name(still)) == ("motion", "9/7")
    assert len(moved) < 0.7 * len(still)
    decoded = [decode_brick(one, samples.shape, samples.dtype).astype(np.float64) for one in (moved, still)]
    errors = [float(np.square(one - samples).mean()) for one in decoded]
    assert errors[0] < errors[1]
    low = preview_brick(moved, samples.shape, samples.dtype, (1, 1, 1))[0, ..., 0]
    assert low.shape == (4, 40, 40)
    grains = encode_brick(brick(noise((8, 80, 80), 60).astype(np.int16)), LEVEL, Fidelity.stepped(STEP))
    assert grains is not None
    assert transform_name(grains) == "9/7"


def test_fields_are_kept_for_steps_near_by() -> None:
    samples = brick(moving((8, 80, 80)))
    kept: list[Chosen] = []
    first = encode_brick(samples, LEVEL, Fidelity.stepped(STEP), kept=kept)
    (chosen,) = kept
    finer = encode_brick(samples, LEVEL, Fidelity.stepped(STEP / 1.1), kept=kept)
    assert kept[0] is chosen
    alone = encode_brick(samples, LEVEL, Fidelity.stepped(STEP / 1.1))
    assert first is not None
    assert finer is not None
    assert alone is not None
    assert transform_name(finer) == "motion"
    assert len(finer) < 1.03 * len(alone)
    errors = [np.abs(decode_brick(one, samples.shape, samples.dtype).astype(np.int64) - samples).mean() for one in (finer, first)]
    assert errors[0] < errors[1]
    for step, level in ((STEP / 2, LEVEL), (STEP / 2, 9)):
        before = kept[0]
        again = encode_brick(samples, level, Fidelity.stepped(step), kept=kept)
        assert kept[0] is not before
        assert again == encode_brick(samples, level, Fidelity.stepped(step))


@pytest.mark.parametrize("depth", [5, 6])
def test_few_slices_are_coded(depth: int) -> None:
    samples = brick(moving((depth, 96, 96)))
    payload = encode_brick(samples, LEVEL, Fidelity.stepped(STEP))
    assert payload is not None
    assert decode_brick(payload, samples.shape, samples.dtype).shape == samples.shape
