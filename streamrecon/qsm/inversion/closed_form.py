r"""Susceptibility from the local field where a closed form, or nearly one, is enough.

All solve :math:`f = D \chi` for χ although D vanishes on a cone: `invert_tkd` cuts it off,
`invert_tikhonov` damps it, `invert_rts` fills it in by sparse gradients. None knows the mean of χ:
the result has mean 0 over the padded grid; see `streamrecon.qsm.reference`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from streamrecon.fourier import irfftn, rfftn
from streamrecon.model.geometry import Geometry
from streamrecon.qsm.dipole import (
    PADDING,
    Convolution,
    dipole_kernel,
    laplacian_kernel,
    padded_shape,
)
from streamrecon.qsm.inversion.gradient_cost import WHOLE, gradients
from streamrecon.qsm.inversion.tv_problem import Cost, above_minimum, cost_of_gradients
from streamrecon.qsm.solvers import (
    Operator,
    Solution,
    checked_field,
    least_squares,
    relative_change,
)

Real = NDArray[np.float32]


def invert_tkd(
    field_ppm: NDArray[np.floating],
    mask: NDArray[np.bool_],
    geometry: Geometry,
    *,
    threshold: float = 0.2,
    padding: float = PADDING,
) -> Real:
    r"""Susceptibility by truncated k-space division (TKD), its amplitude corrected.

    .. math:: \hat\chi = \frac{\hat f}{c\,D_t}, \quad D_t = \operatorname{sign}(D) \max(|D|, t),
              \quad c = \langle D / D_t \rangle

    Two real FFTs of the padded grid. ``c``, the mean over directions, is the peak of the
    point-spread function: without it χ comes out 13 to 18 % too small. Streaks along the magic
    angle: a preview, not the number.

    Parameters
    ----------
    field_ppm
        Local field [Z, Y, X, ppm], positive where B exceeds B0.
    mask
        Where it is trusted; 0 outside on return.
    geometry
        Their grid, which also says where B0 points.
    threshold
        Smallest \|D\| divided by; in (0, 2/3).
    padding
        Room around the grid, see `padded_shape`.

    Raises
    ------
    ReconError
        If the mask is empty or the field is not finite inside it.

    References
    ----------
    Shmueli et al. (2009) Magn Reson Med 62:1510. doi:10.1002/mrm.22135
    Schweser et al. (2013) Magn Reson Med 69:1582. doi:10.1002/mrm.24405
    """
    field = checked_field(field_ppm, mask, "inversion")
    shape = padded_shape(geometry, padding)
    dipole = dipole_kernel(geometry, shape)
    truncated = np.copysign(np.maximum(np.abs(dipole), threshold), dipole)
    peak = _over_directions(lambda d: np.minimum(np.abs(d) / threshold, 1.0))
    truncated[0, 0, 0] = np.inf  # the mean of the field says nothing about the mean of chi
    chi = irfftn(rfftn(field, shape) / (peak * truncated), shape, crop=mask.shape)
    return chi * mask


def invert_tikhonov(
    field_ppm: NDArray[np.floating],
    mask: NDArray[np.bool_],
    geometry: Geometry,
    *,
    damping: float = 0.01,
    padding: float = PADDING,
) -> Real:
    r"""Susceptibility of least energy that explains the field (Tikhonov), its amplitude corrected.

    .. math:: \hat\chi = \frac{D \hat f}{c\,(D^2 + \lambda)},
              \quad c = \Big\langle \frac{D^2}{D^2 + \lambda} \Big\rangle

    Two real FFTs. Smoother than `invert_tkd`, with the same streaks. Parameters and errors are
    those of `invert_tkd`; ``damping`` is λ.

    References
    ----------
    Bilgic et al. (2014) J Magn Reson Imaging 40:181. doi:10.1002/jmri.24365
    """
    field = checked_field(field_ppm, mask, "inversion")
    shape = padded_shape(geometry, padding)
    dipole = dipole_kernel(geometry, shape)
    power = dipole * dipole
    peak = _over_directions(lambda d: d * d / (d * d + damping))
    inverse = dipole / (peak * (power + damping))
    chi = irfftn(rfftn(field, shape) * inverse, shape, crop=mask.shape)
    return chi * mask


def invert_rts(
    field_ppm: NDArray[np.floating],
    mask: NDArray[np.bool_],
    geometry: Geometry,
    *,
    weight: NDArray[np.floating] | None = None,
    threshold: float = 0.15,
    fidelity: float = 1e5,
    rho: float = 10.0,
    first_steps: int = 10,
    iterations: tuple[int, int] = (20, 60),
    tolerance: float = 1e-3,
    padding: float = PADDING,
) -> Solution:
    r"""Rapid two-step inversion: least squares where D is large, sparse gradients where it is not.

    .. math:: \min_\chi \|\nabla\chi\|_1 + \frac{\mu}{2} \|M_\delta (\hat\chi - \hat\chi_1)\|^2,
              \quad M_\delta = (|D| > \delta)

    ``first_steps`` conjugate gradients give χ₁ (four of them leave the amplitude 12 % short); then
    two real FFTs a step, at least 20 of them: the first iterate already changes little, and a stop
    there costs more than a quarter of the amplitude.

    Parameters
    ----------
    field_ppm, mask, geometry, padding
        As for `invert_tkd`.
    weight
        Trust per voxel of the field [Z, Y, X].
    threshold
        δ.
    fidelity
        μ, for χ in ppm.
    rho
        Strength of the splitting, per ppm.
    first_steps
        Conjugate gradients of the first step.
    iterations
        Fewest and most steps of the second.
    tolerance
        Change of χ in a step, relative to χ, at which to stop.

    References
    ----------
    Kames et al. (2018) NeuroImage 167:276. doi:10.1016/j.neuroimage.2017.11.018
    """
    field = checked_field(field_ppm, mask, "inversion")
    shape = padded_shape(geometry, padding)
    crop = tuple(slice(n) for n in mask.shape)
    trust = np.zeros(shape, np.float32)
    trust[crop] = mask if weight is None else np.where(mask, weight, 0)
    data = np.zeros(shape, np.float32)
    data[crop] = field
    dipole = dipole_kernel(geometry, shape)
    spread = Convolution(dipole, shape)
    operator = Operator(lambda x: trust * spread(x), lambda r: spread(trust * r))
    start = least_squares(operator, trust * data, iterations=first_steps, tolerance=1e-9).unknown
    start[crop] *= mask

    known = np.float32(fidelity) * (np.abs(dipole) > threshold)
    curvature = np.float32(rho) * laplacian_kernel(geometry, shape) + known
    curvature[0, 0, 0] = 1.0
    sparse = gradients(geometry.voxel_mm, 1 / rho, np.full((3, *shape), WHOLE, np.uint8))
    pull = rfftn(start) * known
    chi, divergence = start, np.empty(shape, np.float32)
    step, change = 0, np.inf
    while step < iterations[1] and (step < iterations[0] or change > tolerance):
        sparse.renew(chi, divergence)
        spectrum = (pull + np.float32(rho) * rfftn(divergence)) / curvature
        renewed = irfftn(spectrum.astype(np.complex64, copy=False), shape)
        change = relative_change(renewed[crop][mask], chi[crop][mask])
        chi = renewed
        step += 1
    remainder = irfftn(rfftn(chi) * known - pull, shape)
    misfit = Cost(0.5 * float(np.linalg.norm(remainder)) ** 2 / fidelity, 0.0)
    parts = misfit, cost_of_gradients(chi, sparse, rho, remainder)
    above = above_minimum(parts, remainder, chi, trust > 0)
    return Solution(chi[crop] * mask, step, change, change <= tolerance, above_minimum=above)


def _over_directions(shrink: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> np.float32:
    """Mean over all directions of k of a function of D: the peak of the point-spread function.

    The same on every shell, as D depends on the direction alone.
    """
    cosine = (np.arange(8192) + 0.5) / 8192
    return np.float32(shrink(1 / 3 - cosine**2).mean())
