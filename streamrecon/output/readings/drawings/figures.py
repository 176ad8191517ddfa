"""Draws what an analysis found over the maps that it was found in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from streamrecon.model.geometry import Geometry, Shape
from streamrecon.output.font_letters import in_font
from streamrecon.output.preview.colours import Window, coloured, positive_window
from streamrecon.output.preview.planes import Plane, planes_at

Colour = tuple[int, int, int]
Flags = NDArray[np.bool_]

_GAP, _LABEL = 4, 16  # pixels
_INK = (235, 235, 235)
_CHI = Window(-0.15, 0.2)


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """A picture of the page.

    Parameters
    ----------
    name
        What its file is called after the analysis: letters, digits, hyphens.
    caption
        What is seen, with windows, units and colours.
    image
        The pixels.
    """

    name: str
    caption: str
    image: Image.Image


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """Voxels [Z, Y, X] whose edge is drawn, and its colour (red, green, blue)."""

    mask: Flags
    colour: Colour


def outlined_planes(
    values: NDArray[np.generic],
    geometry: Geometry,
    window: Window,
    outlines: Sequence[Outline] = (),
    *,
    voxel: Shape | None = None,
    side: int = 320,
) -> Image.Image:
    """Axial, coronal and sagittal cut beside one another, with outlines over them.

    Parameters
    ----------
    values
        [Z, Y, X].
    geometry
        Grid of ``values``.
    window
        Values drawn black and white.
    outlines
        Drawn one over the other.
    voxel
        Index (z, y, x) that the cuts go through; the centre if not given.
    side
        Length of a square tile [pixels].
    """
    z, y, x = voxel or (n // 2 for n in geometry.shape)
    tiles = [_tile(plane, window, side) for plane in planes_at(values, geometry, (z, y, x))]
    for outline in outlines:
        cuts = planes_at(outline.mask, geometry, (z, y, x))
        for tile, cut in zip(tiles, cuts, strict=True):
            _draw_edge(tile, cut, outline.colour)
    return beside(tiles)


def cuts_of_map(
    values_ppm: NDArray[np.floating],
    geometry: Geometry,
    words: str,
    name: str = "map",
    window: Window = _CHI,
) -> Figure:
    """A map [Z, Y, X, ppm] through the middle of what is not 0 in it, its window in the caption."""
    there = np.argwhere(values_ppm)
    z, y, x = np.median(there, axis=0).astype(int).tolist() if there.size else (0, 0, 0)
    picture = outlined_planes(values_ppm, geometry, window, voxel=(z, y, x))
    return Figure(name, f"{words}; {window.low:g} to {window.high:g} ppm", picture)


def numbered_planes(
    numbers: NDArray[np.integer],
    geometry: Geometry,
    colours: Sequence[Colour],
    *,
    side: int = 320,
) -> Image.Image:
    """The same cuts through the centre of a map of numbers.

    Parameters
    ----------
    numbers
        [Z, Y, X], from 0, which is black.
    geometry
        Grid of ``numbers``.
    colours
        Of 1, 2, and so on.
    side
        Length of a square tile [pixels].
    """
    table = np.array([(0, 0, 0), *colours], np.uint8)
    z, y, x = (n // 2 for n in geometry.shape)
    tiles = []
    for plane in planes_at(numbers, geometry, (z, y, x)):
        picture = Image.fromarray(table[plane.pixels.astype(np.intp)])
        sized = picture.resize(_size(plane, side), Image.Resampling.NEAREST)
        tiles.append(_in_square(sized, side))
    return beside(tiles)


def cropped_about(
    values: NDArray[np.generic], geometry: Geometry, voxel: Shape, reach_mm: float
) -> tuple[NDArray[np.generic], Geometry]:
    """The box that reaches so far on each side of a voxel, 0 outside of the grid, and its grid."""
    reach = [max(1, round(reach_mm / mm)) for mm in geometry.voxel_mm]
    sides = list(zip(voxel, reach, values.shape, strict=True))
    cut = values[tuple(slice(max(0, at - n), at + n + 1) for at, n, _ in sides)]
    beyond = [(max(0, n - at), max(0, at + n + 1 - size)) for at, n, size in sides]
    depth, height, width = (2 * n + 1 for n in reach)
    small = Geometry((depth, height, width), geometry.voxel_mm, geometry.axes_lps)
    return np.pad(cut, beyond), small


@dataclass(frozen=True, slots=True, eq=False)
class CloseUp:
    """One image of a close-up.

    Parameters
    ----------
    values
        [Z, Y, X].
    window
        Its greys; None: from 0 to the brightest of what is near.
    outlines
        Drawn over it.
    """

    values: NDArray[np.generic]
    window: Window | None = None
    outlines: Sequence[Outline] = ()


def close_up(
    images: Sequence[CloseUp], geometry: Geometry, voxel: Shape, *, reach_mm: float, side: int
) -> Image.Image:
    """Three planes of each image about a voxel, side by side.

    Parameters
    ----------
    images
        What is shown.
    geometry
        Grid of all of them.
    voxel
        Their middle (z, y, x).
    reach_mm
        How far is seen on each side of it [mm].
    side
        Length of a square tile [pixels].
    """
    tiles = []
    for each in images:
        near, grid = cropped_about(each.values, geometry, voxel, reach_mm)
        edges = [
            Outline(cropped_about(one.mask, geometry, voxel, reach_mm)[0].astype(bool), one.colour)
            for one in each.outlines
        ]
        window = each.window or positive_window([near])
        tiles.append(outlined_planes(near, grid, window, edges, side=side))
    return beside(tiles)


def beside(tiles: Sequence[Image.Image]) -> Image.Image:
    """Pictures in a row, on black."""
    width = sum(tile.width + _GAP for tile in tiles) - _GAP
    row = Image.new("RGB", (width, max(tile.height for tile in tiles)))
    left = 0
    for tile in tiles:
        row.paste(tile, (left, 0))
        left += tile.width + _GAP
    return row


def below(rows: Sequence[tuple[str, Image.Image]]) -> Image.Image:
    """Pictures under one another, each with its words above it."""
    width = max(row.width for _, row in rows)
    sheet = Image.new("RGB", (width, sum(row.height + _LABEL + _GAP for _, row in rows)))
    pen, top = ImageDraw.Draw(sheet), 0
    for text, row in rows:
        pen.text((_GAP, top), in_font(text), fill=_INK, font=ImageFont.load_default(12))
        sheet.paste(row, (0, top + _LABEL))
        top += row.height + _LABEL + _GAP
    return sheet


def _tile(plane: Plane, window: Window, side: int) -> Image.Image:
    """One cut in its true proportions in a square."""
    picture = Image.fromarray(coloured(window.fraction(plane.pixels), window.colours))
    return _in_square(picture.resize(_size(plane, side), Image.Resampling.BICUBIC), side)


def _draw_edge(tile: Image.Image, plane: Plane, colour: Colour) -> None:
    """Colour the pixels of the cut that have a neighbour outside of it."""
    solid = Image.fromarray(np.where(plane.pixels, 255, 0).astype(np.uint8))
    scaled = solid.resize(_size(plane, tile.width), Image.Resampling.NEAREST)
    inside = np.pad(np.asarray(_in_square(scaled.convert("RGB"), tile.width))[..., 0] > 0, 1)
    kept = inside[:-2, 1:-1] & inside[2:, 1:-1] & inside[1:-1, :-2] & inside[1:-1, 2:]
    edge = inside[1:-1, 1:-1] & ~kept
    tile.paste(colour, (0, 0), Image.fromarray(np.where(edge, 255, 0).astype(np.uint8)))


def _size(plane: Plane, side: int) -> tuple[int, int]:
    rows, columns = plane.pixels.shape
    high, wide = rows * plane.pixel_mm[0], columns * plane.pixel_mm[1]
    scale = side / max(high, wide)
    return max(1, round(wide * scale)), max(1, round(high * scale))


def _in_square(picture: Image.Image, side: int) -> Image.Image:
    square = Image.new("RGB", (side, side))
    square.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    return square
