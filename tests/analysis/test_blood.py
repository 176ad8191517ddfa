"""Saturation, extraction and consumption, against numbers worked out by hand."""

from __future__ import annotations

import math

import pytest

from streamrecon.analysis.oxygen.blood import DEOXYGENATED_PPM_CGS, SI_OVER_CGS, Blood, BloodModel
from streamrecon.errors import ReconError


def test_the_constants_are_si() -> None:
    """0.27 ppm cgs are 3.393 ppm SI: a factor 4π, which makes Δχ of Yv 0.6 0.57 ppm."""
    blood = Blood(haematocrit=0.42, model=BloodModel.TEXTBOOK)
    assert blood.deoxygenated_ppm == pytest.approx(3.39292, abs=1e-5)
    assert blood.chi_of(0.6) == pytest.approx(0.42 * 3.39292 * 0.4, abs=1e-5)


def test_less_oxygen_is_more_susceptibility() -> None:
    blood = Blood(haematocrit=0.42)
    assert blood.chi_of(0.4) > blood.chi_of(0.8) > 0
    assert blood.saturation_of(0.8) < blood.saturation_of(0.4)


def test_the_textbook_leaves_out_three_points() -> None:
    """−0.008 ppm cgs of oxygenated cells are −0.1005 ppm SI: 0.1005/3.393 of saturation."""
    full, textbook = Blood(haematocrit=0.42), Blood(haematocrit=0.42, model=BloodModel.TEXTBOOK)
    assert textbook.saturation_of(0.5) - full.saturation_of(0.5) == pytest.approx(0.02963, abs=1e-5)


def test_tissue_offset_adds_to_the_blood() -> None:
    """0.02 ppm of tissue are 1.4 points at a haematocrit of 0.42."""
    plain, other = Blood(haematocrit=0.42), Blood(haematocrit=0.42, tissue_ppm=0.02)
    assert plain.saturation_of(0.5) - other.saturation_of(0.5) == pytest.approx(0.01404, abs=1e-5)


@pytest.mark.parametrize("model", list(BloodModel))
@pytest.mark.parametrize("source", list(DEOXYGENATED_PPM_CGS))
def test_saturation_undoes_susceptibility(model: BloodModel, source: str) -> None:
    blood = Blood(
        haematocrit=0.37,
        deoxygenated_ppm=SI_OVER_CGS * DEOXYGENATED_PPM_CGS[source],
        tissue_ppm=0.013,
        model=model,
    )
    for saturation in (0.05, 0.4, 0.97):
        assert blood.saturation_of(blood.chi_of(saturation)) == pytest.approx(saturation, abs=1e-12)


def test_noise_of_a_hundredth_of_a_ppm_is_seven_tenths_of_a_point() -> None:
    assert Blood(haematocrit=0.42).saturation_sd(0.01) == pytest.approx(0.00702, abs=1e-5)


def test_consumption_is_that_of_fick() -> None:
    """4 · 333/64.5 · 0.42 µmol/ml times 50 ml times 0.38."""
    blood = Blood(haematocrit=0.42)
    assert blood.capacity_umol_per_ml() == pytest.approx(8.6735, abs=1e-4)
    assert blood.consumption(50, 0.60) == pytest.approx(164.8, abs=0.1)
    assert blood.extraction_of(0.60) == pytest.approx(0.38 / 0.98)


def test_the_magnets_of_a_published_scan_agree() -> None:
    """OxFlow: 39.2 ml/100 g/min, Sv 64.6 %, Sa 97 % and 111.5 µmol/100 g/min make 8.78 µmol/ml."""
    blood = Blood(haematocrit=0.425, arterial=0.97)
    assert blood.consumption(39.2, 0.646) == pytest.approx(111.5, rel=0.01)


@pytest.mark.parametrize(
    "wrong", [{"haematocrit": 42.0}, {"haematocrit": 0.42, "arterial": 98.0}, {"haematocrit": 0.0}]
)
def test_percent_for_a_fraction_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ReconError, match="needed a fraction"):
        Blood(**wrong)  # type: ignore[arg-type]


def test_no_haematocrit_is_ever_assumed() -> None:
    with pytest.raises(TypeError):
        Blood()  # type: ignore[call-arg]
    assert math.isclose(SI_OVER_CGS, 4 * math.pi)
