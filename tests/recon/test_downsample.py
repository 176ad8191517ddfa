"""Coarser images against plane waves and points, which have closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from streamrecon.model.geometry import Geometry
from streamrecon.recon.images.downsample import downsampled

OBLIQUE = Rotation.from_euler("xyz", [20, -30, 10], degrees=True).as_matrix()[::-1]


@pytest.mark.parametrize("shape", [(9, 30, 41), (8, 32, 40)])
def test_a_slow_wave_has_its_value_at_every_coarse_voxel(shape: tuple[int, int, int]) -> None:
    """Its value follows from the voxel's place in the patient alone, by the two geometries."""
    fine = Geometry(shape, (3.0, 1.0, 0.8), OBLIQUE, (10.0, -20.0, 30.0))
    fov = np.array(shape) * fine.voxel_mm
    turns = np.array([1, -2, 3]) / fov  # along the grid's axes, per mm

    def wave(grid: Geometry) -> np.ndarray:
        index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"))
        affine = grid.affine_lps()
        place = np.tensordot(affine[:3, :3], index, 1) + affine[:3, 3, None, None, None]
        return np.asarray(2.5 * np.exp(2j * np.pi * np.tensordot(turns @ fine.axes_lps, place, 1)))

    found, coarse = downsampled(wave(fine)[None].astype(np.complex64), fine, 2.0)

    assert coarse.shape == (shape[0], int(np.ceil(fov[1] / 2)), int(np.ceil(fov[2] / 2)))
    np.testing.assert_allclose(found[0], wave(coarse), atol=1e-4)


def test_large_voxels_stay() -> None:
    grid = Geometry((5, 6, 7), (3.0, 3.0, 2.5), np.eye(3)[::-1])
    echoes = np.ones((2, 5, 6, 7), np.complex64)

    found, same = downsampled(echoes, grid, 2.0)

    assert found is echoes
    assert same is grid
