"""Susceptometry of large vessels against the closed form of a cylinder."""

from __future__ import annotations

import math

import numpy as np
import pytest

from streamrecon.analysis.oxygen.susceptometry import vessel_chi
from streamrecon.errors import ReconError
from streamrecon.model.geometry import Geometry

GRID = Geometry((44, 48, 46), (1.0, 0.8, 0.9), np.eye(3)[::-1])


def cylinder(angle_deg: float, radius_mm: float, chi_ppm: float) -> tuple[np.ndarray, np.ndarray]:
    """Field [ppm] of an infinite cylinder at so many degrees to B0, and its voxels."""
    index = np.stack(np.meshgrid(*[np.arange(n) - n // 2 for n in GRID.shape], indexing="ij"), -1)
    place = index * np.array(GRID.voxel_mm) + np.array([0.3, -0.2, 0.1])
    angle = math.radians(angle_deg)
    direction = np.array([math.cos(angle), 0.8 * math.sin(angle), 0.6 * math.sin(angle)])
    away = place - (place @ direction)[..., None] * direction
    distance = np.linalg.norm(away, axis=-1)
    toward = np.array([1.0, 0, 0]) - math.cos(angle) * direction
    cosine = away @ toward / np.maximum(distance * max(np.linalg.norm(toward), 1e-9), 1e-9)
    outside = chi_ppm / 2 * math.sin(angle) ** 2 * (2 * cosine**2 - 1)
    outside *= (radius_mm / np.maximum(distance, 1e-9)) ** 2
    inside = distance <= radius_mm
    return np.where(inside, chi_ppm * (3 * math.cos(angle) ** 2 - 1) / 6, outside), inside


def background() -> np.ndarray:
    """That of far sources: smooth, and larger than the vessel's own."""
    z, y, x = np.meshgrid(*[np.linspace(-1, 1, n) for n in GRID.shape], indexing="ij")
    return 0.8 * z - 0.5 * x + 0.3 * (z * z - x * x) + 0.2 * x * y + 1.3


@pytest.mark.parametrize("angle_deg", [0.0, 30.0, 75.0, 90.0])
@pytest.mark.parametrize("chi_ppm", [0.45, -0.2])
def test_a_vessel_of_known_shape_gives_its_susceptibility(angle_deg: float, chi_ppm: float) -> None:
    rng = np.random.default_rng(1)
    field, vessel = cylinder(angle_deg, 3.2, chi_ppm)
    noisy = field + background() + 0.005 * rng.standard_normal(field.shape)

    found = vessel_chi(noisy, vessel, np.ones_like(vessel), GRID)

    assert found is not None
    # the mask is of whole voxels, and the cylinder goes on where it ends: 5 %
    assert found.chi_ppm == pytest.approx(chi_ppm, abs=0.05 * abs(chi_ppm))
    assert 0 < found.sd_ppm < 0.03
    assert found.windows >= 1


def test_one_side_without_signal_is_enough() -> None:
    """A sinus lies under the skull, which has none."""
    field, vessel = cylinder(90.0, 3.2, 0.45)
    trusted = np.ones_like(vessel)
    trusted[: GRID.shape[0] // 2 - 4] = False

    found = vessel_chi(field + background(), vessel, trusted, GRID)

    assert found is not None
    assert found.chi_ppm == pytest.approx(0.45, rel=0.08)


def test_nothing_is_said_at_the_magic_angle() -> None:
    field, vessel = cylinder(54.7, 3.2, 0.45)
    assert vessel_chi(field, vessel, np.ones_like(vessel), GRID) is None


def test_a_thin_vessel_is_refused() -> None:
    field, vessel = cylinder(0.0, 1.2, 0.45)
    with pytest.raises(ReconError, match="large vessels only"):
        vessel_chi(field, vessel, np.ones_like(vessel), GRID)
