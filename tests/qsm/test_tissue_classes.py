"""Classes of tissue: found whatever the shading, and asked for χ beside sources outside."""

from __future__ import annotations

import numpy as np
import pytest
from closed_forms import ORIENTATIONS, positions_mm, spheres
from scipy.ndimage import binary_erosion

from streamrecon.model.geometry import Geometry
from streamrecon.phase.magnitude import OUTSIDE, Classes, tissue_classes
from streamrecon.qsm.background.coarse_pdf import remove_pdf_at_once
from streamrecon.qsm.background.pdf import LocalField, remove_pdf

TE_S = (0.005, 0.012, 0.021)
Volume = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Mask = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


def scene(
    orientation: str = "doubly_oblique", voxel_mm: tuple[float, float, float] = (2.4, 1.5, 1.6)
) -> tuple[Geometry, Mask, Volume, Volume, Volume]:
    """Four balls of one tissue in a ball of another: mask, χ, their field, that of two outside."""
    shape = (27, 46, 45) if voxel_mm[0] > 2 else (43, 62, 69)
    grid = Geometry(shape, voxel_mm, ORIENTATIONS[orientation])
    mask = np.asarray(np.linalg.norm(positions_mm(grid), axis=0) < 29)
    at = ((14, -6, 3), (-13, 5, -8), (2, 14, 9), (-4, -15, -6))
    chi, local = spheres(grid, *((place, 6.0, 0.15) for place in at))
    _, background = spheres(grid, ((10, 34, -8), 4, 5.0), ((-36, 5, 10), 4, -4.0))
    return grid, mask, chi, local, background


def magnitude(chi: Volume, shading: Volume | float = 1.0) -> Volume:
    """Echoes [E, Z, Y, X] whose decay and density follow the tissue."""
    te = np.array(TE_S)[:, None, None, None]
    tissue = chi > 0.075
    density, decay = np.where(tissue, 0.8, 1.0), np.where(tissue, 45.0, 20.0)
    return np.asarray(shading * density * np.exp(-te * decay))


def shading_of(grid: Geometry) -> Volume:
    """Three to one over the object, not along an axis of the grid."""
    r = positions_mm(grid)
    return np.asarray(np.exp((r[0] - 0.5 * r[2]) / 58))


def removed(field: Volume, mask: Mask, grid: Geometry, classes: Classes | None) -> LocalField:
    """What PDF at once makes of a field without noise."""
    weight = mask.astype(np.float32)
    return remove_pdf_at_once(field, mask, grid, weight=weight, classes=classes, tolerance=1e-3)


def two_kinds(classes: Classes, chi: Volume) -> float:
    """Part of the voxels whose class is, by its majority, of their own tissue."""
    inside = classes > OUTSIDE
    kind, tissue = classes[inside], chi[inside] > 0.075
    often = np.bincount(kind, weights=tissue) / np.maximum(np.bincount(kind), 1)
    return float(np.mean((often[kind] > 0.5) == tissue))


@pytest.mark.parametrize("n_echoes", [2, 3])
def test_classes_part_tissues_under_shading_of_three_to_one(n_echoes: int) -> None:
    grid, mask, chi, _, _ = scene()
    seen = magnitude(chi, shading_of(grid))[:n_echoes]

    found = tissue_classes(seen, TE_S[:n_echoes], mask, grid)

    assert found is not None
    assert two_kinds(found, chi) > 0.95  # the rest is edges, which are smoothed over 1 mm
    assert (found[~mask] == OUTSIDE).all()
    assert (found[mask] >= 0).all()
    assert found.max() < 16


def test_classes_know_no_unit() -> None:
    grid, mask, chi, _, _ = scene()
    noise = 0.01 * np.random.default_rng(5).standard_normal((len(TE_S), *mask.shape))
    seen = magnitude(chi, shading_of(grid)) + noise  # without it voxels tie at borders of classes

    one, other = (tissue_classes(scale * seen, TE_S, mask, grid) for scale in (1, 1024))

    assert one is not None
    assert other is not None
    assert np.mean(one != other) < 1e-3  # rounding


def test_noise_one_echo_and_an_empty_mask_have_no_classes() -> None:
    grid, mask, chi, _, _ = scene()
    te = np.array(TE_S)[:, None, None, None]
    noise = 0.02 * np.random.default_rng(4).standard_normal((len(te), *mask.shape))

    assert tissue_classes(shading_of(grid) * np.exp(-20 * te) + noise, TE_S, mask, grid) is None
    assert tissue_classes(magnitude(chi)[:1], TE_S[:1], mask, grid) is None
    assert tissue_classes(magnitude(chi), TE_S, mask & False, grid) is None


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("orientation", ["axial", "doubly_oblique"])
@pytest.mark.parametrize("voxel_mm", [(2.4, 1.5, 1.6), (1.5, 1.1, 1.0)], ids=["as is", "doubled"])
def test_a_class_has_its_susceptibility_beside_sources_outside(
    voxel_mm: tuple[float, float, float], orientation: str, sign: int
) -> None:
    grid, mask, chi, local, background = scene(orientation, voxel_mm)
    classes = np.where(mask, (chi > 0.075).astype(np.int16), OUTSIDE)

    found = removed(sign * local + background, mask, grid, classes)

    assert found.tissues_ppm is not None
    core = binary_erosion(chi > 0.149)
    around = binary_erosion(mask, iterations=3) & (chi == 0)
    contrast = found.tissues_ppm[core].mean() - np.median(found.tissues_ppm[around])
    # of balls of 6 mm a third is edge, which has less, or half in doubled voxels
    assert 0.75 < sign * contrast / 0.15 < 1
    assert (found.tissues_ppm[~mask] == 0).all()


def test_less_of_the_inner_field_is_taken_for_background_with_classes() -> None:
    grid, mask, chi, local, background = scene()
    classes = np.where(mask, (chi > 0.075).astype(np.int16), OUTSIDE)

    plain, asked = (
        removed(local + background, mask, grid, each).field_ppm - local for each in (None, classes)
    )

    assert asked[mask].std() < 0.5 * plain[mask].std()


def test_on_doubled_voxels_the_field_is_nearly_that_of_the_grid_but_for_the_rim() -> None:
    grid, mask, _, local, background = scene(voxel_mm=(1.5, 1.1, 1.0))
    inner = binary_erosion(mask, iterations=2)
    weight = mask.astype(np.float32)

    at_once = removed(local + background, mask, grid, None).field_ppm
    whole = remove_pdf(local + background, mask, grid, weight=weight).field_ppm

    apart, rim = (at_once - whole)[inner], (at_once - whole)[mask & ~inner]
    assert apart.std() < 0.1 * local[inner].std()  # PDF itself takes two fifths of it
    assert rim.std() < 0.2 * background[mask & ~inner].std()  # where the docs warn of it
