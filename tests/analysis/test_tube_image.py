"""The image of a vessel against its cross-section painted finely and transformed by sums."""

from __future__ import annotations

import numpy as np
import pytest

from streamrecon.analysis.tube_image import cross_section, vessel_image

FINE = 12


def painted(
    across: np.ndarray,
    resolution_mm: tuple[float, float, float],
    radius_mm: float,
    wall_rad: float,
    blood: complex,
    azimuth: float,
    places_mm: np.ndarray,
) -> np.ndarray:
    """The same image from 16 points a mm on 24 mm, each frequency of the scan's box summed."""
    side, step = 40, 1 / 120
    fine = (np.arange(side * FINE) + 0.5) / FINE - side / 2
    y, x = fine[:, None], fine[None, :]
    squared = (y**2 + x**2) / radius_mm**2
    turned = np.cos(2 * (np.arctan2(y, x) - azimuth))
    spins = np.where(squared > 1, np.exp(1j * wall_rad * turned / squared), blood) - 1
    n = round(1.2 / min(resolution_mm) / step)
    k = step * np.arange(-n, n + 1)
    forward = np.exp(-2j * np.pi * np.outer(k, fine)) / FINE
    spectrum = forward @ spins @ forward.T
    inside = np.ones_like(spectrum, float)
    for axis, mm in enumerate(resolution_mm):
        at = np.abs(k[:, None] * across[0, axis] + k[None, :] * across[1, axis]) * mm
        inside *= at < 0.5
    py, px = places_mm
    back_y, back_x = (np.exp(2j * np.pi * np.outer(p, k)) * step for p in (py, px))
    return np.asarray(np.einsum("ni,ij,nj->n", back_y, spectrum * inside, back_x))


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("resolution_mm", [(1.0, 1.0, 1.0), (1.7, 0.8, 1.1)])
def test_the_image_is_that_of_a_finely_painted_vessel(
    sign: int, resolution_mm: tuple[float, float, float]
) -> None:
    """Oblique to all axes: the polygon has six sides."""
    axis = np.array([0.5, -0.6, 0.62])
    axis /= np.linalg.norm(axis)
    first = np.cross(axis, [1.0, 0, 0])
    first /= np.linalg.norm(first)
    across = np.stack([np.cross(axis, first), first])
    radius_mm, azimuth, blood = 0.93, 0.7, 0.7 * np.exp(1.1j * sign)
    wall = sign * np.array([0.4, 2.6, 6.5])
    rng = np.random.default_rng(0)
    places = rng.uniform(-4, 4, (2, 200))

    section = cross_section(across, resolution_mm, 4.5)
    found = vessel_image(section, radius_mm, wall, azimuth).at(*places)[0]

    for e in range(wall.size):
        image = found[2 * e] + 1j * found[2 * e + 1] + (blood - 1) * found[12 + 6]
        truth = painted(across, resolution_mm, radius_mm, wall[e], blood, azimuth, places)
        # copies of the far field, which is smooth here, and hard edges of k-space on another grid
        np.testing.assert_allclose(image, truth, atol=0.02)
        slope = np.vdot(truth, image) / np.vdot(truth, truth)
        assert abs(slope - 1) < 0.005
