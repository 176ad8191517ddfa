"""Each measure of a scan's quality against a closed form."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.fft
from lesion_scene import oblique
from numpy.typing import NDArray

from streamrecon.analysis.quality.quality_measures import (
    field_jumps,
    ghost_level,
    phase_misfit,
    streak_index,
    zero_spread,
)
from streamrecon.model.geometry import Geometry

TE_S = (0.004, 0.009, 0.015, 0.020)
EVERYWHERE = np.ones((7, 9, 11), bool)


def echoes_of(
    field_hz: NDArray[np.floating], offsets_rad: tuple[float, ...]
) -> NDArray[np.complex64]:
    """Echoes of even size with a phase of their own each, and a coil's offset."""
    turn = 2 * np.pi * field_hz * np.reshape(TE_S, (4, 1, 1, 1)) + 0.7
    return np.asarray(np.exp(1j * (turn + np.reshape(offsets_rad, (4, 1, 1, 1)))), np.complex64)


@pytest.mark.parametrize("delta", [0.0, 0.3])
def test_phase_off_the_line_is_told_in_radians(delta: float) -> None:
    field = np.random.default_rng(1).normal(0, 60, EVERYWHERE.shape)
    echoes = echoes_of(field, (delta, -delta, delta, -delta))

    found = phase_misfit(echoes, TE_S, field, 0.0, EVERYWHERE)

    assert found == pytest.approx(delta, abs=1e-3)  # float32 phases


def test_noise_alone_is_no_misfit() -> None:
    shape = (21, 23, 25)
    random = np.random.default_rng(2)
    field = random.normal(0, 60, shape)
    sd = 0.1
    echoes = echoes_of(field, (0, 0, 0, 0)) + sd * (
        random.standard_normal((4, *shape)) + 1j * random.standard_normal((4, *shape))
    )
    times = np.array(TE_S) - np.mean(TE_S)
    slope = np.tensordot(times, np.angle(echoes * np.conj(echoes_of(field, (0, 0, 0, 0)))), 1)
    fitted = field + slope / (2 * np.pi * float(times @ times))  # as the product's field is

    found = phase_misfit(echoes, TE_S, fitted, sd, np.ones(shape, bool))

    assert found == pytest.approx(0, abs=0.04)  # medians of squares differ from their means


def test_two_echoes_make_a_line_always() -> None:
    assert phase_misfit(np.ones((2, 7, 9, 11), np.complex64), TE_S[:2], EVERYWHERE * 1.0, 0.1,
                        EVERYWHERE) is None  # fmt: skip


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_ghost_along_any_axis_is_told_by_its_part(axis: int) -> None:
    head = np.zeros((40, 44, 48), bool)
    head[12:26, 14:30, 15:33] = True
    image = np.where(head, 2.0, 1e-3)
    beside = head.any(axis=axis, keepdims=True) & ~head
    image[np.broadcast_to(beside, head.shape) & ~head] = 0.1

    assert ghost_level(image, head) == pytest.approx(0.05, rel=0.01)
    assert ghost_level(np.where(head, 2.0, 1e-3), head) == pytest.approx(0, abs=1e-6)


def test_without_air_or_with_air_that_was_erased_ghosts_are_not_measured() -> None:
    head = np.zeros((40, 44, 48), bool)
    head[12:26, 14:30, 15:33] = True

    assert ghost_level(np.where(head, 2.0, 0.0), head) is None
    assert ghost_level(np.ones((9, 9, 9)), np.ones((9, 9, 9), bool)) is None


def test_a_drift_of_the_zero_is_its_spread_over_octants() -> None:
    z = np.arange(40) - 19.5
    chi = np.broadcast_to(0.002 * z[:, None, None], (40, 12, 14))
    mask = np.ones(chi.shape, bool)

    assert zero_spread(chi, mask) == pytest.approx(0.002 * 10, rel=0.06)  # half of each half
    assert zero_spread(np.zeros(chi.shape), mask) == 0
    assert zero_spread(chi, np.zeros(chi.shape, bool)) is None


@pytest.mark.parametrize(("gain", "expected"), [(1.0, 1.0), (3.0, 9.0), (0.5, 0.25)])
def test_streaks_are_power_at_the_cone(gain: float, expected: float) -> None:
    grid = oblique((45, 52, 49), (1.3, 1.0, 1.1))
    spectrum = scipy.fft.fftn(np.random.default_rng(4).standard_normal(grid.shape))
    spectrum[np.abs(_dipole(grid)) < 0.10] *= gain
    chi = scipy.fft.ifftn(spectrum).real

    found = streak_index(chi, np.ones(grid.shape, bool), grid)

    assert found == pytest.approx(
        expected, rel=0.25
    )  # the product's dipole is a voxel's, this one a point's


def test_streaks_lie_along_the_direction_of_b0() -> None:
    grid, other = (Geometry((48, 48, 48), (1, 1, 1), np.eye(3)[order]) for order in
                   ([2, 1, 0], [0, 1, 2]))  # fmt: skip
    spectrum = scipy.fft.fftn(np.random.default_rng(4).standard_normal(grid.shape))
    spectrum[np.abs(_dipole(grid)) < 0.10] *= 4
    chi = scipy.fft.ifftn(spectrum).real
    mask = np.ones(grid.shape, bool)

    along, across = streak_index(chi, mask, grid), streak_index(chi, mask, other)

    assert along is not None
    assert across is not None
    assert along > 8
    assert across < 3


def test_a_block_that_is_off_by_a_turn_has_jumps_at_its_faces() -> None:
    field = np.zeros((10, 10, 10))
    field[5:, :, :] = 200.0  # 5 ms make a whole turn of it, 2 ms less than half of one
    mask = np.ones(field.shape, bool)

    assert field_jumps(field, mask, 0.005) == pytest.approx(100 / (3 * 900))
    assert field_jumps(field, mask, 0.002) == 0
    assert field_jumps(field, np.zeros(field.shape, bool), 0.005) == 0


def _dipole(grid: Geometry) -> NDArray[np.float64]:
    k = np.meshgrid(
        *(scipy.fft.fftfreq(n, mm) for n, mm in zip(grid.shape, grid.voxel_mm, strict=True)),
        indexing="ij",
    )
    square = np.sum([axis**2 for axis in k], axis=0)
    along = np.tensordot(grid.b0_axis(), k, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        kernel = np.asarray(1 / 3 - along**2 / square)
    kernel[0, 0, 0] = math.inf
    return kernel
