"""The local field that is shown: voxels that are not believed do not spoil it, nor do weights."""

from __future__ import annotations

import numpy as np
import pytest
from closed_forms import ORIENTATIONS, positions_mm, spheres

from streamrecon.model.geometry import Geometry
from streamrecon.qsm.background.pdf import (
    LocalField,
    filled_from_neighbours,
    remove_pdf,
    shown_local_field,
)

SCENES = {
    "oblique ball": ("doubly_oblique", (27, 48, 45), (2.4, 1.5, 1.5), (29, 29, 29)),
    "flat head": ("axial", (31, 44, 51), (1.6, 1.7, 1.5), (18, 30, 34)),
}


def scene(name: str) -> tuple[Geometry, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Grid, head, local field, total field in noise, and trust: noisy and wrong at the rim."""
    orientation, shape, voxel_mm, half_axes = SCENES[name]
    grid = Geometry(shape, voxel_mm, ORIENTATIONS[orientation])
    places = positions_mm(grid)
    distance = np.linalg.norm(places / np.array(half_axes[::-1])[:, None, None, None], axis=0)
    mask = distance < 1
    _, local = spheres(grid, ((4, -6, 3), 6, 0.2), ((-9, 8, -2), 4, -0.15))
    _, background = spheres(grid, ((10, 44, -8), 5, 5.0), ((-43, 5, 10), 5, -4.0))
    rng = np.random.default_rng(4)
    sd = 0.0005 * (1 + 5 * (distance > 0.8))
    total = local + background + rng.standard_normal(shape) * sd
    weight = np.where(mask, np.minimum(sd.min() / sd, 1), 0).astype(np.float32)
    wrong = mask & (rng.random(shape) < 0.002)
    total[wrong] += rng.choice([-1, 1], int(wrong.sum())) * 0.4
    weight[wrong] = 0
    return grid, mask, local, total, weight


def error(field: np.ndarray, local: np.ndarray, mask: np.ndarray) -> float:
    return float(np.linalg.norm((field - local)[mask]) / np.linalg.norm(local[mask]))


@pytest.mark.parametrize("name", SCENES)
def test_the_shown_field_is_as_good_as_one_without_weights(name: str) -> None:
    grid, mask, local, total, weight = scene(name)
    used = remove_pdf(total, mask, grid, weight=weight)

    shown = shown_local_field(used, total, weight, grid).field_ppm

    plain = remove_pdf(total, mask, grid).field_ppm
    assert error(shown, local, mask) <= error(plain, local, mask)
    assert error(shown, local, mask) < 0.75 * error(used.field_ppm, local, mask)
    slope = np.polyfit(local[mask], shown[mask], 1)[0]
    assert 0.8 < slope < 1.1


def test_a_voxel_that_is_not_believed_takes_the_field_of_its_neighbours() -> None:
    mask = np.ones((7, 8, 9), bool)
    mask[0] = False
    z, y, x = np.indices(mask.shape, np.float32)
    field = (0.1 * z - 0.02 * y + 0.05 * x) * mask
    weight = mask.astype(np.float32)
    spoilt = field.copy()
    spoilt[3, 4, 5], weight[3, 4, 5] = 9.0, 0.0

    found = filled_from_neighbours(LocalField("PDF", spoilt, mask), weight).field_ppm

    np.testing.assert_allclose(found, field, atol=2e-3)  # the rim bends the mean a little


def test_where_no_neighbour_is_believed_there_is_no_field() -> None:
    mask = np.zeros((9, 9, 9), bool)
    mask[1, 1, 1] = mask[7, 7, 7] = True
    weight = np.zeros(mask.shape, np.float32)
    weight[7, 7, 7] = 1
    field = np.where(mask, np.float32(0.3), np.float32(0))

    found = filled_from_neighbours(LocalField("LBV", field, mask), weight).field_ppm

    assert (found[1, 1, 1], found[7, 7, 7]) == (0, np.float32(0.3))


def test_the_field_of_another_removal_is_shown_as_it_is() -> None:
    grid, mask, local, total, weight = scene("flat head")
    used = LocalField("LBV", local.astype(np.float32) * mask, mask)

    assert shown_local_field(used, total, weight, grid) is used
