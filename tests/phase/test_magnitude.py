"""Coil brightness that is known, on a head with tissue, vessels and a lesion."""

from __future__ import annotations

import numpy as np
import pytest

from streamrecon.errors import ReconError
from streamrecon.model.geometry import Geometry
from streamrecon.phase.magnitude import correct_bias_field

GRID = Geometry((45, 96, 81), (2.5, 1.2, 1.5), np.eye(3)[::-1])


def head() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Tissue [Z, Y, X], where it is, and a coil three times brighter at the front."""
    rng = np.random.default_rng(2)
    z, y, x = ((np.arange(n) - n // 2) * d for n, d in zip(GRID.shape, GRID.voxel_mm, strict=True))
    z, y, x = np.meshgrid(z, y, x, indexing="ij")
    mask = (z / 48) ** 2 + (y / 50) ** 2 + (x / 52) ** 2 < 1
    folds = 1 + 0.15 * np.sign(np.sin(y / 3) * np.sin(x / 4))
    tissue = folds * mask * (1 + 0.03 * rng.standard_normal(mask.shape))
    vessel = abs(y - 10) + abs(z) < 3
    tissue[vessel & mask] *= 0.4
    coil = np.exp(-(y + z / 2) / 90)
    return tissue, mask, vessel & mask, coil


def test_a_coil_that_varies_by_three_is_flattened_and_a_vessel_stays() -> None:
    tissue, mask, vessel, coil = head()
    assert coil[mask].max() / coil[mask].min() > 3

    even = correct_bias_field(tissue * coil, mask, GRID)

    plain = mask & ~vessel
    ratio = even[plain] / tissue[plain]
    assert ratio.std() / ratio.mean() < 0.06  # the coil alone: 0.29
    contrast = even[vessel].mean() / even[plain].mean()
    assert contrast == pytest.approx(tissue[vessel].mean() / tissue[plain].mean(), rel=0.06)
    assert even[mask].mean() == pytest.approx((tissue * coil)[mask].mean(), rel=1e-3)


def test_air_stays_dark() -> None:
    tissue, mask, _, coil = head()
    noise = np.abs(np.random.default_rng(3).standard_normal(mask.shape)) * 0.01
    even = correct_bias_field(tissue * coil + noise, mask, GRID)
    assert even[~mask].max() < 0.1 * even[mask].mean()
    assert np.isfinite(even).all()


def test_an_empty_head_is_refused() -> None:
    with pytest.raises(ReconError, match="empty"):
        correct_bias_field(np.ones(GRID.shape), np.zeros(GRID.shape, bool), GRID)
