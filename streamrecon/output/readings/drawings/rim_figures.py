"""Draws the lesions whose rims were measured: where they lie, and each from close by."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from streamrecon.analysis.lesion.rim_reading import RimResults
from streamrecon.analysis.lesion.rims import RimClass
from streamrecon.model.geometry import Geometry, Shape
from streamrecon.output.preview.colours import Window
from streamrecon.output.readings.drawings.figures import (
    CloseUp,
    Colour,
    Figure,
    Outline,
    below,
    close_up,
    outlined_planes,
)

Real = NDArray[np.floating]

_COLOURS: dict[RimClass, Colour] = {
    RimClass.RIM: (255, 64, 64),
    RimClass.UNCERTAIN: (255, 200, 64),
    RimClass.NONE: (96, 160, 255),
}
_NAMES = "red rim, yellow uncertain, blue no rim"
_CHI_WINDOW, _FIELD_WINDOW = Window(-0.06, 0.08), Window(-0.03, 0.03)
_REACH_MM, _SIDE, _MOST = 14.0, 140, 24


def draw_rims(
    results: RimResults,
    chi_ppm: Real,
    geometry: Geometry,
    *,
    swi: Real | None = None,
    field_ppm: Real | None = None,
) -> list[Figure]:
    """Cuts through the first lesion, then each in three planes, rims first; nothing without one.

    Parameters
    ----------
    results
        What was measured.
    chi_ppm, geometry
        Susceptibility [Z, Y, X, ppm] and its grid.
    swi, field_ppm
        Shown beside it, where they are [Z, Y, X]. The local field is the phase without that of the
        background, which hides a rim in the phase of an echo.
    """
    if not results.rims:
        return []
    order = list(RimClass)
    shown = sorted(results.rims, key=lambda n: (order.index(results.rims[n].kind), n))[:_MOST]
    numbers = results.lesions.numbers
    outlines = [Outline(numbers == n, _COLOURS[results.rims[n].kind]) for n in shown]
    overlay = outlined_planes(
        chi_ppm, geometry, _CHI_WINDOW, outlines, voxel=_middle(results, shown[0])
    )
    window = "χ from {:.0f} to {:.0f} ppb".format(*(1e3 * n for n in _ends(_CHI_WINDOW)))
    images: list[tuple[str, Real, Window | None]] = [("χ", chi_ppm, _CHI_WINDOW)]
    if swi is not None:
        images.insert(0, ("SWI", swi, None))
    if field_ppm is not None:
        images.append(("local field", field_ppm, _FIELD_WINDOW))
    rows = [(_words(results, n), _close_up(results, n, geometry, images)) for n in shown]
    what = ", ".join(name for name, *_ in images)
    close = f"Each lesion in three planes, {2 * _REACH_MM:.0f} mm wide: {what}; {window}; {_NAMES}."
    return [
        Figure("overlay", f"Cuts through lesion {shown[0]}: {window}; {_NAMES}.", overlay),
        Figure("thumbnails", close, below(rows)),
    ]


def _words(results: RimResults, number: int) -> str:
    rim = results.rims[number]
    return f"lesion {number}: {rim.kind.value}, coverage {rim.coverage:.2f}, score {rim.score:.2f}"


def _middle(results: RimResults, number: int) -> Shape:
    z, y, x = (round(at) for at in results.rims[number].middle)
    return z, y, x


def _close_up(
    results: RimResults,
    number: int,
    geometry: Geometry,
    images: list[tuple[str, Real, Window | None]],
) -> Image.Image:
    """Three planes of each image side by side; the outline stands on χ."""
    edge = Outline(results.lesions.numbers == number, _COLOURS[results.rims[number].kind])
    shown = [
        CloseUp(values, window, [edge] if name == "χ" else []) for name, values, window in images
    ]
    return close_up(shown, geometry, _middle(results, number), reach_mm=_REACH_MM, side=_SIDE)


def _ends(window: Window) -> tuple[float, float]:
    return window.low, window.high
