"""Simulated cohorts of known truth through the statistics of studies.

    python benchmarks/bench_studies.py [roc] [course]

roc: 60 patients with 1-11 lesions, one feature of known area 0.823, two of none. course: 30
patients with -4 ppb a year, two or four visits, with and without paces of their own. Seeds are not
those of the tests.
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from streamrecon.analysis.studies.clustered_auc import (
    draws_of_patients,
    interval_of,
    patient_pairs,
)
from streamrecon.analysis.studies.grouped_scores import Model, grouped_scores
from streamrecon.analysis.studies.iron_course import fit_course

Cohort = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_], NDArray[np.intp]]
TRUE_AUC = float(norm.cdf(1 / np.hypot(0.7, 0.3) / np.sqrt(2)))
COHORTS, FIRST, COURSES = 100, 20, 200
PATIENTS, DRAWS, REPEATS = 60, 2000, 10


def main() -> None:
    """Print the tables that are asked for."""
    wanted = sys.argv[1:] or ["roc", "course"]
    if "roc" in wanted:
        roc()
    if "course" in wanted:
        course()


def roc() -> None:
    """Areas and intervals of 100 cohorts."""
    areas, held, nothing, nothing_held = [], 0, [], 0
    for seed in range(1000, 1000 + COHORTS):
        random = np.random.default_rng(seed)
        magnitude, chi, positive, owners = cohort(random)
        area, (low, high) = judged(np.hstack([magnitude, chi]), positive, owners, random)
        areas.append(area)
        held += low <= TRUE_AUC <= high
        area, (low, high) = judged(magnitude, positive, owners, random)
        nothing.append(area)
        nothing_held += low <= 0.5 <= high
    errors = np.abs(np.array(areas) - TRUE_AUC)
    print(f"true area {TRUE_AUC:.3f}")
    print(f"mean of |area - true| of {FIRST} cohorts: {errors[:FIRST].mean():.4f}")
    print(f"the same of {COHORTS}: {errors.mean():.4f}, mean area {np.mean(areas):.3f}")
    print(f"intervals of {COHORTS} cohorts that hold it: {held}")
    print(f"features of no worth: mean area {np.mean(nothing):.3f}, 0.5 held by {nothing_held}")


def judged(
    features: NDArray[np.float64],
    positive: NDArray[np.bool_],
    owners: NDArray[np.intp],
    random: np.random.Generator,
) -> tuple[float, tuple[float, float]]:
    """Area and interval as the command has them."""
    scores = grouped_scores(
        features, positive, owners, model=Model.LOGISTIC, repeats=REPEATS, seed=1
    )
    pairs = patient_pairs(scores, positive, owners)
    return pairs.auc, interval_of(pairs.of_draws(draws_of_patients(PATIENTS, DRAWS, random)))


def cohort(random: np.random.Generator) -> Cohort:
    """Two features of the magnitude that say nothing, and one of χ."""
    owners = np.repeat(np.arange(PATIENTS), random.integers(1, 12, PATIENTS))
    positive = random.random(len(owners)) < 0.5
    chi = positive + random.normal(0, 0.7, len(owners)) + random.normal(0, 0.3, PATIENTS)[owners]
    magnitude = random.normal(size=(len(owners), 2)) + random.normal(size=(PATIENTS, 2))[owners]
    return magnitude, chi[:, None], positive, owners


def course() -> None:
    """Intervals of the slope that hold the true one, of 200 cohorts each."""
    for times, own in (((0, 1), 0.0), ((0, 1), 3.0), ((0, 1, 2, 3), 0.0), ((0, 1, 2, 3), 3.0)):
        held, found = 0, []
        for seed in range(2000, 2000 + COURSES):
            slope = fit_course(*visits(times, own, seed)).slope
            held += slope.interval[0] <= -4 <= slope.interval[1]
            found.append(slope.number)
        print(
            f"{len(times)} visits, paces {own:g} ppb/a apart: mean slope {np.mean(found):.2f}, "
            f"held by {held} of {COURSES}"
        )


def visits(
    times: tuple[int, ...], own: float, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
    """30 patients, noise of 2.36 ppb, times that are a little off."""
    random, patients = np.random.default_rng(seed), np.repeat(np.arange(30), len(times))
    years = np.tile(np.array(times, float), 30) + random.normal(0, 0.05, len(patients))
    pace = -4 + random.normal(0, own, 30)
    chi = 120 + random.normal(0, 15, 30)[patients] + pace[patients] * years
    return chi + random.normal(0, 2.36, len(chi)), years, patients


if __name__ == "__main__":
    main()
