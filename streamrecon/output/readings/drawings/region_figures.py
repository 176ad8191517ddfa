"""Draws labelled regions over the susceptibility that was read in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from streamrecon.model.geometry import Geometry, Shape
from streamrecon.output.preview.colours import Window
from streamrecon.output.readings.drawings.figures import Colour, Figure, Outline, outlined_planes

_COLOURS: tuple[Colour, ...] = (
    (255, 96, 64), (64, 200, 255), (255, 220, 64), (128, 255, 96), (224, 128, 255), (255, 160, 200),
)  # fmt: skip
_WINDOW = Window(-0.15, 0.25)


def draw_regions(
    chi_ppm: NDArray[np.floating],
    geometry: Geometry,
    regions: Sequence[tuple[str, NDArray[np.bool_]]],
) -> Figure:
    """Cuts through the middle of the regions, their edges drawn over χ.

    Parameters
    ----------
    chi_ppm, geometry
        Susceptibility [Z, Y, X, ppm] and its grid.
    regions
        Name and voxels [Z, Y, X] of each, at least one of them with a voxel.
    """
    places = np.argwhere(np.any([flags for _, flags in regions], axis=0))
    z, y, x = np.median(places, axis=0).astype(int).tolist()
    voxel: Shape = (z, y, x)
    outlines = [Outline(flags, _COLOURS[n % len(_COLOURS)]) for n, (_, flags) in enumerate(regions)]
    picture = outlined_planes(chi_ppm, geometry, _WINDOW, outlines, voxel=voxel)
    words = f"χ from {1e3 * _WINDOW.low:.0f} to {1e3 * _WINDOW.high:.0f} ppb, regions outlined"
    return Figure("regions", words, picture)
