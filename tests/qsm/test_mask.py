"""Masks of a drawn head, and the zero of the map."""

from __future__ import annotations

import numpy as np
import pytest
from closed_forms import AXIAL, positions_mm

from streamrecon.errors import ReconError
from streamrecon.model.geometry import Geometry
from streamrecon.qsm.mask import find_mask, object_mask, trusted_voxels
from streamrecon.qsm.reference import Reference, csf_mask, set_reference

GRID = Geometry((36, 61, 60), (4.0, 3.0, 3.0), AXIAL)


def away(centre: tuple[int, int, int] = (0, 0, 0)) -> np.ndarray:
    return np.asarray(
        np.linalg.norm(positions_mm(GRID) - np.array(centre)[:, None, None, None], axis=0)
    )


def head() -> np.ndarray:
    """Brain in bone in scalp; a hole of air in the brain, joined to the scalp by a thin nerve."""
    brain = (away() < 50) & (away((10, 0, 0)) > 7)
    magnitude = 1.0 * brain + 0.8 * ((away() > 66) & (away() < 76))
    x, y, z = positions_mm(GRID)
    nerve = (abs(x) < 3) & (abs(z) < 4) & (y > 40) & (y < 70)
    magnitude[nerve] = 0.9
    return magnitude + 0.01 * np.random.default_rng(0).random(GRID.shape)


def test_the_brain_is_one_solid_piece_without_its_scalp() -> None:
    magnitude = head()
    quality = np.where(magnitude > 0.5, 0.9, 0.3)

    found = find_mask(magnitude, quality, GRID).mask

    truth = away() < 50
    dice = 2 * (found & truth).sum() / (found.sum() + truth.sum())
    assert dice > 0.95
    assert not found[away() > 64].any()
    assert found[away((10, 0, 0)) < 7].all()


def test_incoherent_signal_is_not_brain() -> None:
    magnitude = head()
    quality = np.where(magnitude > 0.5, 0.9, 0.3)
    below = positions_mm(GRID)[2] < -25
    quality[below] = 0.3

    assert not object_mask(magnitude, quality, GRID)[positions_mm(GRID)[2] < -40].any()


def test_an_object_that_fills_the_view_keeps_its_corners_and_the_veins_that_leave_it() -> None:
    """Strong veins are incoherent and dark; one leaves by an edge. Air that is as wide is none."""
    x, y, z = positions_mm(GRID)
    magnitude, quality = np.ones(GRID.shape), np.full(GRID.shape, 0.9)
    vein = (np.hypot(x - 20, z) < 2.5) | (np.hypot(y + 80, z - 10) < 2.5)
    air = np.hypot(x + 40, z) < 2.5
    magnitude[vein], magnitude[air] = 0.6, 0.02
    quality[vein | air] = 0.2

    found = object_mask(magnitude, quality, GRID)

    assert found[~air].all()
    assert not found[air].any()


def test_voxels_that_lie_lose_their_trust_and_are_counted() -> None:
    brain = away() < 50
    residual = np.zeros(GRID.shape)
    residual[18, 30, 28:32] = 0.5
    sd = np.full(GRID.shape, 0.002)
    sd[17, 30, 30] = np.inf

    trusted, counts = trusted_voxels(brain, residual, sd)

    assert (brain & ~trusted).sum() == 5
    assert not (trusted & ~brain).any()
    assert "4 without weight for misfit, 1 for noise" in counts
    with pytest.raises(ReconError, match="needed a tenth"):
        trusted_voxels(brain, residual + 1, sd)
    with pytest.raises(ReconError, match="found no voxel in it"):
        trusted_voxels(np.zeros_like(brain), residual, sd)


def test_the_zero_is_the_mean_of_the_reference() -> None:
    mask = away() < 50
    csf = away((0, 10, 5)) < 12
    chi = np.where(csf, 0.05, -0.01) + 0.3

    whole = set_reference(chi, mask, csf=csf)
    fluid = set_reference(chi, mask, csf=csf, reference=Reference.CSF)

    assert whole.chi_ppm[mask].mean() == pytest.approx(0, abs=1e-6)
    assert fluid.chi_ppm[csf].mean() == pytest.approx(0, abs=1e-6)
    assert fluid.chi_ppm[mask & ~csf].mean() == pytest.approx(-0.06, abs=1e-6)
    assert fluid.offset_ppm == pytest.approx(0.35)
    assert (whole.chi_ppm[~mask] == 0).all()
    assert str(whole).startswith("zero: whole brain; cerebrospinal fluid +")
    with pytest.raises(ReconError, match="0 voxels of user region"):
        set_reference(chi, mask, reference=Reference.REGION)


def test_the_zero_of_what_is_no_brain_is_not_called_one() -> None:
    mask, slow = away() < 50, away((0, 10, 5)) < 12
    chi = np.where(slow, 0.05, -0.01) + 0.3

    whole = set_reference(chi, mask, csf=slow, is_brain=False)
    fluid = set_reference(chi, mask, csf=slow, reference=Reference.CSF, is_brain=False)

    assert str(whole).startswith("zero: whole mask; slow decay +")
    assert str(fluid).startswith("zero: slow decay; whole mask -")
    np.testing.assert_array_equal(whole.chi_ppm, set_reference(chi, mask, csf=slow).chi_ppm)
    assert fluid.offset_ppm == pytest.approx(0.35)


def test_ventricles_are_where_the_signal_stays_deep_inside() -> None:
    mask = away() < 50
    ventricle = away((0, 5, 5)) < 14
    te_s = (0.004, 0.012, 0.028)
    decay = np.where(ventricle, 3.0, 22.0)
    decay[away((0, 47, 0)) < 8] = 3.0  # fluid outside the brain
    magnitude = np.exp(-np.array(te_s)[:, None, None, None] * decay)

    found = csf_mask(magnitude, mask, te_s)

    assert found.sum() > 0.6 * ventricle.sum()
    assert not found[~ventricle].any()
    assert not csf_mask(magnitude[:1], mask, te_s[:1]).any()
