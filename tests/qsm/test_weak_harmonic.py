"""Weak harmonics: χ keeps its scale, and a harmonic rest does not become χ."""

from __future__ import annotations

import numpy as np
import pytest
from closed_forms import ORIENTATIONS, positions_mm, spheres

from streamrecon.errors import ReconError
from streamrecon.model.geometry import Geometry
from streamrecon.qsm.inversion.closed_form import invert_tkd
from streamrecon.qsm.inversion.weak_harmonic import harmonics, invert_weak_harmonic, phases

RAD_PER_PPM = 2 * np.pi * 127.7 * 0.02


def scene(axes: np.ndarray) -> tuple[Geometry, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    grid = Geometry((34, 37, 36), (1.5, 1.3, 1.3), axes)
    r = positions_mm(grid)
    mask = np.linalg.norm(r, axis=0) < 21
    chi, field = spheres(grid, ((5, 2, 4), 6, 0.15), ((-7, -5, -3), 5, -0.1))
    return grid, mask, chi, field, r


def invert(field: np.ndarray, mask: np.ndarray, grid: Geometry) -> np.ndarray:
    return invert_weak_harmonic(
        field, mask, grid, rad_per_ppm=RAD_PER_PPM, iterations=(50, 60), strength=1e-4
    ).unknown


@pytest.mark.parametrize("orientation", ["axial", "doubly_oblique"])
def test_spheres_have_their_size_and_sign(orientation: str) -> None:
    grid, mask, chi, field, _ = scene(ORIENTATIONS[orientation])

    found = invert(field, mask, grid)

    levels = (0.15, 0.0, -0.1)
    means = [found[mask & (chi == level)].mean() for level in levels]
    assert np.polyfit(levels, means, 1)[0] == pytest.approx(1, abs=0.1)
    assert (found[~mask] == 0).all()


def test_a_harmonic_rest_becomes_less_susceptibility_than_by_division() -> None:
    grid, mask, _, field, (x, y, _) = scene(ORIENTATIONS["axial"])
    rest = 4e-5 * (x**2 - y**2)

    moved = {
        method: (method(field + rest, mask, grid) - method(field, mask, grid))[mask].std()
        for method in (invert, invert_tkd)
    }

    assert rest[mask].std() > 0.3 * field[mask].std()
    assert moved[invert] < 0.85 * moved[invert_tkd]


def test_the_splits_find_their_minimum() -> None:
    rng = np.random.default_rng(0)
    model, dual, phase = rng.standard_normal((3, 30)).astype(np.float32)
    weight = rng.uniform(0, 1, 30).astype(np.float32)
    total = model + dual
    bend, bend_dual = model.copy(), dual.copy()

    phases(model, dual, phase, weight, 1.5)
    harmonics(bend, bend_dual, weight, 1.5)

    z = total - dual
    np.testing.assert_allclose(weight * np.sin(z - phase) + 1.5 * (z - total), 0, atol=1e-3)
    np.testing.assert_allclose(total - bend_dual, 1.5 * total / (weight + 1.5), atol=1e-6)
    np.testing.assert_allclose(bend, total - 2 * bend_dual, atol=1e-6)


def test_a_phase_scale_is_needed() -> None:
    grid, mask, _, field, _ = scene(ORIENTATIONS["axial"])

    with pytest.raises(ReconError, match="needed a positive number"):
        invert_weak_harmonic(field, mask, grid, rad_per_ppm=0.0)
