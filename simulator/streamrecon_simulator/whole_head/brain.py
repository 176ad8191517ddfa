"""The brain: hull, folds, ventricles and nuclei."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from streamrecon_simulator.whole_head.grid import FIRST_LPS_MM, Grid, Volume, isotropic_field
from streamrecon_simulator.whole_head.solids import (
    Ball,
    Place,
    Point,
    Rod,
    Solid,
    both_sides,
    chain,
    fill,
    join,
    meet,
)
from streamrecon_simulator.whole_head.tissues import Label

_LOWEST: Point = (-72.0, -88.0, -74.0)
_HIGHEST: Point = (72.0, 90.0, 72.0)
_HEMISPHERES = Ball((0.0, 0.0, 10.0), (64.5, 82.0, 56.5), 2.2)
_TEMPORAL_LOBE = Ball((43.0, 0.0, -17.0), (22.0, 42.0, 22.0))
_CALLOSUM = Ball((0.0, 4.0, 8.0), (200.0, 43.0, 23.0))  # below it no fissure parts the sides
_CEREBELLUM = Ball((0.0, 50.0, -35.0), (49.0, 29.0, 23.0), 2.2)
_FORAMEN_S_MM = -68.0  # below, the medulla is the spinal cord

_FOLD_GRAIN_MM = 2.0  # of the grid that the folds are read from

_STEM = tuple(
    chain(
        ((0, 10, -6), (0, 14, -34), (0, 26, -62), (0, 34, -100), (0, 36, -230)),
        (15.0, 14.0, 7.5, 6.0, 6.0),
    )
)
_PAIRED: tuple[tuple[Label, Solid], ...] = (
    (Label.CAUDATE, Ball((12.5, -25.0, 12.0), (5.5, 9.0, 8.5))),
    (Label.CAUDATE, Rod((15.0, -18.0, 19.0), (21.0, 18.0, 25.0), (3.4, 1.8))),
    (Label.PUTAMEN, Ball((26.5, -5.0, 6.0), (5.0, 17.0, 11.0))),
    (Label.PALLIDUM, Ball((20.0, -2.0, 3.0), (4.6, 9.0, 6.5))),
    (Label.THALAMUS, Ball((11.0, 13.0, 8.0), (8.5, 14.0, 9.5))),
    (Label.RED_NUCLEUS, Ball((4.6, 12.0, -9.0), (3.2, 3.6, 4.2))),
    (Label.NIGRA, Ball((9.5, 6.5, -12.0), (4.6, 5.5, 2.8))),
    (Label.DENTATE, Ball((15.0, 52.0, -36.0), (6.0, 7.5, 5.0))),
    (Label.WHITE, Ball((16.5, 51.0, -36.0), (3.5, 4.5, 2.2))),
    (Label.VENTRICLE, Rod((8.0, -31.0, 12.0), (10.0, -6.0, 23.0), (2.5, 4.5))),
    (Label.VENTRICLE, Rod((10.0, -6.0, 23.0), (16.0, 28.0, 21.0), (4.5, 5.0))),
    (Label.VENTRICLE, Rod((16.0, 28.0, 21.0), (26.0, 34.0, 4.0), (5.5, 5.0))),
    (Label.VENTRICLE, Rod((24.0, 36.0, 6.0), (20.0, 58.0, 4.0), (4.0, 1.5))),
    (Label.VENTRICLE, Rod((27.0, 32.0, 2.0), (32.0, 2.0, -22.0), (4.0, 2.0))),
)
_MIDLINE: tuple[tuple[Label, Solid], ...] = (
    (Label.VENTRICLE, Ball((0.0, 3.0, 3.0), (2.0, 14.0, 10.0))),
    (Label.VENTRICLE, Rod((0.0, 18.0, -4.0), (0.0, 26.0, -24.0), (1.0, 1.2))),
    (Label.VENTRICLE, Ball((0.0, 32.0, -34.0), (7.0, 4.5, 10.0))),
)


@dataclass(frozen=True, slots=True, eq=False)
class Hull:
    """Depths of the brain's parts, negative inside [mm].

    Parameters
    ----------
    brain
        Of the brain, which the pia wraps, and the spinal cord.
    hindbrain, stem
        Of the cerebellum; of brain stem and cord.
    cavity
        Of all of it with its clefts filled: what the skull is built around.
    """

    brain: Volume
    hindbrain: Volume
    stem: Volume
    cavity: Volume


def hull(at: Place) -> Hull:
    """The brain's outer form."""
    egg = Place(at.left / (1 + np.float32(0.0013) * at.posterior), at.posterior, at.superior)
    brain = _HEMISPHERES.depth(egg)
    del egg
    base = -(at.superior + np.float32(11) + np.float32(0.08) * at.posterior)
    brain = meet(brain, base, 16.0)
    for lobe in both_sides(_TEMPORAL_LOBE):
        brain = join(brain, lobe.depth(at), 6.0)
    hindbrain = _CEREBELLUM.depth(at)
    stem = _STEM[0].depth(at)
    for part in _STEM[1:]:
        stem = join(stem, part.depth(at), 3.0)
    cavity = join(join(brain, hindbrain, 22.0), stem, 14.0)
    brain = join(np.minimum(brain, hindbrain), stem, 2.0)
    return Hull(brain, hindbrain, stem, cavity)


def paint_brain(labels: NDArray[np.uint8], grid: Grid, at: Place, form: Hull, seed: int) -> None:
    """Write the brain's tissues where the hull holds them, and the cord below."""
    labels[form.stem < 0] = Label.CORD
    block = at.block(_LOWEST, _HIGHEST)
    here, depth, hindbrain = at.crop(block), -form.brain[block], form.hindbrain[block]
    tissue = np.full(depth.shape, Label.WHITE, np.uint8)
    _paint_cortex(tissue, here, depth, _folds(here, seed))
    _paint_cerebellum(tissue, here, hindbrain, isotropic_field(grid, (seed, 12), 9.0)[block])
    tissue[(form.stem[block] < 0) & (hindbrain > 0) & (here.superior < 0)] = Label.STEM
    _paint_nuclei(tissue, here, isotropic_field(grid, (seed, 13), 5.0)[block])
    inside = (depth > 0) & (here.superior > _FORAMEN_S_MM)
    labels[block][inside] = tissue[inside]


def _folds(at: Place, seed: int) -> tuple[Volume, Volume]:
    """Two random functions that change along the surface and little with depth.

    The first is 0 on sheets that go inwards, the folds; the second says how deep they are.
    """
    coarse = Grid(_FOLD_GRAIN_MM)
    lift = np.float32(_HEMISPHERES.centre[2])
    middle = (at.left, at.posterior, at.superior - lift)
    level = np.zeros_like(at.left)
    for each, radius in zip(middle, _HEMISPHERES.radii, strict=True):
        level += (each / np.float32(radius)) ** 2
    stretch = np.float32(0.3) + np.float32(0.7) / np.maximum(np.sqrt(level), np.float32(0.3))
    spread = (middle[0] * stretch, middle[1] * stretch, middle[2] * stretch + lift)
    index = [
        (each - np.float32(first)) / np.float32(coarse.grain_mm) - np.float32(0.5)
        for each, first in zip(spread[::-1], FIRST_LPS_MM[::-1], strict=True)
    ]
    first, second, reach = (
        map_coordinates(isotropic_field(coarse, (seed, number), spacing_mm), index, order=1)
        for number, spacing_mm in ((10, 8.0), (14, 8.0), (11, 16.0))
    )
    return np.minimum(np.abs(first), np.abs(second)), reach


def _paint_cortex(
    tissue: NDArray[np.uint8], at: Place, depth: Volume, folds: tuple[Volume, Volume]
) -> None:
    """Grey ribbon and fluid along sheets that go inwards from the surface."""
    (fold, reach), side = folds, np.abs(at.left)
    fading = np.clip(1.2 - depth / np.maximum(17 + 5 * reach, 6), 0, 1)
    grey = (depth < 2.6) | (fold < 0.50 * np.sqrt(fading))
    fluid = (fold < 0.11 * fading) | (depth < 0.4)
    sheet = np.abs(at.superior + 6 - 0.25 * at.posterior + 2 * reach)
    sylvian = (side > 36) & (at.posterior > -32) & (at.posterior < 26)
    split = (_CALLOSUM.depth(at) > 0) & (at.superior > -8)
    sagittal = np.abs(at.left + reach)
    grey |= (sylvian & (sheet < 4.0)) | (split & (sagittal < 3.9))
    fluid |= (sylvian & (sheet < 1.1)) | (split & (sagittal < 0.9))
    tissue[grey] = Label.GREY
    tissue[fluid] = Label.SULCUS


def _paint_cerebellum(
    tissue: NDArray[np.uint8], at: Place, hindbrain: Volume, ripple: Volume
) -> None:
    """Leaves: thin sheets of grey matter, fluid between them, and a white core."""
    inside = hindbrain < 0
    sheet = np.abs(np.sin(np.float32(np.pi / 5) * (at.superior + 0.55 * at.posterior + 2 * ripple)))
    grey = inside & (hindbrain > -13 - 3 * ripple)
    tissue[inside] = Label.WHITE
    tissue[grey] = Label.GREY
    tissue[grey & (sheet < 0.17) & (hindbrain > -10)] = Label.SULCUS


def _paint_nuclei(tissue: NDArray[np.uint8], at: Place, ripple: Volume) -> None:
    """Deep grey matter and ventricles with uneven surfaces."""
    uneven = np.float32(0.6) * ripple
    for label, solid in _PAIRED:
        for side in both_sides(solid):
            fill(tissue, at, side, label, ripple_mm=uneven)
    for label, solid in _MIDLINE:
        fill(tissue, at, solid, label, ripple_mm=np.float32(0.4) * uneven)
