"""Shared iterations and compiled loops against dense algebra."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from closed_forms import ORIENTATIONS

from streamrecon.errors import ReconError
from streamrecon.model.geometry import Geometry
from streamrecon.qsm.dipole import Convolution, dipole_kernel, laplacian_kernel
from streamrecon.qsm.inversion.gradient_cost import WHOLE, Gradients, gradients
from streamrecon.qsm.solvers import (
    RELAXATION,
    Operator,
    absolutes,
    least_squares,
    mix,
    squares,
)

SHAPE = (7, 6, 9)
VOXEL = np.array([2.0, 1.0, 0.7], np.float32)


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def slopes(chi: np.ndarray) -> np.ndarray:
    return np.stack([(np.roll(chi, -1, a) - chi) / VOXEL[a] for a in range(3)])


@pytest.mark.parametrize("damping", [0.0, 0.3])
def test_conjugate_gradients_find_the_least_squares(damping: float) -> None:
    matrix, data = normal(30, 12), normal(30, seed=1)
    operator = Operator(lambda x: matrix @ x, lambda r: matrix.T @ r)

    found = least_squares(operator, data, damping=damping, iterations=50, tolerance=1e-6)

    expected = np.linalg.solve(matrix.T @ matrix + damping * np.eye(12), matrix.T @ data)
    np.testing.assert_allclose(found.unknown, expected, atol=1e-4)
    assert found.converged
    assert found.iterations < 50


def test_steps_that_run_out_are_told() -> None:
    matrix, data = normal(30, 12), normal(30, seed=1)
    operator = Operator(lambda x: matrix @ x, lambda r: matrix.T @ r)

    assert not least_squares(operator, data, iterations=2, tolerance=1e-6).converged
    with pytest.raises(ReconError, match="energy 0"):
        least_squares(operator, data * 0, iterations=2, tolerance=1e-6)


def test_steps_that_gain_little_are_within_a_percent_of_the_least_sum() -> None:
    """Data whose largest part is explained at once, as a background is, do not end it early."""
    matrix: np.ndarray = normal(80, 40) / np.arange(1, 41, dtype=np.float32)
    data: np.ndarray = normal(80, seed=1) + np.float32(1e3) * matrix[:, 0]
    operator = Operator(lambda x: matrix @ x, lambda r: matrix.T @ r)

    found = least_squares(
        operator, data, damping=0.1, iterations=40, tolerance=0.0, least_gain=1e-3
    )

    def total(x: np.ndarray) -> float:
        return float(np.sum((matrix @ x - data) ** 2) + 0.1 * np.sum(x**2))

    best = np.linalg.solve(matrix.T @ matrix + 0.1 * np.eye(40), matrix.T @ data)
    assert found.converged
    assert found.iterations == 40
    assert total(found.unknown) < 1.01 * total(best)


@pytest.mark.parametrize("axes", ORIENTATIONS.values(), ids=ORIENTATIONS.keys())
def test_convolution_with_the_dipole_is_its_own_adjoint(axes: np.ndarray) -> None:
    spread = Convolution(dipole_kernel(Geometry(SHAPE, (2.0, 1.0, 0.7), axes)), SHAPE)
    a, b = normal(*SHAPE), normal(*SHAPE, seed=1)

    assert np.vdot(spread(a), b) == pytest.approx(np.vdot(a, spread(b)), rel=1e-4, abs=1e-4)


def divergence(chi: np.ndarray, dual: np.ndarray | float) -> np.ndarray:
    """What comes of gradients that nothing clips: the adjoint of ∇ on ∇χ + dual - 0."""
    found = np.empty_like(chi)
    free = gradients(tuple(VOXEL), 1e30, np.full((3, *chi.shape), WHOLE, np.uint8))
    free.state[...] = dual
    free.renew(chi, found)
    return -found


def test_the_divergence_is_the_adjoint_of_the_gradient() -> None:
    chi, flow = normal(*SHAPE), normal(3, *SHAPE, seed=1)

    found = divergence(np.zeros(SHAPE, np.float32), flow)

    assert np.vdot(slopes(chi), flow) == pytest.approx(np.vdot(chi, found), rel=1e-4)


def test_the_laplacian_is_divergence_of_gradient() -> None:
    chi = normal(*SHAPE)

    found = divergence(chi, 0)

    kernel = laplacian_kernel(Geometry(SHAPE, (2.0, 1.0, 0.7), np.eye(3)), SHAPE)
    np.testing.assert_allclose(Convolution(kernel, SHAPE)(chi), found, atol=1e-4)


@pytest.mark.parametrize("relaxation", [1.0, 1.8])
def test_gradients_shrink_as_the_soft_threshold_says(relaxation: float) -> None:
    chi, state = normal(*SHAPE), normal(3, *SHAPE, seed=1)
    counts = np.random.default_rng(2).integers(0, WHOLE + 1, state.shape).astype(np.uint8)
    weight = counts / np.float32(WHOLE)

    def soft(values: np.ndarray) -> np.ndarray:
        return np.asarray(np.sign(values) * np.maximum(abs(values) - 0.4 * weight, 0))

    renewed = state + relaxation * (slopes(chi) - soft(state))
    split = Gradients(VOXEL, 0.4, counts, state.copy())

    split.renew(chi, chi, relaxation)

    flow = 2 * soft(renewed) - renewed
    gathered = sum((np.roll(f, 1, a) - f) / VOXEL[a] for a, f in enumerate(flow))
    np.testing.assert_allclose(split.state, renewed, atol=1e-5)
    np.testing.assert_allclose(chi, gathered, atol=1e-4)


@pytest.mark.parametrize("split", [squares, absolutes])
def test_the_data_split_finds_the_minimum(split: Callable[..., None]) -> None:
    model, state = normal(2, 3, 4, 5)
    field, weight = normal(2, 2, 3, 4, seed=1)
    weight = abs(weight)
    corner = tuple(slice(n) for n in field.shape)
    rho = 1.7
    z = np.linspace(-8, 8, 160_001)
    power = 2 if split is squares else 1

    def nearest(states: np.ndarray) -> np.ndarray:
        """To the field and to the state; to the state alone where no field is known."""
        cost = [
            w * (abs(z - f) ** power) * (0.5 if power == 2 else 1) + rho / 2 * (z - s) ** 2
            for w, f, s in zip(weight.flat, field.flat, states[corner].flat, strict=True)
        ]
        found = states.copy()
        found[corner] = z[np.argmin(cost, axis=1)].reshape(field.shape)
        return found

    renewed = state + RELAXATION * (model - nearest(state))

    split(model, state, field, weight, (rho, RELAXATION))

    np.testing.assert_allclose(state, renewed, atol=4e-4)
    np.testing.assert_allclose(model, 2 * nearest(state) - state, atol=4e-4)


def test_spectra_mix_and_give_their_field() -> None:
    pair: list[np.ndarray] = [normal(20, seed=s) + 1j * normal(20, seed=s + 1) for s in (0, 2)]
    data, flow = pair
    dipole, part_of_flow = normal(2, 20)
    chi = part_of_flow * (0.25 * dipole * data + flow)

    mix(data, flow, (dipole, part_of_flow), 0.25)

    np.testing.assert_allclose(flow, chi, atol=1e-6)
    np.testing.assert_allclose(data, chi * dipole, atol=1e-6)
