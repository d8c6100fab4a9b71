"""Figures of what is seen of a loss, on images whose answers are known."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks.bits_map import REGIONS, regions_of
from benchmarks.quality import edge_figures, nearest, steps, table, texture, vif
from phantoms import head


def test_an_image_is_like_itself_and_blur_is_seen() -> None:
    image = head((4, 96, 96)).astype(np.float64)
    blurred = ndimage.gaussian_filter(image, (0, 1, 1))
    peak = float(np.ptp(image))
    assert vif(image, image, peak) == pytest.approx(1)
    assert vif(image, blurred, peak) < 0.9
    assert texture(image, image) == pytest.approx(1)
    assert texture(image, blurred) < 0.5
    assert edge_figures(image, blurred)["edge_width"] > 1.1


def test_what_changes_from_slice_to_slice_is_seen() -> None:
    image = head((4, 96, 96)).astype(np.float64)
    flicker = image + 20 * (np.arange(4) % 2)[:, None, None]
    assert steps(image, image + 20) == pytest.approx(0, abs=1e-9)  # the same in all slices
    assert steps(image, flicker) > 0.1


def test_a_setting_is_found_for_a_length() -> None:
    tried: list[float] = []

    def code(setting: float) -> tuple[int, NDArray[np.float64]]:
        tried.append(setting)
        return round(1000 * math.exp(-setting / 4)), np.zeros(1)

    length, _ = nearest(code, 180, 0, 20)
    assert abs(length / 180 - 1) < 0.01
    assert len(tried) <= 6


def test_volumes_with_other_figures_have_a_table_of_their_own() -> None:
    rows: list[tuple[str, ...]] = [
        ("a", "CT", "0.25", "x265", "0.26", "psnr_db", "33"),
        ("a", "CT", "0.25", "x265", "0.26", "vif", "0.4"),
        ("b", "fMRI", "0.25", "x265", "0.25", "psnr_db", "50"),
    ]
    first, second = table(rows).split("\n\n")
    assert first.splitlines()[0] == "| volume | codec | bits | PSNR, dB | VIF |"
    assert second.splitlines()[2] == "| b | x265 | 0.25 | 50 |"


def test_patient_skin_table_and_air_are_told_apart() -> None:
    y, x = np.indices((96, 96)) - 48
    image = np.where(x * x + y * y < 30**2, 40.0, -1000.0)
    image[40:56, 40:56] = -900  # air within the patient
    image[88:92] = -500
    regions = regions_of(image[None])[0]
    found = {(y, x): REGIONS[regions[y, x]] for y, x in ((48, 48), (48, 70), (48, 78), (90, 48), (4, 4))}
    assert list(found.values()) == ["patient", "patient", "skin", "table", "air or padding"]
