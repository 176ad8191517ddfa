"""Compression keeps the signal, and the noise white."""

import numpy as np
import pytest

from streamrecon.errors import DataError
from streamrecon.model.scan import CounterRange
from streamrecon.recon.kspace.calibration_coverage import CalibrationCoverage, strongest
from streamrecon.recon.kspace.coil_compression import compression_matrix

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
    lines: np.ndarray = power[:, None, None] * np.full((1, 3, 5), 1 - 2j, np.complex64)

    runs = [lines[:1], lines[1:1], lines[1:5], lines[5:]]
    found = strongest(runs, [np.ones(len(run), bool) for run in runs], 3)

    np.testing.assert_array_equal(np.flatnonzero(np.concatenate(found)), [0, 2, 4])
    assert np.concatenate(strongest([lines], [np.ones(6, bool)], 9)).all()


def test_the_strongest_lines_are_none_of_those_that_do_not_count() -> None:
    lines: np.ndarray = np.arange(1, 7, dtype=np.float32)[:, None, None] * np.ones(
        (1, 3, 5), np.complex64
    )
    images = np.array([True, True, True, False, True, False])

    for count, expected in ((2, [2, 4]), (9, [0, 1, 2, 4])):
        (found,) = strongest([lines], [images], count)
        np.testing.assert_array_equal(np.flatnonzero(found), expected)


@pytest.mark.parametrize("every", [1, 2, 3, 4])
@pytest.mark.parametrize("n_calibration", [0, 24])
def test_one_slice_has_enough_well_before_its_last_line(every: int, n_calibration: int) -> None:
    ky = np.arange(128)
    ky = ky[((ky - 64) % every == 0) | (np.abs(ky - 64) < n_calibration // 2)]
    zeros = np.zeros(1, int)
    places = CalibrationCoverage(
        ky=CounterRange(0, 127, 64),
        kz=CounterRange(),
        slices=CounterRange(),
        acceleration=(every, 1),
    )

    waited = 0
    for line in ky:
        waited += not places.enough
        places.note(zeros + line, zeros, zeros, images=np.ones(1, bool))

    assert places.enough
    assert 0.5 < waited / len(ky) < 0.8


def test_a_shifted_lattice_without_calibration_has_enough() -> None:
    kz, ky = (axis.ravel() for axis in np.indices((40, 64)))
    taken = ((ky - 32) % 2 == 0) & ((kz - 20 - (ky - 32) // 2) % 2 == 0)
    places = CalibrationCoverage(
        ky=CounterRange(0, 63, 32),
        kz=CounterRange(0, 39, 20),
        slices=CounterRange(),
        acceleration=(2, 2),
    )

    places.note(ky[taken], kz[taken], 0 * ky[taken], images=np.ones(taken.sum(), bool))

    assert places.enough


def test_slices_whose_header_has_the_centre_of_kz_elsewhere_are_counted_alike() -> None:
    """Of slices kz is not encoded, and headers have any centre there."""
    ky, zeros = np.arange(64), np.zeros(64, int)

    masks = [
        CalibrationCoverage(
            ky=CounterRange(0, 63, 32), kz=CounterRange(0, 0, centre), slices=CounterRange(0, 2)
        ).note(ky, zeros, zeros, images=np.ones(64, bool))
        for centre in (0, 9)
    ]

    np.testing.assert_array_equal(masks[0], masks[1])
    assert masks[0].sum() == 48  # 144 places in three slices
