"""Probabilities of lesions by models that never saw another lesion of the same patient.

Everything is fitted inside the folds: the values for what is missing, the scale, the model. The one
other way, folds without patients, exists to be printed beside it as a warning.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamrecon.analysis.studies.libraries import library

Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]
Numbers = NDArray[np.intp]

FOLDS = 5
_TREES, _LEAF = 200, 3


class Model(enum.Enum):
    """What is fitted to the features."""

    LOGISTIC = "logistic"
    FOREST = "forest"


def grouped_scores(
    features: Vector, positive: Flags, patients: Numbers, *, model: Model, repeats: int, seed: int
) -> Vector:
    """Probability of each lesion in repeated divisions into five folds of whole patients [R, N].

    Parameters
    ----------
    features
        [N, F]; NaN where one is missing.
    positive
        Class of each lesion [N].
    patients
        Whose it is [N].
    model
        Logistic regression with L2 of strength 1, or a random forest.
    repeats
        Divisions into folds, each of a seed of its own.
    seed
        Of the first.
    """
    selection = library("sklearn.model_selection")
    return _scores(features, positive, patients, model, [
        selection.StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed + n)
        for n in range(repeats)
    ])  # fmt: skip


def leaky_scores(
    features: Vector, positive: Flags, *, model: Model, repeats: int, seed: int
) -> Vector:
    """The same by folds of lesions: a patient's are on both sides, and the result is too good."""
    selection = library("sklearn.model_selection")
    return _scores(features, positive, None, model, [
        selection.StratifiedKFold(FOLDS, shuffle=True, random_state=seed + n)
        for n in range(repeats)
    ])  # fmt: skip


def labels_at_random(
    positive: Flags, patients: Numbers, random: np.random.Generator
) -> Iterator[Flags]:
    """Labels without a meaning, again and again, that still come in runs as patients have them.

    Each patient's labels are shuffled, the patients' laid behind one another in a random order, and
    dealt to the lesions: as many positive ones, and alike within a patient nearly as before.
    """
    order = np.argsort(patients, kind="stable")
    own = [positive[patients == patient] for patient in np.unique(patients)]
    while True:
        blocks = [random.permutation(own[at]) for at in random.permutation(len(own))]
        dealt = np.empty_like(positive)
        dealt[order] = np.concatenate(blocks)
        yield dealt


def _scores(
    features: Vector, positive: Flags, patients: Numbers | None, model: Model, divisions: list[Any]
) -> Vector:
    scores = np.empty((len(divisions), len(features)))
    for number, division in enumerate(divisions):
        for known, unknown in division.split(features, positive, patients):
            fitted = _pipeline(model, number).fit(features[known], positive[known])
            scores[number, unknown] = fitted.predict_proba(features[unknown])[:, 1]
    return scores


def _pipeline(model: Model, seed: int) -> Any:  # noqa: ANN401  (has no stubs)
    if model is Model.FOREST:
        last = library("sklearn.ensemble").RandomForestClassifier(
            _TREES, min_samples_leaf=_LEAF, random_state=seed, n_jobs=1
        )
    else:
        last = library("sklearn.linear_model").LogisticRegression(C=1.0)
    return library("sklearn.pipeline").make_pipeline(
        library("sklearn.impute").SimpleImputer(strategy="median", keep_empty_features=True),
        library("sklearn.preprocessing").StandardScaler(),
        last,
    )
