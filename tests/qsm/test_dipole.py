"""The dipole against closed forms, and its symmetry."""

from __future__ import annotations

import numpy as np
import pytest
from closed_forms import AXIAL, ORIENTATIONS, cylinder, sphere

from streamrecon.fourier import irfftn, rfftn
from streamrecon.model.geometry import Geometry
from streamrecon.qsm.dipole import dipole_kernel, field_from_chi, padded_shape

GRIDS = [((48, 45, 51), (1.2, 1.0, 1.0)), ((17, 64, 63), (3.0, 0.75, 0.75))]


@pytest.mark.parametrize("axes", ORIENTATIONS.values(), ids=ORIENTATIONS.keys())
@pytest.mark.parametrize("chi_ppm", [0.4, -0.4], ids=["bleed", "calcification"])
@pytest.mark.parametrize(("shape", "voxel_mm"), GRIDS, ids=["odd", "thick"])
def test_a_sphere_has_its_closed_form(
    shape: tuple[int, int, int],
    voxel_mm: tuple[float, float, float],
    chi_ppm: float,
    axes: np.ndarray,
) -> None:
    grid = Geometry(shape, voxel_mm, axes)
    chi, expected, distance = sphere(grid, 7.0, chi_ppm)

    found = field_from_chi(chi, grid, padding=2.0)

    outside = distance > 7.0 + 2 * max(voxel_mm)
    within = distance < 7.0 - 2 * max(voxel_mm)
    largest = 2 / 3 * abs(chi_ppm)  # at the poles
    assert abs(found - expected)[outside].max() < 0.01 * largest
    assert not within.any() or abs(found[within]).max() < 0.02 * largest
    strong = outside & (abs(expected) > 0.2 * abs(expected[outside]).max())
    assert (np.sign(found) == np.sign(expected))[strong].all()


@pytest.mark.parametrize("orientation", ["axial", "tilted", "doubly_oblique"])
@pytest.mark.parametrize("along", [0, 1, 2])
def test_a_long_cylinder_has_its_closed_form(along: int, orientation: str) -> None:
    nz, ny, nx = (2 if axis == along else 129 for axis in range(3))  # periodic: endless
    grid = Geometry((nz, ny, nx), (1.0, 1.0, 1.0), ORIENTATIONS[orientation])
    chi, expected, distance = cylinder(grid, 5.0, -0.7, along, fine=6)

    found = field_from_chi(chi, grid, padding=1.0)

    mean = -expected[distance < 64].sum() / expected.size  # D(0) = 0 makes the mean zero
    near = (distance < 14) & (abs(distance - 5) >= 2)  # farther, the periodic copies show
    assert abs(found - expected - mean)[near].max() < 0.01 * 0.7 / 2


@pytest.mark.parametrize("axes", ORIENTATIONS.values(), ids=ORIENTATIONS.keys())
@pytest.mark.parametrize("shape", [(8, 6, 10), (7, 9, 5)], ids=["even", "odd"])
def test_the_dipole_is_its_own_adjoint(shape: tuple[int, int, int], axes: np.ndarray) -> None:
    grid = Geometry(shape, (1.5, 1.0, 0.7), axes)
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, *shape)).astype(np.float32)
    kernel = dipole_kernel(grid)

    left = np.vdot(irfftn(kernel * rfftn(a), shape), b)
    right = np.vdot(a, irfftn(kernel * rfftn(b), shape))

    assert left == pytest.approx(right, rel=1e-4, abs=1e-4)  # float32
    full = np.fft.ifftn(np.fft.fftn(irfftn(kernel.astype(np.complex64), shape)))
    assert abs(full.imag).max() < 1e-5


def test_the_kernel_has_no_mean_and_its_textbook_values_at_low_frequencies() -> None:
    kernel = dipole_kernel(Geometry((80, 80, 80), (2.0, 1.0, 1.0), AXIAL))

    assert kernel[0, 0, 0] == 0
    assert kernel[1, 0, 0] == pytest.approx(-2 / 3, abs=1e-3)  # along B0
    assert kernel[0, 0, 1] == pytest.approx(1 / 3, abs=1e-3)  # across
    assert kernel[0, -1, 0] == pytest.approx(1 / 3, abs=1e-3)
    assert kernel[-2, 1, 0] == pytest.approx(1 / 3 - 1 / 2, abs=1e-3)  # 45 degrees


def test_the_compiled_kernel_is_the_sum_over_aliases() -> None:
    grid = Geometry((6, 5, 7), (2.0, 1.0, 0.8), ORIENTATIONS["doubly_oblique"])
    axes = [np.fft.fftfreq(6), np.fft.fftfreq(5), np.arange(4) / 7]
    total = np.zeros((6, 5, 4))
    weights = np.zeros((6, 5, 4))
    for move in np.ndindex(2, 2, 2):
        moved = [k - m * np.where(k >= 0, 1, -1) for k, m in zip(axes, move, strict=True)]
        k = np.meshgrid(*moved, indexing="ij")
        w = np.prod([np.sinc(a) ** 2 for a in k], axis=0)
        mm = [a / v for a, v in zip(k, grid.voxel_mm, strict=True)]
        power = sum(a * a for a in mm)
        kb = sum(a * b for a, b in zip(mm, grid.b0_axis(), strict=True))
        total += w * (1 / 3 - np.divide(kb**2, power, where=power > 0, out=np.zeros_like(kb)))
        weights += w
    total[0, 0, 0] = 0

    np.testing.assert_allclose(dipole_kernel(grid), total / weights, atol=1e-6)


def test_the_patient_turned_over_gives_the_field_turned_over() -> None:
    grid = Geometry((20, 24, 22), (1.3, 1.0, 1.0), ORIENTATIONS["doubly_oblique"])
    turned = Geometry(grid.shape, grid.voxel_mm, grid.axes_lps * np.array([[-1], [-1], [1]]))
    chi = np.random.default_rng(1).standard_normal(grid.shape)

    found = field_from_chi(chi[::-1, ::-1], turned)

    np.testing.assert_allclose(found[::-1, ::-1], field_from_chi(chi, grid), atol=1e-5)


def test_padding_gives_a_thin_slab_room_above_it() -> None:
    grid = Geometry((16, 100, 100), (3.0, 1.0, 1.0), AXIAL)

    shape = padded_shape(grid, 1.25)

    assert (shape[0] - 16) * 3.0 >= 25
    assert shape[1] >= 125
