"""Slopes of the field in closed form, up to the edge of any mask."""

from __future__ import annotations

import numpy as np
import pytest

from streamrecon.errors import ReconError
from streamrecon.maps.dephasing import Dephasing, field_gradient
from streamrecon.model.geometry import Geometry

GRID = Geometry((9, 11, 13), (2.0, 0.7, 1.3), np.eye(3)[::-1])


def ball() -> np.ndarray:
    z, y, x = np.indices(GRID.shape)
    return np.asarray((z - 4) ** 2 + (y - 5) ** 2 + (x - 6) ** 2 <= 16)


def test_a_linear_field_is_met_exactly_up_to_the_edge_of_the_mask() -> None:
    truth = np.array([3.0, -8.0, 11.0])  # Hz/mm
    z, y, x = (np.arange(n) * d for n, d in zip(GRID.shape, GRID.voxel_mm, strict=True))
    field = truth[0] * z[:, None, None] + truth[1] * y[:, None] + truth[2] * x
    mask = ball()
    field[~mask] = 1e6  # what lies outside must not matter

    slopes = field_gradient(field, mask, GRID)

    np.testing.assert_allclose(slopes[:, mask], np.repeat(truth[:, None], mask.sum(), 1), rtol=1e-4)
    assert not slopes[:, ~mask].any()


def test_noise_of_the_field_is_averaged() -> None:
    noise = np.random.default_rng(0).standard_normal(GRID.shape)
    slopes = field_gradient(noise, np.ones(GRID.shape, bool), GRID)
    inner = slopes[:, 2:-2, 2:-2, 2:-2].reshape(3, -1).std(axis=1)
    # nine differences over two voxels each
    np.testing.assert_allclose(inner, np.sqrt(2 / 9) / 2 / np.array(GRID.voxel_mm), rtol=0.15)


def test_one_slice_has_no_slope_through_it() -> None:
    flat = Geometry((1, 5, 5), (3.0, 1.0, 1.0), np.eye(3)[::-1])
    field = np.arange(25.0).reshape(1, 5, 5)
    slopes = field_gradient(field, np.ones(flat.shape, bool), flat)
    assert not slopes[0].any()
    np.testing.assert_allclose(slopes[2], 1, rtol=1e-5)


def test_box_and_encoded_axes_lose_what_closed_forms_say() -> None:
    slopes = np.zeros((3, 1, 1, 2), np.float32)
    slopes[1] = (10.0, 30.0)
    voxel = (9.0, 2.0, 9.0)
    box = Dephasing(slopes, voxel, (False, True, False)).factor(0.02)
    encoded = Dephasing(slopes, voxel, (True, False, True)).factor(0.02)
    np.testing.assert_allclose(box.ravel(), np.abs(np.sinc([0.4, 1.2])), rtol=1e-5)
    np.testing.assert_array_equal(encoded.ravel(), [1, 0])  # 0.4 and 1.2 turns: one has left


def test_a_field_that_is_not_finite_is_refused() -> None:
    with pytest.raises(ReconError, match="not finite"):
        field_gradient(np.full(GRID.shape, np.nan), np.ones(GRID.shape, bool), GRID)
