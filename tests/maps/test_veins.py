"""Veins against a tree of known tubes, noise alone, blobs, and the library's eigenvalues."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from vein_scene import TREES, Measured, measure

from streamrecon.errors import ReconError
from streamrecon.maps._ridge_kernels import eigenvalues
from streamrecon.maps.veins import find_veins, ridge_score
from streamrecon.model.geometry import Geometry
from streamrecon.qsm.inversion.total_variation import invert_tv

pytestmark = pytest.mark.slow

AXIAL = np.eye(3)[::-1]
VOXELS = {"1 mm": (1.0, 1.0, 1.0), "0.7 mm": (0.7, 0.7, 0.7), "2 mm slices": (2.0, 0.6, 0.6)}
SEEN = next(iter(TREES))  # the parameters were chosen on it


@cache
def reconstructed(name: str, tree: str = SEEN) -> tuple[Measured, np.ndarray, np.ndarray]:
    scene = measure(VOXELS[name], TREES[tree], fine=2 if name == "0.7 mm" else 3)
    chi = invert_tv(scene.field_ppm, scene.head, scene.grid, strength=4e-4).unknown
    return scene, chi, find_veins(chi, scene.head, scene.grid)


@pytest.mark.parametrize("tree", TREES)
@pytest.mark.parametrize("name", VOXELS)
def test_one_set_of_parameters_finds_every_tree_at_every_voxel_size(name: str, tree: str) -> None:
    scene, _, found = reconstructed(name, tree)
    true = scene.share > 0.5
    voxel_mm = np.prod(scene.grid.voxel_mm) ** (1 / 3)
    one_voxel = true & (abs(scene.radius_mm / voxel_mm - 1) < 0.2)

    dice = 2 * (found & true).sum() / (found.sum() + true.sum())
    recall = (found & one_voxel).sum() / one_voxel.sum()

    print(f"{tree}, {name}: Dice {dice:.3f}, recall at one voxel radius {recall:.3f}")
    assert dice >= 0.85
    assert recall >= 0.9


def test_a_bleed_is_no_vein() -> None:
    scene, chi, found = reconstructed("1 mm")

    assert chi[scene.bleed].max() > 0.4
    assert not found[scene.bleed].any()


def test_scale_of_noise_sets_the_threshold() -> None:
    """White noise alone, also strong: nothing; ten times the map, no ten times the veins."""
    grid = Geometry((40, 45, 51), (1.3, 1.0, 0.9), AXIAL)
    inside = np.ones(grid.shape, bool)
    noise = np.random.default_rng(2).standard_normal(grid.shape).astype(np.float32)

    for sd in (0.02, 0.1, 1.0):
        assert find_veins(sd * noise, inside, grid).mean() < 1e-3


def test_an_outlier_changes_nothing_elsewhere() -> None:
    scene, chi, found = reconstructed("1 mm")
    spiked = chi.copy()
    spiked[32, 32, 8:11] = 50.0

    again = find_veins(spiked, scene.head, scene.grid)

    far = np.ones_like(found)
    far[18:47, 18:47, :28] = False
    assert (again ^ found)[far].sum() <= 0.01 * found[far].sum()


def test_diamagnetic_veins_and_the_gaps_between_veins_are_none() -> None:
    scene, chi, found = reconstructed("1 mm")

    opposite = find_veins(-chi, scene.head, scene.grid)

    assert opposite.sum() < 0.02 * found.sum()
    assert not (opposite & (scene.share > 0.5)).any()


@pytest.mark.parametrize("radius_mm", [0.7, 1.4, 2.8])
def test_the_score_is_the_contrast_of_a_straight_vein(radius_mm: float) -> None:
    """At the middle of a matched tube, whatever its direction, in units of the threshold."""
    grid = Geometry((33, 61, 61), (0.6, 0.4, 0.4), AXIAL)
    axes = [(np.arange(n) - n // 2) * mm for n, mm in zip(grid.shape, grid.voxel_mm, strict=True)]
    place = np.stack(np.meshgrid(*axes, indexing="ij"))
    axis = np.array([0.48, 0.6, 0.64])
    along = np.tensordot(axis, place, 1)
    beside = np.linalg.norm(place - axis[:, None, None, None] * along, axis=0)
    chi = 0.3 * np.clip((radius_mm - beside) / 0.45 + 0.5, 0, 1).astype(np.float32)

    score = ridge_score(chi, np.ones(grid.shape, bool), grid, contrast_ppm=0.1, k_sigma=0.0)

    middle = score[grid.shape[0] // 2, grid.shape[1] // 2, grid.shape[2] // 2]
    assert 0.8 * 3 < middle < 1.2 * 3


def test_eigenvalues_are_those_of_the_library() -> None:
    random = np.random.default_rng(0)
    for matrix in [*random.standard_normal((500, 3, 3)), np.eye(3), np.zeros((3, 3))]:
        a = matrix + matrix.T

        found = eigenvalues(a[0, 0], a[1, 1], a[2, 2], a[0, 1], a[0, 2], a[1, 2])

        np.testing.assert_allclose(found, np.linalg.eigvalsh(a), atol=1e-9)


def test_an_empty_mask_is_refused() -> None:
    grid = Geometry((4, 4, 4), (1, 1, 1), AXIAL)

    with pytest.raises(ReconError, match="empty"):
        find_veins(np.zeros(grid.shape), np.zeros(grid.shape, bool), grid)


def test_a_single_slice_has_no_noise_to_measure_and_no_crash() -> None:
    grid = Geometry((1, 20, 20), (3.0, 1.0, 1.0), AXIAL)
    chi = np.zeros(grid.shape, np.float32)
    chi[0, 10, 2:18] = 0.4

    found = find_veins(chi, np.ones(grid.shape, bool), grid)

    assert not found[:, :8].any()
