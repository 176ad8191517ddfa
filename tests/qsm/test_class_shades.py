"""Shades of classes: what is lost to sources outside comes back, and what is right stays so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from closed_forms import ORIENTATIONS, cylinder, positions_mm, spheres

from streamrecon.model.geometry import Geometry
from streamrecon.qsm.background.pdf import remove_pdf
from streamrecon.qsm.inversion.class_shades import shades_of_classes
from streamrecon.qsm.pipeline import invert, local_field, susceptibility
from streamrecon.qsm.susceptibility_map import Susceptibility

TE_S = (0.004, 0.009, 0.014, 0.019)
B0_T = 3.0
LEVELS_PPM = (0.2, -0.15, 0.1)
Volume = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Mask = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
Echoes = np.ndarray[tuple[int, ...], np.dtype[np.complex64]]


def head_on(orientation: str) -> tuple[Geometry, Mask, Volume]:
    """Grid, head, and the field of air and bone beside it."""
    grid = Geometry((40, 61, 58), (2.4, 1.9, 2.0), ORIENTATIONS[orientation])
    mask = np.asarray(np.linalg.norm(positions_mm(grid), axis=0) < 42)
    _, background = spheres(grid, ((0, 46, -36), 6, 9.0), ((-60, 0, 8), 5, -4.0))
    return grid, mask, background


def decay_of(kind: str, chi: Volume, grid: Geometry) -> Volume:
    """R2* [1/s] that follows χ, its size, its reverse, other places, or nothing."""
    if kind == "other places":
        r = positions_mm(grid)
        return np.asarray(20 + 15 * (np.sin(r[0] / 6) * np.cos(r[1] / 7) > 0.3))
    slopes = {"follows": 100, "reverse": -100, "size": 150, "nothing": 0}
    return np.asarray(45 + slopes[kind] * (np.abs(chi) if kind == "size" else chi))


def echoes_of(field: Volume, decay: Volume, mask: Mask) -> Echoes:
    """Echoes [E, Z, Y, X] with noise of 0.3 %."""
    te = np.array(TE_S)[:, None, None, None]
    rng = np.random.default_rng(3)
    signal = mask * np.exp(-decay * te + 2j * np.pi * 42.577478518 * B0_T * field * te)
    noise = rng.standard_normal(signal.shape) + 1j * rng.standard_normal(signal.shape)
    return np.asarray((signal + 0.003 * noise).astype(np.complex64))


@pytest.mark.parametrize("kind", ["follows", "reverse", "size", "other places", "nothing"])
@pytest.mark.parametrize(("orientation", "sign"), [("axial", 1), ("doubly_oblique", -1)])
def test_balls_keep_their_susceptibility_whatever_decay_says(
    kind: str, orientation: str, sign: int
) -> None:
    grid, mask, background = head_on(orientation)
    at = ((15, -8, 4), (-17, -5, 3), (0, 20, -6))
    chi, field = spheres(grid, *zip(at, (9.0, 9.0, 9.0), LEVELS_PPM, strict=True))
    echoes = echoes_of(sign * field + background, decay_of(kind, chi, grid), mask)

    found = susceptibility(echoes, TE_S, B0_T, grid, mask=mask)

    assert (found.total.classes is None) == (kind == "nothing")
    value = sign * found.map.chi_ppm
    base = value[(chi == 0) & mask].mean()
    seen = [float(value[np.isclose(chi, level)].mean() - base) for level in LEVELS_PPM]
    # without classes the slope on this coarse grid is 0.98 and 1.03, whatever decay says
    assert np.dot(seen, LEVELS_PPM) / np.dot(LEVELS_PPM, LEVELS_PPM) == pytest.approx(1, abs=0.035)
    np.testing.assert_allclose(seen, LEVELS_PPM, rtol=0.045)


@pytest.mark.parametrize(("kind", "sign"), [("follows", 1), ("reverse", -1)])
def test_a_long_cylinder_keeps_its_susceptibility(kind: str, sign: int) -> None:
    grid, mask, background = head_on("sagittal")
    chi, field, _ = cylinder(grid, 9.0, 0.12, along=1)
    echoes = echoes_of(sign * field + background, decay_of(kind, chi, grid), mask)

    found = susceptibility(echoes, TE_S, B0_T, grid, mask=mask).map.chi_ppm

    inside, outside = mask & np.isclose(chi, 0.12), mask & (chi == 0)
    assert found[inside].mean() - found[outside].mean() == pytest.approx(sign * 0.12, rel=0.03)


def white_matter(grid: Geometry) -> tuple[Volume, Volume]:
    """χ [ppm] and field of three balls whose edges are 12 mm wide: spheres around one another."""
    chi, field = np.zeros((2, *grid.shape))
    for centre in ((0, -17, 0), (15, 12, 3), (-15, 12, -3)):
        shells = [(centre, radius_mm, -0.00625) for radius_mm in np.linspace(9, 21, 8)]
        chi, field = np.add((chi, field), spheres(grid, *shells))
    return chi, field


def contrast_and_error(found: Susceptibility, chi: Volume) -> tuple[float, float]:
    """Slope of a map over the truth in the mask, and its error as a part of the truth."""
    one, true = found.map.chi_ppm[found.mask], chi[found.mask] - chi[found.mask].mean()
    one = one - one.mean(dtype=np.float64)
    error = np.linalg.norm(one - true) / np.linalg.norm(true)
    return float(np.dot(one, true) / np.dot(true, true)), float(error)


@pytest.mark.parametrize(("orientation", "sign"), [("axial", 1), ("doubly_oblique", -1)])
def test_wide_contrast_without_sharp_edges_comes_back(orientation: str, sign: int) -> None:
    grid, mask, background = head_on(orientation)
    chi, field = white_matter(grid)
    echoes = echoes_of(sign * field + background, 25 - 100 * chi, mask)

    found = susceptibility(echoes, TE_S, B0_T, grid, mask=mask)

    unaware = replace(found.total, classes=None)
    plain = invert(unaware, local_field(unaware, grid), grid)
    (contrast, error), (lost, before) = (contrast_and_error(m, sign * chi) for m in (found, plain))
    assert lost < 0.87  # 0.70 axial, 0.85 oblique: the layer near the mask takes it
    assert 0.85 < contrast < 1.03
    assert error < 0.5 * before


def test_nothing_is_shaded_without_classes() -> None:
    grid, mask, background = head_on("axial")
    local = remove_pdf(background, mask, grid, iterations=1)
    ones = mask.astype(np.float32)

    found = shades_of_classes(local, None, grid, strength=1e-4, weight=ones, magnitude=ones)

    assert found is None
