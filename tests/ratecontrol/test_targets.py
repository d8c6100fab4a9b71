"""PSNR, bits and ratio: met, by whichever engine is smaller, or refused with what can be met."""

import math
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import phantoms
import voxz
from benchmarks.targets import counting
from samples import nifti, smooth
from voxz.codecs.fidelity import Fidelity
from voxz.codecs.predictive import codec as predictive
from voxz.codecs.wavelet import codec as wavelet
from voxz.codecs.wavelet.fast.draft import Draft
from voxz.pipeline.encode import code_brick
from voxz.pipeline.plan import Plan
from voxz.ratecontrol.codec_choice import choose_engine
from voxz.ratecontrol.drafts import Drafts, rounded
from voxz.ratecontrol.goals import BitsGoal, PsnrGoal
from voxz.ratecontrol.step_search import Trial

HEAD = phantoms.head((8, 72, 64))


def facts(samples: NDArray[Any], target: Any, **options: Any) -> tuple[dict[str, Any], NDArray[Any]]:
    """What `voxz.info` says of the samples coded to a target, and what they decode to."""
    blob = voxz.encode(samples, target=target, **options)
    decoded = voxz.decode(blob)
    return voxz.info(blob).to_dict(), decoded


@pytest.mark.parametrize("codec", ["wavelet", "predictive", None])
@pytest.mark.parametrize("db", [41.5, 45.0])
def test_psnr_is_met_from_above(codec: str | None, db: float) -> None:
    found, decoded = facts(HEAD, voxz.Psnr(db, background=True), codec=codec, level=1)
    error = decoded.astype(float) - HEAD
    psnr = 20 * np.log10(float(np.ptp(HEAD))) - 10 * np.log10((error**2).mean())
    assert db <= psnr <= db + (0.15 if codec == "predictive" else 0.1), "prediction jumps over 0.1 dB in so few samples"
    assert found["loss"]["psnr_db"] == pytest.approx(psnr)
    assert set(found["codecs"]) <= {"wavelet", "predictive"} if codec is None else {codec}


@pytest.mark.parametrize("codec", ["wavelet", "predictive", None])
@pytest.mark.parametrize("target", [voxz.BitsPerVoxel(2), voxz.Ratio(14)])
def test_rates_are_met(codec: str | None, target: Any) -> None:
    found, _ = facts(HEAD, target, codec=codec, level=1)
    bits = target.bits if isinstance(target, voxz.BitsPerVoxel) else 16 / target.ratio
    assert found["bits_per_sample"] == pytest.approx(bits, rel=0.02)


def test_small_files_count_all_of_their_bytes() -> None:
    volume = np.cumsum(np.random.default_rng(1).normal(size=(12, 40, 40)) * 10, axis=2).astype(np.int16)
    for rate in (1.5, 0.6):
        blob = voxz.encode(volume, target=voxz.BitsPerVoxel(rate), level=1)
        assert 8 * len(blob) / volume.size == pytest.approx(rate, rel=0.02)


def test_marks_and_headers_count_too(tmp_path: Any) -> None:
    shape = (1, 12, 40, 44)
    samples = smooth(shape)
    (tmp_path / "a.nii").write_bytes(nifti(shape[::-1], samples=samples.tobytes())[1])
    voxz.compress(tmp_path / "a.nii", tmp_path / "a.voxz", target=voxz.Ratio(8), level=1)
    assert samples.nbytes / (tmp_path / "a.voxz").stat().st_size == pytest.approx(8, rel=0.02)


def test_a_target_and_a_bound() -> None:
    for codec in ("wavelet", "predictive"):
        found, decoded = facts(HEAD, voxz.BitsPerVoxel(2, max_error=9), codec=codec, level=1)
        assert np.abs(decoded.astype(int) - HEAD).max() <= 9
        assert found["bits_per_sample"] == pytest.approx(2, rel=0.02)


@pytest.mark.parametrize("dtype", [np.int64, np.uint64, np.complex64])
def test_samples_without_a_lossy_codec_keep_any_psnr_by_losing_nothing(dtype: Any) -> None:
    samples = HEAD[:2].astype(dtype)
    found, decoded = facts(samples, voxz.Psnr(40))
    assert np.array_equal(decoded, samples)
    assert found["loss"]["largest_error"] == 0


@pytest.mark.parametrize("shape", [(2, 2, 2), (3, 5, 7), (1, 1, 50)])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_tiny_volumes_reach_what_they_can(shape: tuple[int, ...], dtype: Any) -> None:
    samples = (np.random.default_rng(2).normal(size=shape) * 20 + 100).astype(dtype)
    for db in (20, 30):
        found, _ = facts(samples, voxz.Psnr(db))
        assert found["loss"]["psnr_db"] is None or found["loss"]["psnr_db"] >= db


def test_impossible_targets_are_refused_with_what_is_possible() -> None:
    with pytest.raises(voxz.UsageError, match="beyond lossy coding of this volume here; ask for less, or for lossless coding"):
        voxz.encode(HEAD, target=voxz.Psnr(140), level=1)
    with pytest.raises(
        voxz.UsageError, match=r"cannot reach 0.0016 bits per sample .*: the smallest this volume can be coded at here is 0\."
    ):
        voxz.encode(HEAD, target=voxz.Ratio(10000), level=1)


def test_an_error_of_the_volume_is_made_up_by_some_bricks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voxz.volume.bricks.LARGE_BRICK_VOXELS", 1 << 13)
    monkeypatch.setattr("voxz.volume.bricks.BRICK_VOXELS", 1 << 13)
    monkeypatch.setattr("voxz.volume.bricks.FEWEST_VOXELS", 1 << 12)
    monkeypatch.setattr("voxz.volume.bricks.DEEP_VOXELS", 1 << 12)
    monkeypatch.setattr("voxz.volume.bricks.SLICES", 2)
    for codec in ("wavelet", "predictive"):
        found, _ = facts(HEAD, voxz.Psnr(36, background=True), codec=codec, level=1)
        assert found["bricks"] > 3
        assert 36 <= found["loss"]["psnr_db"] <= 36.1


@pytest.mark.parametrize("target", [voxz.Psnr(42, background=True), voxz.BitsPerVoxel(1.5)])
def test_bricks_of_a_large_volume_come_to_a_target_on_their_way(monkeypatch: pytest.MonkeyPatch, target: Any) -> None:
    for name, log in (("LARGE_BRICK_VOXELS", 15), ("BRICK_VOXELS", 15), ("FEWEST_VOXELS", 14), ("DEEP_VOXELS", 14)):
        monkeypatch.setattr(f"voxz.volume.bricks.{name}", 1 << log)
    monkeypatch.setattr("voxz.volume.bricks.SLICES", 4)
    monkeypatch.setattr("voxz.ratecontrol.step_search.MOST_TRIED", 1 << 16)
    monkeypatch.setattr("voxz.ratecontrol.step_search.SOME_TRIED", 1 << 16)
    volume = np.concatenate([phantoms.head((12, 96, 96)) // share for share in (1, 2, 3)])
    blobs = []
    for threads in (2, 1):  # samples are counted without locks
        with counting(3) as count:
            blobs.append(voxz.encode(volume, target=target, level=3, codec="wavelet", threads=threads))
    assert blobs[0] == blobs[1]
    found = voxz.info(blobs[0]).to_dict()
    assert found["bricks"] > 6
    assert count.coded == volume.size, "each brick is coded once"
    if isinstance(target, voxz.Psnr):
        assert 42 <= found["loss"]["psnr_db"] <= 42.1
    else:
        assert found["bits_per_sample"] == pytest.approx(1.5, rel=0.02)


def test_threads_do_not_change_bytes() -> None:
    one, two = (voxz.encode(HEAD, target=voxz.Psnr(38), level=1, threads=n) for n in (1, 2))
    assert one == two


def test_steps_of_any_size_and_a_mean_error_of_zero() -> None:
    samples = HEAD[None, ..., None]
    before = 0.0
    for step in (4.0, 4.7, 5.5, 6.4, 7.5, 8.8, 10.3):
        payload = predictive.encode_brick(samples, 5, Fidelity.stepped(step)) or b""
        error = predictive.decode_brick(payload, samples.shape, samples.dtype).astype(float) - samples
        rmse = float(np.sqrt((error**2).mean()))
        assert before < rmse < 1.2 * step / np.sqrt(12)
        assert abs(error.mean()) < 0.08 * rmse
        before = rmse


def test_a_step_within_a_bound() -> None:
    samples = HEAD[None, ..., None]
    for level in (1, 5, 9):
        for step in (1.5, 3.0, 6.3, 200.0):
            payload = predictive.encode_brick(samples[:, :3, :40], level, Fidelity.stepped(step, 4)) or b""
            decoded = predictive.decode_brick(payload, samples[:, :3, :40].shape, samples.dtype)
            assert np.abs(decoded.astype(int) - samples[:, :3, :40]).max() <= 4


@pytest.mark.parametrize("level", [1, 3, 5])
@pytest.mark.parametrize("goal", [PsnrGoal(44, 0.1), BitsGoal(1.5, 0.02)])
def test_what_a_level_needs_is_foreseen(goal: PsnrGoal | BitsGoal, level: int) -> None:
    volume = phantoms.head((16, 96, 96))[None, ..., None]
    trial = Trial([volume], volume.size, True, lambda plan, tally: 0, float(np.ptp(volume)), 1)
    plan = Plan(level, voxz.Wavelet(), voxz.Psnr(44, background=True), Fidelity.stepped(1.0))
    outset = choose_engine(trial, plan, volume.dtype, goal)
    found = trial.stepped(plan, outset.log_step)
    assert goal.total(found) == pytest.approx(goal.wanted(found)[1], rel=0.3)


@pytest.mark.parametrize("shape", [(1, 24, 300, 90), (6, 8, 64, 60), (1, 5, 37, 41)])
@pytest.mark.parametrize("states", [1, 4])
def test_drafts_foresee_what_they_take(shape: tuple[int, ...], states: int) -> None:
    noise = np.random.default_rng(5).normal(0, 3, shape)
    samples = (np.cumsum(noise, axis=-1) + 500).astype(np.int16)[..., None]
    draft = Draft.of(samples, 8.0)
    assert draft is not None
    found, payload = draft.forecast(8.0, states), draft.encode(8.0, states)
    decoded = wavelet.decode_brick(payload, samples.shape, samples.dtype)
    assert (sum(found.bits.values()) + found.beside) / 8 == pytest.approx(len(payload), rel=0.05, abs=150)
    squares = float(((decoded.astype(float) - samples) ** 2).sum())
    assert squares == pytest.approx(found.squares + samples.size / 12, rel=0.15)
    assert draft.forecast(16.0, states).squares > found.squares
    bits, errors = draft.guess(8.0, states)
    assert bits == pytest.approx(8 * len(payload), rel=0.35, abs=1200)
    assert errors == pytest.approx(squares, rel=0.35)


@pytest.mark.parametrize("level", [1, 3])
def test_errors_of_an_image_that_becomes_nearly_all_zeros_are_measured(level: int) -> None:
    """Where edges are lost, what the norms of the bands say is 0.1 dB off and more."""
    volume = phantoms.head((16, 96, 96)).astype(float)
    for axis in (0, 1, 2, 0, 1, 2):
        volume = (volume + np.roll(volume, 1, axis)) / 2
    samples = volume.astype(np.int16)[None, ..., None]
    drafts = Drafts.of([samples], 40.0, 1)
    assert drafts is not None
    coded = code_brick(samples, Plan(level, voxz.Wavelet(), voxz.Psnr(40), Fidelity.stepped(40.0)))
    (length,), (measured,) = drafts.forecast(40.0, level, measured=True)
    _, (usual,) = drafts.forecast(40.0, level)
    assert length == pytest.approx(len(coded.payload), rel=0.02)
    assert measured == pytest.approx(coded.tally.squares, rel=0.02)
    assert usual < 0.975 * coded.tally.squares


@pytest.mark.parametrize("level", [1, 3])
def test_a_draft_gives_the_bytes_of_its_brick(level: int) -> None:
    samples = HEAD[None, ..., None]
    draft = Draft.of(samples, 9.0)
    assert wavelet.encode_brick(samples, level, Fidelity.stepped(9.0), draft=draft) == wavelet.encode_brick(
        samples, level, Fidelity.stepped(9.0)
    )


@pytest.mark.parametrize("variance", [0.0, 0.01, 0.08, 0.5, 3.9, 9.0])
def test_errors_that_are_rounded_have_another_variance(variance: float) -> None:
    errors = np.rint(np.random.default_rng(6).normal(0, variance**0.5, 1 << 18))
    assert rounded(variance) == pytest.approx(float((errors**2).mean()), rel=0.03, abs=2e-4)


def test_bands_are_steered_towards_a_length() -> None:
    volume = phantoms.head((32, 128, 128))[None, ..., None]
    free = wavelet.encode_brick(volume, 4, Fidelity.stepped(12.0)) or b""
    for share in (0.96, 1.04):
        length = share * len(free)
        steered = wavelet.encode_brick(volume, 4, Fidelity.stepped(12.0, length=length)) or b""
        assert abs(len(steered) - length) < abs(len(free) - length)
        assert wavelet.decode_brick(steered, volume.shape, volume.dtype).shape == volume.shape


def test_a_size_costs_no_more_than_a_step_would() -> None:
    volume = phantoms.head((32, 128, 128))
    brick = volume[None, ..., None]

    def error(decoded: NDArray[Any]) -> float:
        return 10 * math.log10(float(((volume.astype(float) - decoded) ** 2).mean()))

    payloads = [wavelet.encode_brick(brick, 4, Fidelity.stepped(step)) or b"" for step in (26.0, 22.0)]
    errors = [error(wavelet.decode_brick(payload, brick.shape, brick.dtype)[0, ..., 0]) for payload in payloads]
    blob = voxz.encode(volume, target=voxz.BitsPerVoxel(0.3), level=4, codec="wavelet")
    by_step = np.interp(math.log(len(blob)), np.log([len(payload) for payload in payloads]), errors)
    assert error(voxz.decode(blob)) < float(by_step) + 0.1


def test_a_size_that_steering_misses_is_found_by_steps() -> None:
    found, _ = facts(phantoms.head((16, 128, 128)), voxz.BitsPerVoxel(0.6), level=4, codec="wavelet")
    assert found["bits_per_sample"] == pytest.approx(0.6, rel=0.02)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_the_farthest_samples_are_corrected_until_so_much_less_error_is_left(dtype: Any) -> None:
    samples = (HEAD[None, ..., None] * (255 / HEAD.max())).astype(dtype)
    payload = wavelet.encode_brick(samples, 3, Fidelity.stepped(20.0)) or b""
    decoded = wavelet.decode_brick(payload, samples.shape, samples.dtype)
    squares = ((samples.astype(float) - decoded) ** 2).sum()
    found = wavelet.sharpen_brick(payload, samples, decoded, 0.03 * squares, math.inf)
    assert found is not None
    sharper, expected = found
    assert np.array_equal(wavelet.decode_brick(sharper, samples.shape, samples.dtype), expected)
    left = ((samples.astype(float) - expected) ** 2).sum()
    assert 0.96 * squares < left <= 0.97 * squares
    assert len(sharper) < 1.1 * len(payload)
    assert wavelet.sharpen_brick(sharper, samples, expected, 0.01 * squares, math.inf) is None
    assert wavelet.sharpen_brick(payload, samples, decoded, 0.9 * squares, math.inf) is None
    assert wavelet.sharpen_brick(payload, samples, decoded, 0.03 * squares, 10) is None


@pytest.mark.parametrize("target", [voxz.Psnr(45, background=True), voxz.BitsPerVoxel(2)])
def test_a_target_takes_few_codings(target: Any) -> None:
    volume = phantoms.head((16, 128, 128))
    with counting(5) as count:
        voxz.encode(volume, target=target, level=5)
    assert count.coded <= 6 * volume.size, "parts of a quarter of the volume are tried with both codecs"
    assert count.decoded <= 6 * volume.size
    assert 0 < count.equivalent < 4 * volume.size


@pytest.mark.parametrize("dtype", ["<i8", "<c8"])
def test_a_size_that_samples_cannot_be_brought_to_is_refused(dtype: str) -> None:
    array = np.random.default_rng(0).integers(0, 1 << 40, (6, 20, 24)).astype(dtype)
    with pytest.raises(voxz.UsageError, match="coded without loss only"):
        voxz.encode(array, target=voxz.BitsPerVoxel(1))


@pytest.mark.parametrize("scale", [1e200, 1e-200])
def test_doubles_whose_squares_overflow_are_refused_in_words(scale: float) -> None:
    array = np.random.default_rng(0).normal(0, 1, (6, 20, 24)) * scale
    for target in (voxz.Psnr(45), voxz.BitsPerVoxel(1), voxz.MaxError(scale)):
        with pytest.raises(voxz.UsageError, match="multiply them by a power of 2"):
            voxz.encode(array, target=target)
    assert np.array_equal(voxz.decode(voxz.encode(array)), array)


@pytest.mark.parametrize("bits", [1.5, 2.0, 4.0])
@pytest.mark.parametrize("dtype", ["u1", "i2"])
def test_a_size_of_a_few_thousand_integers_is_met(dtype: str, bits: float) -> None:
    """Guesses err most there; steps finer than those that bring integers back exactly must not be tried."""
    z, y, x = np.indices((6, 20, 24))
    noise = np.random.default_rng(1).integers(-6, 7, z.shape)
    blob = np.where((x - 11) ** 2 + (y - 9) ** 2 < 60, 60 + z + 2 * x - y + noise, 0).astype(dtype)
    for level in (2, 5):
        length = len(voxz.encode(blob, target=voxz.BitsPerVoxel(bits), level=level, threads=1))
        assert abs(8 * length / blob.size / bits - 1) <= 0.02
