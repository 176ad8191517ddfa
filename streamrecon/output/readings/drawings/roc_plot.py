"""Draws ROC curves beside the calibration of what was said."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from streamrecon.output.readings.drawings.figures import Colour, beside

_SIDE, _EDGE = 380, 44  # pixels
_PAPER, _INK, _AXIS, _GRID = (255, 255, 255), (20, 20, 20), (170, 170, 170), (228, 228, 228)
_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Curve:
    """A line through points of 0 … 1, its colour and its words."""

    points: Points
    colour: Colour
    words: str
    dots: bool = False


def roc_plot(curves: Sequence[Curve], calibration: Curve) -> Image.Image:
    """True over false positives, and the part that is positive over the probability."""
    return beside([
        _square(curves, "false positives", "true positives"),
        _square([calibration], "probability", "part that is positive"),
    ])  # fmt: skip


def _square(curves: Sequence[Curve], across: str, up: str) -> Image.Image:
    sheet = Image.new("RGB", (_SIDE, _SIDE), _PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for tick in _TICKS:
        pen.line((*_place(tick, 0), *_place(tick, 1)), fill=_GRID)
        pen.line((*_place(0, tick), *_place(1, tick)), fill=_GRID)
        x, y = _place(tick, tick)
        pen.text((x, _SIDE - _EDGE + 4), f"{tick:g}", fill=_INK, font=font, anchor="ma")
        pen.text((_EDGE - 6, y), f"{tick:g}", fill=_INK, font=font, anchor="rm")
    pen.rectangle((*_place(0, 1), *_place(1, 0)), outline=_AXIS)
    pen.line((*_place(0, 0), *_place(1, 1)), fill=_AXIS)
    pen.text((_SIDE / 2, _SIDE - _EDGE + 22), across, fill=_INK, font=font, anchor="ma")
    pen.text((6, 6), up, fill=_INK, font=font)
    for number, curve in enumerate(curves):
        places = [_place(x, y) for x, y in curve.points]
        pen.line([at for place in places for at in place], fill=curve.colour, width=2)
        for x, y in places if curve.dots else ():
            pen.ellipse((x - 3, y - 3, x + 3, y + 3), fill=curve.colour)
        words = _place(0.97, 0.04 + 0.06 * number)
        pen.text(words, curve.words, fill=curve.colour, font=font, anchor="rs")
    return sheet


def _place(x: float, y: float) -> tuple[float, float]:
    wide = _SIDE - 2 * _EDGE
    return _EDGE + x * wide, _SIDE - _EDGE - y * wide
