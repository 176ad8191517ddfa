"""A good scan is green, and a fault is lit by the measure that it concerns."""

from __future__ import annotations

from dataclasses import replace

import pytest
from quality_faults import FAULTS, Images, images_of, maps_of
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.whole_head.head import WholeHead

from streamrecon.analysis.quality.quality_reading import read_quality
from streamrecon.analysis.reading import Light

SCENE = replace(
    SCENES["whole-head"],
    phantom=WholeHead(1, grain_mm=2.4),
    matrix=(60, 76, 66),
    voxel_mm=(3.0, 3.0, 2.8),
    n_coils=1,
    snr=50.0,
    supersampling=1,
)


@pytest.fixture(scope="module")
def images() -> Images:
    return images_of(SCENE)


@pytest.mark.long
def test_without_a_fault_the_light_is_green(images: Images) -> None:
    assert read_quality(maps_of(images)).light is Light.GREEN


@pytest.mark.long
@pytest.mark.parametrize("height_mm", [0.0, 10.0, 30.0])
def test_a_good_slab_of_a_head_is_not_alarming(height_mm: float) -> None:
    slab = replace(
        SCENE, phantom=WholeHead(12, grain_mm=2.4), matrix=(32, 92, 76), voxel_mm=(2.8, 2.4, 2.4),
        centre_lps_mm=(0.0, -4.0, height_mm),
    )  # fmt: skip

    assert read_quality(maps_of(images_of(slab))).light in {Light.GREEN, Light.UNJUDGED}


@pytest.mark.long
@pytest.mark.parametrize(
    ("fault", "lit"), [("wrong sign", "outline"), ("streaks", "streaks"), ("wraps", "jumps")]
)
def test_a_fault_is_red_and_its_measure_says_so(fault: str, lit: str, images: Images) -> None:
    found = read_quality(maps_of(FAULTS[fault](images)))

    assert found.light is Light.RED
    assert {value.subject: value.quality for value in found.values}[lit] == "red"
