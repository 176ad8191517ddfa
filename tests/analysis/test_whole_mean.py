"""The mean of a whole region, against balls whose sum of χ is known in closed form."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion
from streamrecon_simulator import Scene, simulate
from streamrecon_simulator.phantoms.phantom import TISSUE, Part, Phantom, Tissue
from streamrecon_simulator.phantoms.shapes import Sphere, contains
from streamrecon_simulator.truth import voxel_centres

from streamrecon.analysis.deep_nuclei.iron import IronMaps, IronSettings, read_iron
from streamrecon.analysis.deep_nuclei.whole_mean import whole_mean
from streamrecon.api import reconstruct
from streamrecon.model.outputs.quantities import Quantity

SHAPE, VOXEL_MM = (35, 45, 41), (2.0, 1.1, 1.3)
VOXEL_MM3 = math.prod(VOXEL_MM)
LEVEL_PPM = 0.013
Real = NDArray[np.float64]
Flags = NDArray[np.bool_]
ALL = np.ones(SHAPE, np.bool_)
NONE = np.zeros(SHAPE, np.bool_)


def from_centre(centre: Sequence[float]) -> Real:
    """Places of the voxels [3, Z, Y, X, mm] against one, that is given in voxels."""
    steps = [(np.arange(n) - at) * mm for n, at, mm in zip(SHAPE, centre, VOXEL_MM, strict=True)]
    return np.array(np.meshgrid(*steps, indexing="ij"))


def label(centre: Sequence[float], radius_mm: float) -> Flags:
    """Voxels whose middles lie in a ball."""
    return np.asarray(np.square(from_centre(centre)).sum(0) < radius_mm**2)


def blurred_ball(centre: Sequence[float], radius_mm: float) -> Real:
    """A ball of 1 as k-space of these voxels has it: with ringing, by its Fourier transform."""
    axes = [np.fft.fftfreq(n, mm) for n, mm in zip(SHAPE, VOXEL_MM, strict=True)]
    k = np.array(np.meshgrid(*axes, indexing="ij"))
    x = np.maximum(2 * np.pi * np.sqrt(np.square(k).sum(0)) * radius_mm, 1e-3)
    ball = 4 * np.pi * radius_mm**3 * (np.sin(x) - x * np.cos(x)) / x**3
    away = np.array(centre) * VOXEL_MM
    turn = np.exp(-2j * np.pi * np.tensordot(away, k, axes=1))
    return np.asarray(np.fft.ifftn(ball * turn).real / VOXEL_MM3)


def expected(region: Flags, chi_ppm: float, radius_mm: float) -> float:
    """The mean by the sum of χ: a label of more volume than its ball has less of it."""
    return chi_ppm * 4 / 3 * math.pi * radius_mm**3 / (int(region.sum()) * VOXEL_MM3)


@pytest.mark.parametrize("chi_ppm", [0.140, -0.090])
@pytest.mark.parametrize("centre", [(17.0, 22.0, 20.0), (16.6, 22.3, 20.4)])
@pytest.mark.parametrize("radius_mm", [4.2, 6.5])
def test_a_ball_that_rings_has_its_mean(
    chi_ppm: float, centre: tuple[float, float, float], radius_mm: float
) -> None:
    region = label(centre, radius_mm)
    chi = LEVEL_PPM + chi_ppm * blurred_ball(centre, radius_mm)

    found = whole_mean(chi, region, NONE, ALL, VOXEL_MM, alike_mm3=VOXEL_MM3)

    assert found is not None
    # what rings beyond a voxel is left out: some 1 % of so small a ball
    true = expected(region, chi_ppm, radius_mm)
    assert found.chi_ppm - LEVEL_PPM == pytest.approx(true, rel=0.02)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_how_sharp_a_map_is_and_a_slope_of_its_level_do_not_move_it(sign: float) -> None:
    region = label((17, 22, 20), 6.5)
    core = binary_erosion(region)
    z, y, x = from_centre((17, 22, 20))
    level = LEVEL_PPM + 1e-3 * z - 5e-4 * y + 2e-4 * x
    flat = sign * 0.1 * region
    sharp = sign * 0.1 * core * (region.sum() / core.sum())

    even, peaked = (
        whole_mean(level + chi, region, NONE, ALL, VOXEL_MM, alike_mm3=VOXEL_MM3)
        for chi in (flat, sharp)
    )

    assert even is not None
    assert peaked is not None
    assert abs(sharp[core].mean()) > 1.3 * abs(flat[core].mean())
    for found in (even, peaked):
        assert found.chi_ppm == pytest.approx(LEVEL_PPM + sign * 0.1, abs=1e-6)


def test_a_voxel_between_two_regions_is_half_of_either() -> None:
    one, other = NONE.copy(), NONE.copy()
    one[12:20, 12:22, 8:16] = True
    other[12:20, 12:22, 17:25] = True  # a voxel apart along x
    chi = np.where(one, 0.1, np.where(other, 0.06, 0.0))
    chi[12:20, 12:22, 16] = 0.02  # what blur took from both alike
    means = [
        whole_mean(chi, mine, theirs, ALL, VOXEL_MM, alike_mm3=VOXEL_MM3)
        for mine, theirs in ((one, other), (other, one))
    ]

    for found, plain in zip(means, (0.1, 0.06), strict=True):
        assert found is not None
        assert found.chi_ppm == pytest.approx(plain + 0.01 / 8, abs=1e-9)


def test_sigma_is_the_scatter_of_white_noise() -> None:
    region = label((17, 22, 20), 6.0)
    random = np.random.default_rng(5)
    sd = np.full(SHAPE, 0.004)

    found = [
        whole_mean(
            random.normal(0, 0.004, SHAPE), region, NONE, ALL, VOXEL_MM, sd_ppm=sd,
            alike_mm3=VOXEL_MM3,
        )
        for _ in range(150)
    ]  # fmt: skip

    means = [each.chi_ppm for each in found if each is not None]
    sigma = found[0].sigma_ppm if found[0] is not None else None
    assert len(means) == len(found)
    # 150 draws know a scatter to 6 %
    assert sigma == pytest.approx(np.std(means), rel=0.2)


def test_without_a_rim_or_surroundings_there_is_none() -> None:
    region = label((17, 22, 20), 6.0)
    cut = ALL.copy()
    cut[:, :, 18:] = False
    alone = label((17, 22, 20), 6.0 + 3.1)

    assert whole_mean(1.0 * region, region, NONE, cut, VOXEL_MM, alike_mm3=1.0) is None
    assert whole_mean(1.0 * region, region, ~alone, ALL, VOXEL_MM, alike_mm3=1.0) is None
    assert whole_mean(1.0 * region, NONE, NONE, ALL, VOXEL_MM, alike_mm3=1.0) is None


def test_single_voxels_of_zero_that_count_as_unknown_do_not_matter() -> None:
    region = label((17, 22, 20), 6.0)
    random = np.random.default_rng(1)
    known = random.random(SHAPE) > 0.2
    chi = np.where(region, 0.1, 0.001)

    found = whole_mean(chi, region, NONE, known, VOXEL_MM, alike_mm3=1.0)

    assert found is not None
    assert found.chi_ppm == pytest.approx(0.1, abs=1e-9)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_fast_decay_in_a_nucleus_moves_the_mean_of_its_core_and_not_that_of_the_whole(
    sign: float,
) -> None:
    """Raw k-space of one ball through the chain: χ of its core is a tenth too large."""
    ball, chi_ppm = Sphere((2.0, -1.0, 1.5), 6.5), sign * 0.144
    parts = (
        Part(Sphere((0.0, 0.0, 0.0), 28.0), TISSUE),
        Part(ball, Tissue(0.72, 58.0, chi_ppm)),
    )
    scene = Scene(
        "nucleus", phantom=Phantom(parts, environment=Tissue(0.0, 0.0, 0.0)), snr=200.0,
        matrix=(46, 44, 44), voxel_mm=(1.5, 1.5, 1.5), oversampling=(1.0, 1.0, 1.0), n_coils=2,
        supersampling=2,
    )  # fmt: skip
    points = voxel_centres(scene.geometry)
    region = np.asarray(contains(ball, points))
    far = np.asarray(contains(Sphere((0.0, 0.0, 0.0), 22.0), points))
    far &= ~np.asarray(contains(Sphere(ball.centre_mm, 12.0), points))

    made = reconstruct(simulate(scene).messages(), "gre_qsm")

    found = next(v.values for v in reversed(made) if v.quantity is Quantity.CHI)
    chi = np.asarray(found.real, np.float32)
    maps = IronMaps(chi_ppm=chi, mask=chi != 0, voxel_mm=scene.voxel_mm, csf=far)
    reading = read_iron(maps, [("left pallidum", region)], IronSettings(reference="CSF"))
    (whole,) = (v for v in reading.values if v.name == "whole_mean_chi" and v.reference == "CSF")
    core = float(chi[binary_erosion(region)].mean() - chi[far].mean())
    true = chi_ppm * 4 / 3 * math.pi * 6.5**3 / (int(region.sum()) * math.prod(scene.voxel_mm))
    assert whole.number == pytest.approx(1e3 * true, rel=0.03)
    assert core / chi_ppm > 1.06
