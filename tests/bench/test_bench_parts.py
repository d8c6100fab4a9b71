"""Parts of the benchmark: specs, frames, the wavelet across slices, Bjontegaard deltas, tables."""

import gzip
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import voxz
from phantoms import head
from voxz.bench import volumes
from voxz.bench.bdrate import delta_psnr, delta_rate, mean_curve, quality_at
from voxz.bench.cells import Result
from voxz.bench.presets import PRESETS
from voxz.bench.rivals.frame import Frame, pack, unpack
from voxz.bench.rivals.lifting import forward, inverse, scales_for
from voxz.bench.spec import parse
from voxz.bench.tables import best_orders, csv_text, curves, deltas, means, size_ratios, without_equal_orders
from voxz.bench.worker import high_water_kib


def test_specs() -> None:
    specs = parse("voxz:level=5, x265:preset=veryslow,qp=22/28,gzip,x265:preset=veryslow,qp=22")
    assert [str(spec) for spec in specs] == ["voxz:level=5", "x265:preset=veryslow,qp=22", "x265:preset=veryslow,qp=28", "gzip"]
    assert specs[1].family == specs[2].family == "x265:preset=veryslow"
    assert [str(spec) for spec in parse("gzip")[0].in_both_orders(4)] == ["gzip", "gzip:order=time"]
    assert len(parse("gzip")[0].in_both_orders(1)) == len(parse("jpegls")[0].in_both_orders(4)) == 1
    assert len(parse("gzip:order=time")[0].in_both_orders(4)) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("jpeg", "unknown codec 'jpeg'; choose one of voxz, gzip"),
        ("voxz:levels=5", "codec voxz has no option 'levels'; it has level"),
        ("voxz:level=five", "level must be of type int \\(got five\\)"),
        ("jpeg2000:z=dct", "z must be one of none, wavelet"),
        ("level=5", "before any codec"),
        ("voxz:level", "must be option=value"),
        ("sperr", "one of psnr=DB and error=BOUND"),
        ("x265:qp=-4", "must be 0 to 51"),
        (" , ", "no codec is named"),
    ],
)
def test_wrong_specs(text: str, message: str) -> None:
    with pytest.raises(voxz.UsageError, match=message):
        parse(text)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_name_existing_codecs_and_options(name: str) -> None:
    assert len(parse(name)) > 3


@given(
    st.lists(st.integers(0, 1 << 20), min_size=4, max_size=4),
    st.integers(-(1 << 31), 1 << 31),
    st.lists(st.binary(max_size=300), max_size=5),
)
def test_frames(shape: list[int], offset: int, parts: list[bytes]) -> None:
    back = unpack(pack(Frame(tuple(shape), np.dtype("i2"), offset, parts)))
    assert back == Frame(tuple(shape), np.dtype("i2"), offset, parts)


@pytest.mark.parametrize("length", [1, 2, 3, 4, 7, 8, 21])
@pytest.mark.parametrize("lossless", [True, False])
def test_wavelet_across_slices(length: int, lossless: bool) -> None:
    samples = np.random.default_rng(length).integers(-500, 500, (length, 3, 2))
    levels = scales_for(length, 3)
    back = inverse(forward(samples, levels, lossless), levels, lossless)
    assert np.array_equal(back, samples) if lossless else np.allclose(back, samples)


def test_nine_seven_is_nearly_orthonormal() -> None:
    noise = np.random.default_rng(0).normal(size=(256, 16, 16))
    coefficients = forward(noise, 3, False)
    assert np.square(coefficients).mean() == pytest.approx(1, rel=0.05)
    constant = forward(np.ones((8, 1, 1)), 1, False)
    assert constant[:4] == pytest.approx(math.sqrt(2))
    assert constant[4:] == pytest.approx(0)


def line(intercept: float, slope: float, rates: list[float]) -> list[tuple[float, float]]:
    """Points of the curve ``PSNR = intercept + slope ln(rate)``."""
    return [(rate, intercept + slope * math.log(rate)) for rate in rates]


RATES = [0.25, 0.5, 1.0, 2.0, 4.0]


def test_bjontegaard_of_a_curve_that_needs_a_fifth_less() -> None:
    anchor = line(40, 8, RATES)
    other = [(0.8 * rate, quality) for rate, quality in anchor]
    assert delta_rate(anchor, other) == pytest.approx(-20)
    assert delta_psnr(anchor, other) == pytest.approx(-8 * math.log(0.8))


def test_bjontegaard_against_the_integral_of_lines() -> None:
    a, b = (40.0, 8.0), (41.0, 7.0)
    low = max(a[0] + a[1] * math.log(RATES[0]), b[0] + b[1] * math.log(RATES[0]))
    high = min(a[0] + a[1] * math.log(RATES[-1]), b[0] + b[1] * math.log(RATES[-1]))
    middle = (low + high) / 2
    expected = math.exp((middle - b[0]) / b[1] - (middle - a[0]) / a[1]) - 1
    assert delta_rate(line(*a, RATES), line(*b, RATES)) == pytest.approx(100 * expected)
    centre = (math.log(RATES[0]) + math.log(RATES[-1])) / 2
    assert delta_psnr(line(*a, RATES), line(*b, RATES)) == pytest.approx(b[0] - a[0] + (b[1] - a[1]) * centre)


def test_bjontegaard_of_a_published_implementation() -> None:
    """Values of the PCHIP in the package bjontegaard 1.3 (Herglotz et al., arXiv 2202.12565) for the points of its README."""
    anchor = list(zip([9487.76, 4593.60, 2486.44, 1358.24], [40.037, 38.615, 36.845, 34.851], strict=True))
    other = list(zip([9787.80, 4469.00, 2451.52, 1356.24], [40.121, 38.651, 36.970, 34.987], strict=True))
    assert delta_rate(anchor, other) == pytest.approx(-4.417485350589)
    assert delta_psnr(anchor, other) == pytest.approx(0.119692785425)


def test_bjontegaard_between_rates() -> None:
    a, b = (40.0, 8.0), (41.0, 7.0)
    low, high = (a[0] + a[1] * math.log(rate) for rate in (1.0, 2.0))
    middle = (low + high) / 2
    expected = math.exp((middle - b[0]) / b[1] - (middle - a[0]) / a[1]) - 1
    assert delta_rate(line(*a, RATES), line(*b, RATES), (1.0, 2.0)) == pytest.approx(100 * expected)


def test_bjontegaard_needs_a_common_range_and_three_points() -> None:
    anchor = line(40, 8, RATES)
    assert delta_rate(anchor, line(80, 8, RATES)) is None
    assert delta_rate(anchor, anchor[:2]) is None
    assert delta_psnr(anchor, line(40, 8, [8.0, 16.0, 32.0])) is None


def test_points_that_are_worse_at_a_higher_rate_do_not_count() -> None:
    anchor = line(40, 8, RATES)
    assert delta_rate(anchor, [*anchor, (3.0, 30.0)]) == pytest.approx(0)


def test_mean_curve() -> None:
    curve = mean_curve([line(40, 8, RATES), line(44, 8, RATES[1:])])
    assert curve[0] == pytest.approx((0.5, 42 + 8 * math.log(0.5)))
    assert mean_curve([line(40, 8, [1, 2]), line(40, 8, [3, 4])]) == []


def result(volume: str, codec: str, size: int, **more: object) -> Result:
    """A lossless result of 1000 samples."""
    facts: dict[str, Any] = {"kind": "MRI", "status": "ok", "max_error": 0.0, "bound": 0.0} | more
    return Result(
        volume=volume,
        shape="",
        dtype="",
        part="",
        codec=codec,
        family=codec,
        version="",
        bytes=size,
        bits_per_voxel=8 * size / 1000,
        ratio=2000 / size,
        encode_mb_s=1.0,
        decode_mb_s=2.0,
        encode_peak_mib=3.0,
        decode_peak_mib=4.0,
        **facts,
    )


def test_means_take_the_better_order_and_compare_on_shared_volumes() -> None:
    rows = [
        result("a", "gzip", 1000),
        result("b", "gzip", 500),
        result("b", "gzip:order=time", 400, kind="fMRI"),
        result("a", "xz", 500),
        result("b", "xz", 300),
        result("a", "tomoz", 300),
        result("b", "tomoz", 1, status="unsupported", max_error=None, bound=None),
    ]
    assert {(r.volume, r.codec): r.bytes for r in best_orders(rows)}["b", "gzip"] == 400
    overall = {row.codec: row for row in means(rows, "gzip") if row.kind == "all"}
    assert overall["xz"].to_reference == pytest.approx((0.5 + 0.75) / 2)
    assert (overall["tomoz"].volumes, overall["tomoz"].failed, overall["tomoz"].to_reference) == (1, 1, 0.3)
    assert size_ratios(rows)["tomoz"]["xz"] == pytest.approx(0.6)
    assert [row.codec for row in means(rows, "gzip") if row.kind == "all"] == ["tomoz", "xz", "gzip"]


def test_deltas_are_between_families() -> None:
    rows = [
        Result("v", "CT", "", "", "", f"{name}:qp={rate}", name, "", "ok", bits_per_voxel=rate * factor, psnr_db=psnr)
        for name, factor in (("x", 1.0), ("y", 0.5))
        for rate, psnr in line(40, 8, RATES)
    ]
    found = {(row.anchor, row.codec): row.bd_rate_percent for row in deltas(rows)}
    assert found["x", "y"] == pytest.approx(-50)
    assert found["y", "x"] == pytest.approx(100)


def test_csv_has_columns_for_tasks() -> None:
    text = csv_text([result("a", "gzip", 10, tasks={"fa_rmse": 0.25}), result("b", "gzip", 10)])
    head, first, second = text.splitlines()
    assert head.endswith("fa_rmse")
    assert first.endswith(",0.25")
    assert second.endswith(",")


def test_folders_are_searched_as_for_training(tmp_path: Path) -> None:
    image = head((2, 16, 16))
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "b").mkdir()
    np.save(tmp_path / ".hidden" / "no.npy", image)
    np.save(tmp_path / "b" / "one.npy", image)
    with gzip.open(tmp_path / "two.npy.gz", "wb") as file:
        np.save(file, image)
    for name in ("pair.hdr", "pair.img"):
        (tmp_path / name).touch()
    found = volumes.find([str(tmp_path)])
    assert [path.relative_to(tmp_path).as_posix() for path in found] == ["pair.hdr", "two.npy.gz", "b/one.npy"]
    titles = dict(volumes.names(found))
    assert list(titles) == ["pair", "two", "one"]
    assert np.array_equal(volumes.load("two", titles["two"]).samples, image[None])


def test_curves_of_different_wishes_are_different() -> None:
    families = [spec.family for spec in parse("voxz:level=9,bits=1/2,voxz:level=9,error=3,x265:preset=slow,qp=22,jpegls:error=2")]
    assert families == ["voxz:level=9 (bits)"] * 2 + ["voxz:level=9 (error)", "x265:preset=slow", "jpegls"]


def test_quality_at_a_rate_is_interpolated_and_not_beyond_the_points() -> None:
    points = [(0.5, 40.0), (1.0, 46.0), (2.0, 52.0)]
    assert quality_at(points, 1.0) == pytest.approx(46.0)
    assert quality_at(points, 2**0.5) == pytest.approx(49.0, abs=0.2)
    assert quality_at(points, 0.4) is None
    assert quality_at(points, 2.1) is None


def test_peak_memory_is_that_of_the_process(tmp_path: Path) -> None:
    (tmp_path / "status").write_text("Name:\ta\nVmPeak:\t  900 kB\nVmHWM:\t  1234 kB\n")
    assert high_water_kib(tmp_path / "status") == 1234
    assert high_water_kib(tmp_path / "none") is None


def test_equal_orders_of_a_series_count_once() -> None:
    def result(codec: str, size: int) -> Result:
        return Result("a", "fMRI", "", "", "", codec, "voxz", "", "ok", bytes=size, rmse=1.0, max_error=2.0)

    results = [result("voxz:bits=1", 10), result("voxz:bits=1,order=time", 10), result("voxz:bits=2", 20)]
    results.append(result("voxz:bits=2,order=time", 19))
    assert [row.codec for row in without_equal_orders(results)] == ["voxz:bits=1", "voxz:bits=2", "voxz:bits=2,order=time"]


def test_orders_that_make_no_difference_are_one_curve() -> None:
    def result(family: str, bits: float) -> Result:
        return Result("a", "fMRI", "", "", "", family, family, "", "ok", bits_per_voxel=bits, psnr_db=40 + bits, max_error=1.0)

    same = [result(family, bits) for family in ("jpegxl", "jpegxl:order=time") for bits in (1.0, 2.0)]
    assert list(curves([*same, result("x265", 1.5)])["a"]) == ["jpegxl", "x265"]
    assert list(curves([*same[:2], result("jpegxl:order=time", 0.5)])["a"]) == ["jpegxl", "jpegxl:order=time"]
