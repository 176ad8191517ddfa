"""Lattices are what CAIPIRINHA's literature draws, in one form."""

import numpy as np
import pytest

from streamrecon.model.lattice import Lattice, fitting, lattices_of


def test_a_shift_along_y_is_the_lattice_that_it_draws() -> None:
    # every second partition; from one to the next, y moves by one of two: 2 x 2, shifted along y
    drawn = np.zeros((8, 8), bool)
    for z in range(0, 8, 2):
        drawn[z, z // 2 % 2 :: 2] = True

    (found,) = fitting(lattices_of(4), *np.nonzero(drawn))  # (0, 0) is one of them

    assert found == Lattice(4, 1, 2)
    np.testing.assert_array_equal(found.mask((8, 8), (2, 1)), drawn)


@pytest.mark.parametrize("factor", [1, 2, 3, 4, 6])
def test_every_lattice_takes_its_share_of_lines_and_knows_itself(factor: int) -> None:
    for lattice in lattices_of(factor):
        taken = lattice.mask((12, 24), (5, 7))

        assert taken[5, 7]
        assert taken.mean() == pytest.approx(1 / factor)
        z, y = np.nonzero(taken)
        assert fitting(lattices_of(factor), z - 5, y - 7) == (lattice,)
        assert len(lattice.missing) == factor - 1
        assert not any(lattice.contains(*step) for step in lattice.missing)


@pytest.mark.parametrize(
    "lattice", [Lattice(1, 2), Lattice(3, 1), Lattice(2, 2, 1), Lattice(4, 1, 1)]
)
def test_voxels_fold_where_the_transform_of_the_lattice_peaks(lattice: Lattice) -> None:
    spectrum = np.abs(np.fft.fft2(lattice.mask((24, 24), (0, 0))))

    peaks = np.argwhere(spectrum > spectrum.max() / 2) / 24

    np.testing.assert_allclose(sorted(peaks.tolist()), sorted(map(list, lattice.aliases)))


def test_lines_of_no_lattice_fit_none() -> None:
    assert fitting(lattices_of(2), np.array([0, 0, 0]), np.array([0, 1, 2])) == (Lattice(2, 1),)
    assert fitting(lattices_of(2), np.array([0, 0, 1]), np.array([0, 1, 0])) == ()
