"""Draws cuts: pixels in colour, the patient's sides, words, the bar that says what colours mean."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from streamrecon.output.font_letters import in_font
from streamrecon.output.preview.colours import Window, coloured
from streamrecon.output.preview.cuts import Cuts
from streamrecon.output.preview.planes import Plane

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Place = tuple[int, int]
"""Left and top, or width and height [pixels]."""

INK, FAINT, PAPER = (235, 235, 235), (150, 150, 150), (0, 0, 0)
GAP, LABEL, BAR = 8, 18, 18  # pixels

_TALLEST = 1.3  # of a tile's width
_BAR_LINES, _SHORTEST_BAR = 7, 8
_SHOWN = {"s": ("ms", 1e3), "1/s": ("/s", 1.0)}
"""Units as people say them, where they differ from the model's: name and factor."""


def draw_columns(cuts: Sequence[Cuts], width: int) -> Image.Image:
    """A column of that width for each: label, a plane below the other, the bar at the foot.

    All planes have one scale.
    """
    heights, wide = _sizes_mm(cuts)
    scale = min(width / wide, _TALLEST * width / max(heights))
    rows = [round(height * scale) for height in heights]
    size = len(cuts) * (width + GAP) - GAP, LABEL + sum(rows) + GAP * (len(rows) - 1) + BAR
    picture = Image.new("RGB", size, PAPER)
    pen = ImageDraw.Draw(picture)
    for column, each in enumerate(cuts):
        left, top = column * (width + GAP), LABEL
        pen.text((left, 0), _last_letters(in_font(each.label), width), fill=INK, font=font(12))
        for plane, row in zip(each.planes, rows, strict=False):
            cut = draw_plane(plane, each.window, scale, smooth=not each.shown.is_angle)
            middle = left + (width - cut.width) // 2, top + (row - cut.height) // 2
            picture.paste(cut, middle)
            draw_edges(pen, plane.edges, (left, top), (width, row))
            top += row + GAP
        draw_bar(picture, each.window, each.shown.unit, (left, size[1] - BAR), width)
    return picture


def _sizes_mm(cuts: Sequence[Cuts]) -> tuple[list[float], float]:
    """Height of each row, and width of the widest plane."""
    rows = range(max(len(each.planes) for each in cuts))
    heights = [
        max(each.planes[row].size_mm[0] for each in cuts if row < len(each.planes)) for row in rows
    ]
    return heights, max(plane.size_mm[1] for each in cuts for plane in each.planes)


def _last_letters(label: str, width: int) -> str:
    """What fits of the label's end, where names differ."""
    while font(12).getlength(label) > width:
        label = label[1:]
    return label


def draw_plane(plane: Plane, window: Window, scale: float, *, smooth: bool) -> Image.Image:
    """The cut in its true proportions, ``scale`` pixels to a millimetre, without words.

    Neighbours are mixed only if ``smooth``: wrapped phase must not be.
    """
    high, wide = plane.size_mm
    size = max(1, round(wide * scale)), max(1, round(high * scale))
    fractions = window.fraction(plane.pixels)
    known = np.isfinite(fractions)
    unknown = 0.5 if window.low < 0 else 0.0
    method = Image.Resampling.BICUBIC if smooth else Image.Resampling.NEAREST
    scaled = _resized(np.where(known, fractions, unknown), size, method)
    there = _resized(known, size, Image.Resampling.BILINEAR) > 0.5
    return Image.fromarray(coloured(np.where(there, scaled, np.nan), window.colours))


def _resized(
    values: NDArray[np.generic], size: Place, method: Image.Resampling
) -> NDArray[np.float32]:
    picture = Image.fromarray(np.ascontiguousarray(values, np.float32))
    return np.asarray(picture.resize(size, method), np.float32)


def draw_edges(pen: ImageDraw.ImageDraw, edges: str, corner: Place, size: Place) -> None:
    """The patient's sides as letters at the edges of a tile."""
    left, top = corner
    wide, high = size
    places = [
        ((left + 2, top + high // 2), "lm"),
        ((left + wide - 2, top + high // 2), "rm"),
        ((left + wide // 2, top + 1), "ma"),
        ((left + wide // 2, top + high - 1), "md"),
    ]
    for letter, (place, anchor) in zip(edges, places, strict=True):
        pen.text(
            place, letter, fill=INK, font=font(10), anchor=anchor, stroke_width=2, stroke_fill=PAPER
        )


def draw_bar(sheet: Image.Image, window: Window, unit: str, corner: Place, width: int) -> None:
    """The colours from the low to the high end, with both values and the unit."""
    pen = ImageDraw.Draw(sheet)
    low, high, shown_unit = words_of(window, unit)
    left, top = corner
    middle = top + BAR // 2
    words = f"{high} {shown_unit}".rstrip()
    pen.text((left, middle), low, fill=FAINT, font=font(11), anchor="lm")
    pen.text((left + width, middle), words, fill=FAINT, font=font(11), anchor="rm")
    begin = left + round(font(11).getlength(low)) + 5
    length = left + width - round(font(11).getlength(words)) - 5 - begin
    if length >= _SHORTEST_BAR:
        fractions = np.tile(np.linspace(0, 1, length, dtype=np.float32), (_BAR_LINES, 1))
        strip = Image.fromarray(coloured(fractions, window.colours))
        sheet.paste(strip, (begin, middle - _BAR_LINES // 2))


def words_of(window: Window, unit: str) -> tuple[str, str, str]:
    """Both values and the unit as people say them.

    >>> words_of(Window(0.0, 0.08), "s")
    ('0', '80', 'ms')
    """
    shown, factor = _SHOWN.get(unit, (unit, 1.0))
    low, high = (f"{each * factor:.3g}" for each in (window.low, window.high))
    return low, high, shown


def font(size: int) -> Font:
    """The one that Pillow brings."""
    return ImageFont.load_default(size)
