"""R2* of real echoes: its noise is that of the air, whatever the phase does."""

from pathlib import Path

import numpy as np
import pytest

from streamrecon.commands.image_inputs.echo_files import read_echo_files
from streamrecon.maps.r2star import fit_decay
from streamrecon.phase.image_noise import measure_noise
from streamrecon.phase.phase_scaling import complex_echoes
from streamrecon.qsm.total_field import TotalField, total_field

TE_S = tuple(round(0.00461 * echo, 5) for echo in range(1, 13))
AIR_SD = 8.0  # an upper guess from the quiet corners of the last echo; the air there says 3 to 8
pytestmark = pytest.mark.shared

Complex = np.ndarray[tuple[int, ...], np.dtype[np.complex64]]


@pytest.fixture(scope="module")
def abdomen(shared_data: Path) -> tuple[Complex, TotalField]:
    """Twelve echoes of an abdomen at 3 T, with fat, flow and breathing, and their field."""
    folder = shared_data.parent / "cases" / "truth" / "r2star_noise"
    if not folder.is_dir():
        pytest.skip("no case truth/r2star_noise beside the real scans")
    files = read_echo_files(
        [folder / "phase.nii.gz"], [folder / "mag.nii.gz"], te=[str(t) for t in TE_S], b0_t=3.0
    )
    echoes = complex_echoes(files.magnitude, files.phase, files.scale, sign=1)
    return echoes, total_field(echoes, files.te_s, files.b0_t, files.geometry)


def test_the_noise_is_that_of_the_air(abdomen: tuple[Complex, TotalField]) -> None:
    _, total = abdomen

    assert 2 < total.fit.noise < AIR_SD


def test_rates_are_those_with_the_noise_of_the_air(abdomen: tuple[Complex, TotalField]) -> None:
    echoes, total = abdomen
    magnitude, head = np.abs(echoes), total.fit.field_ppm != 0

    rate = fit_decay(magnitude, TE_S, head, noise=total.fit.noise).r2_star_per_s

    expected = fit_decay(magnitude, TE_S, head, noise=AIR_SD).r2_star_per_s
    for low, high in ((5, 30), (30, 80)):  # faster ones end in the noise of that upper guess
        tissue = head & (expected >= low) & (expected < high) & (magnitude[0] > 200)
        assert np.median(rate[tissue]) == pytest.approx(np.median(expected[tissue]), rel=0.03)


def test_the_told_deviation_is_the_scatter_over_draws(
    abdomen: tuple[Complex, TotalField],
) -> None:
    echoes, total = abdomen
    part = np.s_[:, :, 40:88, 30:100]
    clean, head = echoes[part], (total.fit.field_ppm != 0)[part[1:]]
    rng = np.random.default_rng(5)
    rates, told = [], []
    for _ in range(20):
        noise = rng.normal(0, 20, (2, *clean.shape)).astype(np.float32)
        noisy = clean + noise[0] + 1j * noise[1]
        decay = fit_decay(np.abs(noisy), TE_S, head, noise=measure_noise(noisy, head).sd)
        rates.append(decay.r2_star_per_s)
        told.append(decay.sd_per_s)

    known = head & (np.abs(clean[0]) > 200) & np.isfinite(told).all(axis=0)
    ratio = np.std(rates, axis=0, ddof=1)[known] / np.mean(told, axis=0)[known]
    assert np.median(ratio) == pytest.approx(1, abs=0.2)
