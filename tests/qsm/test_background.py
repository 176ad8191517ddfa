"""Background removal: a source inside must stay, sources outside must go."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from closed_forms import ORIENTATIONS, positions_mm, spheres
from scipy.ndimage import binary_erosion

from streamrecon.errors import ReconError
from streamrecon.fourier import irfftn
from streamrecon.model.geometry import Geometry
from streamrecon.qsm.background.balls import ball_kernel
from streamrecon.qsm.background.lbv import remove_lbv
from streamrecon.qsm.background.pdf import LocalField, remove_pdf
from streamrecon.qsm.background.sharp import (
    remove_ismv,
    remove_resharp,
    remove_vresharp,
    remove_vsharp,
)

METHODS: dict[str, tuple[Callable[..., LocalField], float]] = {
    "pdf": (remove_pdf, 0.35),
    "v-sharp": (remove_vsharp, 0.45),
    "resharp": (remove_resharp, 0.25),
    "v-resharp": (remove_vresharp, 0.3),
    "ismv": (remove_ismv, 0.45),
    "lbv": (remove_lbv, 0.35),
}


def scene(
    axes: np.ndarray,
    shape: tuple[int, int, int] = (27, 48, 45),
    voxel_mm: tuple[float, float, float] = (2.4, 1.5, 1.5),
) -> tuple[Geometry, np.ndarray, np.ndarray, np.ndarray]:
    grid = Geometry(shape, voxel_mm, axes)
    r = positions_mm(grid)
    distance = np.linalg.norm(r, axis=0)
    mask = distance < 29
    _, local = spheres(grid, ((4, -6, 3), 6, 0.2))
    _, background = spheres(grid, ((10, 34, -8), 4, 5.0), ((-33, 5, 10), 4, -4.0))
    return grid, mask, local, background


@pytest.mark.parametrize("orientation", ["axial", "doubly_oblique", "left_handed"])
@pytest.mark.parametrize("name", METHODS)
def test_sources_outside_go_and_those_inside_stay(name: str, orientation: str) -> None:
    remove, tolerance = METHODS[name]
    grid, mask, local, background = scene(ORIENTATIONS[orientation])

    found = remove(local + background, mask, grid)

    kept = found.mask
    assert abs(background[mask]).max() > 2 * abs(local[mask]).max()
    error = (found.field_ppm - local)[kept]
    assert error.std() / local[kept].std() < tolerance
    slope = np.polyfit(local[kept], found.field_ppm[kept], 1)[0]
    assert 0.75 < slope < 1.1
    assert (found.field_ppm[~kept] == 0).all()
    assert not (kept & ~mask).any()


@pytest.mark.parametrize("name", METHODS)
def test_twice_the_field_gives_twice_the_local_field(name: str) -> None:
    remove, _ = METHODS[name]
    grid, mask, local, background = scene(ORIENTATIONS["tilted"])

    once = remove(local + background, mask, grid)
    twice = remove(-2 * (local + background), mask, grid)

    np.testing.assert_allclose(twice.field_ppm, -2 * once.field_ppm, atol=1e-4)


def test_vsharp_gives_no_rim_it_does_not_know() -> None:
    grid, mask, local, background = scene(ORIENTATIONS["axial"])

    found = remove_vsharp(local + background, mask, grid)

    assert 0.5 < found.mask.sum() / mask.sum() < 1
    assert (found.field_ppm[found.mask] != 0).mean() > 0.99


@pytest.mark.parametrize("voxel_mm", [(2.4, 1.5, 1.5), (1.5, 2.4, 1.5), (2.0, 2.0, 2.0)])
def test_vsharp_keeps_all_that_its_smallest_ball_fits_into(
    voxel_mm: tuple[float, float, float],
) -> None:
    grid = Geometry((27, 40, 45), voxel_mm, ORIENTATIONS["tilted"])
    distance = np.linalg.norm(positions_mm(grid), axis=0)
    mask = (distance < 26) & (distance > 7)
    _, local = spheres(grid, ((4, -16, 3), 5, 0.2))

    found = remove_vsharp(local, mask, grid)

    # the smallest ball of more than its middle holds the neighbours along the shortest sides
    cross = _star([axis for axis in range(3) if voxel_mm[axis] == min(voxel_mm)])
    np.testing.assert_array_equal(found.mask, binary_erosion(mask, cross))
    assert found.mask.sum() > 0.6 * mask.sum()


def _star(axes: list[int]) -> np.ndarray:
    """A voxel and its neighbours along some axes."""
    star = np.zeros((3, 3, 3), bool)
    for axis in axes:
        np.moveaxis(star, axis, 0)[:, 1, 1] = True
    return star


def test_pdf_keeps_the_mask_and_says_when_it_was_stopped() -> None:
    grid, mask, local, background = scene(ORIENTATIONS["axial"])

    done = remove_pdf(local + background, mask, grid)
    cut = remove_pdf(local + background, mask, grid, iterations=3)

    assert (done.mask == mask).all()
    assert done.converged
    assert done.iterations == 90
    assert not cut.converged
    assert cut.iterations == 3


def test_pdf_that_is_at_its_end_does_not_go_astray_in_single_precision() -> None:
    grid, mask, local, background = scene(ORIENTATIONS["axial"])

    done, long = (remove_pdf(local + background, mask, grid, iterations=n) for n in (300, 3000))

    assert long.iterations < 3000
    np.testing.assert_allclose(long.field_ppm, done.field_ppm, atol=2e-4)


def test_rounding_of_the_field_does_not_choose_the_steps_of_pdf() -> None:
    grid, mask, local, background = scene(ORIENTATIONS["doubly_oblique"])
    rng = np.random.default_rng(6)
    total = local + background + rng.standard_normal(mask.shape) * 1e-3
    rounded = total * (1 + rng.choice([-6e-8, 6e-8], mask.shape))

    one, other = (remove_pdf(field, mask, grid) for field in (total, rounded))

    assert one.iterations == other.iterations
    np.testing.assert_allclose(one.field_ppm, other.field_ppm, atol=5e-5)


@pytest.mark.parametrize("orientation", ["axial", "doubly_oblique"])
def test_weak_sources_near_the_mask_leave_more_of_the_inner_field(orientation: str) -> None:
    """Near the rim a source inside and one outside make nearly the same field."""
    grid, mask, _, background = scene(ORIENTATIONS[orientation])
    _, inner = spheres(grid, ((4, -22, 3), 4, 0.2), ((-18, 10, -6), 4, -0.2))

    def kept(near_mm: float) -> float:
        found = remove_pdf(inner + background, mask, grid, near_mm=near_mm).field_ppm
        return float(np.vdot(found[mask], inner[mask]) / np.vdot(inner[mask], inner[mask]))

    assert kept(0.0) + 0.02 < kept(4.0) < 1.0


def test_pdf_trusts_its_weights() -> None:
    grid, mask, local, background = scene(ORIENTATIONS["axial"])
    broken = local + background
    broken[13, 20:23, 20:23] += 30.0
    weight = np.ones(mask.shape)
    weight[13, 20:23, 20:23] = 0

    error = {
        name: remove_pdf(broken, mask, grid, weight=w).field_ppm - local
        for name, w in (("blind", None), ("told", weight))
    }

    good = mask & (weight > 0)
    assert error["told"][good].std() < 0.6 * error["blind"][good].std()


def test_a_ball_has_sum_one_and_its_size() -> None:
    grid = Geometry((20, 40, 40), (3.0, 1.5, 1.5), ORIENTATIONS["axial"])

    ball = irfftn(ball_kernel(grid, grid.shape, 8.0).astype(np.complex64), grid.shape)

    assert ball.sum() == pytest.approx(1, abs=1e-4)
    voxels = 4 / 3 * np.pi * 8.0**3 / (3 * 1.5 * 1.5)
    assert 1 / ball.max() == pytest.approx(voxels, rel=0.02)
    with pytest.raises(ReconError, match="needed more than a voxel"):
        ball_kernel(grid, grid.shape, 1.0)


def test_an_empty_or_broken_input_is_refused() -> None:
    grid, mask, local, _ = scene(ORIENTATIONS["axial"])

    with pytest.raises(ReconError, match="mask is empty"):
        remove_pdf(local, mask & False, grid)
    with pytest.raises(ReconError, match="not finite"):
        remove_vsharp(np.where(mask, np.nan, local), mask, grid)
    with pytest.raises(ReconError, match="fits nowhere"):
        remove_resharp(local, mask, grid, radius_mm=40)
