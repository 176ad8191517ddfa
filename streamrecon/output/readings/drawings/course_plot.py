"""Draws the course of patients over the years, and the lines that a model puts through them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

_WIDE, _HIGH, _EDGE = 520, 320, 60  # pixels
_TICKS = 4
_PAPER, _INK, _AXIS, _GRID = (255, 255, 255), (20, 20, 20), (170, 170, 170), (228, 228, 228)
_PATIENT, _TREATED = (150, 150, 150), (90, 150, 210)
_MODEL, _TREATMENT = (200, 40, 40), (20, 60, 140)


@dataclass(frozen=True, slots=True)
class PatientCourse:
    """Values [ppb] of a patient at times [a], and whether it has the treatment."""

    years: Sequence[float]
    values: Sequence[float]
    treated: bool = False


@dataclass(frozen=True, slots=True)
class Pace:
    """A slope and its 95 % interval [ppb/a]."""

    slope: float
    interval: tuple[float, float]

    def __str__(self) -> str:
        """In words."""
        return f"{self.slope:+.2f} ppb/a ({self.interval[0]:+.2f} … {self.interval[1]:+.2f})"


def course_plot(
    patients: Sequence[PatientCourse], pace: Pace, by_treatment: Pace | None = None
) -> Image.Image:
    """A line for each patient, and the pace with its interval through their middle.

    Where a treatment is told apart, ``pace`` is that of patients without it, through theirs, and
    another line has what the treatment adds, through those with it.
    """
    times = [t for patient in patients for t in patient.years]
    values = [v for patient in patients for v in patient.values]
    ends, levels = (min(times), max(times)), (min(values), max(values))
    sheet = Image.new("RGB", (_WIDE, _HIGH), _PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)

    def place(time: float, value: float) -> tuple[float, float]:
        across = (time - ends[0]) / max(ends[1] - ends[0], 1e-9)
        up = (value - levels[0]) / max(levels[1] - levels[0], 1e-9)
        return _EDGE + across * (_WIDE - 2 * _EDGE), _HIGH - _EDGE - up * (_HIGH - 2 * _EDGE)

    _draw_axes(pen, ends, levels, place)
    for patient in patients:
        line = [place(t, v) for t, v in zip(patient.years, patient.values, strict=True)]
        colour = _TREATED if patient.treated else _PATIENT
        pen.line([at for point in line for at in point], fill=colour)
    paces = [(_MODEL, pace, 0.0, [p for p in patients if not (by_treatment and p.treated)])]
    if by_treatment:
        paces.append((_TREATMENT, by_treatment, pace.slope, [p for p in patients if p.treated]))
    for row, (colour, each, base, group) in enumerate(paces):
        if group:
            middle = _middle(group)
            for change, width in ((each.slope, 3), (each.interval[0], 1), (each.interval[1], 1)):
                line = [place(t, middle[1] + (base + change) * (t - middle[0])) for t in ends]
                pen.line([at for point in line for at in point], fill=colour, width=width)
        words = f"treatment adds {each}" if row else str(each)
        pen.text((_EDGE, 4 + 15 * row), words, fill=colour, font=font)
    return sheet


def _middle(patients: Sequence[PatientCourse]) -> tuple[float, float]:
    """Mean time and value of all visits."""
    times = [t for patient in patients for t in patient.years]
    values = [v for patient in patients for v in patient.values]
    return sum(times) / len(times), sum(values) / len(values)


def _draw_axes(
    pen: ImageDraw.ImageDraw,
    ends: tuple[float, float],
    levels: tuple[float, float],
    place: Callable[[float, float], tuple[float, float]],
) -> None:
    """Years across and ppb up, with lines at a few of both."""
    font = ImageFont.load_default(12)
    for part in (n / _TICKS for n in range(_TICKS + 1)):
        time, value = (low + part * (high - low) for low, high in (ends, levels))
        pen.line((*place(time, levels[0]), *place(time, levels[1])), fill=_GRID)
        pen.line((*place(ends[0], value), *place(ends[1], value)), fill=_GRID)
        x, y = place(time, value)
        pen.text((x, _HIGH - _EDGE + 6), f"{time:.1f}", fill=_INK, font=font, anchor="ma")
        pen.text((_EDGE - 6, y), f"{value:.0f}", fill=_INK, font=font, anchor="rm")
    pen.text((_WIDE / 2, _HIGH - _EDGE + 26), "years", fill=_INK, font=font, anchor="ma")
    pen.text((6, _EDGE - 24), "ppb", fill=_INK, font=font)
    pen.rectangle((*place(ends[0], levels[1]), *place(ends[1], levels[0])), outline=_AXIS)
