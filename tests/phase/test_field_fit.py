"""The field fit against lines that were drawn, noise that was thrown, and numpy.polyfit."""

from __future__ import annotations

import numpy as np
import pytest

from streamrecon.errors import ReconError
from streamrecon.phase.field_fit import fit_field

SHAPE = (9, 31, 30)
TE_S = (0.004, 0.011, 0.019, 0.026)
RAD_PER_PPM_S = 2 * np.pi * 42.577478518 * 3.0


def lines(
    te_s: tuple[float, ...] = TE_S, offset: float = 0.0, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    field = np.random.default_rng(seed).uniform(-0.5, 0.5, SHAPE)
    return field, RAD_PER_PPM_S * field * np.array(te_s)[:, None, None, None] + offset


def decay(te_s: tuple[float, ...] = TE_S, r2: float = 40.0) -> np.ndarray:
    return np.exp(-r2 * np.array(te_s))[:, None, None, None] * np.ones(SHAPE)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("te_s", [TE_S, TE_S[:2]], ids=["four echoes", "two echoes"])
def test_a_line_gives_its_slope_whatever_its_intercept(te_s: tuple[float, ...], sign: int) -> None:
    field, phase = lines(te_s, offset=sign * 0.7)
    mask = np.ones(SHAPE, bool)
    mask[0] = False

    found = fit_field(sign * phase, decay(te_s), mask, te_s, 3.0, noise=0.02, intercept_sd_rad=0)

    np.testing.assert_allclose(found.field_ppm[1:], sign * field[1:], atol=1e-5)
    assert (found.field_ppm[0] == 0).all()
    np.testing.assert_allclose(found.offset_rad[1:], 0.7, atol=1e-3)


def test_one_echo_gives_its_phase_over_te() -> None:
    field, phase = lines((0.02,))
    mask = np.ones(SHAPE, bool)
    mask[0] = False

    found = fit_field(phase, decay((0.02,)), mask, (0.02,), 3.0, noise=0.02)

    np.testing.assert_allclose(found.field_ppm[1:], field[1:], atol=1e-5)


def test_a_map_of_the_fit_does_not_keep_the_others_in_memory() -> None:
    _, phase = lines()

    found = fit_field(phase, decay(), np.ones(SHAPE, bool), TE_S, 3.0, noise=0.02)

    for held in (found.field_ppm, found.sd_ppm, found.residual_rad, found.offset_rad):
        whole = held if held.base is None else held.base
        assert whole.nbytes <= held.nbytes


def test_the_fit_is_that_of_polyfit() -> None:
    _, phase = lines()
    phase += np.random.default_rng(1).normal(0, 0.05, phase.shape)
    magnitude = decay() * np.random.default_rng(2).uniform(0.5, 1.5, phase.shape)

    found = fit_field(
        phase, magnitude, np.ones(SHAPE, bool), TE_S, 3.0, noise=0.02, intercept_sd_rad=0
    )

    for voxel in [(0, 0, 0), (4, 20, 7), (8, 30, 29)]:
        at = (slice(None), *voxel)
        slope, offset = np.polyfit(TE_S, phase[at], 1, w=magnitude[at])
        assert found.field_ppm[voxel] == pytest.approx(slope / RAD_PER_PPM_S, abs=1e-5)
        assert found.offset_rad[voxel] == pytest.approx(offset, abs=1e-4)


def test_the_predicted_spread_is_the_true_one() -> None:
    field, phase = lines()
    magnitude = decay() * np.linspace(0.3, 1.0, SHAPE[2])
    rng = np.random.default_rng(3)
    noise = 0.02 * (rng.standard_normal(phase.shape) + 1j * rng.standard_normal(phase.shape))
    signal = magnitude * np.exp(1j * phase) + noise
    near = phase + np.angle(signal * np.exp(-1j * phase))

    found = fit_field(near, abs(signal), np.ones(SHAPE, bool), TE_S, 3.0, noise=0.02)

    score = (found.field_ppm - field) / found.sd_ppm
    assert score[..., :15].std() == pytest.approx(1, rel=0.1)
    assert score[..., 15:].std() == pytest.approx(1, rel=0.1)
    assert found.residual_rad.mean() > 0.01


def test_phase_that_no_line_fits_is_misfit_and_not_noise() -> None:
    field, phase = lines()
    breathing = np.array([0.3, -0.4, 0.5, -0.3])[:, None, None, None]

    whole = np.ones(SHAPE, bool)
    still, moved = (
        fit_field(values, decay(), whole, TE_S, 3.0, noise=0.02, intercept_sd_rad=0)
        for values in (phase, phase + breathing)
    )

    np.testing.assert_allclose(moved.sd_ppm, still.sd_ppm, rtol=1e-6)
    assert (moved.residual_rad > 0.1).all()
    assert moved.noise == 0.02
    np.testing.assert_allclose(still.field_ppm, field, atol=1e-5)


def test_a_wrap_left_in_the_last_echo_does_little_harm() -> None:
    field, phase = lines()
    wrapped_once = phase.copy()
    wrapped_once[3, 4] += 2 * np.pi

    found = fit_field(
        wrapped_once, decay(r2=90.0), np.ones(SHAPE, bool), TE_S, 3.0, noise=0.02, steps=4
    )

    np.testing.assert_allclose(found.field_ppm[4], field[4], atol=1e-4)


def test_a_broken_phase_is_refused() -> None:
    _, phase = lines()
    phase[0, 2, 2, 2] = np.nan

    with pytest.raises(ReconError, match="not finite inside the mask"):
        fit_field(phase, decay(), np.ones(SHAPE, bool), TE_S, 3.0, noise=0.02)
    with pytest.raises(ReconError, match="mask is empty"):
        fit_field(phase, decay(), np.zeros(SHAPE, bool), TE_S, 3.0, noise=0.02)


def test_noise_of_every_voxel_gives_each_its_own_deviation() -> None:
    _, phase = lines()
    whole = np.ones(SHAPE, bool)
    noise = np.full(SHAPE, 0.02, np.float32)
    noise[..., :2] = 0.05

    found = fit_field(phase, decay(), whole, TE_S, 3.0, noise=noise)

    for part, sd in ((np.s_[..., :2], 0.05), (np.s_[..., 2:], 0.02)):
        alone = fit_field(phase, decay(), whole, TE_S, 3.0, noise=sd)
        np.testing.assert_allclose(found.sd_ppm[part], alone.sd_ppm[part], rtol=1e-5)
        np.testing.assert_allclose(found.field_ppm[part], alone.field_ppm[part], atol=1e-4)
