"""The image of a vessel against its cross-section painted finely and transformed by sums."""

from __future__ import annotations

import numpy as np
import pytest

from streamrecon.analysis.oxygen.tube._tube_kernels import sample
from streamrecon.analysis.oxygen.tube.plane_nodes import plane_nodes
from streamrecon.analysis.oxygen.tube.tube_image import VesselImage, cross_section, vessel_image
from streamrecon.analysis.oxygen.tube.tube_model import (
    BLOOD,
    CHI,
    CURVE,
    DECAY,
    NEIGHBOURS,
    RADIUS,
    VesselModel,
    VesselVoxels,
)
from streamrecon.analysis.oxygen.vein_segments import segment_through

FINE = 30


def painted(
    across: np.ndarray,
    resolution_mm: tuple[float, float, float],
    radius_mm: float,
    wall_rad: float,
    blood: complex,
    azimuth: float,
    places_mm: np.ndarray,
) -> np.ndarray:
    """The same image from 30 points a mm on 30 mm, each frequency of the scan's box summed."""
    side, step = 30, 1 / 300
    fine = (np.arange(side * FINE) + 0.5) / FINE - side / 2
    y, x = fine[:, None], fine[None, :]
    squared = (y**2 + x**2) / radius_mm**2
    turned = np.cos(2 * (np.arctan2(y, x) - azimuth))
    spins = np.where(squared > 1, np.exp(1j * wall_rad * turned / squared), blood) - 1
    n = round(1.2 / min(resolution_mm) / step)
    k = step * (np.arange(-n, n) + 0.5)  # beside k = 0, where directions meet
    forward = np.exp(-2j * np.pi * np.outer(k, fine)) / FINE
    spectrum = forward @ spins @ forward.T
    inside = np.ones_like(spectrum, float)
    for axis, mm in enumerate(resolution_mm):
        at = np.abs(k[:, None] * across[0, axis] + k[None, :] * across[1, axis]) * mm
        inside *= at < 0.5
    py, px = places_mm
    back_y, back_x = (np.exp(2j * np.pi * np.outer(p, k)) * step for p in (py, px))
    return np.asarray(np.einsum("ni,ij,nj->n", back_y, spectrum * inside, back_x))


def sampled(image: VesselImage, places_mm: np.ndarray) -> np.ndarray:
    """Values of every table [T, N] at places [2, N]."""
    values = np.empty((places_mm.shape[1], image.tables.shape[2]))
    for (y, x), value in zip(places_mm.T, values, strict=True):
        sample(image.tables, image.start_mm, image.step_mm, y, x, value, np.empty((2, 0)))
    return values.T


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
    wall = sign * np.array([0.4, 6.5])
    rng = np.random.default_rng(0)
    places = rng.uniform(-4, 4, (2, 60))

    section = cross_section(across, resolution_mm, 4.5)
    found = sampled(vessel_image(section, radius_mm, wall, azimuth), places)

    for e in range(wall.size):
        image = found[2 * e] + 1j * found[2 * e + 1] + (blood - 1) * found[2 * wall.size]
        truth = painted(across, resolution_mm, radius_mm, wall[e], blood, azimuth, places)
        # A circle of whole points is 5e-4 off, the image's nodes and table 1e-3 to 3e-3.
        np.testing.assert_allclose(image, truth, atol=0.006)
        slope = np.vdot(truth, image) / np.vdot(truth, truth)
        assert abs(slope - 1) < 0.003


def test_the_derivatives_of_the_image_are_those_of_its_differences() -> None:
    section = cross_section(np.eye(3)[1:], (1.0, 0.9, 1.1), 4.5)
    wall = np.array([-1.3, 3.1])
    places = np.random.default_rng(3).uniform(-4, 4, (2, 50))

    def at(radius_mm: float, more_rad: float) -> np.ndarray:
        return sampled(vessel_image(section, radius_mm, wall + more_rad, 0.4), places)

    found = at(0.9, 0.0)

    by_wall, by_radius = found[5:9], np.r_[found[9:13], found[13:14]]
    # Steps of 5e-3: third derivatives of order 10, and cubics that bend where they meet.
    slope = (at(0.9, 5e-3) - at(0.9, -5e-3)) / 1e-2
    np.testing.assert_allclose(by_wall, slope[:4], atol=1e-4)
    slope = (at(0.9 + 5e-3, 0.0) - at(0.9 - 5e-3, 0.0)) / 1e-2
    np.testing.assert_allclose(by_radius, slope[:5], atol=1e-4)


def test_the_derivatives_of_the_signal_are_those_of_its_differences() -> None:
    """Bent, oblique to B0, beside a neighbour. Slopes of the curve are left: turns about the
    vessel's axis are not in their derivatives.
    """
    rng = np.random.default_rng(8)
    t = np.linspace(-6, 6, 13)
    path = np.stack([t, 0.3 * t, 0.03 * t**2], -1)
    segment = segment_through(path, vein=1, radius_mm=1.0, chi_ppm=0.4)
    assert segment is not None
    b0 = np.array([0.5, -0.6, 0.62])
    voxels = VesselVoxels(
        local_mm=rng.uniform(-4, 4, (60, 3)),
        te_s=np.array([0.006, 0.013, 0.02]),
        rad_per_ppm_s=803.0,
        b0=b0 / np.linalg.norm(b0),
        neighbours_ppm=rng.uniform(-0.02, 0.03, 60),
    )
    model = VesselModel(segment, voxels, (1.0, 0.9, 1.1), 6.0)
    point = np.array([0.5, 0.05, -0.1, 25.0, 0.1, -0.2, 0.02, 0.03, 0.004, -0.003, 0.1])
    steps = {CHI: 2e-3, RADIUS: 2e-3, BLOOD: 1e-2, DECAY: 0.3, CURVE: 2e-3, NEIGHBOURS: 1e-2}

    _, by = model(point)

    for n, step in steps.items():
        move = step * np.eye(point.size)[n]
        slope = (model(point + move)[0] - model(point - move)[0]) / (2 * step)
        # A shift moves the nearest point of a bent vessel too, by its slope squared: 0.01 here.
        assert np.abs(by[n] - slope).max() < 0.02 * np.abs(slope).max()


@pytest.mark.parametrize("axis", [(0.5, -0.6, 0.62), (0.05, 0.1, 0.99), (1.0, 0.0, 0.0)])
def test_the_nodes_see_the_polygon_that_the_box_cuts(axis: tuple[float, float, float]) -> None:
    """Area, second moment and the wave of a place against a fine grid of k-space's plane."""
    along = np.array(axis) / np.linalg.norm(axis)
    first = np.cross(along, [0.3, 1.0, 0.2])
    first /= np.linalg.norm(first)
    across, resolution_mm = np.stack([np.cross(along, first), first]), (1.7, 0.8, 1.1)
    nodes = plane_nodes(across, resolution_mm, 6.0)
    ky, kx = np.broadcast_arrays(nodes.rows[:, None], nodes.columns)

    grid = 0.002 * (np.arange(-450, 450) + 0.5)
    fine = np.stack(np.meshgrid(grid, grid, indexing="ij"))
    inside = np.ones(fine.shape[1:], bool)
    for axis_n, mm in enumerate(resolution_mm):
        inside &= np.abs(np.tensordot(across[:, axis_n], fine, 1)) * mm < 0.5
    fy, fx = fine[:, inside]
    # The grid's own edge is known to a tenth of a cell on the mean: 1e-3.
    for of_nodes, of_grid in (
        (np.ones_like(ky), np.ones_like(fy)),
        (ky**2 + 2 * kx**2, fy**2 + 2 * fx**2),
        (np.cos(2 * np.pi * (3.1 * ky - 4.2 * kx)), np.cos(2 * np.pi * (3.1 * fy - 4.2 * fx))),
    ):
        area = (nodes.weight * of_nodes).sum()
        assert area == pytest.approx(of_grid.sum() * 0.002**2, rel=3e-3, abs=1e-3)
    assert nodes.edge == pytest.approx((fy.max(), np.abs(fx).max()), abs=0.004)
