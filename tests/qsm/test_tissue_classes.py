"""Classes of tissue: found whatever the shading, and asked for χ beside sources outside."""

from __future__ import annotations

import numpy as np
import pytest
from closed_forms import ORIENTATIONS, positions_mm, spheres

from streamrecon.model.geometry import Geometry
from streamrecon.phase.magnitude import OUTSIDE, tissue_classes
from streamrecon.qsm.background.pdf import remove_pdf

TE_S = (0.005, 0.012, 0.021)
Volume = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Mask = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


def scene(orientation: str = "doubly_oblique") -> tuple[Geometry, Mask, Volume, Volume, Volume]:
    """Four balls of one tissue in a ball of another: mask, χ, their field, that of two outside."""
    grid = Geometry((27, 46, 45), (2.4, 1.5, 1.6), ORIENTATIONS[orientation])
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


def two_kinds(classes: np.ndarray[tuple[int, ...], np.dtype[np.int16]], chi: Volume) -> float:
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
def test_a_class_has_its_susceptibility_beside_sources_outside(orientation: str, sign: int) -> None:
    grid, mask, chi, local, background = scene(orientation)
    classes = np.where(mask, (chi > 0.075).astype(np.int16), OUTSIDE)

    found = remove_pdf(sign * local + background, mask, grid, classes=classes)

    assert found.tissues_ppm is not None
    contrast, true = (
        values[classes == 1].mean() - values[classes == 0].mean()  # voxels at edges hold both
        for values in (found.tissues_ppm, sign * chi)
    )
    assert contrast == pytest.approx(true, rel=0.1)  # of balls of 6 mm a third is edge
    assert (found.tissues_ppm[~mask] == 0).all()


def test_less_of_the_inner_field_is_taken_for_background_with_classes() -> None:
    grid, mask, chi, local, background = scene()
    classes = np.where(mask, (chi > 0.075).astype(np.int16), OUTSIDE)

    plain, asked = (
        remove_pdf(local + background, mask, grid, classes=each).field_ppm - local
        for each in (None, classes)
    )

    assert asked[mask].std() < 0.5 * plain[mask].std()


def test_what_classes_leave_and_their_map_add_up() -> None:
    grid, mask, chi, local, background = scene()
    classes = np.where(mask, (chi > 0.075).astype(np.int16), OUTSIDE)
    found = remove_pdf(local + background, mask, grid, classes=classes)

    rest = found.beside_tissues(grid)

    assert rest[mask].std() < 0.5 * found.field_ppm[mask].std()
    assert found.tissues_ppm is not None
    np.testing.assert_array_equal(found.with_tissues(0 * rest), found.tissues_ppm)
