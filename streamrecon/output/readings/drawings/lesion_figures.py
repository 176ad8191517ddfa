"""Draws lesions for a reader: where they lie, and each from close by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from streamrecon.analysis.lesion.lesion_sites import LesionMaps
from streamrecon.analysis.lesion.lesions import Lesion, LesionClass, Lesions
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.output.preview.colours import Window, window_of
from streamrecon.output.readings.drawings.figures import (
    CloseUp,
    Colour,
    Figure,
    Outline,
    below,
    beside,
    close_up,
    outlined_planes,
)

Real = NDArray[np.float32]

COLOURS: dict[LesionClass, Colour] = {
    LesionClass.BLEED: (255, 70, 60),
    LesionClass.CALCIFICATION: (70, 160, 255),
    LesionClass.VESSEL: (120, 200, 120),
    LesionClass.INDETERMINATE: (255, 200, 0),
}
_NAMES = "red bleed, blue calcification, green vessel, yellow indeterminate"
_CHI_WINDOW = Window(-0.2, 0.2)
_CLOSE_MM, _CLOSE_SIDE, _MOST = 12.0, 120, 24
_SLICE_SIDE, _COLUMNS = 220, 4


def draw_lesions(
    maps: LesionMaps, lesions: Lesions, *, swi: Real | None, phase_rad: Real | None
) -> list[Figure]:
    """Axial slices with outlines, then three planes of each lesion; no figure without lesions.

    Parameters
    ----------
    maps, lesions
        What was read, and what was found.
    swi, phase_rad
        Shown beside χ, where they are [Z, Y, X]; without SWI the last magnitude.
    """
    if not lesions.found:
        return []
    caption = f"Susceptibility, {_CHI_WINDOW} ppm; {_NAMES}. Numbers as in the table."
    figures = [Figure("overlay", f"Slices with lesions. {caption}", _slices(maps, lesions))]
    shown = [lesion for lesion in lesions.found if lesion.kind is not LesionClass.VESSEL][:_MOST]
    if shown:
        dark = "last magnitude" if swi is None else "SWI"
        rows = [(_words(each), _close_up(each, maps, swi, phase_rad)) for each in shown]
        what = ", ".join([dark, "χ", *([] if phase_rad is None else ["phase of the last echo"])])
        text = f"Each lesion in three planes, {2 * _CLOSE_MM:.0f} mm wide: {what}."
        figures.append(Figure("thumbnails", text, below(rows)))
    return figures


def _slices(maps: LesionMaps, lesions: Lesions) -> Image.Image:
    """The axial slices of the largest lesions, from the feet upwards, each slice once."""
    outlines = [
        Outline(lesions.labels == each.number, COLOURS[each.kind]) for each in lesions.found
    ]
    slices: dict[int, list[Lesion]] = {}
    thick = min(maps.geometry.voxel_mm)
    for lesion in lesions.found[:_MOST]:
        slices.setdefault(round(lesion.position_lps_mm[2] / thick), []).append(lesion)
    tiles = []
    for _, those in sorted(slices.items()):
        planes = outlined_planes(
            maps.chi_ppm,
            maps.geometry,
            _CHI_WINDOW,
            outlines,
            voxel=those[0].site.voxel,
            side=_SLICE_SIDE,
        )
        axial = planes.crop((0, 0, _SLICE_SIDE, _SLICE_SIDE))
        tiles.append(below([("lesion " + ", ".join(str(each.number) for each in those), axial)]))
    rows = [tiles[n : n + _COLUMNS] for n in range(0, len(tiles), _COLUMNS)]
    return below([("", beside(row)) for row in rows])


def _close_up(
    lesion: Lesion, maps: LesionMaps, swi: Real | None, phase_rad: Real | None
) -> Image.Image:
    """Three planes of each image side by side; the outline stands on χ."""
    region = np.zeros(maps.geometry.shape, bool)
    region[lesion.site.box] = lesion.site.region
    edge = Outline(region, COLOURS[lesion.kind])
    shown = [
        CloseUp(maps.magnitude[-1] if swi is None else swi),
        CloseUp(maps.chi_ppm, _CHI_WINDOW, [edge]),
    ]
    if phase_rad is not None:
        shown.append(CloseUp(phase_rad, window_of(Quantity.PHASE, "rad", [phase_rad])))
    return close_up(shown, maps.geometry, lesion.site.voxel, reach_mm=_CLOSE_MM, side=_CLOSE_SIDE)


def _words(lesion: Lesion) -> str:
    moment, sigma = lesion.dipole.moment_ppm_mm3, lesion.sigma_ppm_mm3
    return (
        f"lesion {lesion.number}: {lesion.kind.value}, {moment:.2f} ± {sigma:.2f} ppm mm^3, "
        f"{lesion.features.diameter_mm:.1f} mm"
    )
