"""Phase of bipolar readouts: found from the echoes, whatever the object does, and taken off."""

import numpy as np
import pytest
from narrowing import given
from numpy.testing import assert_allclose

from streamrecon.model.scan import EchoTrain
from streamrecon.recon.images.bipolar_phase import smooth_bipolar_phase
from streamrecon.recon.images.bipolar_readout import without_bipolar_phase

SHAPE = (11, 40, 49)
ALTERNATING = (1, -1, 1, -1)
TE_S = (0.004, 0.009, 0.014, 0.019)
Z, Y, X = (
    axis / n for axis, n in zip(np.ogrid[-5:6, -20:20, -24:25], SHAPE, strict=True)
)  # shares of the field of view
SLOW = 0.3 + 0.25 * np.sin(3 * X + 1) + 0.2 * Y * Z - 0.15 * np.cos(4 * Y)
FIELD_HZ = 30 * np.cos(5 * X) + 40 * Y**2 + 15 * Z + 60 * np.exp(-200 * ((X - 0.1) ** 2 + Y**2))


def echoes(
    phase: np.ndarray, readout_polarity: tuple[int, ...], te_s: tuple[float, ...] = TE_S
) -> tuple[np.ndarray, np.ndarray]:
    """A ball of one signal, with a field and its own offset, under readouts of two polarities."""
    random = np.random.default_rng(4)
    signal = np.where(X**2 + Y**2 + Z**2 < 0.16, 50.0, 0.0)
    turn = 0.8 * X - 0.5 * Y + 1.0
    images = np.stack(
        [
            signal * np.exp(1j * (turn + 2 * np.pi * FIELD_HZ * te + sign * phase))
            for te, sign in zip(te_s, readout_polarity, strict=True)
        ]
    )
    noise = random.standard_normal((2, *images.shape))
    return (images + noise[0] + 1j * noise[1]).astype(np.complex64), signal > 0


@pytest.mark.parametrize("first", [1, -1])
def test_a_smooth_phase_is_found_with_its_sign_whichever_readout_comes_first(first: int) -> None:
    readout_polarity = tuple(first * sign for sign in ALTERNATING)
    images, inside = echoes(SLOW, readout_polarity)

    found = given(smooth_bipolar_phase(images, TE_S, readout_polarity))

    assert found.dtype == np.float32
    # a polynomial of order 4 follows a sine over half its turn to some hundredths
    assert_allclose(found[inside], np.broadcast_to(SLOW, SHAPE)[inside], atol=0.03)


def test_a_small_source_of_field_is_left_alone() -> None:
    images, inside = echoes(np.zeros(SHAPE), ALTERNATING)

    found = given(smooth_bipolar_phase(images, TE_S, ALTERNATING))

    assert np.abs(found[inside]).max() < 0.01


@pytest.mark.parametrize("cycles", [0.3, -0.3])
def test_the_field_is_free_of_delay_constant_and_slow_phase(cycles: float) -> None:
    images, inside = echoes(SLOW + 2 * np.pi * cycles * X, ALTERNATING)
    before = images.copy()

    clean, told = without_bipolar_phase(images, EchoTrain(TE_S, readout_polarity=ALTERNATING))

    slope = np.angle(clean[1] * clean[0].conj()) / (2 * np.pi * (TE_S[1] - TE_S[0]))
    wrapped = (slope - FIELD_HZ + 100) % 200 - 100  # 1 / ΔTE is 200 Hz
    assert abs(wrapped[inside].mean()) < 0.1
    assert np.abs(wrapped[inside]).max() < 5.0  # Hz; noise of 1/50 alone makes 0.9 Hz
    assert f"ramp of {cycles:+.1f}"[:-2] in told  # to the sign: the slow phase has a slope too
    assert (images == before).all()


def test_unevenly_spaced_echoes_lose_the_ramp_only_and_say_so() -> None:
    te_s = (0.004, 0.009, 0.016, 0.019)
    images, inside = echoes(2 * np.pi * 0.3 * X + 0.4, ALTERNATING, te_s)

    clean, told = without_bipolar_phase(images, EchoTrain(te_s, readout_polarity=ALTERNATING))

    assert "unevenly spaced" in told
    expected, _ = echoes(np.full(SHAPE, 0.4), ALTERNATING, te_s)
    turned = np.angle(clean * expected.conj())[:, inside]
    assert np.abs(turned).max() < 0.25  # noise of two images, and the ramp's own error


@pytest.mark.parametrize("readout_polarity", [(1, 1, 1, 1), (1, 1, -1, -1), (1, -1, -1, 1)])
def test_echoes_that_do_not_alternate_tell_nothing(readout_polarity: tuple[int, ...]) -> None:
    images, _ = echoes(SLOW, readout_polarity)

    assert smooth_bipolar_phase(images, TE_S, readout_polarity) is None
