r"""What classes of tissue lack in a map of sparse gradients, as slow shades.

Sources outside a head explain what varies slowly over it as well as those inside, and cost nothing:
grey matter around white keeps half of its contrast. The fit of classes beside the background knows
it, though as one value for all that decays alike. Shades that bring a map's class means there,

.. math:: S \leftarrow S + 2\,G\,C\,(\bar{m} - \bar{\chi}), \quad \chi = S + T(f - D S),

leave to sparse gradients ``T`` whatever differs within a class, and all edges. What a map has
already is not given again: where nothing is lost S is next to nothing. To take the classes' map in
place of S, and to invert what it leaves, counts contrast twice: sparse gradients make wide steps of
the slopes that such a map leaves beside edges. Means are compared on one grid, half of the scan's:
a fine map has more of what is small.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from streamrecon.model.geometry import Geometry
from streamrecon.phase.magnitude import OUTSIDE, Classes
from streamrecon.qsm.background.pdf import LocalField, padded
from streamrecon.qsm.dipole import PADDING, carry, field_from_chi, halved, padded_shape
from streamrecon.qsm.inversion.total_variation import begin_coarsely

Real = NDArray[np.float32]

_UPDATES, _OVER_RELAXED = 2, 2.0  # sparse gradients give half of a shade back
_WIDTH_MM = 3.0  # standard deviation
_DOUBTED = 0.003  # a class of so small a part of the mask is believed to a half
_TINY = np.float32(1e-6)


def shades_of_classes(
    local: LocalField,
    classes: Classes | None,
    geometry: Geometry,
    *,
    strength: float,
    weight: NDArray[np.floating],
    magnitude: NDArray[np.floating],
) -> Real | None:
    """S [Z, Y, X, ppm], 0 outside the mask; None without classes, or where half a grid is none.

    As dear as some thirty steps of `streamrecon.qsm.inversion.total_variation.invert_tv`.

    Parameters
    ----------
    local
        Local field that was found together with the means of classes.
    classes
        Those classes [Z, Y, X].
    geometry
        Their grid, which also says where B0 points.
    strength, weight, magnitude
        As `streamrecon.qsm.inversion.total_variation.invert_tv` takes them for the map.
    """
    cannot_be_halved = any(n % 2 for n in padded_shape(geometry, PADDING))
    if local.tissues_ppm is None or classes is None or cannot_be_halved:
        return None
    inside = classes > OUTSIDE
    parts = np.bincount(classes[inside]) / np.float64(np.count_nonzero(inside))
    wanted = _means(_on_half_the_grid(local.tissues_ppm, inside, geometry), classes)
    shades, field = np.zeros(classes.shape, np.float32), local.field_ppm
    for _ in range(_UPDATES):
        coarse = begin_coarsely(
            field, local.mask, geometry, strength=strength, weight=weight, magnitude=magnitude
        )
        if coarse is None:
            return None
        chi = shades + coarse[tuple(slice(n) for n in classes.shape)]
        lacks = wanted - _means(chi, classes)
        lacks = (lacks - np.dot(parts, lacks)) * parts / (parts + _DOUBTED)
        slow = _smoothed(_in_their_places(lacks, classes), inside, geometry)
        shades += np.float32(_OVER_RELAXED) * slow
        field = beside(local, shades, geometry)
    return shades


def beside(local: LocalField, shades_ppm: Real, geometry: Geometry) -> Real:
    """What shades leave of a local field [Z, Y, X, ppm]."""
    theirs = field_from_chi(shades_ppm, geometry, padding=PADDING)
    return (local.field_ppm - theirs) * local.mask


def _means(values: NDArray[np.floating], classes: Classes) -> NDArray[np.float64]:
    """Mean of a map over each class, the first that of class 0."""
    inside = classes > OUTSIDE
    kinds = classes[inside]
    sums = np.bincount(kinds, weights=values[inside])
    return np.asarray(sums / np.maximum(np.bincount(kinds), 1))


def _in_their_places(means: NDArray[np.float64], classes: Classes) -> Real:
    """The mean of its class in every voxel, 0 outside [Z, Y, X]."""
    return np.append(means, 0).astype(np.float32)[classes]


def _on_half_the_grid(values: Real, inside: NDArray[np.bool_], geometry: Geometry) -> Real:
    """Values as a map of half the grid has them, on the whole grid again."""

    def there_and_back(fine: Real) -> Real:
        wide = padded(fine, padded_shape(geometry, PADDING))
        coarse = halved(wide)
        carry(coarse, wide)
        return wide[tuple(slice(n) for n in fine.shape)]

    part = there_and_back(inside.astype(np.float32))
    return np.divide(there_and_back(values * inside), np.maximum(part, _TINY), dtype=np.float32)


def _smoothed(values: Real, inside: NDArray[np.bool_], geometry: Geometry) -> Real:
    """Gaussian mean within the mask."""
    width = [_WIDTH_MM / side for side in geometry.voxel_mm]
    part = np.maximum(gaussian_filter(inside.astype(np.float32), width), _TINY)
    mean = np.divide(gaussian_filter(values, width), part, dtype=np.float32)
    return np.where(inside, mean, np.float32(0))
