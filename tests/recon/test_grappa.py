"""Missing lines are made of others as closed forms and simulated coils say."""

import numpy as np
import pytest
from undersampling import Coils, combined, simulated

from streamrecon.errors import ReconError
from streamrecon.model.lattice import Lattice
from streamrecon.recon.parallel.coil_sensitivities import (
    Sensitivities,
    cubic_taps,
    estimate_sensitivities,
)
from streamrecon.recon.parallel.grappa import estimate_kernels, unmix_with
from streamrecon.recon.parallel.unmixing_weights import Unmixing, noise_amplification

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(8)


def unmixing_of(coils: Coils, lattice: Lattice) -> tuple[Unmixing, Sensitivities]:
    calibration = coils.calibration(lattice)
    sensitivities = estimate_sensitivities(calibration, coils.grid)
    kernels = estimate_kernels(calibration, lattice, coils.grid)
    return unmix_with(kernels, sensitivities, coils.grid), sensitivities


@pytest.mark.parametrize(
    ("lattice", "shape", "slices"),
    [
        (Lattice(1, 2), (3, 47, 40), True),
        (Lattice(1, 2), (21, 46, 33), False),
        (Lattice(1, 3), (24, 51, 32), False),
        (Lattice(2, 2), (30, 47, 32), False),
        (Lattice(2, 2, 1), (30, 47, 32), False),
        (Lattice(4, 1, 2), (32, 46, 33), False),
    ],
)
def test_unfolded_coils_are_those_of_all_lines(
    lattice: Lattice, shape: tuple[int, int, int], slices: bool
) -> None:
    coils = simulated(shape, n_coils=12, slices=slices)

    unmixing, sensitivities = unmixing_of(coils, lattice)
    found = combined(unmixing, coils.folded(lattice))

    full = combined(sensitivities, coils.images)
    signal = np.abs(coils.truth[0]) > 0
    error = np.linalg.norm((found - full)[:, signal]) / np.linalg.norm(full[:, signal])
    assert error < 0.06  # no noise: what kernels of this size leave
    between = found[1] * found[0].conj() * (full[1] * full[0].conj()).conj()
    assert abs(np.angle(between[signal].sum())) < 5e-3  # rad: no echo is biased against the other


def test_coils_that_are_harmonics_give_missing_lines_exactly() -> None:
    # a coil of sensitivity exp(2 pi i y / FOV) sees k-space one line further on: SMASH
    coils = simulated((1, 41, 24), n_coils=1, slices=True)
    turns = np.exp(2j * np.pi * (np.arange(41) - 20) / 41)[:, None]
    unit = np.stack([np.ones((41, 24)), turns * np.ones((41, 24))])[:, None] / np.sqrt(2)
    harmonics = Coils(
        (coils.truth[:, None] * unit).astype(np.complex64), coils.truth, unit, coils.grid
    )
    whole = cubic_taps(41, 41, 1.0)
    known = Sensitivities(unit.astype(np.complex64), cubic_taps(1, 1, 1.0), whole)

    lattice = Lattice(1, 2)
    kernels = estimate_kernels(harmonics.calibration(lattice), lattice, coils.grid, ridge=1e-6)
    found = combined(unmix_with(kernels, known, coils.grid), harmonics.folded(lattice))

    # a line at the edge of k-space has neighbours on one side only: of 1 it leaves 0.024
    np.testing.assert_allclose(found, coils.truth, atol=0.03)


@pytest.mark.parametrize("lattice", [Lattice(1, 2), Lattice(2, 2, 1)])
def test_noise_grows_as_the_g_factor_says(lattice: Lattice) -> None:
    coils = simulated((26, 45, 32), n_coils=8)
    unmixing, _ = unmixing_of(coils, lattice)
    shape = coils.images.shape[1:]
    noise = RNG.standard_normal((40, *shape, 2), np.float32) @ np.array([1, 1j], np.complex64)

    images = coils.folded(lattice, noise[:2]) - coils.folded(lattice)
    spread = [
        combined(unmixing, coils.folded(lattice, pair) - coils.folded(lattice))
        for pair in noise.reshape(20, 2, *shape)
    ]

    g = noise_amplification(unmixing)
    measured = np.sqrt((np.abs(np.concatenate(spread)) ** 2).mean(axis=0) / 2 / lattice.factor)
    ratio = measured / g
    assert images.shape == (2, *shape)
    assert abs(ratio.mean() - 1) < 0.01
    assert ratio.std() < 0.15  # of 80 real samples in each voxel: 0.08


def test_a_calibration_smaller_than_the_kernel_is_refused() -> None:
    coils = simulated((1, 40, 16), n_coils=4, slices=True)

    with pytest.raises(ReconError, match="needed more than"):
        estimate_kernels(coils.hybrid[:, :, :, 18:22], Lattice(1, 2), coils.grid)


def test_empty_calibration_lines_are_refused() -> None:
    coils = simulated((1, 40, 16), n_coils=4, slices=True)

    with pytest.raises(ReconError, match="hold no signal"):
        estimate_kernels(0 * coils.calibration(Lattice(1, 2)), Lattice(1, 2), coils.grid)


def test_coils_that_say_the_same_share_the_weights_where_there_is_no_ridge() -> None:
    coils = simulated((1, 40, 16), n_coils=4, slices=True)
    once, lattice = coils.calibration(Lattice(1, 2)), Lattice(1, 2)
    twice = np.concatenate([once, once], axis=1)  # normal equations of half the rank

    (of_one,) = estimate_kernels(once, lattice, coils.grid, ridge=0.0).weights
    (of_two,) = estimate_kernels(twice, lattice, coils.grid, ridge=0.0).weights

    n = once.shape[1]
    assert np.isfinite(of_two).all()
    applied = of_two[..., :n, :n] + of_two[..., n:, :n]  # of a signal that both give
    change = np.linalg.norm(applied - of_one) / np.linalg.norm(of_one)
    assert change < 0.1  # single precision of ill-conditioned equations
