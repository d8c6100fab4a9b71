"""The heavy entropy profile: the same samples as with the light one in fewer bytes, everywhere the same, safe on damage."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import voxz
from phantoms import series
from samples import brick_digest, decode_damaged_brick, printed_by_plain_python
from voxz.codecs.fidelity import EXACT, Fidelity
from voxz.codecs.wavelet import codec as wavelet
from voxz.codecs.wavelet.heavy.model import Model, Weights, asked_model
from voxz.codecs.wavelet.heavy.network import MIXED, OUTPUTS, SIGNED, bound_of, distributions, last_layer, mean_of
from voxz.codecs.wavelet.heavy.online_layer import RATES, energy_of, learn
from voxz.codecs.wavelet.heavy.tables import log2_of, odds_of, power_of_two
from voxz.errors import CorruptError, MissingWeightsError, UsageError
from voxz.weights.naming import DIGEST
from voxz.weights.safetensors_file import pack, unpack
from voxz.weights.store import read_named

STEPPED = Fidelity.stepped(4.0)


def phantom(shape: tuple[int, ...]) -> NDArray[np.int16]:
    """A series ``(volumes, z, y, x, 1)``."""
    return series(shape[0], (shape[1], shape[2], shape[3]))[..., None]


def both(samples: NDArray[np.generic], level: int, fidelity: Fidelity) -> tuple[bytes, bytes]:
    """Payloads of the light and of the heavy profile."""
    light = wavelet.encode_brick(samples, level, fidelity)
    heavy = wavelet.encode_brick(samples, level, fidelity, entropy="heavy")
    assert light is not None
    assert heavy is not None
    return light, heavy


@pytest.mark.parametrize("shape", [(1, 12, 33, 37, 1), (1, 1, 40, 50, 1), (3, 6, 20, 20, 1), (1, 5, 1, 9, 1)])
@pytest.mark.parametrize("fidelity", [EXACT, STEPPED, Fidelity.stepped(8.0, 3)])
def test_the_same_samples_as_the_light_profile(shape: tuple[int, ...], fidelity: Fidelity) -> None:
    samples = phantom(shape)
    light, heavy = (wavelet.decode_brick(payload, shape, samples.dtype) for payload in both(samples, 5, fidelity))
    assert (light == heavy).all()
    if fidelity == EXACT:
        assert (heavy == samples).all()


@pytest.mark.parametrize("fidelity", [EXACT, Fidelity.stepped(3.0), Fidelity.stepped(30.0)])
def test_fewer_bytes(fidelity: Fidelity) -> None:
    light, heavy = both(phantom((1, 24, 96, 96, 1)), 4, fidelity)  # a level without blocks
    assert len(heavy) < 0.995 * len(light)


@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 6), st.integers(1, 20), st.integers(1, 20)),
    seed=st.integers(0, 99),
    spread=st.sampled_from([1, 30, 3000]),
    level=st.sampled_from([1, 5, 9]),
)
@settings(max_examples=15, deadline=None)
def test_any_integers_come_back(shape: tuple[int, ...], seed: int, spread: int, level: int) -> None:
    samples = np.random.default_rng(seed).integers(-spread, spread + 1, (*shape, 1)).astype(np.int16)
    payload = wavelet.encode_brick(samples, level, entropy="heavy") or b""
    assert (wavelet.decode_brick(payload, samples.shape, samples.dtype) == samples).all()


def test_through_files() -> None:
    samples = phantom((1, 10, 32, 32, 1))[0, ..., 0]
    for target in (voxz.Lossless(), voxz.BitsPerVoxel(1.5), voxz.Psnr(40), voxz.MaxError(2)):
        blob = voxz.encode(samples, target=target, codec=voxz.Wavelet(entropy="heavy"))
        assert voxz.info(blob).to_dict()["entropy_profiles"] == {"heavy": 1}
        assert voxz.decode(blob).shape == samples.shape
    assert voxz.info(voxz.encode(samples, codec="wavelet")).to_dict()["entropy_profiles"] == {"light": 1}


def test_unknown_profiles_are_refused() -> None:
    samples = phantom((1, 4, 16, 16, 1))
    for name in ("heavier", "light:general", "heavy:unheard-of", "heavy:general-reversible"):
        with pytest.raises(UsageError, match=r"must be|there is no model"):
            wavelet.encode_brick(samples, 5, STEPPED, entropy=name)


def test_missing_models_are_named() -> None:
    samples = phantom((1, 4, 16, 16, 1))
    model = asked_model("heavy")
    assert model is not None
    _, heavy = both(samples, 5, STEPPED)
    place = heavy.index(model.pack())
    other = heavy[:place] + bytes(DIGEST) + heavy[place + DIGEST :]
    with pytest.raises(MissingWeightsError, match="entropy-general"):
        wavelet.decode_brick(other, samples.shape, samples.dtype)


def test_a_model_file_of_the_user_codes_and_decodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = phantom((1, 4, 16, 16, 1))[0, ..., 0]
    arrays, texts = unpack(read_named("entropy-general"))
    path = tmp_path / "mine.safetensors"
    path.write_bytes(pack(arrays, texts | {"name": "mine"}))
    with pytest.raises(MissingWeightsError, match=r"mine.*VOXZ_WEIGHTS"):  # what is written has to be decoded
        voxz.encode(samples, target=voxz.MaxError(2), codec=voxz.Wavelet(entropy=f"heavy:{path}"))
    monkeypatch.setenv("VOXZ_WEIGHTS", str(tmp_path))
    assert (voxz.decode(voxz.encode(samples, codec=voxz.Wavelet(entropy=f"heavy:{path}"))) == samples).all()


@given(st.integers(0, 10**6), st.integers(0, 4), st.integers(0, 1), st.booleans())
@settings(max_examples=200, deadline=None)
def test_what_was_coded_is_learnt(seed: int, index: int, quantiser: int, minus: bool) -> None:
    rng = np.random.default_rng(seed)
    used, edges, deeper = OUTPUTS, np.zeros((2, 3)), np.maximum(rng.normal(size=12), 0)
    values, third, bias = rng.normal(size=SIGNED) * 3, rng.normal(size=(12, OUTPUTS)) * 0.1, rng.normal(size=OUTPUTS) * 0.1
    upper = bound_of(index, quantiser, edges)
    lower = bound_of(index - 1, quantiser, edges) if index else -upper
    sign = -1.0 if minus else 1.0

    def seen(inputs: Weights) -> tuple[Weights, Weights, Weights, float]:
        outputs, shares, steepness = np.zeros(OUTPUTS), np.zeros(MIXED), np.zeros(MIXED)
        last_layer(deeper, third, bias, used, outputs)
        distributions(outputs, 1.0, shares, steepness)
        return outputs, shares, steepness, mean_of(outputs, inputs, used)

    def chance(inputs: Weights) -> float:
        _, shares, steepness, mean = seen(inputs)
        bounds = (np.array([lower, upper]) - sign * mean)[:, None] * steepness
        return float((shares * np.diff(1 / (1 + np.exp(-bounds)), axis=0)[0]).sum())

    before, (outputs, shares, steepness, mean) = chance(values), seen(values)
    assume(before > 1e-3)  # far out, tables of the logistic are flat
    mirrored = third.copy(), bias.copy()
    rates, slopes, energy = np.array([1e-3, 1e-3]), np.zeros(OUTPUTS), energy_of(deeper)
    learn(lower, upper, minus, mean, outputs, shares, steepness, values, used, deeper, energy, third, bias, rates, slopes)
    assert chance(values) > before * (1 - 1e-4)
    learn(lower, upper, not minus, -mean, outputs, shares, steepness, -values, used, deeper, energy, *mirrored, rates, slopes)
    np.testing.assert_array_equal(mirrored[0], third)
    np.testing.assert_array_equal(mirrored[1], bias)
    for _ in range(300):
        outputs, shares, steepness, mean = seen(values)
        learn(lower, upper, minus, mean, outputs, shares, steepness, values, used, deeper, energy, third, bias, RATES[2], slopes)
    assert chance(values) > before


def test_models_that_make_no_sense() -> None:
    arrays, texts = unpack(read_named("entropy-general"))
    missing = {name: array for name, array in arrays.items() if name != "third"}
    wild = {**arrays, "bias": arrays["bias"] * np.float32(np.nan)}
    for broken in (missing, wild, {**arrays, "edges": arrays["edges"][:1]}, {**arrays, "second": arrays["second"][:, :0]}):
        with pytest.raises(CorruptError, match="model"):
            Model.from_bytes(pack(broken, texts))


def test_tables_are_near_what_they_stand_for() -> None:
    numbers = np.unique(np.geomspace(1, 2**30, 300).astype(np.int64))
    assert max(abs(log2_of(n) - np.log2(n)) for n in numbers) < 1e-3
    assert all(log2_of(a) <= log2_of(b) for a, b in pairwise(numbers))
    exponents = np.linspace(-20, 20, 300)
    assert max(abs(power_of_two(x) / 2**x - 1) for x in exponents) < 1e-5
    chances = np.linspace(0.0001, 0.9999, 500)
    assert max(abs(odds_of(p) - np.log(p / (1 - p))) for p in chances) < 0.1
    assert all(odds_of(a) <= odds_of(b) for a, b in pairwise(np.linspace(0, 1, 500)))


def parity_digests() -> list[str]:
    """Digests of payloads and of what they decode to."""
    samples, found = phantom((2, 3, 12, 13, 1)), []
    for fidelity in (STEPPED, Fidelity.stepped(40.0), EXACT):
        found.append(brick_digest(wavelet, samples, 5, fidelity, entropy="heavy"))
    return found


def test_plain_python_gives_the_same() -> None:
    assert printed_by_plain_python(__file__) == str(parity_digests())


def test_damage_is_an_error_or_other_samples() -> None:
    samples = phantom((2, 4, 12, 13, 1))
    payload = wavelet.encode_brick(samples, 5, STEPPED, entropy="heavy") or b""
    decode_damaged_brick(payload, samples, 7)
