"""A change between two visits is told from what visits differ by anyhow."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from streamrecon.analysis.deep_nuclei.change import Interval, Visit, read_change, require_same_head
from streamrecon.analysis.reading import Outcome, Reading, Value
from streamrecon.errors import ReconError


def visit(
    chi_ppb: dict[str, float], *, sigma: float | None = 0.5, reference: str = "CSF", **made: str
) -> Visit:
    """Robust means of χ of some regions, and of R2* in proportion."""
    values = [
        Value(subject=region, name="robust_mean_chi", number=ppb, unit="ppb", sigma=sigma,
              reference=reference)
        for region, ppb in chi_ppb.items()
    ] + [
        Value(subject=region, name="robust_mean_r2star", number=ppb / 3, unit="1/s", sigma=0.2)
        for region, ppb in chi_ppb.items()
    ]  # fmt: skip
    return Visit(values=[*values, mask(1.4e6)], made={"preset": "standard", **made})


def mask(volume_mm3: float) -> Value:
    """The row that tells the volume of the brain."""
    return Value(subject="whole brain", name="volume", number=volume_mm3, unit="mm3")


SAME = Interval(same_site=True, years=1.5)
BEFORE = visit({"left pallidum": 150.0, "left nigra": 120.0, "thalamus": 40.0})


def row(reading: Reading, subject: str, name: str) -> Value:
    return next(v for v in reading.values if (v.subject, v.name) == (subject, name))


def test_a_change_above_the_reliable_one_is_told_with_its_sign_size_and_pace() -> None:
    after = visit({"left pallidum": 138.0, "left nigra": 121.0, "thalamus": 41.0})

    reading = read_change(BEFORE, after, SAME, "CSF")

    change = row(reading, "left pallidum", "change_chi")
    assert (change.number, change.quality, change.unit) == (-12.0, "changed", "ppb")
    assert change.sigma == pytest.approx(math.hypot(0.5, 0.5))
    assert row(reading, "left pallidum", "pace_chi").number == pytest.approx(-8.0)
    assert row(reading, "left pallidum", "z_change_chi").number == pytest.approx(
        -12 / (math.sqrt(2) * 2.36)
    )
    assert row(reading, "left pallidum", "change_r2star").number == pytest.approx(-4.0)
    assert row(reading, "thalamus", "change_chi").quality == "no reliable change"
    assert reading.outcome is Outcome.GIVEN


@pytest.mark.parametrize(
    ("region", "same_site", "limit"),
    [("left pallidum", True, 6.5), ("left pallidum", False, 11.5), ("left nigra", True, 13.1)],
)
def test_the_limit_is_that_of_the_site_and_twice_for_the_nigra(
    region: str, same_site: bool, limit: float
) -> None:
    interval = Interval(same_site=same_site)

    reading = read_change(BEFORE, BEFORE, interval, "CSF")

    assert row(reading, region, "limit_chi").number == pytest.approx(limit, abs=0.05)
    assert (reading.outcome is Outcome.FLAGGED) == (not same_site)


def test_means_of_whole_regions_are_compared_where_both_visits_have_them() -> None:
    after = visit({"left pallidum": 136.6, "left nigra": 121.0, "thalamus": 41.0})
    whole = [
        Value(subject="left pallidum", name="whole_mean_chi", number=ppb, unit="ppb", sigma=0.7,
              reference="CSF")
        for ppb in (144.0, 132.0)
    ]  # fmt: skip
    first, second = (
        replace(each, values=[*each.values, mean])
        for each, mean in zip((BEFORE, after), whole, strict=True)
    )

    both, one = (read_change(first, now, SAME, "CSF") for now in (second, after))

    change = row(both, "left pallidum", "change_chi")
    assert (change.number, change.flags) == (-12.0, ())
    assert change.sigma == pytest.approx(math.hypot(0.7, 0.7))
    core = row(one, "left pallidum", "change_chi")
    assert core.number == pytest.approx(-13.4)
    assert any("robust means" in flag for flag in core.flags)
    assert len([v for v in both.values if v.name == "change_chi"]) == 3


def test_a_noisy_pair_has_a_wider_limit() -> None:
    noisy = visit({"left pallidum": 150.0}, sigma=6.0)

    reading = read_change(noisy, noisy, SAME, "CSF")

    assert row(reading, "left pallidum", "limit_chi").number == pytest.approx(2.77 * 6.0)


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        (visit({"left pallidum": 150.0}, preset="best"), "preset: found standard before and best"),
        (Visit(values=[*BEFORE.values[:-1], mask(1.2e6)], made=BEFORE.made), "86% of its volume"),
        (visit({"left pallidum": 150.0}, voxel="1 mm"), "voxel: found unknown before and 1 mm"),
    ],
)
def test_what_is_not_comparable_is_flagged(after: Visit, reason: str) -> None:
    reading = read_change(BEFORE, after, SAME, "CSF")

    assert reading.outcome is Outcome.FLAGGED
    assert any(reason in each for each in reading.reasons)


def test_visits_without_a_common_reference_are_refused() -> None:
    brain = visit({"left pallidum": 150.0}, reference="whole brain")
    brain = replace(brain, values=[v for v in brain.values if v.reference])

    reading = read_change(BEFORE, brain, SAME, "CSF")

    assert reading.outcome is Outcome.REFUSED
    assert not reading.values


def test_another_head_is_refused() -> None:
    require_same_head(0.51)

    with pytest.raises(ReconError, match=r"likeness of 0\.31"):
        require_same_head(0.31)
