"""Compression keeps the signal, and the noise white."""

import numpy as np
import pytest

from streamrecon.errors import DataError
from streamrecon.recon.central import strongest
from streamrecon.recon.compression import compression_matrix

RNG = np.random.default_rng(5)


def lines_of_rank(rank: int, n_channels: int) -> np.ndarray:
    """Lines [N, C, X] of ``rank`` independent sources seen by all channels."""
    sources = RNG.normal(size=(40, rank, 31)) + 1j * RNG.normal(size=(40, rank, 31))
    coils = RNG.normal(size=(n_channels, rank)) + 1j * RNG.normal(size=(n_channels, rank))
    return (coils @ sources).astype(np.complex64)


def test_three_sources_need_three_channels_whatever_the_coils() -> None:
    lines = lines_of_rank(3, 12)

    matrix = compression_matrix(lines, loss=1e-3)

    assert matrix.shape == (3, 12)
    back = matrix.conj().T @ (matrix @ lines)
    np.testing.assert_allclose(back, lines, atol=1e-3 * np.abs(lines).max())


def test_rows_are_orthonormal_so_that_white_noise_stays_white() -> None:
    matrix = compression_matrix(lines_of_rank(5, 9))

    np.testing.assert_allclose(matrix @ matrix.conj().T, np.eye(len(matrix)), atol=1e-5)


@pytest.mark.parametrize("loss", [0.02, 0.2])
def test_what_is_left_out_is_what_was_allowed(loss: float) -> None:
    noise = RNG.normal(size=(40, 12, 31, 2)) @ [1, 1j]
    lines = (lines_of_rank(4, 12) + 0.1 * noise).astype(np.complex64)

    matrix = compression_matrix(lines, loss=loss)

    error = np.linalg.norm(lines - matrix.conj().T @ (matrix @ lines)) / np.linalg.norm(lines)
    assert error <= loss + 1e-6
    fewer = matrix[:-1]
    assert np.linalg.norm(lines - fewer.conj().T @ (fewer @ lines)) > loss * np.linalg.norm(lines)


def test_no_more_channels_than_asked_for() -> None:
    assert len(compression_matrix(lines_of_rank(8, 12), loss=0.0, most=2)) == 2


def test_empty_lines_are_refused() -> None:
    with pytest.raises(DataError, match="hold nothing"):
        compression_matrix(np.zeros((3, 4, 5), np.complex64))


def test_the_strongest_lines_are_found_across_runs_of_any_length() -> None:
    power = np.array([4, 1, 9, 2, 8, 3], np.float32)
    lines = power[:, None, None] * np.full((1, 3, 5), 1 - 2j, np.complex64)

    found = strongest([lines[:1], lines[1:1], lines[1:5], lines[5:]], 3)

    np.testing.assert_array_equal(np.flatnonzero(np.concatenate(found)), [0, 2, 4])
    assert np.concatenate(strongest([lines[:2], lines[2:]], 9)).all()
