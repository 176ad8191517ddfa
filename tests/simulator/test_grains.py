"""How a whole head's grains are read: by points, by cells of a scan, by voxels and by waves."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from narrowing import given
from scipy import ndimage
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.rotation import rotation
from streamrecon_simulator.truth import truth, voxel_centres
from streamrecon_simulator.whole_head.grid import FIRST_LPS_MM
from streamrecon_simulator.whole_head.head import WholeHead, head_maps
from streamrecon_simulator.whole_head.sampling import field_at, head_in_cells, labels_at, tissue_at
from streamrecon_simulator.whole_head.tissues import BRAIN
from streamrecon_simulator.whole_head.voxel_means import voxel_means

from streamrecon.qsm.dipole import field_from_chi
from streamrecon.units import hz_per_ppm

HEAD = WholeHead(grain_mm=3.0)
SCENE = replace(
    SCENES["whole-head"],
    phantom=HEAD,
    matrix=(45, 58, 49),
    voxel_mm=(4.0, 4.0, 4.0),
    oversampling=(1.0, 1.0, 1.0),
    te_s=(0.004,),
    snr=float("inf"),
)


def corners(step: int = 1) -> np.ndarray:
    """Where eight grains meet (L, P, S) [3, Z, Y, X], in the middle of the head."""
    index = np.mgrid[30:60:step, 20:50:step, 20:45:step][::-1]
    return np.asarray(index * 3.0 + np.reshape(FIRST_LPS_MM, (3, 1, 1, 1)))


def test_points_between_grains_take_none_of_them_twice() -> None:
    """Rounded half to even, every second grain would be there twice and its neighbour never."""
    found = tissue_at(HEAD, corners()).chi_ppm

    np.testing.assert_array_equal(found, head_maps(HEAD).textures.chi_ppm[30:60, 20:50, 20:45])


def test_cells_between_grains_are_the_means_of_grains() -> None:
    chi = head_maps(HEAD).textures.chi_ppm
    around = [
        chi[29 + z : 59 + z, 19 + y : 49 + y, 19 + x : 44 + x]
        for z, y, x in ((0, 0, 1), (0, 1, 0), (1, 0, 0), (1, 1, 1))  # no two of them side by side
    ]

    found = head_in_cells(HEAD, corners(), 3.0 * np.eye(3)).chi_ppm

    np.testing.assert_allclose(found, np.mean(around, axis=0), atol=1e-5)


@pytest.mark.parametrize("turn_deg", [(0.0, 0.0, 0.0), (21.0, -14.0, 9.0)])
def test_field_of_cells_is_the_mean_over_them(turn_deg: tuple[float, float, float]) -> None:
    head = replace(HEAD, turn_deg=turn_deg)
    middles, edges = corners() + 1.1, 6.0 * np.eye(3)[::-1]
    quarters = np.stack(np.meshgrid(*[(-0.25, 0.25)] * 3, indexing="ij")).reshape(3, 8)
    brain = ndimage.binary_erosion(np.isin(labels_at(head, middles), BRAIN), iterations=4)

    places = [middles + (edges @ each).reshape(3, 1, 1, 1) for each in quarters.T]
    expected = np.mean([field_at(head, each) for each in places], axis=0)
    found = field_at(head, middles, edges_mm=edges)
    points = field_at(head, middles)

    def away(values: np.ndarray) -> float:
        return float((values - expected)[brain].std())

    assert away(found) < 0.3 * away(points)


@pytest.mark.parametrize(
    "lying",
    [
        {"phantom": WholeHead(grain_mm=2.0)},
        {
            "phantom": WholeHead(2, 1.7, turn_deg=(21.0, -14.0, 9.0), shift_mm=(4.0, -3.0, 2.5)),
            "tilt_deg": (15.0, -10.0),
            "left_handed": True,
            "matrix": (51, 50, 53),
            "voxel_mm": (3.5, 4.4, 3.9),
        },
    ],
    ids=["straight", "turned, oblique, left-handed"],
)
def test_band_limited_chi_is_the_sum_over_grains_in_k_space(lying: dict[str, Any]) -> None:
    """Cubes of uniform χ, term by term, against the image's voxels as points."""
    scene = replace(SCENE, **lying)
    head, known = scene.phantom, truth(scene)
    assert isinstance(head, WholeHead)
    maps, turn = head_maps(head), rotation(*head.turn_deg)
    brain = np.isin(maps.labels, BRAIN)
    chi = maps.textures.chi_ppm[brain].astype(np.float64)
    own = [
        axis[index] for axis, index in zip(maps.grid.axes(), np.nonzero(brain)[::-1], strict=True)
    ]
    grains = turn @ own + np.reshape(head.shift_mm, (3, 1))
    voxels = voxel_centres(scene.geometry).reshape(3, -1)
    image = given(known.band_limited_chi_ppm).ravel() - chi.mean()
    cycles = np.random.default_rng(4).uniform(-0.48, 0.48, (60, 3))  # in each voxel's edges
    waves = (cycles / scene.voxel_mm) @ scene.geometry.axes_lps  # [1/mm] along L, P, S

    true, found = [], []
    for wave in waves:
        cubes = np.sinc(head.grain_mm * (turn.T @ wave)).prod() * head.grain_mm**3
        true.append(cubes * (chi - chi.mean()) @ np.exp(-2j * np.pi * wave @ grains))
        found.append(np.prod(scene.voxel_mm) * image @ np.exp(-2j * np.pi * wave @ voxels))

    power = np.vdot(true, true).real
    assert np.vdot(true, found).real / power == pytest.approx(1, abs=0.01)
    assert np.linalg.norm(np.subtract(found, true)) < 0.05 * np.sqrt(power)


@pytest.mark.parametrize("tilt_deg", [(0.0, 0.0), (20.0, 10.0)], ids=["axial", "oblique"])
def test_the_means_of_chi_make_the_means_of_the_local_field(tilt_deg: tuple[float, float]) -> None:
    """In voxels of one and a half grains, which hold one of them or two along an edge."""
    head = WholeHead(grain_mm=2.0)
    scene = replace(
        SCENE, phantom=head, matrix=(60, 78, 66), voxel_mm=(3.0, 3.0, 3.0), tilt_deg=tilt_deg
    )

    means = voxel_means(head, scene.geometry)

    sources = np.where(means.brain, means.properties.chi_ppm, 0)
    deep = ndimage.binary_erosion(means.brain, iterations=3)  # the rim holds more than brain
    made = field_from_chi(sources, scene.geometry)[deep]
    scale, _ = np.polyfit(made, means.local_field_ppm[deep], 1)
    assert scale == pytest.approx(1, abs=0.03)  # by two points in a voxel .80 and .93


@pytest.mark.parametrize(
    ("grain_mm", "tilt_deg"), [(2.0, (0.0, 0.0)), (2.8, (0.0, 0.0)), (2.8, (20.0, 10.0))]
)
def test_images_have_the_field_of_what_images_can_show(
    grain_mm: float, tilt_deg: tuple[float, float]
) -> None:
    """In grains of half a voxel, which fit its cells, and in larger ones; what is fine alone."""
    scene = replace(
        SCENE, phantom=WholeHead(grain_mm=grain_mm), te_s=(0.004, 0.008), tilt_deg=tilt_deg
    )
    known = truth(scene)
    brain, chi = given(known.brain), given(known.band_limited_chi_ppm)
    deep = ndimage.binary_erosion(brain, iterations=4)

    turn = np.angle(known.echoes[1] * known.echoes[0].conj())
    seen = turn / (2 * np.pi * hz_per_ppm(scene.b0_t) * 0.004)
    made = field_from_chi(np.where(brain, chi - chi[brain].mean(), 0), scene.geometry)

    one, other = (
        (ndimage.gaussian_filter(inside, 0.7) - ndimage.gaussian_filter(inside, 1.5))[deep]
        for inside in (np.where(brain, made, 0), np.where(brain, seen, 0))
    )
    assert (one @ other) / (one @ one) == pytest.approx(1, abs=0.04)  # once .9 to 1.1
    assert np.corrcoef(one, other)[0, 1] > 0.85
