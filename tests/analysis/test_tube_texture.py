"""How well parameters are known where what is left is no white noise, against many draws of it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from streamrecon.analysis.oxygen.tube.tube_texture import VoxelBox, information
from streamrecon.model.geometry import Triple

SHAPE = (13, 11, 9)
VOXEL_MM: Triple = (1.2, 0.8, 1.0)
ECHOES = 4


def places() -> np.ndarray:
    """Voxels of a ball, which fills its box in part."""
    index = np.argwhere(np.ones(SHAPE, bool))
    away = (index - (6, 5, 4)) * VOXEL_MM
    return np.asarray(index[np.linalg.norm(away, axis=1) < 5.5], np.intp)


def texture(rng: np.random.Generator, blur_mm: float) -> np.ndarray:
    """Of unit spread; its correlation is a Gaussian of √2 the blur's length."""
    plain = rng.standard_normal([n + 10 for n in SHAPE])
    if blur_mm:
        plain = gaussian_filter(plain, [blur_mm / mm for mm in VOXEL_MM])
    inner = plain[tuple(slice(5, n + 5) for n in SHAPE)]
    return np.asarray(inner[tuple(places().T)] / inner.std())


def changes() -> np.ndarray:
    """Of two parameters [2, E, N]: a bump that turns with the echo, and its slope."""
    away = (places() - (6, 5, 4)) * VOXEL_MM
    bump = np.exp(-(away**2).sum(1) / (2 * 1.3**2))
    echo = np.arange(1, ECHOES + 1)[:, None]
    return np.stack([bump * echo * 1j, away[:, 1] * bump * (0.3 + 0 * echo)])


@pytest.mark.parametrize("blur_mm", [0.0, 0.9])
def test_the_stated_spread_of_parameters_is_that_of_many_draws(blur_mm: float) -> None:
    """Least squares under texture that all echoes share; white and hanging together.

    A fit of 250 voxels knows the correlation to a tenth; the spread of 40 draws to 11 %.
    """
    rng = np.random.default_rng(8)
    change, box = changes(), VoxelBox(places(), VOXEL_MM)
    flat = change.reshape(2, -1)
    normal = (flat.conj() @ flat.T).real
    found, stated = [], []
    for _ in range(40):
        noise = rng.standard_normal((2, ECHOES, len(places()))) * 0.01
        left = 0.06 * texture(rng, blur_mm) * (1 + 0.5j * np.arange(ECHOES)[:, None])
        left = left + noise[0] + 1j * noise[1]
        step = np.linalg.solve(normal, (flat.conj() @ left.ravel()).real)
        residual = left - np.tensordot(step, change, 1)
        variance = float(np.square(np.abs(residual)).mean() / 2)
        onto = np.linalg.inv(normal / variance)
        found.append(step)
        stated.append(np.diag(onto @ information(change, residual, variance, box) @ onto))
    spread = np.std(found, axis=0)
    np.testing.assert_allclose(np.sqrt(np.mean(stated, axis=0)), spread, rtol=0.25)


def test_texture_that_hangs_together_is_told_from_noise_by_its_length() -> None:
    """A blur of 0.9 mm makes a correlation of 1.27 mm; a quarter of the variance is noise."""
    rng = np.random.default_rng(9)
    box = VoxelBox(places(), VOXEL_MM)
    left = np.stack([texture(rng, 0.9) for _ in range(40)])
    left = left + np.sqrt(1 / 3) * rng.standard_normal(left.shape)
    length_mm, size = box.correlation(left.astype(np.float32))
    assert length_mm == pytest.approx(0.9 * np.sqrt(2), rel=0.12)
    assert size == pytest.approx(0.75, abs=0.06)
    white = rng.standard_normal(left.shape).astype(np.float32)
    length_mm, size = box.correlation(white)
    assert size * np.exp(-(min(VOXEL_MM) ** 2) / (2 * length_mm**2)) < 0.05  # of the next voxel
