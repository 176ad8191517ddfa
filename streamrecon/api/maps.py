"""Maps of arrays: the product's own functions behind the checks of a front door.

Arrays are [E, Z, Y, X] for echoes and [Z, Y, X] for maps, with their unit in the name. Phase is
wrapped and in radians; ``phase_sign`` is +1 where it grows with the field, -1 where it falls.
Inputs are not modified; what is doubtful goes to the log. Every function raises `ConfigError` for a
number and `DataError` for an array that cannot be meant, and `ReconError` where there is nothing to
work on.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamrecon import input_checks as checks
from streamrecon.errors import ConfigError, DataError
from streamrecon.maps.phase_mask import Darkens, target_te_s
from streamrecon.maps.r2star import Decay, fit_decay
from streamrecon.maps.swi import swi_from_field
from streamrecon.maps.veins import WEAKEST_PPM, find_veins
from streamrecon.model.geometry import Geometry
from streamrecon.phase.echo_agreement import check_echoes, growing_echoes
from streamrecon.phase.phase_scaling import RADIANS
from streamrecon.phase.unwrap import Unwrapped
from streamrecon.phase.unwrapping import UNWRAPPERS, Unwrapping

__all__ = ["r2star", "swi", "unwrap", "vein_mask"]

_log = logging.getLogger(__name__)

Flags = NDArray[np.bool_]
Real = NDArray[np.float32]


def unwrap(
    magnitude: ArrayLike,
    phase_rad: ArrayLike,
    te_s: Sequence[float],
    mask: ArrayLike,
    *,
    unwrapping: Unwrapping | str = Unwrapping.TEMPLATE,
) -> Unwrapped:
    """Phase of all echoes without jumps, ``.phase_rad`` [E, Z, Y, X, rad]; 0 outside the mask.

    Echoes are unwrapped one from another, so an offset at TE = 0 has to be off; see
    `streamrecon.phase.unwrap` for what it gets wrong.

    Parameters
    ----------
    magnitude, phase_rad
        [E, Z, Y, X], any unit, and [rad].
    te_s
        Echo times [s].
    mask
        Voxels wanted [Z, Y, X], bool.
    unwrapping
        ``template`` (one echo from another) or ``individual``.
    """
    shape = np.shape(phase_rad)
    where = checks.mask_of("mask", mask, shape[1:])
    turn = checks.phase_of(phase_rad, shape, where)
    size = checks.magnitude_of(magnitude, shape, where)
    times = checks.echo_times_s(te_s, echoes=len(turn))
    for doubt in check_echoes(size, turn, RADIANS, times):
        _log.warning("%s", doubt)
    way = UNWRAPPERS[checks.choice(Unwrapping, "unwrapping", unwrapping)]
    return way(turn, size, where, times)


def r2star(magnitude: ArrayLike, te_s: Sequence[float], mask: ArrayLike, *, noise: float) -> Decay:
    """R2* by least squares with the mean that noise gives magnitudes, ``.r2_star_per_s`` [1/s].

    Parameters
    ----------
    magnitude
        [E, Z, Y, X], any unit; two echoes at least.
    te_s
        Echo times [s].
    mask
        Voxels wanted [Z, Y, X], bool.
    noise
        Standard deviation of the real part of the echoes, in their unit; 0 for none.
        `total_field` finds it as ``.fit.noise``.
    """
    shape = np.shape(magnitude)
    where = checks.mask_of("mask", mask, shape[1:])
    size = checks.magnitude_of(magnitude, shape, where)
    sd = checks.number_of("noise", noise)
    if not (np.isfinite(sd) and sd >= 0):
        raise DataError(f"noise: found {noise}, needed a number from 0")
    if sd > float(size[:, where].max()):
        raise DataError(f"noise: found {noise}, which is above all of the magnitude")
    for doubt in growing_echoes(size):
        _log.warning("magnitude: %s", doubt)
    return fit_decay(size, checks.echo_times_s(te_s, echoes=len(size)), where, noise=sd)


def swi(
    magnitude: ArrayLike,
    local_ppm: ArrayLike,
    b0_t: float,
    *,
    te_s: float | None = None,
    power: int = 4,
    shows: Darkens | str = Darkens.PARAMAGNETIC,
) -> Real:
    """Magnitude darkened by the phase that a local field makes [Z, Y, X].

    Parameters
    ----------
    magnitude
        [Z, Y, X], any unit; of several echoes the root of the sum of squares.
    local_ppm
        Local field [Z, Y, X, ppm of B0], 0 outside its mask.
    b0_t
        Static field [T].
    te_s
        Time that the phase grows [s]; by B0 where not given: 20 ms at 3 T.
    power
        Power of the factor.
    shows
        What is dark: ``paramagnetic`` (veins, iron) or ``diamagnetic`` (calcium, myelin).
    """
    shape = np.shape(local_ppm)
    b0 = checks.field_t(b0_t)
    if not isinstance(power, int) or power < 1:
        raise ConfigError(f"power: found {power!r}, needed a whole number from 1")
    long_s = target_te_s(b0) if te_s is None else checks.echo_times_s([te_s], echoes=1)[0]
    local = checks.ppm_of("local field", local_ppm, shape)
    if local.any():
        checks.refuse_no_local_field("local field", local[local != 0])
    return swi_from_field(
        checks.magnitude_of(magnitude, shape),
        local,
        b0,
        long_s,
        power=power,
        darkens=checks.choice(Darkens, "shows", shows),
    )


def vein_mask(
    chi_ppm: ArrayLike,
    mask: ArrayLike,
    geometry: Geometry,
    *,
    contrast_ppm: float = WEAKEST_PPM,
    shortest_mm: float = 8.0,
) -> Flags:
    """Veins in a map of susceptibility [Z, Y, X], bool.

    Parameters
    ----------
    chi_ppm
        Susceptibility [Z, Y, X, ppm].
    mask
        Where it is known [Z, Y, X], bool.
    geometry
        Grid of both.
    contrast_ppm
        Weakest vein [ppm].
    shortest_mm
        Shortest extent of a vein [mm].
    """
    if not checks.number_of("contrast_ppm", contrast_ppm) > 0:
        raise ConfigError(f"contrast_ppm: found {contrast_ppm}, needed more than 0")
    where = checks.mask_of("mask", mask, geometry.shape)
    chi = checks.ppm_of("susceptibility", chi_ppm, geometry.shape, where)
    known = np.where(where, chi, 0).astype(np.float32)
    return find_veins(known, where, geometry, contrast_ppm=contrast_ppm, shortest_mm=shortest_mm)
