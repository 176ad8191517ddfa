"""Sources of both signs against mixtures whose parts are known."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from streamrecon.analysis.reading import Outcome
from streamrecon.analysis.separation import joint_sources
from streamrecon.analysis.separation.joint_sources import Noise, separate_jointly
from streamrecon.analysis.separation.source_reading import SourceMaps, read_sources
from streamrecon.analysis.separation.sources import (
    Quadrant,
    Relaxivity,
    Sources,
    coherence_index,
    quadrants,
    r2_prime,
    separate,
    separation_sd,
)
from streamrecon.analysis.zeros import WHOLE_BRAIN, WHOLE_MASK
from streamrecon.errors import ConfigError, ReconError
from streamrecon.model.geometry import Geometry
from streamrecon.qsm.dipole import field_from_chi

Drawn = tuple[
    np.ndarray, dict[str, np.ndarray], tuple[np.ndarray, np.ndarray], np.ndarray, np.ndarray,
    np.random.Generator,
]  # fmt: skip
"""Mask, regions, χ+ and |χ-|, field, R2', and the random numbers that go on."""

AT_3T = Relaxivity.at(3.0)
UNEQUAL = Relaxivity(positive=114.0, negative=30.0)
PARTS = np.array([[0.06, 0.06], [0.12, 0.0], [0.0, 0.05], [0.03, 0.01]]).T  # χ+, |χ-| [ppm]
ALL = np.ones(PARTS.shape[1], bool)


def decay(
    positive: np.ndarray | float, negative: np.ndarray | float, relaxivity: Relaxivity
) -> np.ndarray:
    """R2' of both, as the model has it."""
    return np.asarray(relaxivity.positive * positive + relaxivity.negative * negative)


@pytest.mark.parametrize("relaxivity", [AT_3T, UNEQUAL], ids=["equal", "unequal"])
def test_a_mixture_comes_apart_exactly(relaxivity: Relaxivity) -> None:
    positive, negative = PARTS

    found = separate(positive - negative, decay(positive, negative, relaxivity), ALL, relaxivity)

    assert np.allclose(found.positive_ppm, positive, atol=1e-6)
    assert np.allclose(found.negative_ppm, negative, atol=1e-6)


def test_where_decay_is_too_little_for_chi_the_sum_stays() -> None:
    chi = np.array([0.45, -0.30])

    found = separate(chi, np.array([15.0, 0.0]), ALL[:2], AT_3T)

    assert np.allclose(found.positive_ppm, [0.45, 0.0])
    assert np.allclose(found.negative_ppm, [0.0, 0.30])
    assert np.allclose(found.chi_ppm, chi)


def test_nothing_is_outside_the_mask_and_r2_prime_is_never_negative() -> None:
    mask = np.array([True, False])

    found = separate(np.array([0.1, 0.1]), np.array([13.7, 13.7]), mask, AT_3T)

    assert found.positive_ppm[1] == found.negative_ppm[1] == 0
    assert r2_prime(np.array([20.0, 10.0]), 13.0).tolist() == [7.0, 0.0]


@pytest.mark.parametrize(
    ("chi_ppm", "rate", "index"),
    [(0.45, 15.0, -0.61), (0.12, 16.44, 0.0), (0.0, 16.44, 1.0), (-0.12, 16.44, 0.0)],
    ids=["vein", "ferritin", "mixture", "calcium"],
)
def test_the_index_tells_bulk_from_dispersed_from_mixed(
    chi_ppm: float, rate: float, index: float
) -> None:
    found = coherence_index(np.array([chi_ppm]), np.array([rate]), ALL[:1], AT_3T)

    assert found[0] == pytest.approx(index, abs=0.005)  # the two digits of the sheet


def test_there_is_no_index_of_nothing() -> None:
    nothing = coherence_index(np.array([0.001]), np.array([0.5]), ALL[:1], AT_3T)

    assert nothing[0] == 0


def test_noise_of_the_parts_is_what_many_draws_scatter_by() -> None:
    random = np.random.default_rng(0)
    chi = 0.02 + random.normal(0, 0.005, 100_000)
    rate = decay(0.06, 0.04, UNEQUAL) + random.normal(0, 1.0, 100_000)

    found = separate(chi, rate, np.ones(chi.shape, bool), UNEQUAL)

    positive, negative = separation_sd(0.005, 1.0, UNEQUAL)
    assert found.positive_ppm.std() == pytest.approx(positive, rel=0.01)
    assert found.negative_ppm.std() == pytest.approx(negative, rel=0.01)


def test_relaxivity_grows_with_b0_and_is_above_zero() -> None:
    assert Relaxivity.at(1.5).negative == pytest.approx(68.5)
    assert Relaxivity.static_dephasing(7.0).positive == pytest.approx(754.8, abs=0.1)
    with pytest.raises(ConfigError, match="needed above 0"):
        Relaxivity(positive=137.0, negative=0.0)


def test_each_quadrant_has_its_voxels() -> None:
    chi = np.array([1.0, -1.0, 1.0, -1.0, 0.0])
    rate = np.array([-1.0, 1.0, 1.0, -1.0, 0.0])
    mask = np.array([True, True, True, True, True])

    found = quadrants(chi, rate, mask)

    assert found[:4].tolist() == [
        Quadrant.MACROSCOPIC, Quadrant.DISPERSED, Quadrant.BOTH_HIGH, Quadrant.BOTH_LOW
    ]  # fmt: skip
    with pytest.raises(ReconError, match="no spread"):
        quadrants(chi, np.full(5, 13.0), mask)


GRID = Geometry((33, 40, 37), (1.3, 1.0, 1.1), np.eye(3)[::-1])


def distances(centre_mm: tuple[float, float, float]) -> np.ndarray:
    """From a place, in mm [Z, Y, X]."""
    axes = [(np.arange(n) - n // 2) * mm for n, mm in zip(GRID.shape, GRID.voxel_mm, strict=True)]
    z, y, x = np.meshgrid(*axes, indexing="ij", sparse=True)
    return np.asarray(np.sqrt(sum((a - c) ** 2 for a, c in zip((z, y, x), centre_mm, strict=True))))


def scene(seed: int = 0) -> Drawn:
    """Balls of a mixture, of iron, of myelin and of fluid, in noise: maps and regions."""
    random = np.random.default_rng(seed)
    mask = distances((0, 0, 0)) < 18
    regions = {
        "mixture": distances((0, 8, 0)) < 5.0,
        "iron": distances((0, -7, 7)) < 5.0,
        "myelin": distances((4, -6, -8)) < 4.5,
        "fluid": distances((-9, 3, -9)) < 3.5,
    }
    positive, negative = np.zeros(GRID.shape), np.zeros(GRID.shape)
    positive[mask] = negative[mask] = 0.01
    for name, up, down in (("mixture", 0.06, 0.06), ("iron", 0.12, 0.01), ("myelin", 0, 0.05),
                           ("fluid", 0, 0)):  # fmt: skip
        positive[regions[name]], negative[regions[name]] = up, down
    chi = positive - negative
    field = field_from_chi(chi * mask, GRID) + random.normal(0, 0.0015, GRID.shape)
    rate = decay(positive, negative, AT_3T) + random.normal(0, 2.0, GRID.shape)
    return mask, regions, (positive, negative), field, rate, random


def test_the_joint_fit_finds_the_parts_with_less_noise_than_voxel_by_voxel() -> None:
    mask, regions, parts, field, rate, random = scene()
    chi = parts[0] - parts[1] + random.normal(0, 0.005, GRID.shape)
    alone = separate(chi, np.maximum(rate, 0), mask, AT_3T)

    joint = separate_jointly(
        field, np.maximum(rate, 0), mask, GRID, AT_3T,
        noise=Noise(field_ppm=0.0015, r2_prime_per_s=2.0, strength=0.15 * 0.0015), start=alone,
    )  # fmt: skip

    for true, one, both in zip(
        parts, (alone.positive_ppm, alone.negative_ppm), (joint.positive_ppm, joint.negative_ppm),
        strict=True,
    ):  # fmt: skip
        errors = [np.sqrt(np.mean((part - true)[mask] ** 2)) for part in (one, both)]
        assert errors[1] < 0.5 * errors[0]
        # sparse gradients take some 4 % off a ball of five voxels
        assert both[regions["mixture"]].mean() == pytest.approx(0.06, rel=0.08)
        assert both.min() >= 0
    assert not joint.positive_ppm[~mask].any()


def clock_of(steps_s: Sequence[float]) -> Callable[[], float]:
    """A clock that is read before the first step and after each, which take these times."""
    times = iter(np.concatenate([[0.0, 0.0], np.cumsum(steps_s)]))
    return lambda: float(next(times))


def fit(*, iterations: int, seconds: float) -> Sources:
    mask, _, parts, field, rate, _ = scene()
    return separate_jointly(
        field, np.maximum(rate, 0), mask, GRID, AT_3T,
        noise=Noise(field_ppm=0.0015, r2_prime_per_s=2.0, strength=0.15 * 0.0015),
        start=separate(parts[0] - parts[1], np.maximum(rate, 0), mask, AT_3T),
        iterations=iterations, seconds=seconds,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("steps_s", "seconds", "said"),
    [
        ([1, 1], 3.5, "found 1.5 s after 2 steps, needed 4 steps of 1 s"),
        ([9, 2], 13, "found 2 s after 2 steps, needed 4 steps of 2 s"),
        ([9], 8, "found 0 s after 1 steps"),
        ([1, 1, 4], 5, "found 0 s after 3 steps"),
        ([], -1, "found 0 s after 0 steps, needed 4 steps$"),
    ],
)
def test_a_joint_fit_that_would_not_end_in_time_is_given_up_at_once(
    steps_s: list[float], seconds: float, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joint_sources, "monotonic", clock_of(steps_s))

    with pytest.raises(ReconError, match=said):
        fit(iterations=4, seconds=seconds)


@pytest.mark.parametrize("steps_s", [[1, 1, 1, 1], [9, 1, 1, 1]])
def test_a_joint_fit_that_ends_in_time_does_not_look_at_its_first_step(
    steps_s: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    without_end = fit(iterations=4, seconds=math.inf)
    monkeypatch.setattr(joint_sources, "monotonic", clock_of(steps_s))

    found = fit(iterations=4, seconds=sum(steps_s) + 0.1)

    assert np.array_equal(found.positive_ppm, without_end.positive_ppm)


def test_a_joint_fit_without_noise_is_refused() -> None:
    with pytest.raises(ReconError, match="above 0"):
        Noise(field_ppm=0.0, r2_prime_per_s=2.0, strength=1e-4)


def maps_of(scan: Drawn, **more: Any) -> tuple[SourceMaps, list[tuple[str, np.ndarray]]]:
    mask, regions, parts, _, rate, random = scan
    noise = random.normal(0, 0.002, GRID.shape)
    chi = np.where(mask, parts[0] - parts[1] + noise + 0.02, 0)  # of a zero that is not fluid's
    maps = SourceMaps(
        chi_ppm=chi, mask=mask, geometry=GRID, b0_t=3.0, csf=regions["fluid"],
        r2_star_per_s=np.maximum(rate, 0) + 12.0, r2_per_s=12.0 + 0.01 * noise,
        **more,
    )  # fmt: skip
    return maps, list(regions.items())


def test_the_reading_stands_against_fluid_and_tells_each_region() -> None:
    maps, regions = maps_of(scene())

    found = read_sources(maps, regions, AT_3T)

    rows = {(v.subject, v.name): v for v in found.reading.values}
    assert rows["mixture", "chi_positive"].number == pytest.approx(60, abs=2.0)  # cut of noise
    assert rows["mixture", "chi_negative"].number == pytest.approx(60, abs=2.0)
    assert rows["mixture", "coherence"].number == pytest.approx(1.0, abs=0.03)
    assert rows["iron", "coherence"].number == pytest.approx((130 - 110) / (130 + 110), abs=0.03)
    assert rows["iron", "chi_positive"].reference == "CSF"
    assert found.joint is None
    assert found.reading.reasons == ("no local field was given: there is no joint fit",)
    assert found.quadrant is not None


def test_without_time_for_the_joint_fit_each_voxel_is_read_alone_and_that_is_told() -> None:
    maps, regions = maps_of(scene(), local_field_ppm=scene()[3])

    partial = read_sources(maps, regions, AT_3T, seconds=0)
    alone = read_sources(maps, regions, AT_3T, jointly=False)

    assert partial.joint is None
    assert partial.reading.outcome is Outcome.FLAGGED
    assert partial.reading.reasons[0].startswith(
        "partial, voxel by voxel alone: joint fit: too lit"
    )
    assert partial.reading.values == alone.reading.values


@pytest.mark.parametrize(
    ("name", "said"),
    [("chi_ppm", "χ is not"), ("r2_star_per_s", r"R2\* is not"), ("r2_per_s", "R2 is not")],
)
def test_a_map_that_is_not_finite_in_the_brain_is_refused(name: str, said: str) -> None:
    maps, regions = maps_of(scene())
    holed = np.array(getattr(maps, name))
    holed[16, 20, 18] = np.nan
    changed: dict[str, Any] = {name: holed}

    with pytest.raises(ReconError, match=said):
        read_sources(dataclasses.replace(maps, **changed), regions, AT_3T)


def test_a_field_that_is_not_finite_costs_the_joint_fit_alone() -> None:
    field = scene()[3].copy()
    field[16, 20, 18] = np.nan
    maps, regions = maps_of(scene(), local_field_ppm=field)

    found = read_sources(maps, regions, AT_3T)

    assert found.joint is None
    assert "finite" in found.reading.reasons[0]
    assert found.reading.values


def test_pseudo_r2_and_a_missing_reference_are_told() -> None:
    maps, regions = maps_of(scene())
    pseudo = dataclasses.replace(maps, r2_per_s=13.0, csf=None)

    found = read_sources(pseudo, regions, AT_3T)

    assert found.reading.outcome is Outcome.FLAGGED
    assert "R2' is pseudo" in found.reading.reasons[0]
    assert "against the whole brain" in found.reading.reasons[1]
    assert found.reading.parameters["r2"] == "pseudo, 13 1/s"
    assert found.quadrant is None


def test_what_is_no_brain_is_called_the_whole_mask() -> None:
    maps, regions = maps_of(scene())
    without = dataclasses.replace(maps, r2_per_s=13.0, csf=None)

    brain, bottle = (
        read_sources(dataclasses.replace(without, whole=whole), regions, AT_3T).reading
        for whole in (WHOLE_BRAIN, WHOLE_MASK)
    )

    assert "against the whole mask" in bottle.reasons[1]
    assert bottle.parameters["reference"] == "whole mask"
    renamed = {WHOLE_BRAIN: WHOLE_MASK}
    assert bottle.values == tuple(
        dataclasses.replace(
            value,
            subject=renamed.get(value.subject, value.subject),
            reference=renamed.get(value.reference, value.reference),
        )
        for value in brain.values
    )
