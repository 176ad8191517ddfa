"""Real scans, and files of other programs: what is known of them comes out."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from chains import complex_echoes, run_chain, texts, volumes
from phases import noise_of, residues
from scipy.ndimage import binary_erosion, uniform_filter

from streamrecon.model.outputs.quantities import Quantity
from streamrecon.mrd.files.hdf5_reader import read_scan

pytestmark = pytest.mark.shared

SIEMENS = {
    "brain3T_gre_te12p4_16ch": (1, 128),
    "brain3T_gre_te12p4_bodycoil2ch": (1, 128),
    "phantom3T_gre3echo_bipolar_1ch": (3, 256),
    "phantom3T_gre3echo_monopolar_1ch": (3, 256),
    "phantom3T_gre_te12p4_16ch": (1, 128),
    "phantom3T_gre_te12p4_bodycoil2ch": (1, 128),
}


def combined(path: Path) -> np.ndarray:
    """Complex images [E, Z, Y, X] of the only volume of a file."""
    (echoes,) = complex_echoes(run_chain("gre_recon.xml", read_scan(path)))
    return echoes.data


@pytest.mark.parametrize("name", SIEMENS)
def test_every_siemens_scan_reconstructs(shared_data: Path, name: str) -> None:
    n_echoes, n = SIEMENS[name]

    emitted = run_chain("gre_recon.xml", read_scan(shared_data / "raw-siemens" / f"{name}.h5"))

    magnitudes = volumes(emitted, Quantity.MAGNITUDE)
    phases = volumes(emitted, Quantity.PHASE)
    assert [m.values.shape for m in magnitudes] == [(1, n, n)] * n_echoes
    assert len(phases) == n_echoes
    for magnitude in magnitudes:
        bright = np.percentile(magnitude.values, 95)
        assert bright > 10 * noise_of(magnitude.values)  # an object, not a smear over the image


def slope_ratio(echoes: np.ndarray) -> float:
    """Growth of the phase from echo 2 to 3 over that from 1 to 2, in voxels of good signal.

    Both differences are noisy, and share echo 2: their covariance is [[2, -1], [-1, 2]] σ², and
    total least squares in units of it is unbiased. Voxels of SNR ≥ 15 in all echoes, away
    from edges; beyond four deviations from the line (bubbles, ghosts) left out.
    """
    good = np.abs(echoes).min(axis=0) > 15 * noise_of(echoes[0])
    good = binary_erosion(good[0])[None]
    first = np.angle(echoes[1] * echoes[0].conj())[good]
    second = np.angle(echoes[2] * echoes[1].conj())[good]
    factor = np.linalg.cholesky(np.array([[2.0, -1.0], [-1.0, 2.0]]))
    kept = np.ones(len(first), bool)
    for _ in range(6):
        points = np.stack([first - first[kept].mean(), second - second[kept].mean()])
        white = np.linalg.solve(factor, points)
        _, axes = np.linalg.eigh(white[:, kept] @ white[:, kept].T)
        away = axes[:, 0] @ white
        kept = np.abs(away) < 4 * 1.4826 * np.median(np.abs(away[kept]))
    direction = factor @ axes[:, 1]
    return float(direction[1] / direction[0])


@pytest.mark.parametrize("polarity", ["monopolar", "bipolar"])
def test_phase_grows_with_the_echo_times(shared_data: Path, polarity: str) -> None:
    path = shared_data / "raw-siemens" / f"phantom3T_gre3echo_{polarity}_1ch.h5"

    ratio = slope_ratio(combined(path))

    print(f"{polarity}: {ratio:.4f}")
    assert ratio == pytest.approx(1.200, abs=0.015)  # TE 4, 9, 15 ms


def test_sixteen_channels_and_the_body_coil_differ_by_a_smooth_phase(shared_data: Path) -> None:
    folder = shared_data / "raw-siemens"
    array = combined(folder / "brain3T_gre_te12p4_16ch.h5")[0, 0]
    body = combined(folder / "brain3T_gre_te12p4_bodycoil2ch.h5")[0, 0]

    ratio = array * body.conj()

    seen = (np.abs(body) > 10 * noise_of(body)) & (np.abs(array) > 10 * noise_of(array))
    assert seen.sum() > 4000
    assert residues(np.angle(ratio), seen) == 0
    # what is left of a smooth phase is noise: it does not know its neighbours, and at a tenth of
    # a radian a loop of 2π is beyond thirty deviations
    smooth = uniform_filter(ratio.real, 9) + 1j * uniform_filter(ratio.imag, 9)
    inner = binary_erosion(seen, iterations=4)
    rough = np.where(inner, np.angle(ratio * smooth.conj()), 0)
    pairs = inner[:, 1:] & inner[:, :-1]
    assert np.abs(rough[inner]).max() < np.pi / 2
    assert rough[inner].std() < 0.12
    assert abs(np.corrcoef(rough[:, 1:][pairs], rough[:, :-1][pairs])[0, 1]) < 0.05


def test_the_reference_generators_scan_is_its_own_image_in_both_repetitions(
    shared_data: Path,
) -> None:
    path = shared_data / "raw-ismrmrdtools" / "ismrmrdtools_sl128_c8_r2_noisecal.h5"

    emitted = run_chain("gre_recon.xml", read_scan(path))

    first, second = (echoes.data[0, 0] for echoes in complex_echoes(emitted))
    assert any("whitened with the scan's own noise lines" in text for text in texts(emitted))
    # whitened channels, combined with unit norm: the repetitions differ by noise of deviation √2
    difference = (first - second)[np.abs(first) > 5]
    assert difference.real.std() == pytest.approx(np.sqrt(2), rel=0.03)
    assert difference.imag.std() == pytest.approx(np.sqrt(2), rel=0.03)


def test_the_generators_phantom_is_found_behind_its_coils(shared_data: Path) -> None:
    path = shared_data / "raw-ismrmrdtools" / "ismrmrdtools_sl128_c8_r2_noisecal.h5"
    with h5py.File(path) as file:
        phantom = complex_array(file["dataset/phantom"])
        coils = complex_array(file["dataset/csm"]).reshape(8, 128, 128)

    first, second = (
        echoes.data[0, 0] for echoes in complex_echoes(run_chain("gre_recon.xml", read_scan(path)))
    )

    truth = np.abs(phantom) * np.sqrt((np.abs(coils) ** 2).sum(axis=0))
    inside = truth > 0.05 * truth.max()
    found = np.abs(first + second)[inside] / 2
    scale = (found * truth[inside]).sum() / (truth[inside] ** 2).sum()
    noise = 1 / np.linalg.norm(truth[inside] * scale) * np.sqrt(inside.sum() / 2)
    error = np.linalg.norm(found - scale * truth[inside]) / np.linalg.norm(scale * truth[inside])
    assert error < 1.2 * noise  # the whitening is estimated from 256 samples


def complex_array(dataset: h5py.Dataset) -> np.ndarray:
    """Complex numbers that the C++ library wrote as pairs."""
    values = dataset[()]
    return np.asarray((values["real"] + 1j * values["imag"]).squeeze())
