"""Blobs are found with their contrast and sign; ridges are none."""

from __future__ import annotations

import numpy as np
import pytest
from streamrecon_simulator.phantoms.shapes import Sphere, Tube, contains

from streamrecon.errors import ReconError
from streamrecon.maps.blobs import find_blobs
from streamrecon.model.geometry import Geometry

GRID = Geometry((31, 35, 29), (1.1, 0.8, 1.0), np.eye(3)[::-1])
MASK = np.ones(GRID.shape, bool)


def points() -> np.ndarray:
    """Middles of the voxels (x, y, z) from the middle of the grid [3, Z, Y, X], mm."""
    axes = [(np.arange(n) - n // 2) * mm for n, mm in zip(GRID.shape, GRID.voxel_mm, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"))[::-1]


@pytest.mark.parametrize("contrast", [0.4, -0.4])
@pytest.mark.parametrize("width_mm", [1.2, 1.6])
def test_a_gaussian_has_its_contrast_and_sign(contrast: float, width_mm: float) -> None:
    away = points() - np.reshape((2.0, -4.0, 3.3), (3, 1, 1, 1))
    chi = contrast * np.exp(-(away**2).sum(0) / (2 * width_mm**2))

    blobs = find_blobs(chi, MASK, GRID)

    assert len(blobs) == 1
    assert blobs[0].voxel == (15 + 3, 17 - 5, 14 + 2)
    # The widths are 1.5 apart, and differences of voxels are less steep than slopes.
    assert blobs[0].contrast_ppm == pytest.approx(contrast, rel=0.25)


def test_a_straight_vein_is_no_blob_where_a_ball_of_its_contrast_is() -> None:
    tube = Tube((-6.0, -8.0, -40.0), (-6.0, 8.0, 40.0), 1.2)
    ball = Sphere((7.0, 0.0, 0.0), 1.2)
    fine = np.stack(np.meshgrid(*[[-0.3, 0.0, 0.3]] * 3), axis=-1).reshape(-1, 3, 1, 1, 1)
    inside = [
        np.mean([contains(s, points() + step) for step in fine], axis=0) for s in (tube, ball)
    ]
    chi = 0.4 * (inside[0] + inside[1])

    blobs = find_blobs(chi, MASK, GRID, contrast_ppm=0.15)

    assert blobs[0].voxel == (15, 17, 21)
    assert all(abs(each.contrast_ppm) < 0.5 * blobs[0].contrast_ppm for each in blobs[1:])


def test_noise_alone_has_no_blob() -> None:
    chi = np.random.default_rng(1).normal(0, 0.05, GRID.shape)

    assert len(find_blobs(chi, MASK, GRID, contrast_ppm=0.0, k_sigma=6.0)) <= 1


def test_blobs_beyond_the_mask_are_left_out_and_odd_maps_refused() -> None:
    chi = np.zeros(GRID.shape)
    chi[10, 10, 10] = 1.0
    mask = MASK.copy()
    mask[8:13, 8:13, 8:13] = False

    assert find_blobs(chi, mask, GRID) == []
    with pytest.raises(ReconError, match="mask is empty"):
        find_blobs(chi, ~MASK, GRID)
    with pytest.raises(ReconError, match="not finite"):
        find_blobs(np.full(GRID.shape, np.nan), MASK, GRID)
