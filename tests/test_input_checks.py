"""What a front door refuses, and that it says what was found and what was needed."""

from __future__ import annotations

import re

import numpy as np
import pytest

from streamrecon import input_checks as checks
from streamrecon.errors import ConfigError, DataError
from streamrecon.qsm.pipeline import Quality

SHAPE = (3, 5, 4)
GAP = np.full(SHAPE, 1.0)
GAP[1, 2, 3] = np.nan
ELSEWHERE = np.ones(SHAPE, bool)
ELSEWHERE[1, 2, 3] = False


@pytest.mark.parametrize(
    ("te_s", "said"),
    [
        ((0.004,), "TE: found 0.004 for 2 echoes"),
        ((4.0, 8.0), "TE: found 4, 8, needed seconds up to 0.5"),
        ((0.008, 0.004), "needed positive times that grow"),
        ((0.004, 0.004), "needed positive times that grow"),
        ((-0.004, 0.004), "needed positive times that grow"),
        ((0.004, float("nan")), "needed positive times that grow"),
        ((), "TE: found none for 2 echoes"),
    ],
)
def test_echo_times_that_cannot_be_seconds_are_refused(te_s: tuple[float, ...], said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        checks.echo_times_s(te_s, echoes=2)


@pytest.mark.parametrize("b0_t", [0.0, -3.0, 127.7, 30_000.0, float("nan")])
def test_a_field_that_no_scanner_has_is_refused(b0_t: float) -> None:
    with pytest.raises(ConfigError, match=r"B0: found .*, needed tesla"):
        checks.field_t(b0_t)


@pytest.mark.parametrize("b0_t", [0.064, 1.5, 7.0, 21.1])
def test_fields_of_scanners_pass(b0_t: float) -> None:
    assert checks.field_t(b0_t) == b0_t


@pytest.mark.parametrize("sign", [0, 2, -2])
def test_a_sign_is_one_of_two(sign: int) -> None:
    assert [checks.sign_of_phase(each) for each in (1, -1)] == [1, -1]
    with pytest.raises(ConfigError, match=r"needed \+1 or -1"):
        checks.sign_of_phase(sign)


def test_a_choice_is_taken_by_itself_or_by_its_word() -> None:
    assert checks.choice(Quality, "quality", "fast") is Quality.FAST
    assert checks.choice(Quality, "quality", Quality.FAST) is Quality.FAST
    with pytest.raises(ConfigError, match="quality: found 'fats', needed one of fast, standard"):
        checks.choice(Quality, "quality", "fats")


@pytest.mark.parametrize(
    ("low", "high"),
    [(-4096, 4094), (0, 4095), (-180.0, 180.0), (-3142, 3142), (0.0, 7.0), (-3.2, 3.2)],
)
def test_phase_in_other_numbers_than_radians_is_refused(low: float, high: float) -> None:
    with pytest.raises(DataError, match=r"phase: found numbers of .*, needed radians"):
        checks.phase_of(np.linspace(low, high, 60).reshape(SHAPE), SHAPE)


@pytest.mark.parametrize(("low", "high"), [(-np.pi, np.pi), (0, 2 * np.pi), (-0.1, 0.2)])
def test_phase_in_radians_passes_as_it_is(low: float, high: float) -> None:
    phase = np.linspace(low, high, 60, dtype=np.float32).reshape(SHAPE)

    assert checks.phase_of(phase, SHAPE) is phase


@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (np.ones(SHAPE, np.uint8), "mask: found uint8, needed bool (mask > 0)"),
        (np.ones(SHAPE[::-1], bool), "mask: found (4, 5, 3), needed (3, 5, 4)"),
        (np.zeros(SHAPE, bool), "mask: found no voxel in it"),
    ],
)
def test_a_mask_is_of_truth_values_and_not_empty(mask: np.ndarray, said: str) -> None:
    with pytest.raises(DataError, match=re.escape(said)):
        checks.mask_of("mask", mask, SHAPE)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.ones(SHAPE, complex), "magnitude: found complex128, needed real numbers"),
        (np.ones(SHAPE, bool), "magnitude: found bool, needed real numbers"),
        (np.full(SHAPE, "1"), "magnitude: found <U1, needed real numbers"),
        (np.ones((3, 5)), "magnitude: found (3, 5), needed (3, 5, 4)"),
        (-np.ones(SHAPE), "magnitude: found -1, needed no negative numbers"),
        (GAP, "magnitude: found 1 voxels that are not finite"),
    ],
)
def test_a_magnitude_is_real_finite_and_not_negative(values: np.ndarray, said: str) -> None:
    with pytest.raises(DataError, match=re.escape(said)):
        checks.magnitude_of(values, SHAPE)


def test_what_is_not_finite_counts_inside_the_mask_alone() -> None:
    assert checks.magnitude_of(GAP, SHAPE, ELSEWHERE) is GAP
    with pytest.raises(DataError, match="1 voxels in the mask that are not finite"):
        checks.magnitude_of(GAP, SHAPE, ~ELSEWHERE)


def test_a_field_in_hz_is_no_field_in_ppm() -> None:
    head_ppm = np.random.default_rng(0).normal(0, 0.5, SHAPE)  # 0.5 ppm at 3 T: 64 Hz

    assert checks.ppm_of("field", head_ppm, SHAPE) is head_ppm
    with pytest.raises(DataError, match="needed ppm"):
        checks.ppm_of("field", head_ppm * 127.7, SHAPE)


def test_integers_become_float32_and_inputs_stay_as_they_were() -> None:
    values = np.arange(60, dtype=np.int16).reshape(SHAPE)
    before = values.copy()

    taken = checks.magnitude_of(values, SHAPE)

    assert taken.dtype == np.float32
    np.testing.assert_array_equal(values, before)
