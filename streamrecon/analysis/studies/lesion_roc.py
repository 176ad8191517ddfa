"""How well features of lesions tell two classes apart, without and with susceptibility.

What is judged is the way from features to a class for patients that were not seen, with all that is
fitted on the way. The area is that of pooled scores of lesions outside of the folds: it is lower
than that of the best possible score by what there is to learn from few patients. A few patients
with many lesions weigh most, as they do in a clinic's table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from streamrecon.analysis.studies.clustered_auc import (
    PatientPairs,
    draws_of_patients,
    interval_of,
    patient_pairs,
)
from streamrecon.analysis.studies.grouped_scores import (
    FOLDS,
    Model,
    grouped_scores,
    labels_at_random,
    leaky_scores,
)
from streamrecon.analysis.studies.libraries import library
from streamrecon.errors import ReconError

Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]
Numbers = NDArray[np.intp]

_NEAR = 1e-6  # of a probability to 0 or 1
_BINS = 6


@dataclass(frozen=True, slots=True)
class RocSettings:
    """How it is judged.

    Parameters
    ----------
    model
        What is fitted.
    repeats
        Divisions into folds.
    draws
        Of patients, for the intervals.
    permutations
        Of labels.
    seed
        Of everything random.
    """

    model: Model = Model.LOGISTIC
    repeats: int = 10
    draws: int = 2000
    permutations: int = 100
    seed: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Lesions by one set of features.

    Parameters
    ----------
    probabilities
        Of each lesion, by models that saw none of its patient [R, N].
    auc, interval, clustered_sd
        Area, its 95 % interval by draws of patients, and its standard deviation by components.
    """

    probabilities: Vector
    auc: float
    interval: tuple[float, float]
    clustered_sd: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """Whether 0.8 means four of five.

    Parameters
    ----------
    slope, intercept
        Of the true log-odds on those that were said; 1 and 0 at best, a slope below 1 is
        overconfident.
    brier
        Mean squared error of the probabilities.
    bins
        Mean probability, part that is positive, and lesions, from low to high.
    """

    slope: float
    intercept: float
    brier: float
    bins: Sequence[tuple[float, float, int]]


@dataclass(frozen=True, slots=True, eq=False)
class LesionRoc:
    """Both sets of features, and what tells whether to believe them.

    Parameters
    ----------
    magnitude, both
        By features of the magnitude alone, and with those of susceptibility.
    gain, gain_interval
        Difference of the areas, and its interval by the same draws of patients.
    permuted_auc, permuted_p
        Mean area with labels at random, 0.5 if nothing leaks; part of them as good as the true.
    leaky_auc
        Area by folds of lesions, which is no result.
    calibration
        Of ``both``.
    """

    magnitude: Scored
    both: Scored
    gain: float
    gain_interval: tuple[float, float]
    permuted_auc: float
    permuted_p: float
    leaky_auc: float
    calibration: Calibration


def lesion_roc(
    magnitude: Vector,
    susceptibility: Vector,
    positive: Flags,
    patients: Numbers,
    settings: RocSettings,
) -> LesionRoc:
    """Judge features of the magnitude, and what susceptibility adds.

    Parameters
    ----------
    magnitude, susceptibility
        Features [N, F]; NaN where one is missing.
    positive
        Class of each lesion [N].
    patients
        Whose it is, 0 … P − 1 [N].
    settings
        How.

    Raises
    ------
    ConfigError
        If scikit-learn is not installed.
    ReconError
        If fewer than five patients have lesions of one class.
    """
    for flags in (positive, ~positive):
        found = len(np.unique(patients[flags]))
        if found < FOLDS:
            raise ReconError(
                f"lesions: found {found} patients with one of the classes, needed {FOLDS}"
            )
    random = np.random.default_rng(settings.seed)
    times = draws_of_patients(int(patients.max()) + 1, settings.draws, random)
    every = np.hstack([magnitude, susceptibility])
    (one, one_pairs), (two, two_pairs) = (
        _scored(features, positive, patients, settings, times) for features in (magnitude, every)
    )
    permuted = _permuted(every, positive, patients, settings, random)
    leaky = leaky_scores(
        every, positive, model=settings.model, repeats=settings.repeats, seed=settings.seed
    )
    return LesionRoc(
        magnitude=one,
        both=two,
        gain=two.auc - one.auc,
        gain_interval=interval_of(two_pairs.of_draws(times) - one_pairs.of_draws(times)),
        permuted_auc=float(permuted.mean()),
        permuted_p=float((1 + (permuted >= two.auc).sum()) / (1 + len(permuted))),
        leaky_auc=patient_pairs(leaky, positive, patients).auc,
        calibration=calibration_of(two.probabilities, positive),
    )


def calibration_of(probabilities: Vector, positive: Flags) -> Calibration:
    """Line of the true log-odds on those that were said, by maximum likelihood.

    Parameters
    ----------
    probabilities
        Of each lesion in each repeat [R, N].
    positive
        Class of each lesion [N].
    """
    positive = np.tile(positive, len(probabilities))
    probabilities = probabilities.ravel()
    near = np.clip(probabilities, _NEAR, 1 - _NEAR)
    odds = np.log(near / (1 - near))[:, None]
    line = library("sklearn.linear_model").LogisticRegression(C=np.inf).fit(odds, positive)
    order = np.argsort(probabilities, kind="stable")
    bins = tuple(
        (float(probabilities[part].mean()), float(positive[part].mean()), len(part))
        for part in np.array_split(order, _BINS)
        if len(part)
    )
    brier = float(np.mean((probabilities - positive) ** 2))
    return Calibration(float(line.coef_[0, 0]), float(line.intercept_[0]), brier, bins)


def _scored(
    features: Vector, positive: Flags, patients: Numbers, settings: RocSettings, times: Vector
) -> tuple[Scored, PatientPairs]:
    scores = grouped_scores(
        features, positive, patients,
        model=settings.model, repeats=settings.repeats, seed=settings.seed,
    )  # fmt: skip
    pairs = patient_pairs(scores, positive, patients)
    interval = interval_of(pairs.of_draws(times))
    return Scored(scores, pairs.auc, interval, pairs.clustered_sd()), pairs


def _permuted(
    features: Vector,
    positive: Flags,
    patients: Numbers,
    settings: RocSettings,
    random: np.random.Generator,
) -> Vector:
    """Areas with labels at random, each by one division into folds."""
    labels = islice(labels_at_random(positive, patients, random), settings.permutations)
    return np.array([
        patient_pairs(
            grouped_scores(
                features, dealt, patients, model=settings.model, repeats=1, seed=settings.seed
            ),
            dealt,
            patients,
        ).auc
        for dealt in labels
    ])  # fmt: skip
