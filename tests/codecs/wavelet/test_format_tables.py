"""The tables beside docs/format.md are those that are used: a second decoder reads these, not the source."""

import json
from pathlib import Path
from typing import Any

import pytest

from voxz.codecs.wavelet import magnitude_context, refinement
from voxz.codecs.wavelet.blocks import contexts, cosine, leaf_code, within
from voxz.codecs.wavelet.levels import STATES
from voxz.codecs.wavelet.trellis import trellis
from voxz.transforms import band_norms, lifting_97, lifting_family, loop_filter
from voxz.transforms.motion import field, lifting

WRITTEN: dict[str, Any] = json.loads((Path(__file__).parents[3] / "docs" / "format" / "wavelet.json").read_text())


def as_lists(value: Any) -> Any:
    return json.loads(json.dumps(value))


@pytest.mark.parametrize(
    ("name", "used"),
    [
        (
            "lifting_97",
            {
                "steps": lifting_97.STEPS_97,
                "low": lifting_97.LOW_97,
                "high": lifting_97.HIGH_97,
                "low_gain": lifting_97.LOW_GAIN_97,
            },
        ),
        ("lifting_53", {"steps": lifting_family.STEPS_53}),
        ("norms", {"low": band_norms.LOW_97, "high": band_norms.HIGH_97}),
        (
            "motion",
            {
                "sides": field.SIDES,
                "taps": (64 * lifting.TAPS).tolist(),
                "low": band_norms.LOW_53,
                "high": band_norms.HIGH_53,
            },
        ),
        (
            "blocks",
            {
                "cosines": (cosine.COSINES * (1 << cosine.FRACTION_BITS)).tolist(),
                "shifts": within.ANGLES.tolist(),
                "smoothed_from": within.SMOOTHED_FROM.tolist(),
                "usual": leaf_code.USUAL.tolist(),
                "first_weights": contexts.FIRST_WEIGHTS.tolist(),
            },
        ),
        ("bins", magnitude_context.BOUNDS.tolist()),
        ("refinement", {"pairs": refinement.PAIRS, "activities": refinement.ACTIVITIES}),
        ("filters", {"pairs": loop_filter.PAIRS, "activities": loop_filter.ACTIVITIES}),
        ("sharing", lifting_family.SHARING),
    ],
)
def test_tables_are_those_that_are_used(name: str, used: Any) -> None:
    assert WRITTEN[name] == as_lists(used)


def test_trellises_are_those_of_the_table() -> None:
    assert [int(states) for states in WRITTEN["trellis"]] == list(STATES)
    for states, (choosing, adding) in WRITTEN["trellis"].items():
        path, count = trellis(int(states)), int(states)
        for state in range(count):
            assert path.quantiser[state] == (choosing & state).bit_count() % 2
            for parity in (0, 1):
                assert path.after[state, parity] == (2 * state + (parity ^ (adding & state).bit_count() % 2)) % count
