"""What a scan shows of a small source, against its transform in closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest
from lesion_scene import oblique
from numpy.typing import NDArray

from streamrecon.analysis.lesion.dipole_moment import Dipole, mean_field
from streamrecon.analysis.lesion.shown_dipole import Protocol, shown_field
from streamrecon.model.geometry import Triple

GRID = oblique((31, 29, 33), (1.5, 0.9, 1.0))
VOXEL = np.array(GRID.voxel_mm)
STEPS = np.array([(2, 0, 0), (0, 3, 0), (-2, 1, 1), (1, -3, 2), (0, 0, -4), (3, 3, 3), (0, 2, -2)])
VOXELS = np.array(GRID.shape) // 2 + STEPS


def dipole_at(off_mm: Triple, moment: float) -> Dipole:
    """Off the middle of the middle voxel."""
    z, y, x = ((np.array(GRID.shape) // 2) * VOXEL + off_mm).tolist()
    return Dipole(moment, 1.0, (z, y, x), 1.0, 1.0, 1)


def protocol(*te_s: float, resolution_mm: Triple = GRID.voxel_mm) -> Protocol:
    return Protocol(te_s, 3.0, tuple(math.exp(-20 * te) for te in te_s), resolution_mm)


def band_limited(
    away_mm: NDArray[np.float64], radius_mm: float, resolution_mm: Triple
) -> NDArray[np.float64]:
    """Field of a ball of unit moment inside the box of k-space: a sum over 64 x 64 x 64 waves."""
    k = [(np.arange(64) + 0.5 - 32) / 64 / mm for mm in resolution_mm]
    waves = np.stack(np.meshgrid(*k, indexing="ij"), axis=-1).reshape(-1, 3)
    length = np.linalg.norm(waves, axis=1)
    turn = 2 * np.pi * length * radius_mm
    ball = 3 * (np.sin(turn) - turn * np.cos(turn)) / turn**3
    field = ball * (1 / 3 - (waves @ np.array(GRID.b0_axis())) ** 2 / length**2)
    volume = 1 / (64**3 * math.prod(resolution_mm))
    return np.asarray(np.cos(2 * np.pi * away_mm @ waves.T) @ field * volume)


@pytest.mark.parametrize("moment", [1.2, -1.2])
@pytest.mark.parametrize("radius_mm", [1.0, 1.5])
def test_a_phase_that_turns_little_shows_the_field_inside_the_box_of_k_space(
    moment: float, radius_mm: float
) -> None:
    dipole = dipole_at((0.4, -0.3, 0.2), moment)

    shown = shown_field(dipole, radius_mm, VOXELS, GRID, protocol(0.001, 0.002, 0.003))

    true = moment * band_limited(STEPS * VOXEL - (0.4, -0.3, 0.2), radius_mm, GRID.voxel_mm)
    # Copies of the source and two points along an edge cost a tenth of the largest field.
    np.testing.assert_allclose(shown, true, atol=0.15 * np.abs(true).max())


def test_the_mean_over_a_voxel_is_off_by_more_than_a_tenth_beside_the_source() -> None:
    away = STEPS * VOXEL
    mean, true = (
        mean_field(away, GRID.voxel_mm, GRID.b0_axis()),
        band_limited(away, 0.75, GRID.voxel_mm),
    )

    assert np.abs(mean - true).max() > 0.1 * np.abs(true).max()


def test_zeros_that_were_filled_in_are_taken_into_account() -> None:
    dipole, coarse = dipole_at((0.0, 0.0, 0.0), 1.0), (1.5, 1.8, 2.0)

    shown = shown_field(
        dipole, 1.5, VOXELS, GRID, protocol(0.001, 0.002, 0.003, resolution_mm=coarse)
    )

    true, fine = (band_limited(STEPS * VOXEL, 1.5, mm) for mm in (coarse, GRID.voxel_mm))
    assert np.std(shown - true) < 0.7 * np.std(fine - true)
