r"""Area under the ROC curve of lesions that come several from a patient.

.. math:: A = \frac{1}{mn} \sum_{i,j} \left([s_i > s_j] + \tfrac12 [s_i = s_j]\right)

over the m positive and n negative lesions. Lesions of one patient are alike: patients are drawn for
an interval, never lesions. The wins between every two patients are counted once, so that a draw of
patients costs one product of matrices.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Flags = NDArray[np.bool_]
Numbers = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class PatientPairs:
    """How lesions of patients compare, counted by patient.

    Parameters
    ----------
    wins
        Of positive lesions of a patient over negative ones of another [P, P]; ties are halves.
    positives, negatives
        Lesions of each patient [P].
    """

    wins: Vector
    positives: Vector
    negatives: Vector

    @property
    def auc(self) -> float:
        """Area with every patient once."""
        return float(self.of_draws(np.ones((1, len(self.wins))))[0])

    def of_draws(self, times: Vector) -> Vector:
        """Areas with every patient so many times [B, P] -> [B]; NaN where one class is missing."""
        pairs = (times @ self.positives) * (times @ self.negatives)
        won = np.einsum("bp,pq,bq->b", times, self.wins, times, optimize=True)
        areas: Vector = np.where(pairs > 0, won / np.maximum(pairs, 1), np.nan)
        return areas

    def clustered_sd(self) -> float:
        """Standard deviation of the area by clustered components.

        References
        ----------
        Obuchowski (1997) Biometrics 53:567. doi:10.2307/2533958
        """
        m, n, count = self.positives.sum(), self.negatives.sum(), len(self.wins)
        ours = self.wins.sum(axis=1) / n - self.auc * self.positives
        theirs = self.wins.sum(axis=0) / m - self.auc * self.negatives
        return float(np.sqrt(count / (count - 1) * np.sum((ours / m + theirs / n) ** 2)))


def patient_pairs(scores: Vector, positive: Flags, patients: Numbers) -> PatientPairs:
    """Count the wins between patients, a mean over repeated scores.

    Wins are counted within a repeat and not by mean scores: a mean of many folds' models is turned
    against the lesions it did not see, which makes features without a meaning worse than chance.

    Parameters
    ----------
    scores
        Of each lesion [R, N], larger where it is more likely positive.
    positive
        Whether it is [N].
    patients
        Whose it is, 0 … P − 1 [N].
    """
    count = int(patients.max()) + 1
    below, owners = scores[:, None, ~positive], patients[~positive]
    wins = np.zeros((count, count))
    for patient in range(count):
        own = scores[:, positive & (patients == patient), None]
        won = ((own > below) + 0.5 * (own == below)).sum(axis=1).mean(axis=0)
        wins[patient] = np.bincount(owners, weights=won, minlength=count)
    positives, negatives = (
        np.bincount(patients[flags], minlength=count).astype(np.float64)
        for flags in (positive, ~positive)
    )
    return PatientPairs(wins, positives, negatives)


def draws_of_patients(count: int, draws: int, random: np.random.Generator) -> Vector:
    """How often each of ``count`` patients is drawn, with replacement [draws, count]."""
    return random.multinomial(count, np.full(count, 1 / count), size=draws).astype(np.float64)


def interval_of(values: Vector) -> tuple[float, float]:
    """The middle 95 % of draws that have a value."""
    low, high = np.nanpercentile(values, (2.5, 97.5))
    return float(low), float(high)
