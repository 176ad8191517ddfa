"""Smooth brightness goes, up to the surface of the head; what is fine stays in its scale."""

from __future__ import annotations

import numpy as np
import pytest
from lying_head import LEFT_HANDED, OBLIQUE, places, shading

from streamrecon.analysis.positions.shading import evened
from streamrecon.model.geometry import Geometry

GRIDS = (LEFT_HANDED, OBLIQUE)


def ball(grid: Geometry, radius_mm: float) -> np.ndarray:
    return np.asarray(np.linalg.norm(places(grid), axis=-1) < radius_mm)


@pytest.mark.parametrize("grid", GRIDS)
def test_a_slope_goes_up_to_the_surface(grid: Geometry) -> None:
    mask = ball(grid, 60)
    slope = 700 * (1 + places(grid) @ (0.006, -0.004, 0.005))

    found = evened(slope, mask, grid)

    # A mean of 10 mm is 5 % off at this surface.
    np.testing.assert_allclose(found[mask], 1, atol=0.01)
    assert not found[~mask].any()


@pytest.mark.parametrize("grid", GRIDS)
def test_the_shading_of_coils_goes_and_fine_detail_stays(grid: Geometry) -> None:
    mask = ball(grid, 70)
    detail = 1 + 0.2 * np.prod(np.sin(places(grid) * 2 * np.pi / 22.0), axis=-1)

    found, flat = (evened(image * shading(grid), mask, grid) for image in (detail, mask * 1.0))

    assert np.ptp(shading(grid)[mask]) / shading(grid)[mask].min() > 2
    assert flat[mask].std() < 0.03
    slope = np.polyfit(detail[mask] - 1, found[mask] - flat[mask], 1)[0]
    assert slope == pytest.approx(1, abs=0.05)


def test_the_unit_of_the_image_does_not_matter() -> None:
    mask = ball(LEFT_HANDED, 60)
    image = np.random.default_rng(2).uniform(1, 2, mask.shape)

    np.testing.assert_allclose(
        evened(1e4 * image, mask, LEFT_HANDED), evened(image, mask, LEFT_HANDED), rtol=1e-4
    )


def test_a_mask_of_one_voxel_is_even() -> None:
    mask = np.zeros(LEFT_HANDED.shape, bool)
    mask[20, 30, 25] = True

    assert evened(mask * 3.0, mask, LEFT_HANDED)[mask] == pytest.approx(1)
