"""The algebra of the factors: closed values, both signs."""

from __future__ import annotations

import numpy as np
import pytest

from streamrecon.errors import ReconError
from streamrecon.maps.phase_mask import (
    Darkens,
    chi_weight,
    phase_mask,
    positive_weight,
    target_te_s,
)


def test_the_phase_factor_is_exact() -> None:
    phase = np.array([-np.pi, -0.1, 0, np.pi / 4, np.pi / 2, np.pi, 5.0], np.float32)
    expected = [1, 1, 1, 0.31640625, 0.0625, 0, 0]
    np.testing.assert_allclose(phase_mask(phase), expected, rtol=0, atol=1e-6)
    mirrored = phase_mask(-phase, darkens=Darkens.DIAMAGNETIC)
    np.testing.assert_allclose(mirrored, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("power", [1, 2, 5])
def test_the_power_is_how_often_the_factor_applies(power: int) -> None:
    found = phase_mask(np.array([np.pi / 2]), power=power)
    assert found[0] == pytest.approx(0.5**power, abs=1e-6)


def test_the_susceptibility_factor_is_exact() -> None:
    chi = np.array([-1, 0, 0.15, 0.225, 0.45, 2.0])
    expected = [1, 1, 4 / 9, 0.25, 0, 0]
    np.testing.assert_allclose(chi_weight(chi), expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(
        chi_weight(-chi, darkens=Darkens.DIAMAGNETIC), expected, rtol=0, atol=1e-6
    )
    np.testing.assert_allclose(
        chi_weight(chi, full_ppm=1.0, power=4)[[2, 3]], [0.85**4, 0.775**4], rtol=0, atol=1e-6
    )


def test_the_positive_factor_falls_from_what_is_quiet_to_the_largest_in_any_unit() -> None:
    """2000 voxels of the ramp turn forwards, so the largest counted is 1.998."""
    phase = np.linspace(-2, 2, 4001)
    mask = np.ones(phase.shape, bool)
    expected = np.where(phase > 0.3, np.clip(1 - (phase - 0.3) / 1.698, 0, 1) ** 4, 1)
    found = positive_weight(phase, mask, 0.3)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3)
    scaled = positive_weight(1e3 * phase, mask, 300.0)
    np.testing.assert_allclose(scaled, expected, rtol=0, atol=1e-3)
    mirrored = positive_weight(-phase, mask, 0.3, darkens=Darkens.DIAMAGNETIC)
    np.testing.assert_allclose(mirrored, expected, rtol=0, atol=1e-3)
    mask[4000] = False
    assert positive_weight(phase, mask, 0.3)[4000] == 1


def test_what_is_quiet_may_differ_from_voxel_to_voxel() -> None:
    phase, mask = np.full(2001, 1.0), np.ones(2001, bool)
    quiet = np.linspace(0, 2, 2001)
    expected = np.where(quiet < 1, (1 - (1 - quiet)) ** 4, 1)

    found = positive_weight(phase, mask, quiet)

    np.testing.assert_allclose(found, expected, rtol=0, atol=5e-3)  # a thousandth is black


def test_the_positive_factor_is_one_where_no_phase_stands_out() -> None:
    even = np.linspace(-2, 2, 4001)
    mask = np.ones(even.shape, bool)

    assert (positive_weight(even, mask, 2.0) == 1).all()
    assert (positive_weight(-abs(even), mask, 0.0) == 1).all()


def test_the_target_falls_with_the_field() -> None:
    assert [target_te_s(b0) for b0 in (1.5, 3.0, 7.0)] == pytest.approx([0.04, 0.02, 0.0135])
    assert 0.0275 < target_te_s(2.1) < 0.0295  # 1 / B0 between 1.5 and 3 T: 0.0286
    times = [target_te_s(b0) for b0 in (0.5, 1.5, 2.0, 3.0, 4.7, 7.0, 9.4)]
    assert times == sorted(times, reverse=True)


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(ReconError, match="B0"):
        target_te_s(0)
    with pytest.raises(ReconError, match="power"):
        phase_mask(np.zeros(1), power=0)
    with pytest.raises(ReconError, match="positive"):
        chi_weight(np.zeros(1), full_ppm=0)
