"""Noise at the edges of k-space, dead channels, channels in another order."""

import numpy as np
import pytest
from narrowing import given
from numpy.testing import assert_allclose
from streamrecon_simulator.lines.coils import correlated_noise, noise_covariance

from streamrecon.errors import DataError
from streamrecon.recon.kspace.noise import dead_channels, edge_noise, in_order_of, whitening_matrix
from streamrecon.recon.kspace.noise import noise_covariance as measured_covariance

PSI = noise_covariance(5)  # of real parts
FACTOR = np.linalg.cholesky(PSI).astype(np.complex64)


def noisy_lines(count: int = 64, samples: int = 160) -> np.ndarray:
    return correlated_noise(np.random.default_rng(3), (count, 5, samples), FACTOR)


def echo(count: int = 64, samples: int = 160) -> np.ndarray:
    """Lines of a k-space that falls off from its centre, at sample 80."""
    k = np.arange(samples) - 80
    return np.asarray(
        (300 / (1 + np.abs(k)) ** 1.5 * np.exp(0.3j * k)).astype(np.complex64)
        * np.ones((count, 5, 1), np.complex64)
    )


def test_noise_under_an_echo_is_found_at_its_edges() -> None:
    lines: np.ndarray = noisy_lines() + 0.5 * echo()

    edges = given(edge_noise([lines[:20], lines[20:, :, :150]]))
    found = measured_covariance(edges[None])

    # 1,300 samples: 3 % by chance, and what is left of the echo
    assert_allclose(found.diagonal().real, 2 * PSI.diagonal().real, rtol=0.1)
    assert_allclose(found / 2, PSI, atol=0.1)


def test_edges_that_hold_signal_are_not_taken_for_noise() -> None:
    assert edge_noise([echo()]) is None
    assert edge_noise([np.zeros((4, 2, 64), np.complex64)]) is None
    assert edge_noise([]) is None


def test_a_dead_channel_is_left_out_and_the_others_are_white() -> None:
    dead = PSI.copy()
    dead[2], dead[:, 2] = 0, 0

    matrix = whitening_matrix(dead)

    assert dead_channels(dead) == (2,)
    assert dead_channels(PSI) == ()
    assert matrix.shape == (4, 5)
    assert not matrix[:, 2].any()
    assert_allclose(matrix @ PSI @ matrix.conj().T, 2 * np.eye(4), atol=1e-5)


def test_a_scan_of_dead_channels_is_refused() -> None:
    with pytest.raises(DataError, match="all 3 channels are dead"):
        whitening_matrix(np.zeros((3, 3), complex))


def test_channels_that_are_sums_of_others_are_refused() -> None:
    with pytest.raises(DataError, match="sums of others"):
        whitening_matrix(np.array([[1, 1], [1, 1]], complex))


def test_the_covariance_follows_the_labels() -> None:
    found = given(in_order_of("abcde", "dbeca", PSI))

    # row i of PSI was measured with the channel named "dbeca"[i]
    place = {"d": 0, "b": 1, "e": 2, "c": 3, "a": 4}
    expected = PSI[np.ix_([place[c] for c in "abcde"], [place[c] for c in "abcde"])]
    assert_allclose(found, expected)
    assert in_order_of("abx", "abcde", PSI) is None
    assert in_order_of((), "abcde", PSI) is PSI
