"""The iron reading against regions whose every number is known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from streamrecon.analysis.deep_nuclei.iron import IronMaps, IronSettings, read_iron
from streamrecon.analysis.deep_nuclei.norms import read_norms
from streamrecon.analysis.deep_nuclei.nuclei import Nucleus, Side, place_of
from streamrecon.analysis.reading import Outcome, Reading
from streamrecon.errors import ConfigError

SHAPE, VOXEL_MM = (21, 41, 43), (2.0, 1.0, 1.1)
NAMES = {1: "left pallidum", 2: "pallidum_R", 3: "white matter"}
CSF_PPM, BRAIN_PPM = -0.02, 0.01


def block(z: int, y: int, x: int, size: tuple[int, int, int]) -> tuple[slice, slice, slice]:
    """Slices of a box."""
    dz, dy, dx = size
    return slice(z, z + dz), slice(y, y + dy), slice(x, x + dx)


def head() -> tuple[IronMaps, list[tuple[str, np.ndarray]]]:
    """Two pallida of 150 and 140 ppb, 40 ppb of white matter, fluid, and a zero of its own."""
    chi = np.full(SHAPE, BRAIN_PPM, np.float32)
    numbers = np.zeros(SHAPE, np.int32)
    for number, at, ppm in (
        (1, block(2, 4, 4, (9, 11, 11)), 0.150),
        (2, block(2, 4, 24, (9, 11, 11)), 0.140),
        (3, block(2, 24, 4, (9, 11, 11)), 0.040),
    ):
        numbers[at], chi[at] = number, ppm
    csf = np.zeros(SHAPE, bool)
    csf[block(2, 24, 24, (9, 11, 11))] = True
    chi[csf] = CSF_PPM
    mask = np.ones(SHAPE, bool)
    rate = np.where(numbers == 1, np.float32(60), np.float32(20))
    maps = IronMaps(
        chi_ppm=chi,
        mask=mask,
        voxel_mm=VOXEL_MM,
        csf=csf,
        r2_star_per_s=rate,
        chi_sd_ppm=np.full(SHAPE, 0.006, np.float32),
    )
    return maps, [(name, numbers == number) for number, name in NAMES.items()]


def numbers_of(reading: Reading, subject: str, name: str) -> dict[str, float]:
    """Number by reference."""
    return {v.reference: v.number for v in reading.values if (v.subject, v.name) == (subject, name)}


def test_means_stand_against_the_brain_and_against_fluid() -> None:
    maps, labels = head()

    reading = read_iron(maps, labels, IronSettings())

    found = numbers_of(reading, "left pallidum", "mean_chi")
    brain = 1e3 * (0.150 - maps.chi_ppm.mean(dtype=np.float64))
    assert found == pytest.approx({"whole brain": brain, "CSF": 170.0}, abs=1e-3)  # float32 maps
    assert reading.outcome is Outcome.GIVEN


def test_left_less_right_does_not_depend_on_the_reference() -> None:
    maps, labels = head()

    for reference in ("whole brain", "CSF"):
        reading = read_iron(maps, labels, IronSettings(reference=reference))
        found = numbers_of(reading, "pallidum", "asymmetry_chi")
        assert found[""] == pytest.approx(10.0, abs=1e-3)
    assert numbers_of(reading, "pallidum", "asymmetry_r2star")[""] == pytest.approx(40.0)


def test_iron_has_its_range_and_is_never_named_in_white_matter() -> None:
    reading = read_iron(*head(), IronSettings(reference="CSF"))

    for name, factor in (("iron", 1.10), ("iron_lowest", 1.35), ("iron_highest", 0.89)):
        found = numbers_of(reading, "left pallidum", name)
        assert found["CSF"] == pytest.approx(170 / factor, rel=1e-4)
        assert not numbers_of(reading, "white matter", name)


def test_wilson_names_no_iron_and_asks_for_its_nuclei() -> None:
    reading = read_iron(*head(), IronSettings(preset="wilson"))

    assert not [value for value in reading.values if value.name.startswith("iron")]
    assert any("copper is not iron" in reason for reason in reading.reasons)
    assert "no region is the substantia nigra" in reading.reasons
    assert reading.outcome is Outcome.FLAGGED


def test_parkinson_flags_thick_voxels() -> None:
    reading = read_iron(*head(), IronSettings(preset="parkinson"))

    assert "found voxels of 2 mm, wanted at most 1 mm" in reading.reasons


def test_the_moment_is_of_the_whole_region_and_the_mean_of_its_core() -> None:
    maps, labels = head()

    reading = read_iron(maps, labels, IronSettings(reference="CSF", erode_mm=0.5))

    box = next(v for v in reading.values if (v.subject, v.name) == ("left pallidum", "moment"))
    volume = 9 * 11 * 11 * 2.0 * 1.1
    assert box.number == pytest.approx(0.170 * volume, rel=1e-5)
    assert box.unit == "ppm mm3"
    mean = next(v for v in reading.values if v.subject == "left pallidum" and v.name == "mean_chi")
    assert mean.voxels == 7 * 9 * 9  # a layer goes off each face


def test_a_region_narrower_than_eight_layers_stays_whole() -> None:
    maps, labels = head()

    reading = read_iron(maps, labels, IronSettings(erode_mm=1.5))  # 11 mm < 8 × 1.5 mm

    those = [v for v in reading.values if (v.subject, v.name) == ("left pallidum", "mean_chi")]
    assert {value.voxels for value in those} == {9 * 11 * 11}
    assert all("narrow: its rim is in it" in value.flags for value in those)


def test_sigma_grows_with_the_volume_over_which_noise_is_alike() -> None:
    maps, labels = head()

    for alike_mm3 in (2.2, 60.0):
        settings = IronSettings(reference="CSF", alike_mm3=alike_mm3, erode_mm=0)
        reading = read_iron(maps, labels, settings)
        value = next(v for v in reading.values if v.name == "mean_chi" and v.reference == "CSF")
        volume = 9 * 11 * 11 * 2.2  # of the region, and of the fluid
        assert value.sigma == pytest.approx(6 * np.sqrt(2 * alike_mm3 / volume), rel=1e-4)


def test_z_scores_are_of_the_users_table_at_the_same_reference_and_age() -> None:
    maps, labels = head()
    text = (
        "region\tquantity\treference\tmean\tsd\tage_from\tage_to\n"
        "pallidum\tchi\tCSF\t130\t20\t40\t60\n"
        "left pallidum\tr2star\t\t50\t5\t\t\n"
    )
    norms = read_norms(text, source="norms")

    known = read_iron(maps, labels, IronSettings(reference="CSF", norms=norms, age_years=50))
    other = read_iron(
        maps, labels, IronSettings(reference="whole brain", norms=norms, age_years=50)
    )
    ageless = read_iron(maps, labels, IronSettings(reference="CSF", norms=norms))

    assert numbers_of(known, "left pallidum", "z_chi")["CSF"] == pytest.approx(2.0, abs=1e-3)
    assert numbers_of(known, "pallidum_R", "z_chi")["CSF"] == pytest.approx(1.5, abs=1e-3)
    assert numbers_of(ageless, "left pallidum", "z_r2star")[""] == pytest.approx(2.0)
    assert not numbers_of(other, "left pallidum", "z_chi")
    assert not numbers_of(ageless, "left pallidum", "z_chi")


def test_the_high_part_is_above_the_healthy_limit() -> None:
    maps, labels = head()
    chi = maps.chi_ppm.copy()
    chi[5:7, 6:10, 6:10] = 0.250
    norms = read_norms(
        "region\tquantity\treference\tmean\tsd\npallidum\tchi\tCSF\t200\t20\n", source=""
    )

    reading = read_iron(
        dataclasses.replace(maps, chi_ppm=chi),
        labels,
        IronSettings(reference="CSF", norms=norms, erode_mm=0),
    )

    assert numbers_of(reading, "left pallidum", "high_mean_chi")["CSF"] == pytest.approx(
        270, abs=0.01
    )
    assert numbers_of(reading, "left pallidum", "high_fraction")[""] == pytest.approx(32 / 1089)
    assert not numbers_of(reading, "pallidum_R", "high_mean_chi")


def test_a_region_that_the_mask_cuts_is_flagged_and_a_lost_one_is_told() -> None:
    maps, labels = head()
    mask = maps.mask.copy()
    mask[labels[1][1]] = False
    mask[:, :9][labels[0][1][:, :9]] = False

    reading = read_iron(dataclasses.replace(maps, mask=mask), labels, IronSettings())

    left = [value for value in reading.values if value.subject == "left pallidum"]
    assert left
    assert all("cut by the mask" in value.flags for value in left)
    assert "pallidum_R: region: found 0 voxels, needed 8" in reading.reasons


def test_without_fluid_its_reference_is_refused() -> None:
    maps, labels = head()
    dry = dataclasses.replace(maps, csf=None)

    refused = read_iron(dry, labels, IronSettings(reference="CSF"))

    assert refused.outcome is Outcome.REFUSED
    assert not refused.values
    assert read_iron(dry, labels, IronSettings()).outcome is Outcome.FLAGGED


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("pallidum\tchi\tCSF\t1\t0\n", "1 ± 0"),
        ("pallidum\tchi\tCSF\tmany\t1\n", "needed a number"),
        ("pallidum\tiron\tCSF\t1\t1\n", "needed chi or r2star"),
    ],
)
def test_a_normative_row_that_cannot_be_is_refused(row: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        read_norms(f"region\tquantity\treference\tmean\tsd\n{row}", source="norms")


@pytest.mark.parametrize(
    ("name", "nucleus", "side"),
    [
        ("Right-Thalamus-Proper", Nucleus.THALAMUS, Side.RIGHT),
        ("L_subthalamic_nucleus", Nucleus.SUBTHALAMIC, Side.LEFT),
        ("red nucleus", Nucleus.RED, None),
        ("GPi lh", Nucleus.PALLIDUM, Side.LEFT),
        ("left hypothalamus", None, Side.LEFT),
        ("left dentate gyrus", None, Side.LEFT),
        ("corpus callosum", None, None),
    ],
)
def test_names_of_nuclei_are_understood_in_the_usual_ways(
    name: str, nucleus: Nucleus | None, side: Side | None
) -> None:
    place = place_of(name)

    assert (place.nucleus, place.side) == (nucleus, side)


def test_the_references_themselves_are_told() -> None:
    maps, labels = head()

    reading = read_iron(maps, labels, IronSettings())

    apart = 1e3 * (CSF_PPM - maps.chi_ppm.mean(dtype=np.float64))
    assert numbers_of(reading, "CSF", "mean_chi")["whole brain"] == pytest.approx(apart, abs=1e-3)
    volume = np.prod(SHAPE) * 2.0 * 1.1
    assert numbers_of(reading, "whole brain", "volume")[""] == pytest.approx(volume)
