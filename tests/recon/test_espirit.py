"""Sensitivities by ESPIRiT are those of the simulator, and those that BART finds."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from undersampling import Coils, simulated

from streamrecon.errors import ReconError
from streamrecon.fourier import fft
from streamrecon.model.lattice import Lattice
from streamrecon.recon.parallel.coil_sensitivities import Sensitivities, estimate_sensitivities
from streamrecon.recon.parallel.espirit import sensitivities_by_espirit

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(3)
CENTRE = Lattice(2, 2)  # its calibration is central along both axes


def on_voxels(sensitivities: Sensitivities, n_z: int) -> np.ndarray:
    """Vectors [C, Z, Y, X]."""
    return np.stack([sensitivities.at_z(z).conj() for z in range(n_z)], axis=1)


def unlike(found: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Sine of the angle between vectors at each voxel; their phases are free."""
    unit = known / np.linalg.norm(known, axis=0)
    cosine = np.abs((found.conj() * unit).sum(axis=0))
    sine: np.ndarray = np.sqrt((1 - cosine**2).clip(min=0))
    return sine


def inner(coils: Coils) -> np.ndarray:
    return np.asarray(np.abs(coils.truth[0]) > 0)


@pytest.mark.parametrize(("noise", "limit"), [(0.0, 0.012), (0.05, 0.022)])
def test_vectors_are_the_simulators(noise: float, limit: float) -> None:
    coils = simulated((30, 47, 33), n_coils=12)
    white = RNG.standard_normal((*coils.images.shape, 2)) @ np.array([1, 1j]) * noise

    found = sensitivities_by_espirit(
        coils.calibration(CENTRE, white).astype(np.complex64), coils.grid
    )

    wrong = unlike(on_voxels(found, 30), coils.sensitivities)[inner(coils)]
    assert np.sqrt((wrong**2).mean()) < limit  # 0.010 and 0.019, at an SNR of 20
    assert np.percentile(wrong, 99) < 0.06  # at the rim, towards air


def test_vectors_of_slices_are_the_simulators() -> None:
    coils = simulated((3, 47, 40), n_coils=8, slices=True)

    found = sensitivities_by_espirit(coils.calibration(Lattice(1, 2)), coils.grid)

    wrong = unlike(on_voxels(found, 3), coils.sensitivities)[inner(coils)]
    assert np.sqrt((wrong**2).mean()) < 0.03


@pytest.mark.parametrize("n_lines", [1, 3, 5, 8])
def test_a_thin_slab_has_vectors_too(n_lines: int) -> None:
    """Few lines of 8 mm across it: blocks of five of them would have no room to move."""
    coils = simulated((2 * n_lines, 47, 33), n_coils=12)
    calibration = coils.calibration(CENTRE)
    first = calibration.shape[2] // 2 - n_lines // 2
    central = np.ascontiguousarray(calibration[:, :, first : first + n_lines])

    found = sensitivities_by_espirit(central, coils.grid)

    wrong = unlike(on_voxels(found, 2 * n_lines), coils.sensitivities)[inner(coils)]
    assert np.sqrt((wrong**2).mean()) < 0.03  # 0.014 to 0.020


def test_a_coil_alone_has_the_sensitivity_one() -> None:
    coils = simulated((24, 47, 33), n_coils=1)

    vectors = on_voxels(sensitivities_by_espirit(coils.calibration(CENTRE), coils.grid), 24)

    np.testing.assert_allclose(np.abs(vectors), 1, atol=1e-4)


def test_they_hold_for_voxels_where_averages_do_not() -> None:
    """Averages over cells of 8 mm bend with the coils, and with the texture of what they see."""
    coils = simulated((30, 47, 33), n_coils=12)
    calibration = coils.calibration(CENTRE)

    ours, averaged = (
        unlike(on_voxels(estimate(calibration, coils.grid), 30), coils.sensitivities)[inner(coils)]
        for estimate in (sensitivities_by_espirit, estimate_sensitivities)
    )

    assert (ours**2).mean() < 0.5 * (averaged**2).mean()


def test_neighbours_agree_in_phase() -> None:
    coils = simulated((30, 47, 33), n_coils=12)

    vectors = on_voxels(sensitivities_by_espirit(coils.calibration(CENTRE), coils.grid), 30)
    vectors = np.where(inner(coils), vectors, 0)

    for axis in (1, 2, 3):
        n = vectors.shape[axis]
        overlap = (vectors.take(range(1, n), axis).conj() * vectors.take(range(n - 1), axis)).sum(0)
        assert np.abs(np.angle(overlap)).max() < 0.3  # rad: no fringe line ends


def test_vectors_are_those_of_bart(tmp_path: Path) -> None:
    bart = shutil.which("bart")
    if bart is None:
        pytest.skip("the program bart is not installed")
    coils = simulated((30, 48, 32), n_coils=6)
    kspace = fft(coils.images[:1].copy(), (2, 3, 4))[0]
    x_fastest = kspace.astype(np.complex64)  # [C, Z, Y, X] in C order
    (tmp_path / "kspace.hdr").write_text("# Dimensions\n32 48 30 6\n")
    x_fastest.tofile(tmp_path / "kspace.cfl")
    subprocess.run(
        [bart, "ecalib", "-m1", "-r20", "-k5", "kspace", "maps"],
        cwd=tmp_path, check=True, capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "2"},
    )  # fmt: skip
    theirs = np.fromfile(tmp_path / "maps.cfl", np.complex64).reshape(6, 30, 48, 32)

    found = on_voxels(sensitivities_by_espirit(coils.calibration(CENTRE)[:1], coils.grid), 30)

    trusted = inner(coils) & (np.linalg.norm(theirs, axis=0) > 0.5)
    assert trusted.sum() > 0.95 * inner(coils).sum()
    wrong = unlike(found, np.where(trusted, theirs, 1))[trusted]
    of_theirs = unlike(
        theirs / np.maximum(np.linalg.norm(theirs, axis=0), 1e-6), coils.sensitivities
    )[trusted]
    of_ours = unlike(found, coils.sensitivities)[trusted]
    assert np.sqrt((wrong**2).mean()) < 0.02
    assert np.sqrt((of_ours**2).mean()) < 1.2 * np.sqrt((of_theirs**2).mean()) + 0.002


def test_too_few_lines_are_refused() -> None:
    coils = simulated((1, 40, 16), n_coils=4, slices=True)

    with pytest.raises(ReconError, match="needed at least 4"):
        sensitivities_by_espirit(coils.hybrid[:, :, :, 18:21].astype(np.complex64), coils.grid)


def test_lines_without_signal_are_refused() -> None:
    coils = simulated((1, 40, 16), n_coils=4, slices=True)

    with pytest.raises(ReconError, match="hold no signal"):
        sensitivities_by_espirit(0 * coils.calibration(Lattice(1, 2)), coils.grid)
