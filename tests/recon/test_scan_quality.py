"""What repeated central lines and the order of lines tell."""

import numpy as np
import pytest

from streamrecon.recon.kspace.scan_quality import EchoOrder, change, mean_signal

RANDOM = np.random.default_rng(6)


def noise(*shape: int) -> np.ndarray:
    return RANDOM.standard_normal(shape) + 1j * RANDOM.standard_normal(shape)


def test_a_line_that_is_larger_and_turned_is_no_different() -> None:
    line = noise(4, 64)

    found = change(0.9 * np.exp(0.3j) * line, line)

    assert found.size == pytest.approx(0.9)
    assert found.turn_rad == pytest.approx(0.3)
    assert found.difference == pytest.approx(0, abs=1e-6)


def test_noise_is_no_difference_but_a_moved_object_is() -> None:
    k = np.arange(64) - 32
    line = 200 * np.exp(-(k**2) / 30) * np.array([[1], [1j]])
    moved = line * np.exp(2j * np.pi * k * 0.05)  # three voxels of 64

    still = change(line + noise(2, 64), line + noise(2, 64), deviation=1.0)
    after = change(moved + noise(2, 64), line + noise(2, 64), deviation=1.0)

    assert still.difference < 0.02
    # left of a Gaussian exp(-k²/30) turned by θ = 2π·0.05 a sample: |mean|² = exp(-θ²·15/2 / 1)
    theta = 2 * np.pi * 0.05
    expected = np.sqrt(1 - np.exp(-(theta**2) * 7.5))
    assert after.difference == pytest.approx(expected, abs=0.03)


def test_the_mean_signal_is_that_of_the_image_it_belongs_to() -> None:
    image = np.zeros((8, 16, 20))
    image[2:6, 3:9, 5:15] = 40.0
    centre = image.sum() / np.sqrt(image.size)  # unitary transform
    line = np.zeros((2, 20), complex)
    line[:, 10] = centre * np.array([0.6, 0.8j])

    assert mean_signal(line, 10, image.size) == pytest.approx(image.mean())


def trains(*missing: int) -> np.ndarray:
    return np.delete(np.tile(np.arange(4), 10), missing)


@pytest.mark.parametrize("missing", [(), (17,), (17, 18), (20,), (11, 30)])
def test_lines_missing_from_their_trains_are_counted_however_they_are_cut(
    missing: tuple[int, ...],
) -> None:
    order, echoes = EchoOrder(4), trains(*missing)

    counted = sum(order.missing(part) for part in np.split(echoes, [1, 7, 20, 20]))

    assert counted == len(missing)


def test_where_echoes_do_not_follow_one_another_nothing_is_told() -> None:
    assert EchoOrder(3).missing(np.repeat(np.arange(3), 50)) == 0
    assert EchoOrder(1).missing(np.zeros(50, int)) == 0
