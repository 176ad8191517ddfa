"""The response that a task is expected to have, and how much of a series goes with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import gamma

from streamrecon.analysis.bold.phase_regression import without_drift

Series = NDArray[np.float64]
Vector = NDArray[np.float64]
Event = tuple[float, float]

_STEP_S, _RESPONSE_S = 0.1, 32.0
_PEAK, _UNDERSHOOT, _RATIO = 6.0, 16.0, 1 / 6  # of the canonical response, with a scale of 1 s


@dataclass(frozen=True, slots=True, eq=False)
class TaskModel:
    """Fit of the expected responses.

    Parameters
    ----------
    effect_percent
        Sum of the responses' amplitudes, in per cent of the mean [V].
    t
        Student's t of that sum [V].
    """

    effect_percent: Vector
    t: Vector


def expected_responses(
    events: Mapping[str, Sequence[Event]], volumes: int, tr_s: float
) -> dict[str, Vector]:
    """Course of each kind of event at the volumes, highest point 1 for a long block.

    Parameters
    ----------
    events
        Onsets and durations [s] by kind.
    volumes, tr_s
        How many, and the time between them.
    """
    times = np.arange(0, _RESPONSE_S, _STEP_S)
    shape = gamma.pdf(times, _PEAK) - _RATIO * gamma.pdf(times, _UNDERSHOOT)
    shape /= shape.sum()
    found = {}
    for kind, each in events.items():
        course = np.zeros(round(volumes * tr_s / _STEP_S) + 1)
        for onset_s, duration_s in each:
            first = max(0, round(onset_s / _STEP_S))
            course[first : max(first + 1, round((onset_s + duration_s) / _STEP_S))] = 1
        response = np.convolve(course, shape)[: len(course)]
        found[kind] = np.interp(
            np.arange(volumes) * tr_s, np.arange(len(course)) * _STEP_S, response
        )
    return found


def task_model(series: NDArray[np.floating], responses: Mapping[str, Vector]) -> TaskModel:
    """Ordinary least squares of the responses after drifts are taken off; noise taken as white.

    Noise that goes on from volume to volume makes t too large, before and after alike.

    Parameters
    ----------
    series
        [T, V].
    responses
        Of each kind [T].
    """
    columns = without_drift(np.stack(list(responses.values()), axis=1))
    rest = without_drift(np.asarray(series, np.float64))
    inverse = np.linalg.pinv(columns)
    weights = inverse @ rest
    residual = rest - columns @ weights
    freedom = len(rest) - columns.shape[1] - 4  # drifts and mean
    spread = np.sqrt(np.maximum((residual**2).sum(axis=0) / freedom, 1e-30))
    summed = weights.sum(axis=0)
    scale = float(np.linalg.norm(inverse.sum(axis=0)))
    mean = np.maximum(np.asarray(series, np.float64).mean(axis=0), 1e-30)
    return TaskModel(100 * summed / mean, summed / (spread * scale))
