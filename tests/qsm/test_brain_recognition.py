"""What is a brain, and what is only an object."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from closed_forms import AXIAL, positions_mm
from drawn_head import drawn_head, ellipsoid

from streamrecon.model.geometry import Geometry
from streamrecon.qsm.mask import FoundMask, find_mask, object_mask

GRID = Geometry((61, 71, 59), (3.2, 3.0, 3.4), AXIAL)


def noisy(magnitude: np.ndarray) -> np.ndarray:
    return magnitude + 0.01 * np.random.default_rng(1).random(magnitude.shape)


def verdict(magnitude: np.ndarray, quality: np.ndarray, grid: Geometry = GRID) -> FoundMask:
    return find_mask(noisy(magnitude), quality, grid)


def test_a_head_and_a_stripped_brain_are_brains() -> None:
    whole, stripped = drawn_head(GRID), drawn_head(GRID, stripped=True)

    assert verdict(whole.magnitude, whole.quality).is_brain
    found = verdict(stripped.magnitude, stripped.quality)
    assert found.is_brain
    assert "a brain of" in found.report


def test_balls_and_bottles_are_objects() -> None:
    x, y, z = positions_mm(GRID)
    ball = np.linalg.norm([x, y, z], axis=0) < 65
    bottle = (np.hypot(x, y) < 55) & (abs(z) < 80)
    for solid in (ball, bottle):
        found = verdict(1.0 * solid, 0.85 * solid)

        assert not found.is_brain
        assert "neither scalp around it nor contrast within" in found.report
        assert np.array_equal(found.mask, object_mask(noisy(1.0 * solid), 0.85 * solid, GRID))


@pytest.mark.parametrize("snr", [8.0, 40.0])
def test_neither_shading_nor_noise_nor_a_bubble_makes_a_brain_of_a_bottle(snr: float) -> None:
    x, y, z = positions_mm(GRID)
    bottle = (np.hypot(x, y) < 60) & (abs(z) < 80)
    dielectric = 1 + 0.5 * np.exp(-(x**2 + y**2) / 40**2)
    random = np.random.default_rng(5)
    noise = random.standard_normal((2, *GRID.shape)) / snr
    bubble = ellipsoid(GRID, (10, -40, 20), (11, 12, 10))
    magnitude = np.hypot((bottle & ~bubble) * dielectric + noise[0], noise[1])

    found = find_mask(magnitude, np.where(bottle, 0.85, 0.1), GRID)

    assert not found.is_brain, found.report


def test_small_things_are_objects() -> None:
    kidney = ellipsoid(GRID, (0, 0, 0), (27, 30, 55))

    found = verdict(1.0 * kidney, 0.85 * kidney)

    assert not found.is_brain
    assert "a brain's are 70 to 210" in found.report


def test_an_organ_among_others_is_no_brain() -> None:
    grid = Geometry((15, 101, 121), (6.0, 3.0, 3.2), AXIAL)
    body = ellipsoid(grid, (0, 0, 0), (170, 120, 900))
    liver = ellipsoid(grid, (-70, 0, 0), (75, 80, 200))
    spine = ellipsoid(grid, (10, 70, 0), (20, 20, 900))
    magnitude = 0.75 * body + 0.3 * liver - 0.5 * spine

    found = verdict(magnitude, 0.8 * body - 0.4 * spine, grid)

    assert not found.is_brain
    assert "the largest piece of the object" in found.report


def test_a_crop_that_the_brain_fills_is_told() -> None:
    grid = Geometry((21, 25, 23), (1.0, 0.6, 0.6), AXIAL)
    magnitude = 1 + 0.1 * np.random.default_rng(2).random(grid.shape)

    found = find_mask(magnitude, np.full(grid.shape, 0.9), grid)

    assert not found.is_brain
    assert "no tissue with a surface in the field of view" in found.report


@pytest.mark.shared
def test_an_abdomen_is_no_brain(shared_data: Path) -> None:
    folder = shared_data.parent / "cases/truth/body_sign"
    if not folder.is_dir():
        pytest.skip(f"{folder} is absent")
    echoes = [nibabel.load(folder / f"echo-{n}_mag.nii.gz") for n in (1, 2)]
    values = np.stack([np.asarray(echo.dataobj, np.float32).T for echo in echoes])
    x_mm, y_mm, z_mm = map(float, echoes[0].header.get_zooms()[:3])
    magnitude = np.sqrt((values**2).sum(axis=0))
    grid = Geometry(magnitude.shape, (z_mm, y_mm, x_mm), AXIAL)

    # coherent everywhere: the brightness alone must tell
    assert not find_mask(magnitude, np.where(magnitude > 50, 0.8, 0.1), grid).is_brain
