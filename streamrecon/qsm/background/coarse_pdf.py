"""PDF for a map at once: on voxels twice as large, with classes of like tissue beside the sources.

Half of the inner field is as well explained by sources outside. What alike voxels all over the mask
explain is left to them here. A class gets one value and nobody says which, so that decay without
contrast of χ makes none; what differs within a class is still taken. See
docs/adr/0037-classes-for-the-fast-map.md.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from streamrecon.model.geometry import Geometry, Shape
from streamrecon.phase.magnitude import OUTSIDE
from streamrecon.qsm.background.pdf import (
    COARSE_PDF,
    Classes,
    Given,
    LocalField,
    normalised,
    project,
)
from streamrecon.qsm.dipole import carry, halved
from streamrecon.qsm.solvers import checked_field

Real = NDArray[np.float32]

_COARSEST_MM = 3.0  # mean side of a doubled voxel; above it few voxels hold one tissue
_FEWEST_VOXELS = 8  # of a doubled axis


def remove_pdf_at_once(
    field_ppm: NDArray[np.floating],
    mask: NDArray[np.bool_],
    geometry: Geometry,
    *,
    weight: NDArray[np.floating],
    classes: Classes | None = None,
    damping: float = 1e-5,
    tolerance: float = 1e-2,
    iterations: int = 30,
) -> LocalField:
    r"""Local field by PDF where speed counts, and χ of the tissues that were found with it.

    .. math:: \min_{x,m} \|W M (f - D S x - D C m)\|^2 + \lambda (\|x\|^2 + 9 \|C m\|^2),
              \quad f_\mathrm{local} = M (f - D S x)

    with S as in `streamrecon.qsm.background.pdf.remove_pdf`, and a map C m of one value for each
    class. Voxels are doubled where they stay below 3 mm in the mean; their background is carried
    to the scan's grid by linear interpolation, an eighth of the price. Beside the mask's rim, where
    outer sources are a voxel away, interpolation is wrong: the local field of the outermost two
    voxels is not for measuring.

    Parameters
    ----------
    field_ppm, mask, geometry, weight, damping, tolerance, iterations
        As for `streamrecon.qsm.background.pdf.remove_pdf`.
    classes
        Kind of tissue of each voxel, from 0 on in the order of their decay [Z, Y, X]; negative:
        none. See `streamrecon.phase.magnitude.tissue_classes`. None: none are asked for.

    Raises
    ------
    ReconError
        If the mask is empty, or the field is not finite inside it or zero.
    """
    field = checked_field(field_ppm, mask, "background")
    trust = normalised(weight, mask)
    kinds = None if classes is None else np.where(mask, classes, OUTSIDE)
    if not _can_be_doubled(mask, geometry):
        return project(
            (field, trust, mask, kinds), geometry, damping=damping, tolerance=tolerance,
            iterations=iterations,
        )[0]  # fmt: skip
    coarse = _doubled(field, trust, mask, kinds, geometry)
    found, background = project(
        *coarse, damping=damping, tolerance=tolerance, iterations=iterations
    )
    everywhere = _carried(background, mask.shape)
    tissues = None if found.tissues_ppm is None else _carried(found.tissues_ppm, mask.shape) * mask
    local = (field - everywhere) * mask
    return replace(found, method=COARSE_PDF, field_ppm=local, mask=mask.copy(), tissues_ppm=tissues)


def _can_be_doubled(mask: NDArray[np.bool_], geometry: Geometry) -> bool:
    side_mm = 2 * float(np.prod(geometry.voxel_mm)) ** (1 / 3)
    if side_mm > _COARSEST_MM or min(mask.shape) < 2 * _FEWEST_VOXELS:
        return False
    return bool((halved(mask.astype(np.float32)) >= np.float32(0.5)).any())


def _doubled(
    field: Real, trust: Real, mask: NDArray[np.bool_], classes: Classes | None, geometry: Geometry
) -> tuple[Given, Geometry]:
    """What is given on voxels twice as large: the field by its trust, the middle of classes."""
    inside = halved(mask.astype(np.float32))
    half = inside >= np.float32(0.5)
    believed = halved(np.square(trust))
    mean = np.divide(halved(field * np.square(trust)), np.maximum(believed, np.float32(1e-20)))
    kinds = None
    if classes is not None:
        middle = halved(np.where(mask, classes, 0).astype(np.float32)) / np.maximum(inside, 0.5)
        kinds = np.where(half, np.rint(middle), OUTSIDE).astype(np.int16)
    z, y, x = (2 * side for side in geometry.voxel_mm)
    grid = Geometry(half.shape, (z, y, x), geometry.axes_lps)
    return (np.where(half, mean, 0), normalised(np.sqrt(believed), half), half, kinds), grid


def _carried(coarse: Real, shape: Shape) -> Real:
    """Values of doubled voxels on the grid that they were doubled from."""
    fine = np.empty([2 * n for n in coarse.shape], np.float32)
    carry(coarse, fine)
    return fine[tuple(slice(n) for n in shape)]
