"""Phase in other people's numbers: recognised, told, or refused; never stretched."""

from collections.abc import Callable

import numpy as np
import pytest

from streamrecon.errors import DataError
from streamrecon.phase.phase_scaling import PhaseScale, complex_echoes, recognise_phase

WRITTEN: dict[str, tuple[Callable[[np.ndarray], np.ndarray], str]] = {
    "radians": (lambda phi: phi, "radians"),
    "radians from 0": (lambda phi: np.mod(phi, 2 * np.pi), "from 0"),
    "12 bits": (lambda phi: np.round((phi + np.pi) / (2 * np.pi) * 4095), "2048"),
    "Siemens": (lambda phi: 2 * np.round((phi + np.pi) / (2 * np.pi) * 4095) - 4096, "Siemens"),
    "Philips": (lambda phi: np.round(1000 * phi), "milliradians"),
    "degrees": (np.degrees, "degrees"),
    "12 bits with sign": (lambda phi: np.round(phi / np.pi * 2047), "with sign"),
}


@pytest.mark.parametrize("habit", WRITTEN)
def test_every_vendors_numbers_give_the_same_phase(habit: str) -> None:
    write, word = WRITTEN[habit]
    phi = np.random.default_rng(0).uniform(-np.pi, np.pi, (2, 5, 6, 7))
    stored = write(phi)

    scale = recognise_phase(stored.min(), stored.max())
    echoes = complex_echoes(np.full(phi.shape, 3.0), stored, scale, sign=1)

    assert word in str(scale)
    # rounding, and the step in which habits of 4095 and 4096 steps a turn differ at the end
    assert np.abs(np.angle(echoes * np.exp(-1j * phi))).max() < 2 * 2 * np.pi / 4096
    np.testing.assert_allclose(np.abs(echoes), 3.0, rtol=1e-5)


@pytest.mark.parametrize(
    ("low", "high"), [(-0.00367, 0.00367), (0, 255), (-1e4, 1e4), (0, 0), (-3000, 1000)]
)
def test_numbers_that_nobody_writes_are_refused(low: float, high: float) -> None:
    with pytest.raises(DataError, match=r"phase: found numbers of .* needed one of the ranges"):
        recognise_phase(low, high)


def test_a_unit_is_believed_over_the_range() -> None:
    assert recognise_phase(-0.1, 0.2, unit="rad").rad_per_step == 1.0


def test_a_quiet_image_in_radians_is_recognised() -> None:
    scale = recognise_phase(-1.2, 2.0)

    assert scale.rad_per_step == 1.0
    assert "do not reach" in str(scale)


def test_ends_of_ones_own_stand_for_half_turns() -> None:
    scale = PhaseScale.between(-0.00367, 0.00367)

    echoes = complex_echoes(np.ones((1, 1, 1, 2)), np.array([[[[-0.001835, 0.001835]]]]), scale,
                            sign=1)  # fmt: skip

    np.testing.assert_allclose(np.angle(echoes).ravel(), [-np.pi / 2, np.pi / 2], rtol=1e-5)


def test_a_falling_phase_is_turned_round_and_nan_is_left_out() -> None:
    stored = np.array([[[[0.5, np.nan]]]])

    echoes = complex_echoes(np.full((1, 1, 1, 2), 2.0), stored, PhaseScale(1.0, 0.0, ""), sign=-1)

    np.testing.assert_allclose(echoes.ravel(), [2 * np.exp(-0.5j), 0], rtol=1e-6)
