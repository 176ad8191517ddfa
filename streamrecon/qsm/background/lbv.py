r"""Background as the harmonic field that agrees with the total field on the mask's surface (LBV).

.. math:: \nabla^2 b = 0 \text{ inside}, \quad b = f \text{ on the surface}

It is the local field that is solved for: ∇²l = ∇²f inside with l = 0 on the surface. So a field
without inner sources is taken off at once, to rounding, and what the iteration leaves is a fraction
of the local field, not of the much larger background. Conjugate gradients, preconditioned with one
multigrid V-cycle: a few steps whatever the grid, the voxel or the mask's shape.

References
----------
Zhou et al. (2014) NMR Biomed 27:312. doi:10.1002/nbm.3064
McAdams et al. (2010) Proc ACM SIGGRAPH/Eurographics Symp Comput Animation: 65.
doi:10.2312/SCA/SCA10/065-073
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion
from scipy.sparse.linalg import LinearOperator, cg

from streamrecon.errors import ReconError
from streamrecon.machine.threads import at_once
from streamrecon.model.geometry import Geometry
from streamrecon.qsm.background._lbv_kernels import negative_laplacian, relax
from streamrecon.qsm.background.pdf import LocalField
from streamrecon.qsm.solvers import checked_field

Real = NDArray[np.float32]
Mask = NDArray[np.bool_]

_SWEEPS = 2
_SWEEPS_OF_COARSEST = 20
_FEWEST_UNKNOWNS = 64  # a level of fewer helps no more
_ALIKE = 1.5  # sides of a voxel that are halved together
_WITHIN = (slice(1, -1),) * 3


def remove_lbv(
    field_ppm: NDArray[np.floating],
    mask: Mask,
    geometry: Geometry,
    *,
    peel: int = 0,
    tolerance: float = 3e-4,
    iterations: int = 60,
) -> LocalField:
    """Laplacian boundary value: what is harmonic inside and equals the field on the surface.

    Knows nothing of dipoles, so that B0 may point anywhere. Loses the surface itself, one layer of
    voxels, and what ``peel`` takes. What inner sources make on the surface is taken for background,
    and noise there goes inwards, falling off as the layers do: the field is as good as its rim, so
    that a rim shared with bone should be peeled. Holes of the mask count as surface. About two
    passes of the finest grid's 16 sweeps a step.

    Parameters
    ----------
    field_ppm
        Total field [Z, Y, X, ppm].
    mask
        Where it is trusted; any shape, in any number of pieces.
    geometry
        Their grid.
    peel
        Layers of voxels taken off the mask first.
    tolerance
        Residual of the equation ∇²l = ∇²f at which to stop, relative to its right side.
    iterations
        Most steps.

    Raises
    ------
    ReconError
        If the field is not finite inside the mask, or no voxel has all its neighbours in it.
    """
    peeled = binary_erosion(mask, iterations=peel) if peel else mask
    inner = binary_erosion(peeled)
    if not inner.any():
        raise ReconError(
            f"LBV: found no voxel with all neighbours in a mask of {int(mask.sum())} voxels"
        )
    known = checked_field(field_ppm, peeled, "LBV")
    grid = _Grid(inner, geometry.voxel_mm)
    field = np.zeros(grid.inner.shape, np.float64)
    field[_WITHIN][tuple(slice(n) for n in mask.shape)] = known
    local, steps, converged, above = _solved(
        grid, grid.minus_laplacian(field).astype(np.float32), iterations, tolerance
    )
    local = local[_WITHIN][tuple(slice(n) for n in mask.shape)].copy()
    return LocalField("LBV", local, inner, steps, converged, above)


def _solved(
    grid: _Grid, b: Real, iterations: int, tolerance: float
) -> tuple[Real, int, bool, float]:
    """Conjugate gradients: the solution, their steps, whether they were enough, what is left.

    The last is the energy of the error over that of the solution, by one V-cycle more.
    """
    steps = 0

    def count(_: object) -> None:
        nonlocal steps
        steps += 1

    A, M = (
        LinearOperator((b.size, b.size), partial(_flat, function, b.shape), dtype=b.dtype)
        for function in (grid.minus_laplacian, grid.v_cycle)
    )
    x, fault = cg(A, b.ravel(), rtol=tolerance, maxiter=iterations, M=M, callback=count)
    local = x.reshape(b.shape)
    energy, r = float(np.vdot(b, local)), b - grid.minus_laplacian(local)
    above = float(np.vdot(r, grid.v_cycle(r))) / energy if energy > 0 else math.nan
    return local, steps, fault == 0, above


def _flat(function: Callable[[Real], Real], shape: tuple[int, ...], values: Real) -> Real:
    """A function of grids on vectors."""
    return function(values.reshape(shape)).ravel()


class _Grid:
    """The unknowns of one level, with a margin of one voxel, and the next coarser level."""

    def __init__(self, inner: Mask, voxel_mm: tuple[float, ...]) -> None:
        self.halved = tuple(2 if side < _ALIKE * min(voxel_mm) else 1 for side in voxel_mm)
        even = [-(-n // two) * two for n, two in zip(inner.shape, self.halved, strict=True)]
        self.inner = np.zeros([n + 2 for n in even], np.bool_)
        self.inner[_WITHIN][tuple(slice(n) for n in inner.shape)] = inner
        self.weights = np.array([side**-2 for side in voxel_mm], np.float32)
        blocks = np.asarray(self._blocks(self.inner).all(axis=(1, 3, 5)), np.bool_)
        sides = tuple(side * two for side, two in zip(voxel_mm, self.halved, strict=True))
        self.coarser = _Grid(blocks, sides) if blocks.sum() >= _FEWEST_UNKNOWNS else None

    def minus_laplacian(self, values: NDArray[np.floating]) -> NDArray[np.floating]:
        """-∇² of values on the unknowns, 0 elsewhere."""
        out = np.zeros_like(values)
        self._in_layers(partial(negative_laplacian, values, self.inner, self.weights, out))
        return out

    def v_cycle(self, r: Real) -> Real:
        """About the solution z of -∇²z = r: one symmetric V-cycle from zero."""
        z = np.zeros_like(r)
        sweeps = _SWEEPS if self.coarser else _SWEEPS_OF_COARSEST
        self._sweep(z, r, (0, 1) * sweeps)
        if self.coarser:
            remainder = self._restrict(r - self.minus_laplacian(z), self.coarser)
            z += self._prolong(self.coarser.v_cycle(remainder))
        self._sweep(z, r, (1, 0) * sweeps)
        return z

    def _sweep(self, z: Real, r: Real, colours: tuple[int, ...]) -> None:
        for colour in colours:
            self._in_layers(partial(relax, z, r, self.inner, self.weights, colour))

    def _in_layers(self, loop: Callable[[int, int], None]) -> None:
        at_once(lambda z: loop(z.start, z.stop), self.inner.shape[0] - 2)

    def _blocks(self, values: NDArray[np.generic]) -> NDArray[np.generic]:
        """The voxels of each block on axes of their own [Z, 2, Y, 2, X, 2], no copy."""
        inside = values[_WITHIN]
        pairs = zip(inside.shape, self.halved, strict=True)
        return inside.reshape([size for n, two in pairs for size in (n // two, two)])

    def _restrict(self, values: Real, coarser: _Grid) -> Real:
        """Means of the blocks, on the unknowns of the coarser level."""
        means = self._blocks(values).mean(axis=(1, 3, 5))
        out = np.zeros(coarser.inner.shape, np.float32)
        out[_WITHIN][tuple(slice(n) for n in means.shape)] = means
        return out * coarser.inner

    def _prolong(self, values: Real) -> Real:
        """What `_restrict` is the adjoint of, but for a factor: every voxel gets its block's."""
        out = np.zeros(self.inner.shape, np.float32)
        blocks = self._blocks(out)
        coarse = values[_WITHIN][tuple(slice(n) for n in blocks.shape[::2])]
        blocks[...] = coarse[:, None, :, None, :, None]
        return out * self.inner
