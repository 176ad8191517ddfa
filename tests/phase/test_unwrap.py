"""Unwrapping against phases that were made without wraps."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

from streamrecon.errors import ReconError
from streamrecon.model.geometry import Geometry
from streamrecon.phase._kernels import edge_costs, grow
from streamrecon.phase.unwrap import (
    path_quality,
    unwrap_by_template,
    unwrap_individually,
    unwrap_laplacian,
    unwrap_volume,
)
from streamrecon.phase.unwrapping import Unwrapper

SHAPE = (21, 33, 26)
TE_S = (0.004, 0.009, 0.016)
METHODS = pytest.mark.parametrize(
    "unwrap", [unwrap_individually, unwrap_by_template], ids=["individually", "by template"]
)


def wrap(phase: np.ndarray) -> np.ndarray:
    return np.angle(np.exp(1j * phase))


def smooth_field_hz(shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    z, y, x = np.meshgrid(*[np.linspace(-1, 1, n) for n in shape], indexing="ij")
    return np.asarray(
        90 * x + 60 * y * z - 80 * (x**2 + z**2) + 50 * np.exp(-8 * (x**2 + y**2 + z**2))
    )


def echoes(field_hz: np.ndarray, te_s: tuple[float, ...] = TE_S) -> np.ndarray:
    return np.asarray(2 * np.pi * field_hz * np.array(te_s)[:, None, None, None])


@METHODS
def test_a_steep_field_comes_back_in_every_echo(unwrap: Unwrapper) -> None:
    truth = echoes(smooth_field_hz())
    everywhere = np.ones(SHAPE, bool)

    found = unwrap(wrap(truth), np.ones_like(truth), everywhere, TE_S)

    assert np.ptp(truth[2]) > 4 * np.pi
    np.testing.assert_allclose(found.phase_rad, truth, atol=1e-4)
    assert (found.region == 1).all()


@METHODS
def test_a_hole_at_the_centre_of_the_mask_is_no_obstacle(unwrap: Unwrapper) -> None:
    truth = echoes(smooth_field_hz())
    mask = np.ones(SHAPE, bool)
    mask[6:15, 10:23, 8:18] = False
    noise = np.random.default_rng(0).uniform(-np.pi, np.pi, truth.shape)

    found = unwrap(np.where(mask, wrap(truth), noise), 1.0 * mask + 0 * truth, mask, TE_S)

    np.testing.assert_allclose(found.phase_rad[:, mask], truth[:, mask], atol=1e-4)
    assert (found.phase_rad[:, ~mask] == 0).all()


@METHODS
def test_regions_that_do_not_touch_are_aligned(unwrap: Unwrapper) -> None:
    truth = echoes(smooth_field_hz())
    truth -= truth.mean(axis=(1, 2, 3), keepdims=True)
    mask = np.ones(SHAPE, bool)
    mask[:, 10:16] = False  # farther than paths may leave the mask

    found = unwrap(np.where(mask, wrap(truth), np.nan), np.ones_like(truth), mask, TE_S)

    assert found.region.max() == 2
    np.testing.assert_allclose(found.phase_rad[:, mask], truth[:, mask], atol=1e-4)


@METHODS
def test_voxels_that_are_not_finite_are_left_out(unwrap: Unwrapper) -> None:
    truth = echoes(smooth_field_hz())
    phase = wrap(truth)
    phase[1, 4:7, 5:9, 3:8] = np.nan

    found = unwrap(phase, np.ones_like(truth), np.ones(SHAPE, bool), TE_S)

    lost = np.isnan(phase[1])
    assert (found.region[lost] == 0).all()
    np.testing.assert_allclose(found.phase_rad[:, ~lost], truth[:, ~lost], atol=1e-4)


def test_the_template_repairs_what_it_cannot_extrapolate() -> None:
    truth = echoes(smooth_field_hz())
    truth[2, 5:12, 5:12, 5:12] += 2.0  # a phase that does not grow with time

    found = unwrap_by_template(wrap(truth), np.ones_like(truth), np.ones(SHAPE, bool), TE_S)

    np.testing.assert_allclose(found.phase_rad, truth, atol=1e-4)


def test_a_phase_offset_does_not_spoil_the_later_echoes() -> None:
    truth = echoes(smooth_field_hz()) + 1.1

    found = unwrap_individually(wrap(truth), np.ones_like(truth), np.ones(SHAPE, bool), TE_S)

    turns = (found.phase_rad - truth) / (2 * np.pi)
    assert np.ptp(turns, axis=(1, 2, 3)).max() < 1e-4
    np.testing.assert_allclose(turns[2].mean(), np.rint(turns[2].mean()), atol=1e-4)


def test_noise_takes_the_path_around_it() -> None:
    truth = smooth_field_hz((1, 40, 40))[0] * 0 + np.linspace(0, 20, 40)
    rng = np.random.default_rng(3)
    magnitude = np.ones((40, 40))
    magnitude[10:30, 18:22] = 0.02
    phase = wrap(truth + (magnitude < 0.5) * rng.uniform(-np.pi, np.pi, truth.shape))

    found = unwrap_volume(phase[None], magnitude[None], np.ones((1, 40, 40), bool))

    good = magnitude > 0.5
    turns = np.rint((found.phase_rad[0, 0] - truth) / (2 * np.pi))
    assert np.ptp(turns[good]) == 0
    assert found.quality[0][good].mean() > 2 * found.quality[0][~good].mean()


@METHODS
def test_the_quality_is_known_before_anything_is_unwrapped(unwrap: Unwrapper) -> None:
    rng = np.random.default_rng(4)
    phase = wrap(echoes(smooth_field_hz()) + rng.normal(0, 0.3, (3, *SHAPE)))
    phase[1, 3, 4, 5] = np.nan
    magnitude = rng.uniform(0.5, 1, phase.shape)
    mask = smooth_field_hz() > -100

    quality = path_quality(phase, magnitude, mask, TE_S)

    np.testing.assert_array_equal(quality, unwrap(phase, magnitude, mask, TE_S).quality)


def test_the_tree_is_the_cheapest_tree() -> None:
    shape = (4, 5, 5)  # 235 edges: each can have a cost of its own, so the tree is unique
    rng = np.random.default_rng(1)
    phase = rng.uniform(-np.pi, np.pi, shape).astype(np.float32).ravel()
    costs = np.zeros((3, phase.size), np.uint8)
    for axis in range(3):
        edge_costs(
            phase, np.empty(0, np.float32), 1.0, np.ones(phase.size, np.float32),
            np.ones(phase.size, bool), shape, axis, costs[axis], 0, shape[0],
        )  # fmt: skip
    costs[costs > 0] = rng.permutation(np.count_nonzero(costs)) + 1
    step = np.array([25, 5, 1], np.int32)
    turns, region = np.zeros((2, phase.size), np.int32)

    grow(phase, costs, step, np.array([0]), turns, region)

    axes, base = np.nonzero(costs)
    graph = coo_array((costs[axes, base], (base, base + step[axes])), shape=(phase.size,) * 2)
    order, parent = breadth_first_order(minimum_spanning_tree(graph.tocsr()), 0, directed=False)
    expected = phase.astype(float)
    for voxel in order[1:]:
        jump = phase[voxel] - phase[parent[voxel]]
        expected[voxel] = expected[parent[voxel]] + wrap(jump)
    np.testing.assert_allclose(phase + 2 * np.pi * turns, expected, atol=1e-4)


def test_the_laplacian_keeps_what_is_periodic_and_not_harmonic() -> None:
    grid = Geometry((16, 20, 25), (2.0, 1.0, 0.5), np.eye(3)[::-1])
    z, y, x = np.meshgrid(*[2 * np.pi * np.arange(n) / n for n in grid.shape], indexing="ij")
    truth = 7 * np.sin(y) * np.cos(z) + 3 * np.sin(2 * x)

    found = unwrap_laplacian(wrap(truth), grid)

    np.testing.assert_allclose(found, truth - truth.mean(), atol=1e-3)


def test_an_empty_mask_is_refused() -> None:
    phase = np.zeros((1, 3, 3, 3))

    with pytest.raises(ReconError, match="0 voxels in the mask"):
        unwrap_individually(phase, phase, np.zeros((3, 3, 3), bool), (0.004,))
