"""PDF asks classes of tissue for their χ beside sources outside."""

from __future__ import annotations

import numpy as np
import pytest
from closed_forms import ORIENTATIONS, positions_mm, spheres

from streamrecon.model.geometry import Geometry
from streamrecon.phase.magnitude import OUTSIDE
from streamrecon.qsm.background.pdf import remove_pdf

Volume = np.ndarray[tuple[int, ...], np.dtype[np.float64]]
Mask = np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


def scene(orientation: str) -> tuple[Geometry, Mask, Volume, Volume, Volume]:
    """Four balls of one tissue in a ball of another: mask, χ, their field, that of two outside."""
    grid = Geometry((27, 46, 45), (2.4, 1.5, 1.6), ORIENTATIONS[orientation])
    mask = np.asarray(np.linalg.norm(positions_mm(grid), axis=0) < 29)
    at = ((14, -6, 3), (-13, 5, -8), (2, 14, 9), (-4, -15, -6))
    chi, local = spheres(grid, *((place, 6.0, 0.15) for place in at))
    _, background = spheres(grid, ((10, 34, -8), 4, 5.0), ((-36, 5, 10), 4, -4.0))
    return grid, mask, chi, local, background


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("orientation", ["axial", "doubly_oblique"])
def test_a_class_has_its_susceptibility_and_its_field_stays(orientation: str, sign: int) -> None:
    grid, mask, chi, local, background = scene(orientation)
    classes = np.where(mask, (chi > 0.075).astype(np.int16), OUTSIDE)

    plain = remove_pdf(sign * local + background, mask, grid)
    found = remove_pdf(sign * local + background, mask, grid, classes=classes)

    assert plain.tissues_ppm is None
    assert found.tissues_ppm is not None
    contrast, true = (
        values[classes == 1].mean() - values[classes == 0].mean()  # voxels at edges hold both
        for values in (found.tissues_ppm, sign * chi)
    )
    assert contrast == pytest.approx(true, rel=0.1)  # of balls of 6 mm a third is edge
    assert (found.tissues_ppm[~mask] == 0).all()
    missed, before = ((each.field_ppm - sign * local)[mask].std() for each in (found, plain))
    assert missed < 0.5 * before
    assert found.report(mask).startswith("background: PDF with classes of tissue, ")
    assert plain.report(mask).startswith("background: PDF, ")
