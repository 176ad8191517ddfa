"""What a fit leaves is texture that hangs together: how well its parameters are known then."""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray

from streamrecon.model.geometry import Triple

Real = NDArray[np.float64]
Single = NDArray[np.float32]
Complex = NDArray[np.complexfloating]

_LAGS = np.array(
    [lag for lag in itertools.product((-1, 0, 1), repeat=3) if lag > (0, 0, 0)]
    + [(2, 0, 0), (0, 2, 0), (0, 0, 2)]
)
_LENGTHS = np.arange(3, 31) / 10  # of the correlation, in sides of a cube of a voxel's volume
_WITHIN = 0.1  # of the most blood that a voxel has: less is the point spread's
_WIDER = 1.5  # products of the scores count as far as what is left hangs together, and half as far


class VoxelBox:
    """The box about some voxels, and sums over their neighbours in it.

    Parameters
    ----------
    voxels
        Their indices [N, 3].
    voxel_mm
        Their size (z, y, x).
    """

    def __init__(self, voxels: NDArray[np.intp], voxel_mm: Triple) -> None:
        low = voxels.min(axis=0)
        self._at = tuple((voxels - low).T)
        self._shape = tuple(int(n) for n in voxels.max(axis=0) - low + 1)
        self._voxel_mm = np.array(voxel_mm)
        self._side_mm = float(np.cbrt(math.prod(voxel_mm)))

    def correlation(self, residue: Single) -> tuple[float, float]:
        """Length [mm] and size, 0 … 1, of the Gaussian that the autocorrelation of ``residue`` has.

        ``residue`` is [K, N]; what is missing to 1 is noise that no two voxels share.
        """
        block, known = self._block(residue), self._block(np.ones((1, residue.shape[1]), np.float32))
        variance = float((residue**2).sum()) / residue.shape[1]
        found = [_shifted(block, lag) / max(_shifted(known, lag), 1.0) for lag in _LAGS]
        alike = np.array(found) / variance
        square = ((_LAGS * self._voxel_mm / self._side_mm) ** 2).sum(axis=1)
        gauss = np.exp(-square / (2 * _LENGTHS[:, None] ** 2))
        size = np.clip(gauss @ alike / (gauss**2).sum(axis=1), 0, 1)
        best = int(np.argmin(((alike - size[:, None] * gauss) ** 2).sum(axis=1)))
        return float(_LENGTHS[best]) * self._side_mm, float(size[best])

    def blurred(self, values: Single, length_mm: float) -> Single:
        """Sums [K, N] of values [K, N] over all voxels, by a Gaussian that is 1 at its middle."""
        block = self._block(values)
        for axis, (n, mm) in enumerate(zip(self._shape, self._voxel_mm, strict=True), start=1):
            away = mm * np.subtract.outer(np.arange(n), np.arange(n))
            gauss = np.exp(-(away**2) / (2 * length_mm**2)).astype(np.float32)
            block = np.moveaxis(np.moveaxis(block, axis, -1) @ gauss, -1, axis)
        return np.asarray(block[(slice(None), *self._at)])

    def _block(self, values: Single) -> Single:
        block = np.zeros((len(values), *self._shape), np.float32)
        block[(slice(None), *self._at)] = values
        return block


def _shifted(block: Single, lag: NDArray[np.int64]) -> float:
    """Sum over all voxels of the products with the voxel at a distance."""
    ahead = tuple(slice(max(0, n), block.shape[a] + min(0, n)) for a, n in enumerate(lag, 1))
    behind = tuple(slice(max(0, -n), block.shape[a] + min(0, -n)) for a, n in enumerate(lag, 1))
    return float(np.vdot(block[(slice(None), *ahead)], block[(slice(None), *behind)]))


def information(change: Complex, residual: Complex, variance: float, box: VoxelBox) -> Real:
    r"""Covariance [P, P] of the normal equations' right side, for what is left as it is.

    White noise of variance v would give :math:`J^T J / v`. What is left of tissue is alike in all
    echoes and from voxel to voxel, so that there are fewer samples than numbers. Two estimates are
    averaged: the products of the scores of near voxels (Conley), which hold what is wrong at the
    vessel alone and are too small where the fit has taken texture up; and
    :math:`\sum_{ij} J_i^T S \rho(r_{ij}) J_j / v^2`, where texture is the same everywhere, with the
    covariance S between echoes and real and imaginary part and a Gaussian correlation, both taken
    from the residual.

    What the model gets wrong in a way that its own parameters take up leaves no residual and is not
    in it.

    Parameters
    ----------
    change
        Derivatives of the signal [P, E, N], without what else is fitted takes up.
    residual
        What the fit leaves [E, N].
    variance
        Of its real or its imaginary part, degrees of freedom counted.
    box
        Where the voxels lie.

    References
    ----------
    Conley (1999) J Econom 92:1. doi:10.1016/S0304-4076(98)00084-0
    """
    by = np.concatenate([change.real, change.imag], axis=1).astype(np.float32)  # [P, 2E, N]
    residue = np.concatenate([residual.real, residual.imag]).astype(np.float32)
    length_mm, size = box.correlation(residue)
    scores = np.einsum("pen,en->pn", by, residue)
    near = scores @ box.blurred(scores, _WIDER * length_mm).T
    among = residue @ residue.T
    among *= variance * len(residue) / np.trace(among)
    value, mode = np.linalg.eigh(among)
    turned = np.einsum("pen,em->mpn", by, mode * np.sqrt(np.maximum(value, 0)), optimize=True)
    flat = np.ascontiguousarray(turned, np.float32).reshape(-1, turned.shape[2])
    spread = size * box.blurred(flat, length_mm) + (1 - size) * flat
    everywhere = np.einsum("mpn,mqn->pq", turned, spread.reshape(turned.shape), optimize=True)
    return np.asarray((near + everywhere) / (2 * variance**2), np.float64)


def noises(blood: Real, residual: Complex, variance: float) -> tuple[float, float]:
    """Standard deviation of a residual [E, N] beyond the blood [N] and within it.

    ``variance`` is that of its real or its imaginary part, degrees of freedom counted.
    """
    within = blood > _WITHIN * blood.max()
    squares = np.square(np.abs(residual))
    scale = variance / squares.mean()
    beyond, inside = (float(squares[:, w].mean() * scale) for w in (~within, within))
    return math.sqrt(beyond), math.sqrt(inside)
