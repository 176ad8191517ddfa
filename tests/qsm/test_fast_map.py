"""The fast map shows a lesion with its sign, dark or not, of either kind."""

from __future__ import annotations

import numpy as np
import pytest
from closed_forms import ORIENTATIONS, positions_mm

from streamrecon.model.geometry import Geometry
from streamrecon.qsm.dipole import field_from_chi
from streamrecon.qsm.pipeline import Quality, susceptibility

TE_S = (0.005, 0.011, 0.017)
GRID = Geometry((39, 52, 50), (1.2, 1.0, 1.0), ORIENTATIONS["tilted"])


@pytest.mark.parametrize("has_tissues", [False, True], ids=["one tissue", "tissues"])
@pytest.mark.parametrize("is_dark", [False, True], ids=["bright", "dark"])
@pytest.mark.parametrize("chi_ppm", [-2.0, -0.8, 0.8, 2.0])
@pytest.mark.parametrize("diameter_mm", [3.0, 8.0])
def test_a_lesion_has_its_sign(
    diameter_mm: float, chi_ppm: float, is_dark: bool, has_tissues: bool
) -> None:
    r = positions_mm(GRID)
    brain = np.linalg.norm(r, axis=0) < 21
    lesion = np.linalg.norm(r - np.array([4, -3, 5])[:, None, None, None], axis=0) < diameter_mm / 2
    outer = 6.0 * (np.linalg.norm(r - np.array([0, 24, -8])[:, None, None, None], axis=0) < 3)
    folds = has_tissues * brain * (np.sin(r / 3.5).sum(axis=0) > 0)  # sought by their decay
    field = field_from_chi(np.where(lesion, chi_ppm, 0.06 * folds) + outer, GRID)
    te = np.array(TE_S)[:, None, None, None]
    proton = brain * np.where(lesion & is_dark, 0.02, 1.0)
    signal = proton * np.exp((2j * np.pi * 127.732 * field - 25 - 15 * folds) * te)
    noise = np.random.default_rng(1).standard_normal((2, *signal.shape)) * 0.01
    echoes = (signal + noise[0] + 1j * noise[1]).astype(np.complex64)

    map_ = susceptibility(echoes, TE_S, 3.0, GRID, quality=Quality.FAST, mask=brain)

    assert any("classes of tissue" in notice for notice in map_.notices) == has_tissues
    found = map_.map.chi_ppm
    inside = found[lesion].mean() - np.median(found[brain])
    # a voxel without phase has no value of its own; a third of the truth tells the sign from noise
    assert inside / chi_ppm > 1 / 3
