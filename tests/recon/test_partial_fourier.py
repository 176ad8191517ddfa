"""Partial k-space: what POCS gives back, what it takes, and what it leaves alone."""

from collections.abc import Callable

import numpy as np
import pytest
import scipy.fft
from numpy.testing import assert_allclose, assert_array_equal

from streamrecon.model.geometry import Geometry
from streamrecon.recon.images.partial_fourier import fill_by_pocs, partial_axes, with_phase_of

GRID = Geometry((9, 40, 33), (3.0, 1.5, 2.0), np.eye(3)[::-1])
FULL = [
    (-n / 2 / (n * mm), n / 2 / (n * mm)) for n, mm in zip(GRID.shape, GRID.voxel_mm, strict=True)
]
FOV_Y_MM = 60.0


def spectrum(image: np.ndarray) -> np.ndarray:
    shifted = scipy.fft.ifftshift(image, axes=(1, 2, 3))
    return scipy.fft.fftshift(scipy.fft.fftn(shifted, axes=(1, 2, 3)), axes=(1, 2, 3))


def zero_filled(image: np.ndarray, lowest_y: int) -> tuple[np.ndarray, list[tuple[float, float]]]:
    """The image without the lines below ``lowest_y``, and what was measured of k."""
    kspace = spectrum(image)
    kspace[:, :, : 20 + lowest_y] = 0
    shifted = scipy.fft.ifftshift(kspace, axes=(1, 2, 3))
    image = scipy.fft.fftshift(scipy.fft.ifftn(shifted, axes=(1, 2, 3)), axes=(1, 2, 3))
    return image.astype(np.complex64), [FULL[0], ((lowest_y - 0.5) / FOV_Y_MM, FULL[1][1]), FULL[2]]


def box(phase: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Two echoes of a box with sharp edges and a given phase along y."""
    y = np.arange(40) - 20
    profile = (1.0 * (np.abs(y) < 9)) * np.exp(1j * phase(y))
    image = np.zeros((2, *GRID.shape), complex)
    image[:, 2:7, :, 8:25] = profile[None, None, :, None]
    return image


def smooth(y: np.ndarray) -> np.ndarray:
    return 0.4 * np.sin(2 * np.pi * y / 40) + 0.8


def test_a_box_of_smooth_phase_gets_its_edges_back() -> None:
    true = box(smooth)
    zeros, ranges = zero_filled(true, -8)

    filled = fill_by_pocs(zeros, ranges, GRID, iterations=5)

    def edge_error(image: np.ndarray) -> float:
        return float(np.abs(np.abs(image) - np.abs(true))[:, 4, :, 16].max())

    assert filled.dtype == np.complex64
    assert edge_error(filled) < 0.5 * edge_error(zeros)


def test_measured_samples_stay_as_they_were() -> None:
    zeros, ranges = zero_filled(box(smooth), -8)

    filled = fill_by_pocs(zeros, ranges, GRID)

    kept = spectrum(filled)[:, :, 12:]
    assert_allclose(kept, spectrum(zeros)[:, :, 12:], atol=1e-4 * np.abs(kept).max())
    assert np.abs(spectrum(filled)[:, :, 1:12]).max() > 0.01 * np.abs(kept).max()


def test_detail_of_phase_is_halved_by_zeros_and_lost_by_pocs() -> None:
    y = np.arange(40) - 20
    ripple = 0.05 * np.cos(2 * np.pi * 14 * y / 40)  # beyond what both sides have
    true = np.broadcast_to(np.exp(1j * ripple)[:, None], (1, *GRID.shape)).astype(complex)
    zeros, ranges = zero_filled(true, -8)

    filled = fill_by_pocs(zeros, ranges, GRID, iterations=20)

    def amplitude(image: np.ndarray) -> float:
        return float(2 * np.mean(np.angle(image)[0, 4, :, 16] * ripple / 0.05) / 0.05)

    assert amplitude(true) == pytest.approx(1, abs=0.01)
    assert amplitude(zeros) == pytest.approx(0.5, abs=0.02)
    assert amplitude(filled) == pytest.approx(0, abs=0.02)


def test_the_phase_as_measured_can_be_kept_beside_a_sharper_magnitude() -> None:
    zeros, ranges = zero_filled(box(smooth), -8)
    filled = fill_by_pocs(zeros, ranges, GRID)

    both = with_phase_of(zeros, filled)

    assert_allclose(np.abs(both), np.abs(filled), rtol=1e-4, atol=1e-6)
    turned = both * zeros.conj()
    assert (turned.real >= 0.99 * np.abs(turned)).all()


@pytest.mark.parametrize("lowest", [-20, -19])
def test_an_axis_measured_on_both_sides_is_left_alone(lowest: int) -> None:
    zeros, ranges = zero_filled(box(smooth), lowest)

    assert partial_axes(ranges, GRID) == ()
    assert fill_by_pocs(zeros, ranges, GRID) is zeros


def test_several_axes_may_be_partial_at_once() -> None:
    ranges = [(-0.5 / 3, 0.2 / 3), (-0.1, 1 / 3), (-0.25, 0.25)]

    assert partial_axes(ranges, GRID) == (0, 1)
    image = box(smooth).astype(np.complex64)
    before = image.copy()
    fill_by_pocs(image, ranges, GRID)
    assert_array_equal(image, before)
