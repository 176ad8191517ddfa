"""SENSE gives back what folded, by closed forms and by sensitivities that are known."""

import numpy as np
import pytest
from undersampling import Coils, combined, simulated

from streamrecon.fourier import ifft
from streamrecon.model.lattice import Lattice
from streamrecon.recon.parallel.coil_sensitivities import Sensitivities, cubic_taps
from streamrecon.recon.parallel.sense import unmix_by_sense
from streamrecon.recon.parallel.unfolding import sense_unfolding, sense_unfolding_of_each_echo
from streamrecon.recon.parallel.unmixing_weights import Unmixing, noise_amplification

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(8)
EVERYWHERE = np.ones((3, 3, 3), np.float32)  # no place is known to be empty

LATTICES = [
    (Lattice(1, 2), (3, 47, 40), True),
    (Lattice(1, 2), (21, 46, 33), False),
    (Lattice(1, 3), (24, 51, 32), False),
    (Lattice(2, 2), (30, 48, 32), False),
    (Lattice(2, 2, 1), (30, 48, 32), False),
    (Lattice(4, 1, 2), (32, 46, 33), False),
]


def known(coils: Coils) -> Sensitivities:
    """The true sensitivities, on every voxel, of length 1."""
    unit = coils.sensitivities / np.linalg.norm(coils.sensitivities, axis=0)
    n_z, n_y = unit.shape[1:3]
    return Sensitivities(
        unit.astype(np.complex64), cubic_taps(n_z, n_z, 1.0), cubic_taps(n_y, n_y, 1.0)
    )


def signal_of(coils: Coils) -> np.ndarray:
    return np.asarray(np.abs(coils.truth[0]) > 0)


@pytest.mark.parametrize(("lattice", "shape", "slices"), LATTICES)
def test_known_sensitivities_part_what_folds(
    lattice: Lattice, shape: tuple[int, int, int], slices: bool
) -> None:
    coils = simulated(shape, n_coils=12, slices=slices)
    power = EVERYWHERE[:1] if slices else EVERYWHERE
    power = np.repeat(power, shape[0], axis=0) if slices else power

    unmixing = unmix_by_sense(known(coils), power, lattice, coils.grid, ridge=1e-6)
    found = combined(unmixing, coils.folded(lattice))

    truth = coils.truth * np.linalg.norm(coils.sensitivities, axis=0)
    signal = signal_of(coils)
    error = np.linalg.norm((found - truth)[:, signal]) / np.linalg.norm(truth[:, signal])
    assert error < 0.03  # odd numbers of lines fold by parts of a voxel; whole ones leave 0.002


@pytest.mark.parametrize(("lattice", "shape", "slices"), LATTICES)
def test_estimated_sensitivities_part_what_folds(
    lattice: Lattice, shape: tuple[int, int, int], slices: bool
) -> None:
    coils = simulated(shape, n_coils=12, slices=slices)
    calibration = coils.calibration(lattice)

    full = combined(sense_unfolding(calibration, Lattice(1, 1), coils.grid), coils.images)
    found = combined(sense_unfolding(calibration, lattice, coils.grid), coils.folded(lattice))

    signal = signal_of(coils)
    error = np.linalg.norm((found - full)[:, signal]) / np.linalg.norm(full[:, signal])
    assert error < 0.06  # as of GRAPPA
    between = found[1] * found[0].conj() * (full[1] * full[0].conj()).conj()
    assert abs(np.angle(between[signal].sum())) < 5e-3  # rad: no echo is biased against the other


def test_where_the_lattice_begins_is_of_no_account() -> None:
    coils = simulated((30, 48, 32), n_coils=12)
    lattice = Lattice(2, 2, 1)
    unmixing = sense_unfolding(coils.calibration(lattice), lattice, coils.grid)
    truth = combined(
        sense_unfolding(coils.calibration(lattice), Lattice(), coils.grid), coils.images
    )

    for origin in [(0, 0), (0, 1), (1, 0), (1, 1)]:
        lines = coils.hybrid * lattice.mask((30, 48), origin)[:, :, None]
        found = combined(unmixing, ifft(lines.astype(np.complex64), (2, 3)))

        signal = signal_of(coils)
        error = np.linalg.norm((found - truth)[:, signal]) / np.linalg.norm(truth[:, signal])
        assert error < 0.05


def test_two_coils_and_two_voxels_are_solved_as_by_hand() -> None:
    # sensitivities constant over each half of the field of view, so that no cell is between them
    coils = simulated((1, 48, 8), n_coils=2, slices=True)
    near, far = np.array([0.8, 0.6j]), np.array([0.6, 0.8])
    vectors = np.empty((2, 1, 48, 8), np.complex64)
    vectors[:, :, :24], vectors[:, :, 24:] = (v[:, None, None, None] for v in (near, far))
    given = Sensitivities(vectors, cubic_taps(1, 1, 1.0), cubic_taps(48, 48, 1.0))

    unmixing = unmix_by_sense(
        given, np.ones((1, 3, 3), np.float32), Lattice(1, 2), coils.grid, ridge=1e-9
    )

    inverse = np.linalg.inv(np.stack([near, far], axis=1))
    np.testing.assert_allclose(unmixing.at_y(12)[:, 0, 4], 2 * inverse[0], atol=1e-4)
    np.testing.assert_allclose(unmixing.at_y(36)[:, 0, 4], 2 * inverse[1], atol=1e-4)
    g = noise_amplification(unmixing)
    np.testing.assert_allclose(g[0, [12, 36], 4], np.linalg.norm(inverse, axis=1), rtol=1e-4)


@pytest.mark.parametrize("ridge", [1e-6, 1e-3, 1.0])
def test_a_voxel_keeps_its_own_signal_whatever_the_ridge(ridge: float) -> None:
    coils = simulated((30, 48, 32), n_coils=8)
    lattice, given = Lattice(2, 2, 1), known(coils)

    unmixing = unmix_by_sense(given, EVERYWHERE, lattice, coils.grid, ridge=ridge)

    own = np.stack([(unmixing.at_z(z) * given.vectors[:, z]).sum(axis=0) for z in range(30)])
    np.testing.assert_allclose(own[2:-2, 2:-2] / lattice.factor, 1, atol=0.02)  # between cells


def test_a_large_ridge_is_the_combination_and_a_small_one_amplifies_noise() -> None:
    coils = simulated((30, 48, 32), n_coils=8)
    lattice = Lattice(2, 2)

    g = [
        noise_amplification(unmix_by_sense(known(coils), EVERYWHERE, lattice, coils.grid, ridge=r))
        for r in (1e3, 1e-2, 1e-6)
    ]

    np.testing.assert_allclose(g[0], 1, atol=0.02)
    assert g[0].mean() < g[1].mean() < g[2].mean()


@pytest.mark.parametrize("ridge", [0.0, 3e-4])
def test_what_one_coil_cannot_part_stays_folded_and_finite(ridge: float) -> None:
    coils = simulated((1, 48, 32), n_coils=1, slices=True)
    lattice = Lattice(1, 2)

    unmixing = sense_unfolding(coils.calibration(lattice), lattice, coils.grid, ridge=ridge)
    found = combined(unmixing, coils.folded(lattice))

    size, folded = np.abs(found[0]), np.abs(coils.folded(lattice)[0, 0])
    np.testing.assert_allclose(size, 2 * folded, rtol=0.02, atol=0.02)


@pytest.mark.parametrize(("ridge", "limit"), [(3e-4, 0.06), (0.0, 0.15)])
def test_two_coils_part_two_voxels(ridge: float, limit: float) -> None:
    coils = simulated((1, 48, 32), n_coils=2, slices=True)
    lattice = Lattice(1, 2)

    unmixing = sense_unfolding(coils.calibration(lattice), lattice, coils.grid, ridge=ridge)
    found = combined(unmixing, coils.folded(lattice))

    full = combined(
        sense_unfolding(coils.calibration(lattice), Lattice(), coils.grid), coils.images
    )
    signal = signal_of(coils)
    error = np.linalg.norm((found - full)[:, signal]) / np.linalg.norm(full[:, signal])
    assert error < limit  # their sensitivities are nearly alike: 0.044 and 0.106


def test_what_folds_from_empty_places_costs_nothing() -> None:
    coils = simulated((1, 48, 32), n_coils=4, slices=True)
    half = np.ones((1, 24, 3), np.float32)
    half[:, 12:] = 0  # the second half is air

    g = noise_amplification(
        unmix_by_sense(known(coils), half, Lattice(1, 2), coils.grid, ridge=3e-4)
    )
    parted = noise_amplification(
        unmix_by_sense(known(coils), 0 * half + 1, Lattice(1, 2), coils.grid, ridge=3e-4)
    )

    assert g[0, 4:20].mean() - 1 < 0.25 * (parted[0, 4:20].mean() - 1)
    np.testing.assert_allclose(g[0, 28:44], parted[0, 28:44], rtol=1e-3)  # tissue folds on air


@pytest.mark.parametrize("lattice", [Lattice(1, 2), Lattice(2, 2, 1)])
def test_noise_grows_as_the_g_factor_says(lattice: Lattice) -> None:
    coils = simulated((26, 46, 32), n_coils=8)
    unmixing = sense_unfolding(coils.calibration(lattice), lattice, coils.grid)
    assert isinstance(unmixing, Unmixing)
    shape = coils.images.shape[1:]
    noise = RNG.standard_normal((40, *shape, 2), np.float32) @ np.array([1, 1j], np.complex64)

    spread = [
        combined(unmixing, coils.folded(lattice, pair) - coils.folded(lattice))
        for pair in noise.reshape(20, 2, *shape)
    ]

    measured = np.sqrt((np.abs(np.concatenate(spread)) ** 2).mean(axis=0) / 2 / lattice.factor)
    ratio = measured / noise_amplification(unmixing)
    assert abs(ratio.mean() - 1) < 0.01
    assert ratio.std() < 0.15  # of 80 real samples in each voxel: 0.08


def test_a_faint_echo_is_parted_less_for_less_noise() -> None:
    coils = simulated((26, 46, 32), n_coils=8)
    lattice = Lattice(2, 2, 1)
    calibration = coils.calibration(lattice) * np.array([1, 0.1])[:, None, None, None, None]

    bright, faint = sense_unfolding_of_each_echo(
        calibration.astype(np.complex64), lattice, coils.grid
    )

    signal = signal_of(coils)
    assert noise_amplification(faint)[signal].mean() < noise_amplification(bright)[signal].mean()
