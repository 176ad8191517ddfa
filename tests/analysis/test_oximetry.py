"""Estimates brought together, and the summary of a brain."""

from __future__ import annotations

import math

import numpy as np
import pytest
from vessel_scans import scan_of, scene_of, segment_of, sources_of

from streamrecon.analysis.oxygen.blood import Blood
from streamrecon.analysis.oxygen.oximetry import (
    Estimate,
    VeinOxygen,
    VeinQuality,
    combined,
    map_estimate,
    vein_oxygen,
    whole_brain,
)
from streamrecon.analysis.oxygen.vein_echoes import fit_segment

BLOOD = Blood(haematocrit=0.42)


def vein(
    saturation: float, *, quality: VeinQuality = VeinQuality.GOOD, length_mm: float = 10.0
) -> VeinOxygen:
    return VeinOxygen(
        subject="vein", quality=quality, chi_ppm=BLOOD.chi_of(saturation), chi_sd_ppm=0.01,
        radius_mm=1.0, radius_sd_mm=0.01, angle_rad=0.3, length_mm=length_mm, voxels=500,
        methods=(),
    )  # fmt: skip


def test_the_mean_of_two_estimates_has_less_noise_than_either() -> None:
    """Against many draws of both."""
    rng = np.random.default_rng(0)
    draws = [
        combined(
            [
                Estimate(method="a", chi_ppm=0.5 + 0.02 * one, sd_ppm=0.02),
                Estimate(method="b", chi_ppm=0.5 + 0.03 * other, sd_ppm=0.03),
            ]
        )
        for one, other in rng.standard_normal((4000, 2))
    ]
    values, stated = np.array(draws).T
    assert values.mean() == pytest.approx(0.5, abs=0.001)
    assert values.std() == pytest.approx(stated[0], rel=0.04)
    assert stated[0] < 0.02


def test_the_brain_is_the_median_of_its_good_veins_by_length() -> None:
    bad = [vein(0.1, quality=VeinQuality.MAGIC_ANGLE, length_mm=500)]
    good = [vein(0.55), vein(0.60, length_mm=30), vein(0.62), vein(0.70)]
    found = whole_brain([*bad, *good], BLOOD)
    assert found is not None
    assert found.saturation == pytest.approx(0.60, abs=0.011)
    assert found.veins == 4
    assert 0.01 < found.spread < 0.08


def test_a_brain_without_a_good_vein_has_no_value() -> None:
    assert whole_brain([vein(0.6, quality=VeinQuality.TOO_SMALL)], BLOOD) is None


def test_the_deviation_of_the_brain_is_that_of_a_median() -> None:
    """Veins that scatter by 0.05: what is stated is the spread of medians over many brains."""
    rng = np.random.default_rng(3)
    brains = [
        whole_brain([vein(0.6 + 0.05 * each) for each in rng.standard_normal(40)], BLOOD)
        for _ in range(300)
    ]
    medians = np.array([b.saturation for b in brains if b])
    stated = np.mean([b.sd for b in brains if b])
    assert medians.std() == pytest.approx(stated, rel=0.2)


def test_estimates_that_contradict_each_other_are_seen() -> None:
    far = Estimate(method="map", chi_ppm=0.9, sd_ppm=0.01)
    near = Estimate(method="map", chi_ppm=BLOOD.chi_of(0.6) + 0.01, sd_ppm=0.01)
    base = vein(0.6)
    one, other = (
        VeinOxygen(**{**{n: getattr(base, n) for n in VeinOxygen.__slots__}, "methods": (each,)})
        for each in (near, far)
    )
    assert one.agrees()
    assert not other.agrees()


def test_a_wide_vein_of_a_map_gives_its_susceptibility_and_a_thin_one_none() -> None:
    """The map is made of the fraction of blood itself: slope as painted, whatever its zero."""
    rng = np.random.default_rng(9)
    for radius, wide in ((2.2, True), (1.2, False)):
        scene = scene_of(rng, radius_mm=radius, angle_deg=80.0, voxels=24, fine=3)
        segment = segment_of(scene, rng, half_mm=5.0)
        found = fit_segment(scan_of(scene, rng, snr=50), segment, sources_of(scene, rng))
        assert found is not None
        chi = np.zeros(scene.geometry.shape)
        chi[tuple(found.voxels.T)] = 0.57 * found.blood - 0.03
        estimate = map_estimate(chi, found)
        assert (estimate is not None) is wide
        if estimate is not None:
            assert estimate.chi_ppm == pytest.approx(0.57, rel=1e-6)
            assert estimate.sd_ppm == pytest.approx(0.057, rel=1e-3)
            oxygen = vein_oxygen("vein", segment, found, others=[estimate])
            assert [each.method for each in oxygen.methods] == ["tube", "map"]
            assert math.isclose(oxygen.chi_ppm, 0.57, abs_tol=0.03)
