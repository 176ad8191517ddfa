"""Draws changes of regions against the limits of what is reliable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from streamrecon.analysis.reading import Reading
from streamrecon.output.font_letters import in_font
from streamrecon.output.readings.drawings.figures import Figure

_WIDTH, _NAMES, _ROW, _EDGE = 720, 200, 26, 30  # pixels
_PAPER, _INK, _BAND, _AXIS = (255, 255, 255), (20, 20, 20), (222, 222, 222), (150, 150, 150)
_CHANGED, _UNCHANGED = (200, 40, 40), (70, 70, 70)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRow:
    """One region: its change, one standard deviation by noise, and the limit of reliable change."""

    name: str
    change: float
    limit: float
    sigma: float | None = None


def draw_changes(reading: Reading) -> list[Figure]:
    """A plot of each quantity that a reading of change has."""
    figures = []
    for word, symbol, unit in (("chi", "χ", "ppb"), ("r2star", "R2*", "1/s")):
        changes = {v.subject: v for v in reading.values if v.name == f"change_{word}"}
        limits = {v.subject: v.number for v in reading.values if v.name == f"limit_{word}"}
        rows = [
            ChangeRow(name=name, change=v.number, limit=limits[name], sigma=v.sigma)
            for name, v in changes.items()
        ]
        if rows:
            caption = (
                f"{symbol} of this visit less that of the baseline [{unit}], line: ±1.96 standard "
                "deviations of noise; grey: what unchanged patients show, red: beyond"
            )
            figures.append(Figure(word, caption, change_plot(rows, unit)))
    return figures


def change_plot(rows: Sequence[ChangeRow], unit: str) -> Image.Image:
    """A line for each region: grey within the limit, its change as a point with ±1.96 σ."""
    reach = 1.15 * max(max(abs(row.change), row.limit) for row in rows)
    height = _ROW * len(rows) + 2 * _EDGE
    sheet = Image.new("RGB", (_WIDTH, height), _PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)

    def across(value: float) -> float:
        return _NAMES + (_WIDTH - _NAMES - _EDGE) * (0.5 + value / (2 * reach))

    for n, row in enumerate(rows):
        middle = _EDGE + _ROW * (n + 0.5)
        pen.text((8, middle - 7), in_font(row.name), fill=_INK, font=font)
        band = (across(-row.limit), middle - 8, across(row.limit), middle + 8)
        pen.rectangle(band, fill=_BAND)
    pen.line((across(0), _EDGE, across(0), height - _EDGE), fill=_AXIS)
    for n, row in enumerate(rows):
        middle, colour = (
            _EDGE + _ROW * (n + 0.5),
            _CHANGED if abs(row.change) > row.limit else _UNCHANGED,
        )
        if row.sigma is not None:
            ends = [max(-reach, min(reach, row.change + s * row.sigma)) for s in (-1.96, 1.96)]
            pen.line((across(ends[0]), middle, across(ends[1]), middle), fill=colour, width=2)
        here = across(row.change)
        pen.ellipse((here - 4, middle - 4, here + 4, middle + 4), fill=colour)
    for value in (-reach / 1.15, 0.0, reach / 1.15):
        text = f"{value:+.1f} {unit}" if value else "0"
        wide = pen.textlength(text, font=font)
        pen.text((across(value) - wide / 2, height - _EDGE + 6), text, fill=_INK, font=font)
    return sheet
