"""Echoes of which one has another sign or scale are found; echoes of every real scan pass."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest

from streamrecon.errors import DataError
from streamrecon.phase.echo_agreement import check_echoes, echoes_off_line, wraps_at
from streamrecon.phase.phase_scaling import RADIANS

SHAPE = (20, 41, 36)
TE_S = (0.003, 0.009, 0.015, 0.021)


def head(*, air: bool = True, bipolar: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Magnitude and phase [E, Z, Y, X]: a curved field, an offset and noise in an ellipsoid."""
    z, y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in SHAPE), indexing="ij")
    inside = x**2 + y**2 + z**2 < 0.8
    hz = 60 * (x**2 - 0.6 * y**2) + 25 * np.sin(4 * x) * np.cos(3 * y) + 40 * x
    te = np.array(TE_S)[:, None, None, None]
    odd = np.array([1, -1, 1, -1])[:, None, None, None]
    turn = 2 * np.pi * hz * te + 0.8 * y * x + 1.1 + bipolar * odd * (x + 0.2 * x**2)
    signal = inside * np.exp(1j * turn - 25 * te)
    noise = np.random.default_rng(5).standard_normal((2, *signal.shape)) / 40
    signal = signal + (noise[0] + 1j * noise[1]) * (air | inside)
    return np.abs(signal).astype(np.float32), np.angle(signal).astype(np.float32)


@pytest.mark.parametrize("bipolar", [0.0, 2.0])
@pytest.mark.parametrize("air", [True, False])
@pytest.mark.parametrize("sign", [1, -1])
def test_echoes_that_belong_together_pass(sign: int, air: bool, bipolar: float) -> None:
    magnitude, phase = head(air=air, bipolar=bipolar)
    assert not check_echoes(magnitude, sign * phase, RADIANS, TE_S)


@pytest.mark.parametrize("count", [3, 4])
@pytest.mark.parametrize("echo", [1, 2])
def test_an_echo_that_runs_against_the_others_is_named(echo: int, count: int) -> None:
    magnitude, phase = (images[:count] for images in head(air=False))
    phase[echo] *= -1

    with pytest.raises(DataError, match=f"found echo {echo + 1} with the other sign"):
        check_echoes(magnitude, phase, RADIANS, TE_S[:count])


@pytest.mark.parametrize("one", [0, 1, 2])
@pytest.mark.parametrize("sign", [1, -1])
def test_echoes_in_each_others_place_are_named(sign: int, one: int) -> None:
    magnitude, phase = head(air=False)
    order = [0, 1, 2, 3]
    order[one], order[one + 1] = order[one + 1], order[one]

    with pytest.raises(DataError, match=f"echoes {one + 1} and {one + 2} in each other's place"):
        check_echoes(magnitude[order], sign * phase[order], RADIANS, TE_S)


@pytest.mark.parametrize("sign", [1, -1])
def test_an_order_that_is_turned_is_refused_and_rising_magnitudes_are_doubted(sign: int) -> None:
    magnitude, phase = head(air=False)

    with pytest.raises(DataError, match="in the reverse of the order of their times"):
        check_echoes(magnitude, sign * phase[::-1], RADIANS, TE_S)
    doubts = check_echoes(magnitude[::-1], sign * phase, RADIANS, TE_S)
    assert "times as bright as the one before" in " ".join(doubts)


def test_one_echo_twice_is_refused() -> None:
    magnitude, phase = head()
    with pytest.raises(DataError, match="found the same numbers in echoes 2 and 3"):
        check_echoes(magnitude, phase[[0, 1, 1, 3]], RADIANS, TE_S)


def test_a_phase_that_is_the_same_everywhere_is_no_fault() -> None:
    magnitude, _ = head()
    phase = np.broadcast_to(np.array([0.1, 0.3, 0.5, 0.7])[:, None, None, None], magnitude.shape)
    assert not check_echoes(magnitude, phase, RADIANS, TE_S)
    assert echoes_off_line(np.ones_like(magnitude), 0 * phase, TE_S) == ("", False)


def test_of_two_echoes_nothing_is_said() -> None:
    magnitude, phase = (images[:2] for images in head())
    phase[1] *= -1
    assert not check_echoes(magnitude, phase, RADIANS, TE_S[:2])


@pytest.mark.parametrize("scale", [1 / (2 * np.pi), 1 / np.pi, 0.5])
def test_an_echo_in_another_scale_is_named(scale: float) -> None:
    magnitude, phase = head()
    phase[2] *= scale
    with pytest.raises(DataError, match="found echo 3 to wrap at"):
        check_echoes(magnitude, phase, RADIANS, TE_S)


def test_phase_that_does_not_wrap_may_be_of_any_range() -> None:
    x = np.linspace(-1, 1, SHAPE[2])
    assert wraps_at(np.broadcast_to(x, SHAPE)) is None
    assert wraps_at(np.zeros(SHAPE)) is None
    assert wraps_at(head()[1][0]) is None


@pytest.mark.parametrize("written", [-np.pi, 0.0, np.pi])
def test_a_number_that_is_written_where_there_is_no_signal_is_no_end(written: float) -> None:
    magnitude, _ = head()
    narrow = 0.4 * np.sin(np.linspace(-3, 3, SHAPE[2], dtype=np.float32))
    speckled = np.where(magnitude[0] > 0.05, narrow, np.float32(written))
    assert wraps_at(speckled) is None


@pytest.mark.shared
def test_a_real_brain_passes_and_is_refused_with_an_echo_turned(shared_data: Path) -> None:
    folder = shared_data / "romeo-crop"
    magnitude, stored = (
        np.asarray(nibabel.load(folder / name).dataobj, np.float32).T
        for name in ("Mag.nii", "Phase.nii")
    )
    phase = stored * np.float32(np.pi / abs(stored).max())
    te_s = (0.004, 0.008, 0.012)

    assert not check_echoes(magnitude, phase, RADIANS, te_s)
    for echo in range(3):
        changed = phase.copy()
        changed[echo] *= -1
        fault, is_sure = echoes_off_line(magnitude, changed, te_s)
        assert fault == f"echo {echo + 1} with the other sign than the others"
        assert is_sure == (echo > 0)  # the first has little phase
    with pytest.raises(DataError, match="in the reverse of the order of their times"):
        check_echoes(magnitude[::-1], phase[::-1], RADIANS, te_s)
