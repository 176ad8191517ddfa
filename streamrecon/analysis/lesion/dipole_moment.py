"""Fits the field around a small source: a dipole moment, for what its map may miss."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations_with_replacement, product

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

from streamrecon.errors import ReconError
from streamrecon.model.geometry import Triple

Real = NDArray[np.float64]

_STEPS = 10  # Gauss-Newton, which has come to rest after 3 to 5
_AT_REST_MM = 1e-3
_LARGEST_STEP_MM = 0.5
_POINTS = 0.5 / math.sqrt(3)  # Gauss-Legendre, two points on each edge of a voxel
_DIFFERENCE_MM = 0.05
_FEWEST = 40  # voxels: three times the numbers that are fitted


@dataclass(frozen=True, slots=True)
class Dipole:
    """A source as its field shows it from outside.

    Parameters
    ----------
    moment_ppm_mm3
        Step of χ times volume [ppm mm³].
    sigma_ppm_mm3
        Its standard deviation: that of the covariance, times what the fit leaves of it.
    centre_mm
        Where it is along the voxel axes (z, y, x), in the places' frame [mm].
    explained
        Fraction of the whitened field's variance about the linear background that is the source's.
    misfit
        What the fit leaves in standard deviations; 1 where the covariance is right.
    voxels
        How many were fitted.
    """

    moment_ppm_mm3: float
    sigma_ppm_mm3: float
    centre_mm: Triple
    explained: float
    misfit: float
    voxels: int


def dipole_field(away_mm: Real, b0_axis: Triple) -> Real:
    r"""Field of a unit moment [1/mm³]: ppm for a moment of 1 ppm mm³.

    .. math:: \delta(r) = \frac{1}{4\pi}\,\frac{3\cos^2\theta - 1}{r^3}

    It is that of a sphere outside of it, whatever its size, and of every small source far away. At
    the source itself it has no value.

    Parameters
    ----------
    away_mm
        Place less that of the source, along the voxel axes [N, 3].
    b0_axis
        Direction of B0 along the voxel axes.

    Examples
    --------
    A sphere of radius 2 mm and 0.3 ppm, 4 mm above its middle:

    >>> moment = 0.3 * 4 / 3 * math.pi * 2**3
    >>> round(float(moment * dipole_field(np.array([[4.0, 0, 0]]), (1.0, 0.0, 0.0))[0]), 6)
    0.025
    """
    square = np.einsum("ni,ni->n", away_mm, away_mm)
    along = away_mm @ np.array(b0_axis)
    return np.asarray((3 * along**2 / square - 1) / (4 * np.pi * square**1.5))


def mean_field(away_mm: Real, voxel_mm: Triple, b0_axis: Triple) -> Real:
    """Mean of a unit moment's field over voxels at these places [N, 1/mm³]."""
    return _voxel_means(away_mm, _Shape(voxel_mm, b0_axis, second_order=False))


def field_slopes(away_mm: Real, voxel_mm: Triple, b0_axis: Triple) -> Real:
    """Slopes along z, y and x of a unit moment's field [N, 3, 1/mm⁴], that of a voxel's mean."""
    return _slopes(away_mm, _Shape(voxel_mm, b0_axis, second_order=False))


def fit_dipole(
    field_ppm: Real,
    covariance: Real,
    place_mm: Real,
    *,
    centre_mm: Triple,
    voxel_mm: Triple,
    b0_axis: Triple,
    reach_mm: float,
    second_order: bool,
) -> Dipole:
    r"""Moment, and centre within a voxel, of the one source that the field around it shows.

    .. math:: f(r) = c_0 + c \cdot r + m\,\delta(r - r_0) + \sum_{ij} Q_{ij}\,
              \partial_i \partial_j \delta(r - r_0)

    by Gauss-Newton over the centre r₀ and generalised least squares for the rest. δ is the mean
    over a voxel. Of a lump, an ellipsoid or two close sources the moment is the sum, and Q says
    that it is no sphere.

    The covariance holds the noise and what else makes a field nearby, see `TextureField`: without
    that, distant voxels, which see all sources alike, have too much to say, and sigma is too small.
    What is not in it, the field of a vein say, has to be taken off before.

    One Cholesky factor of N voxels; a second of work at N = 3000, 50 ms at 1000.

    Parameters
    ----------
    field_ppm
        Field of the source and a linear background [N, ppm].
    covariance
        Of what else is in it [N, N, ppm²].
    place_mm
        Middles of the voxels along the voxel axes [N, 3]; none of them inside the source.
    centre_mm
        Where the source is at first.
    voxel_mm, b0_axis
        Size of a voxel and direction of B0.
    reach_mm
        The centre stays so near to the first one [mm].
    second_order
        Whether to fit Q: five numbers more, for sources of many voxels.

    Raises
    ------
    ReconError
        If there are fewer than 40 voxels, or the covariance is none.

    References
    ----------
    Liu et al. (2012) Radiology 262:269. doi:10.1148/radiol.11110251
    """
    if field_ppm.size < _FEWEST:
        raise ReconError(f"dipole: found {field_ppm.size} voxels around it, needed {_FEWEST}")
    try:
        factor = np.asarray(np.linalg.cholesky(covariance), np.float64)
    except np.linalg.LinAlgError as e:
        raise ReconError(f"dipole: covariance of {field_ppm.size} voxels: {e}") from e
    data = _Whitened(factor, field_ppm, place_mm)
    shape = _Shape(voxel_mm, b0_axis, second_order)
    first = np.array(centre_mm)
    centre = first
    for _ in range(_STEPS):
        step = _at(data, centre, shape).step_mm
        moved = _bounded(centre + _bounded(step, _LARGEST_STEP_MM) - first, reach_mm)
        rest = float(np.linalg.norm(first + moved - centre))
        centre = first + moved
        if rest < _AT_REST_MM:
            break
    fit = _at(data, centre, shape)
    z, y, x = (float(mm) for mm in centre)
    return Dipole(
        moment_ppm_mm3=fit.moment,
        sigma_ppm_mm3=fit.sigma,
        centre_mm=(z, y, x),
        explained=fit.explained,
        misfit=fit.misfit,
        voxels=field_ppm.size,
    )


@dataclass(frozen=True, slots=True)
class _Shape:
    """What the columns of the fit are made of."""

    voxel_mm: Triple
    b0_axis: Triple
    second_order: bool


class _Whitened:
    """Data whose noise is made white: every column is solved by the factor of the covariance."""

    def __init__(self, factor: Real, field_ppm: Real, place_mm: Real) -> None:
        self._factor = factor
        self.place_mm = place_mm
        self.field = self.of(field_ppm)

    def of(self, columns: Real) -> Real:
        """Columns [N, M], or one of them [N], as white data have them."""
        return np.asarray(solve_triangular(self._factor, columns, lower=True, check_finite=False))


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """Least squares at one centre."""

    moment: float
    sigma: float
    step_mm: Real
    explained: float
    misfit: float


def _at(data: _Whitened, centre: Real, shape: _Shape) -> _Fit:
    """All that is linear, and the step of the centre that would fit better."""
    away = data.place_mm - centre
    smooth = np.hstack([np.ones((len(away), 1)), away])
    source = [_voxel_means(away, shape)[:, None]]
    if shape.second_order:
        source.append(_second_derivatives(away, shape.b0_axis))
    linear = data.of(np.hstack([*source, smooth]))
    found, remainder = _solved(linear, data.field)
    design = np.hstack([linear, data.of(-found[0] * _slopes(away, shape))])
    better, _ = _solved(design, remainder)
    _, bare = _solved(linear[:, -4:], data.field)
    misfit = math.sqrt(float(remainder @ remainder) / (remainder.size - design.shape[1]))
    size = np.maximum(np.linalg.norm(design, axis=0), 1e-12)
    inverse = np.linalg.pinv(design / size)
    return _Fit(
        moment=float(found[0]),
        sigma=float(np.linalg.norm(inverse[0]) / size[0]) * misfit,
        step_mm=better[-3:],
        explained=1 - float(remainder @ remainder) / max(float(bare @ bare), 1e-30),
        misfit=misfit,
    )


def _solved(columns: Real, values: Real) -> tuple[Real, Real]:
    """Least squares, the columns brought to one size before; and what it leaves."""
    size = np.maximum(np.linalg.norm(columns, axis=0), 1e-12)
    found, *_ = np.linalg.lstsq(columns / size, values, rcond=None)
    return np.asarray(found / size), np.asarray(values - (columns / size) @ found)


def _voxel_means(away_mm: Real, shape: _Shape) -> Real:
    """Mean over each voxel of a unit moment's field."""
    corners = _POINTS * np.array(list(product((-1, 1), repeat=3))) * shape.voxel_mm
    fields = [dipole_field(away_mm + corner, shape.b0_axis) for corner in corners]
    return np.asarray(np.mean(fields, axis=0))


def _slopes(away_mm: Real, shape: _Shape) -> Real:
    """Derivatives of the mean field along z, y and x [N, 3]."""
    steps = _DIFFERENCE_MM * np.eye(3)
    pairs = [
        _voxel_means(away_mm + step, shape) - _voxel_means(away_mm - step, shape) for step in steps
    ]
    return np.stack(pairs, axis=1) / (2 * _DIFFERENCE_MM)


def _second_derivatives(away_mm: Real, b0_axis: Triple) -> Real:
    """Those of a unit moment's field without their trace, which is 0 [N, 5]."""
    steps = _DIFFERENCE_MM * np.eye(3)

    def along(i: int, j: int) -> Real:
        a, b = steps[i], steps[j]
        ends = dipole_field(away_mm + a + b, b0_axis) + dipole_field(away_mm - a - b, b0_axis)
        sides = dipole_field(away_mm + a - b, b0_axis) + dipole_field(away_mm - a + b, b0_axis)
        return np.asarray(ends - sides) / (4 * _DIFFERENCE_MM**2)

    pairs = list(combinations_with_replacement(range(3), 2))[:5]
    return np.stack([along(i, j) for i, j in pairs], axis=1)


def _bounded(step_mm: Real, longest_mm: float) -> Real:
    return np.asarray(step_mm * min(1.0, longest_mm / max(float(np.linalg.norm(step_mm)), 1e-9)))
