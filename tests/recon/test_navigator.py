"""Phase of navigators, and lines turned back by it."""

import numpy as np
from numpy.testing import assert_allclose

from streamrecon.recon.kspace.navigator import navigator_phase, phase_at, turned_back

RANDOM = np.random.default_rng(5)
FIRST = (RANDOM.standard_normal((3, 24)) + 1j * RANDOM.standard_normal((3, 24))).astype(
    np.complex64
)


def test_phase_is_followed_over_more_than_a_turn_with_its_sign() -> None:
    true = np.linspace(0, -9, 12)
    lines = (FIRST * np.exp(1j * true)[:, None, None]).astype(np.complex64)

    whole = navigator_phase(lines, FIRST)
    later = navigator_phase(lines[5:], FIRST, before_rad=float(whole[4]))

    assert_allclose(whole, true, atol=1e-5)
    assert_allclose(later, true[5:], atol=1e-5)


def test_lines_turned_back_are_what_they_were_in_a_still_field() -> None:
    phase = np.array([0.4, -1.3])
    still = np.stack([FIRST, 2 * FIRST])

    lines = turned_back((still * np.exp(1j * phase)[:, None, None]).astype(np.complex64), phase)

    assert lines.dtype == np.complex64
    assert_allclose(lines, still, atol=1e-5)


def test_between_navigators_phase_is_linear_and_beyond_constant() -> None:
    times, phase = np.array([10.0, 20.0]), np.array([1.0, 3.0])

    assert_allclose(phase_at(np.array([5.0, 10.0, 15.0, 25.0]), times, phase), [1, 1, 2, 3])
