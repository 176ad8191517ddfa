"""Courses of vein voxels for a regression, and how much of the task they would take with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon.analysis.bold.phase_regression import without_drift
from streamrecon.errors import ReconError

Series = NDArray[np.float64]
Vector = NDArray[np.float64]

TASK_LIMIT = 0.3
"""Part of a course that goes with the task, beyond which its regression is warned of."""


@dataclass(frozen=True, slots=True, eq=False)
class Confounds:
    """Courses by their names, and what the task has in common with each.

    Parameters
    ----------
    courses
        Each of mean 0 [T].
    task_part
        R² of each with all responses of the task.
    """

    courses: Mapping[str, Vector]
    task_part: Mapping[str, float]

    def inflation(self, name: str) -> float:
        """Variance inflation factor of the course beside the task."""
        return 1 / max(1 - self.task_part[name], 1e-9)


def vein_confounds(
    series: NDArray[np.floating],
    responses: Mapping[str, Vector],
    *,
    components: int = 5,
    orthogonal: bool = False,
) -> Confounds:
    """Mean and principal components of vein voxels, after their drifts are taken off.

    Veins drain what is active: their course has the task in it, and its regression takes the
    response of tissue too. Orthogonal courses leave the task alone, and with it the veins' share.

    Parameters
    ----------
    series
        Of vein voxels [T, V].
    responses
        Of the task [T] by kind.
    components
        How many.
    orthogonal
        Whether what the courses have in common with the task is taken off them.

    Raises
    ------
    ReconError
        If there are fewer voxels than components.

    References
    ----------
    Behzadi et al. (2007) NeuroImage 37:90. doi:10.1016/j.neuroimage.2007.04.042
    """
    if series.shape[1] < components:
        raise ReconError(f"confounds: found {series.shape[1]} vein voxels, needed {components}")
    rest = without_drift(np.asarray(series, np.float64))
    spread = rest.std(axis=0)
    alike = rest / np.where(spread > 0, spread, 1)
    main = np.linalg.svd(alike, full_matrices=False)[0][:, :components]
    courses = {"vein_mean": rest.mean(axis=1)}
    courses |= {f"vein_pc_{n + 1:02d}": main[:, n] for n in range(components)}
    task, _ = np.linalg.qr(without_drift(np.stack(list(responses.values()), axis=1)))
    if orthogonal:
        courses = {name: course - task @ (task.T @ course) for name, course in courses.items()}
    parts = {name: _part(course, task) for name, course in courses.items()}
    return Confounds(courses, parts)


def _part(course: Vector, task: Series) -> float:
    whole = float(course @ course)
    return float(np.sum((task.T @ course) ** 2)) / whole if whole > 0 else 0.0
