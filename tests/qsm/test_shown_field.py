"""The local field that is shown: voxels that are not believed do not spoil it, nor do weights."""

from __future__ import annotations

import numpy as np
import pytest
from closed_forms import ORIENTATIONS, positions_mm, spheres

from streamrecon.model.geometry import Geometry
from streamrecon.qsm.background.pdf import (
    COARSE_PDF,
    PDF,
    LocalField,
    filled_from_neighbours,
    remove_pdf,
)
from streamrecon.qsm.field_maps import shown_local_field
from streamrecon.qsm.pipeline import Quality, local_field
from streamrecon.qsm.total_field import TotalField, total_field

SCENES = {
    "oblique ball": ("doubly_oblique", (33, 48, 49), (1.9, 1.3, 1.3), (27, 28, 27)),
    "flat head": ("axial", (31, 46, 57), (1.4, 1.5, 1.3), (18, 30, 34)),
}
TE_S = (0.004, 0.009, 0.014)


def scene(name: str) -> tuple[Geometry, np.ndarray, TotalField]:
    """Grid, local field, and what echoes tell of the field: noisy at the rim, dark in places."""
    orientation, shape, voxel_mm, half_axes = SCENES[name]
    grid = Geometry(shape, voxel_mm, ORIENTATIONS[orientation])
    places = positions_mm(grid)
    distance = np.linalg.norm(places / np.array(half_axes[::-1])[:, None, None, None], axis=0)
    mask = distance < 1
    _, local = spheres(grid, ((4, -6, 3), 6, 0.2), ((-9, 8, -2), 4, -0.15))
    _, background = spheres(grid, ((10, 44, -8), 5, 2.0), ((-43, 5, 10), 5, -1.5))
    times = np.array(TE_S)[:, None, None, None]
    phase = 2 * np.pi * 127.732 * (local + background) * times
    signal = mask * (1 - 0.8 * (distance > 0.8)) * np.exp(1j * phase - 20 * times)
    rng = np.random.default_rng(4)
    noise = rng.standard_normal((2, *signal.shape)) * 0.01
    signal[:, rng.random(shape) < 0.002] = 0
    echoes = (signal + noise[0] + 1j * noise[1]).astype(np.complex64)
    return grid, local, total_field(echoes, TE_S, 3.0, grid, mask=mask)


def error(field: np.ndarray, local: np.ndarray, mask: np.ndarray) -> float:
    return float(np.linalg.norm((field - local)[mask]) / np.linalg.norm(local[mask]))


@pytest.mark.parametrize("quality", [Quality.FAST, Quality.STANDARD])
@pytest.mark.parametrize("name", SCENES)
def test_the_shown_field_is_as_good_as_one_without_weights(name: str, quality: Quality) -> None:
    grid, local, total = scene(name)
    used = local_field(total, grid, quality=quality)

    shown = shown_local_field(used, total, grid).field_ppm

    assert used.method == (COARSE_PDF if quality is Quality.FAST else PDF)
    plain = remove_pdf(total.fit.field_ppm, total.mask, grid).field_ppm
    assert error(shown, local, total.mask) <= error(plain, local, total.mask)
    slope = np.polyfit(local[total.mask], shown[total.mask], 1)[0]
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
    grid, local, total = scene("flat head")
    used = LocalField("LBV", local.astype(np.float32) * total.mask, total.mask)

    assert shown_local_field(used, total, grid) is used
