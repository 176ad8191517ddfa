"""R2* against noise-free and noisy decays, the table of methods, and field gradients."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import least_squares

from streamrecon.errors import ReconError
from streamrecon.maps.dephasing import Dephasing
from streamrecon.maps.r2star import fit_arlo, fit_decay, fit_log_line, t2_star_s

TE_S = tuple(np.linspace(0.005, 0.029, 5).tolist())
UNEVEN_S = (0.004, 0.009, 0.015, 0.028)
ONLY_SLICES = (True, False, False)


def decays(
    r2_star: float,
    te_s: tuple[float, ...] = TE_S,
    *,
    snr: float = np.inf,
    n: int = 40_000,
    s0: float = 1.0,
    factor: float | np.ndarray = 1.0,
    seed: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """Magnitudes [E, n/400, 20, 20] of a decay in complex noise, and the mask."""
    shape = (n // 400, 20, 20)
    clean = s0 * np.exp(-r2_star * np.array(te_s)) * factor
    signal = np.broadcast_to(clean[:, None, None, None], (len(te_s), *shape))
    noise = np.random.default_rng(seed).standard_normal((2, *signal.shape)) * (s0 / snr)
    return np.abs(signal + noise[0] + 1j * noise[1]).astype(np.float32), np.ones(shape, bool)


def slopes(hz_per_mm: float, shape: tuple[int, ...], axis: int = 0) -> np.ndarray:
    found = np.zeros((3, *shape), np.float32)
    found[axis] = hz_per_mm
    return found


@pytest.mark.parametrize("rate", [0.0, 3.0, 30.0, 150.0])
@pytest.mark.parametrize("te_s", [TE_S, UNEVEN_S, TE_S[:2]], ids=["even", "uneven", "two"])
def test_without_noise_the_decay_is_met_exactly(rate: float, te_s: tuple[float, ...]) -> None:
    magnitude, mask = decays(rate, te_s, n=400, s0=70.0)

    found = fit_decay(magnitude, te_s, mask, noise=0.0)

    np.testing.assert_allclose(found.r2_star_per_s, rate, atol=1e-2 + 1e-4 * rate)
    np.testing.assert_allclose(found.s0, 70, rtol=1e-4)
    assert found.residual.max() < 0.02  # of 70: float32
    assert found.trusted.all()


def test_arlo_without_noise_is_off_only_by_its_quadrature() -> None:
    magnitude, mask = decays(30.0, n=400)
    found = fit_arlo(magnitude, TE_S, mask, noise=0.0)
    # Simpson's rule over 12 ms of a decay of 33 ms: relative error (R Δ)⁴ / 180 = 6e-6
    np.testing.assert_allclose(found, 30, rtol=1e-4)


# bias and spread that each method had in a simulation of its own: 10⁵ voxels of the same decays
TABLE = {
    (50, 30): {"arlo": (0.2, 1.9), "log": (0.2, 1.8), "fit": (0.2, 1.8)},
    (20, 15): {"arlo": (0.2, 3.6), "log": (0.3, 3.4), "fit": (0.2, 3.4)},
    (20, 60): {"arlo": (0.7, 8.1), "log": (3.1, 7.5), "fit": (0.9, 7.7)},
    (50, 120): {"arlo": (1.6, 8.8), "log": (5.3, 8.4), "fit": (1.6, 8.8)},
}


@pytest.mark.parametrize(("snr", "rate"), TABLE)
def test_bias_and_spread_are_within_the_table(snr: int, rate: int) -> None:
    magnitude, mask = decays(rate, snr=snr)

    fit = fit_decay(magnitude, TE_S, mask, noise=1 / snr)
    found = {
        "arlo": fit_arlo(magnitude, TE_S, mask, noise=1 / snr),
        "log": fit_log_line(magnitude, TE_S, mask, noise=1 / snr),
        "fit": fit.r2_star_per_s,
    }

    for name, (bias, spread) in TABLE[snr, rate].items():
        values = found[name].astype(float)
        assert abs(values.mean() - rate) <= bias, name
        assert values.std() <= 1.04 * spread, name  # the table has two digits
    # the uncertainty is the spread; the misfit of a right model is the noise
    assert np.median(fit.sd_per_s) == pytest.approx(fit.r2_star_per_s.std(), rel=0.05)
    assert np.sqrt((fit.residual**2).mean()) == pytest.approx(1, abs=0.06)


def test_a_late_echo_on_the_noise_floor_does_not_slow_the_decay() -> None:
    te_s = tuple(np.arange(1, 9) * 0.006)  # at R2* 60 and SNR 15 half of them are noise
    magnitude, mask = decays(60.0, te_s, snr=15)

    aware = fit_decay(magnitude, te_s, mask, noise=1 / 15).r2_star_per_s.mean()
    naive = fit_decay(magnitude, te_s, mask, noise=0.0).r2_star_per_s.mean()

    assert abs(aware - 60) < 1.0
    assert naive < 56


def test_the_fit_is_the_least_squares_solution() -> None:
    rng = np.random.default_rng(5)
    rate, s0 = rng.uniform(5, 90, 30), rng.uniform(50, 200, 30)
    times = np.array(TE_S)
    magnitude = s0 * np.exp(-np.outer(times, rate)) + rng.normal(0, 2, (5, 30))
    cube = magnitude.astype(np.float32).reshape(5, 5, 3, 2)

    found = fit_decay(cube, TE_S, np.ones((5, 3, 2), bool), noise=0.0, steps=12)

    for v in range(30):

        def misfit(p: np.ndarray, seen: np.ndarray = magnitude[:, v]) -> np.ndarray:
            return np.asarray(p[0] * np.exp(-p[1] * times) - seen)

        truth = least_squares(misfit, (s0[v], rate[v]))
        assert found.r2_star_per_s.ravel()[v] == pytest.approx(truth.x[1], rel=2e-3, abs=0.05)
        assert found.s0.ravel()[v] == pytest.approx(truth.x[0], rel=2e-3)


@pytest.mark.parametrize("hz_per_mm", [-5, 5, 10])
def test_a_gradient_through_the_slice_is_taken_off_to_two_per_cent(hz_per_mm: int) -> None:
    # truth: the mean over a voxel cut into 2000 layers, not the sinc
    layers = (np.arange(2000) + 0.5) / 2000 * 2 - 1  # 2 mm
    turned = np.exp(2j * np.pi * hz_per_mm * np.outer(TE_S, layers)).mean(axis=1)
    magnitude, mask = decays(30.0, factor=np.abs(turned), snr=50)
    slab = Dephasing(slopes(hz_per_mm, mask.shape), (2.0, 1.0, 1.0), ONLY_SLICES)

    corrected = fit_decay(magnitude, TE_S, mask, noise=0.02, dephasing=slab)
    left_in = fit_decay(magnitude, TE_S, mask, noise=0.02)

    assert corrected.r2_star_per_s.mean() == pytest.approx(30, rel=0.02)
    assert left_in.r2_star_per_s.mean() > 34.5
    assert corrected.trusted.all()


def test_a_gradient_that_leaves_no_signal_is_flagged() -> None:
    magnitude, mask = decays(30.0, n=400)
    slab = Dephasing(slopes(60.0, mask.shape), (2.0, 1.0, 1.0), ONLY_SLICES)
    assert not fit_decay(magnitude, TE_S, mask, noise=0.0, dephasing=slab).trusted.any()


def encoded_echoes(hz_per_mm: float, rate: float) -> np.ndarray:
    """Magnitude [E, 64] of a rod measured with 64 Fourier encodings of 2 mm, from 64 × 32 spins."""
    n, fine = 64, 32
    position_mm = (np.arange(n * fine) - n * fine // 2) * 2 / fine
    rod = np.abs(position_mm) < 45
    echoes = []
    for te in TE_S:
        spins = rod * np.exp((-rate + 2j * np.pi * hz_per_mm * position_mm) * te)
        spectrum = np.fft.fftshift(np.fft.fft(np.fft.ifftshift(spins)))
        window = spectrum[n * fine // 2 - n // 2 : n * fine // 2 + n // 2]
        echoes.append(np.fft.fftshift(np.fft.ifft(np.fft.ifftshift(window))) / fine)
    return np.abs(echoes)


@pytest.mark.parametrize("hz_per_mm", [4.0, 8.0])
def test_on_a_fourier_encoded_axis_nothing_is_lost_and_a_sinc_overcorrects(
    hz_per_mm: float,
) -> None:
    inside = encoded_echoes(hz_per_mm, 30.0)[:, 24:40]  # far from the rod's ends
    magnitude = inside.astype(np.float32).reshape(5, 16, 1, 1)
    mask = np.ones((16, 1, 1), bool)
    slope = slopes(hz_per_mm, mask.shape)

    def rate(*, box: bool) -> float:
        voxel = Dephasing(slope, (2.0, 1.0, 1.0), (box, False, False))
        found = fit_decay(magnitude, TE_S, mask, noise=0.0, dephasing=voxel)
        return float(found.r2_star_per_s.mean())

    assert rate(box=False) == pytest.approx(30, abs=1.5)  # ripples of the rod's ends
    assert rate(box=True) < 30 - 0.15 * hz_per_mm**2


def test_voxels_outside_the_mask_and_without_signal_are_left_alone() -> None:
    magnitude, mask = decays(30.0, n=400)
    mask[0, 3] = False
    magnitude[:, 0, 4] = 0
    found = fit_decay(magnitude, TE_S, mask, noise=0.1)
    assert not found.r2_star_per_s[0, 3].any()
    assert not found.sd_per_s[0, 3].any()
    assert np.isinf(found.sd_per_s[0, 4]).all()
    assert np.isfinite(found.r2_star_per_s).all()


def test_what_cannot_be_fitted_is_refused() -> None:
    magnitude, mask = decays(30.0, UNEVEN_S, n=400)
    with pytest.raises(ReconError, match="equidistant"):
        fit_arlo(magnitude, UNEVEN_S, mask, noise=0.0)
    with pytest.raises(ReconError, match="at least two"):
        fit_decay(magnitude[:1], UNEVEN_S[:1], mask, noise=0.0)
    with pytest.raises(ReconError, match="not finite"):
        fit_decay(magnitude * np.nan, UNEVEN_S, mask, noise=0.0)


def test_times_and_rates_are_inverse_and_end_at_a_limit() -> None:
    rate = np.array([[[50.0, 0.0, -3.0, 20.0]]], np.float32)
    mask = np.array([[[True, True, True, False]]])
    np.testing.assert_allclose(t2_star_s(rate, mask), [[[0.02, 0.5, 0.5, 0.0]]], rtol=1e-6)


def test_noise_of_every_voxel_fits_each_as_its_own_noise_does() -> None:
    magnitude, mask = decays(40.0, snr=15, n=4000, s0=70.0)
    noise = np.full(mask.shape, 70 / 15, np.float32)
    noise[:5] *= 2

    found = fit_decay(magnitude, TE_S, mask, noise=noise)

    for part, sd in ((np.s_[:5], 140 / 15), (np.s_[5:], 70 / 15)):
        alone = fit_decay(magnitude[:, part], TE_S, mask[part], noise=sd)
        for name in ("r2_star_per_s", "s0", "sd_per_s", "residual"):
            np.testing.assert_allclose(
                getattr(found, name)[part], getattr(alone, name), rtol=2e-3, atol=2e-3
            )


@pytest.mark.parametrize("te_s", [TE_S, UNEVEN_S], ids=["even", "uneven"])
def test_fat_beside_water_is_flagged_and_a_plain_decay_is_not(te_s: tuple[float, ...]) -> None:
    plain, mask = decays(40.0, te_s, snr=60)
    fat = 0.3 * np.exp(-2j * np.pi * 434 * np.array(te_s))  # 3.4 ppm at 3 T
    mixed, _ = decays(40.0, te_s, snr=60, factor=0.7 + fat)

    pure, both = (fit_decay(m, te_s, mask, noise=1 / 60) for m in (plain, mixed))

    assert pure.departing_fraction(mask) < 0.005  # of one degree of freedom or more: 0.3 %
    assert both.departing_fraction(mask) > 0.95
