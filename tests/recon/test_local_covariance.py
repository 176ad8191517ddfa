"""Averages over cells are Gaussian filters; the vectors of covariances are LAPACK's."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from streamrecon.recon._kernels import dominant_vectors
from streamrecon.recon.parallel.coil_sensitivities import average_of_cells

RNG = np.random.default_rng(11)


def of_noise(*shape: int) -> NDArray[np.complex64]:
    parts = RNG.standard_normal((*shape, 2)).astype(np.float32)
    return parts.view(np.complex64)[..., 0]


@pytest.mark.parametrize("shape", [(5, 8, 7), (1, 9, 6)], ids=str)
@pytest.mark.parametrize("width", [1.0, 5.0])
def test_an_average_over_cells_is_a_gaussian_filter(
    shape: tuple[int, int, int], width: float
) -> None:
    products = of_noise(*shape, 3, 3)
    sigma = [width if n > 1 else 0.0 for n in shape] + [0.0, 0.0]

    found = average_of_cells(products, width)

    for name in ("real", "imag"):
        part = gaussian_filter(getattr(products, name), sigma, mode="nearest", truncate=3)
        np.testing.assert_allclose(getattr(found, name), part, atol=1e-6)  # of numbers around 1


def test_the_dominant_vector_is_lapacks() -> None:
    signal, noise = of_noise(40, 6, 1), of_noise(40, 6, 9)
    covariance = signal @ signal.conj().transpose(0, 2, 1)
    covariance += 0.01 * noise @ noise.conj().transpose(0, 2, 1)

    found = dominant_vectors(covariance, np.ones(6, np.complex64), 30)

    expected = np.linalg.eigh(covariance)[1][:, :, -1]
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-6)
    overlap = np.abs((found.conj() * expected).sum(axis=1))
    assert overlap.min() > 1 - 1e-5  # 30 steps leave 0.6^60 of the others' power


def test_a_cell_without_signal_keeps_the_vector_it_began_with() -> None:
    start = np.array([0.6, 0.8j], np.complex64)

    found = dominant_vectors(np.zeros((2, 2, 2), np.complex64), start, 30)

    np.testing.assert_array_equal(found, [start, start])
