"""The plot of a course has a line for each group that a model tells apart."""

from __future__ import annotations

import numpy as np
import pytest

from streamrecon.output.readings.drawings.course_plot import Pace, PatientCourse, course_plot

YEARS = (0.0, 1.0, 2.0)
PATIENTS = [
    PatientCourse(YEARS, [100 + start + pace * t for t in YEARS], treated=pace < -5)
    for start, pace in ((0, -1), (10, -2), (4, -8), (6, -10))
]
PACE, ADDED = Pace(-1.5, (-2.0, -1.0)), Pace(-7.5, (-9.0, -6.0))
RED, BLUE = (200, 40, 40), (20, 60, 140)


def line_of(added: Pace | None, colour: tuple[int, int, int]) -> np.ndarray:
    """Rows and columns of a colour's pixels, in the frame of the plot."""
    pixels = np.asarray(course_plot(PATIENTS, PACE, added))
    rows, columns = np.nonzero((pixels == colour).all(axis=-1))
    return np.stack([rows, columns])[:, rows > 60]


@pytest.mark.parametrize(("added", "colours"), [(None, 1), (ADDED, 2)], ids=["one", "two"])
def test_groups_that_are_told_apart_have_a_line_each(added: Pace | None, colours: int) -> None:
    assert [line_of(added, c).size > 0 for c in (RED, BLUE)] == [True, colours == 2]


def test_the_line_of_the_treatment_falls_as_far_as_both_slopes_say() -> None:
    """Rows go down. Two years of -9 ppb/a against two of -1.5."""
    falls = {}
    for colour in (RED, BLUE):
        rows, columns = line_of(ADDED, colour)
        fit = np.polyfit(columns, rows, 1)
        falls[colour] = fit[0]
    assert falls[BLUE] / falls[RED] == pytest.approx(6.0, rel=0.15)
