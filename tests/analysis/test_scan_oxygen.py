"""Veins and sinuses of a scan, from its masks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from test_susceptometry import GRID, background, cylinder

from streamrecon.analysis.oxygen.oximetry import VeinQuality
from streamrecon.analysis.oxygen.scan_oxygen import oxygen_of_sinuses, oxygen_of_veins
from streamrecon.analysis.oxygen.vein_echoes import VeinScan
from streamrecon.maps.centrelines import trace_veins


def empty_scan() -> VeinScan:
    return VeinScan(
        echoes=np.ones((3, *GRID.shape), complex), te_s=(0.005, 0.01, 0.015), b0_t=3.0,
        trusted=np.ones(GRID.shape, bool), geometry=GRID, resolution_mm=GRID.voxel_mm,
    )  # fmt: skip


def test_each_sinus_of_a_mask_has_a_class_and_a_value() -> None:
    """One along B0, which is read, and a speck, which is too small."""
    field, wide = cylinder(0.0, 3.2, 0.45)
    speck = np.zeros_like(wide)
    speck[2:5, 2:5, 2:5] = True

    found = oxygen_of_sinuses(field + background(), wide | speck, empty_scan())

    by_class = {each.quality: each for each in found}
    assert set(by_class) == {VeinQuality.GOOD, VeinQuality.TOO_SMALL}
    assert by_class[VeinQuality.GOOD].chi_ppm == pytest.approx(0.45, rel=0.05)
    assert by_class[VeinQuality.GOOD].chi_sd_ppm >= 0.05 * 0.43
    assert math.isnan(by_class[VeinQuality.TOO_SMALL].chi_ppm)


def test_a_scan_without_veins_has_none() -> None:
    nothing = np.zeros(GRID.shape, bool)
    lines = trace_veins(nothing, 0.0 * nothing, GRID)
    found = oxygen_of_veins(empty_scan(), lines, nothing, np.zeros(GRID.shape))
    assert found.veins == () == found.segments
    assert found.unread == 0
