"""Draws tiles, images with a caption, on a contact sheet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from streamrecon.output.preview.planes import Plane

_TILE, _LABEL, _GAP, _TITLE = 240, 20, 6, 30  # pixels
_TITLE_SIZE = 15
_INK, _PAPER, _FAINT = 235, 0, 200  # grey values
_BRIGHTEST_PERCENT = 99.5  # flow and spikes would darken all else


@dataclass(frozen=True, slots=True)
class Window:
    """The values drawn black and white."""

    low: float
    high: float

    def grey(self, values: NDArray[np.generic]) -> NDArray[np.uint8]:
        """Grey values; what is not a number is black."""
        span = max(self.high - self.low, 1e-30)
        known = np.where(np.isnan(values), self.low, values)
        scaled = (np.clip(known, self.low, self.high) - self.low) / span
        grey: NDArray[np.uint8] = (scaled * 255).round().astype(np.uint8)
        return grey

    def __str__(self) -> str:
        return f"{self.low:.3g} to {self.high:.3g}"


PHASE_WINDOW = Window(-np.pi, np.pi)


def positive_window(values: Iterable[NDArray[np.generic]]) -> Window:
    """From zero to what nearly all voxels stay below, common to all arrays."""
    return Window(0.0, max(_largest(np.abs(v)) for v in values))


def signed_window(values: Iterable[NDArray[np.generic]]) -> Window:
    """Symmetric about zero, and as wide as nearly all voxels need."""
    widest = max(_largest(np.abs(v)) for v in values)
    return Window(-widest, widest)


def _largest(values: NDArray[np.generic]) -> float:
    finite = values[np.isfinite(values)]
    return float(np.percentile(finite, _BRIGHTEST_PERCENT)) if finite.size else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """One cut on the sheet, its window, and the words above it."""

    plane: Plane
    window: Window
    label: str
    smooth: bool = True
    """Whether neighbours may be mixed when it is scaled; wrapped phase must not be."""


def draw_sheet(title: str, rows: Sequence[Sequence[Tile]]) -> Image.Image:
    """Draw the tiles row by row under a title, all cuts in their true proportions."""
    columns = max(len(row) for row in rows)
    words = round(_font(_TITLE_SIZE).getlength(title))
    width = max(columns * (_TILE + _GAP), words + _GAP) + _GAP
    sheet = Image.new("L", (width, _TITLE + len(rows) * (_TILE + _LABEL + _GAP) + _GAP), _PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((_GAP, _GAP), title, fill=_INK, font=_font(_TITLE_SIZE))
    for r, row in enumerate(rows):
        for c, tile in enumerate(row):
            corner = (_GAP + c * (_TILE + _GAP), _TITLE + r * (_TILE + _LABEL + _GAP))
            pen.text(corner, tile.label, fill=_INK, font=_font(12))
            _paste_tile(sheet, tile, (corner[0], corner[1] + _LABEL))
    return sheet


def draw_tile(tile: Tile) -> Image.Image:
    """Draw the cut of one tile alone, without its words."""
    sheet = Image.new("L", (_TILE, _TILE), _PAPER)
    _paste_tile(sheet, tile, (0, 0))
    return sheet


def _paste_tile(sheet: Image.Image, tile: Tile, corner: tuple[int, int]) -> None:
    """The cut in the middle of its square, and the patient's sides at its edges."""
    picture = _scaled(tile)
    left = corner[0] + (_TILE - picture.width) // 2
    top = corner[1] + (_TILE - picture.height) // 2
    sheet.paste(picture, (left, top))
    middle, centre = corner[0] + _TILE // 2, corner[1] + _TILE // 2
    places = [
        ((corner[0] + 2, centre), "lm"),
        ((corner[0] + _TILE - 2, centre), "rm"),
        ((middle, corner[1] + 1), "ma"),
        ((middle, corner[1] + _TILE - 1), "md"),
    ]
    pen = ImageDraw.Draw(sheet)
    for letter, (place, anchor) in zip(tile.plane.edges, places, strict=True):
        pen.text(
            place, letter, fill=_FAINT, font=_font(11), anchor=anchor, stroke_width=2, stroke_fill=0
        )


def _scaled(tile: Tile) -> Image.Image:
    rows, columns = tile.plane.pixels.shape
    high, wide = rows * tile.plane.pixel_mm[0], columns * tile.plane.pixel_mm[1]
    scale = _TILE / max(high, wide)
    size = (max(1, round(wide * scale)), max(1, round(high * scale)))
    picture = Image.fromarray(tile.window.grey(tile.plane.pixels))
    method = Image.Resampling.BICUBIC if tile.smooth else Image.Resampling.NEAREST
    return picture.resize(size, method)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
