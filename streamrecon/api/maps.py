"""Maps of arrays: the product's own functions behind the checks of a front door.

Arrays are [E, Z, Y, X] for echoes and [Z, Y, X] for maps, with their unit in the name. Phase is
wrapped and in radians; ``phase_sign`` is +1 where it grows with the field, -1 where it falls.
Inputs are not modified. Every function raises `ConfigError` for a number and `DataError` for an
array that cannot be meant, and `ReconError` where there is nothing to work on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamrecon import input_checks as checks
from streamrecon.errors import ConfigError, DataError
from streamrecon.maps.phase_mask import Darkens, target_te_s
from streamrecon.maps.r2star import Decay, fit_decay
from streamrecon.maps.swi import swi_from_field
from streamrecon.maps.veins import find_veins
from streamrecon.model.geometry import Geometry
from streamrecon.phase.phase_scaling import PhaseScale, complex_echoes
from streamrecon.phase.unwrap import Unwrapped, unwrap_by_template
from streamrecon.qsm import pipeline
from streamrecon.qsm.background.pdf import Local
from streamrecon.qsm.pipeline import Background, Quality, Susceptibility
from streamrecon.qsm.reference import Reference
from streamrecon.qsm.total_field import TotalField
from streamrecon.qsm.total_field import total_field as field_of_echoes

__all__ = [
    "invert",
    "local_field",
    "r2star",
    "susceptibility",
    "swi",
    "total_field",
    "unwrap",
    "vein_mask",
]

Flags = NDArray[np.bool_]
Real = NDArray[np.float32]


def susceptibility(
    magnitude: ArrayLike,
    phase_rad: ArrayLike,
    te_s: Sequence[float],
    b0_t: float,
    geometry: Geometry,
    *,
    phase_sign: int,
    mask: ArrayLike | None = None,
    quality: Quality | str = Quality.STANDARD,
    background: Background | str = Background.PRESET,
    polarity: Sequence[int] = (),
    two_pass: bool = False,
    reference: Literal["brain", "csf", "region"] = "brain",
    region: ArrayLike | None = None,
) -> Susceptibility:
    """Susceptibility (QSM) of magnitude and phase: `total_field`, `local_field`, `invert` in one.

    Parameters
    ----------
    magnitude, phase_rad
        [E, Z, Y, X], any unit, and [rad].
    te_s
        Echo times [s].
    b0_t
        Static field [T].
    geometry
        Grid of the arrays; it also says where B0 points.
    phase_sign
        +1 where the phase grows with the field, -1 where it falls.
    mask
        Brain to use instead of the one found [Z, Y, X], bool.
    quality
        ``fast``, ``standard``, ``best`` or ``consensus``.
    background
        Another removal of the outer field than the preset's: ``pdf``, ``v-sharp`` …
    polarity
        +1 or -1 for each echo where readouts alternate.
    two_pass
        Invert once more what strong sources leave of the field.
    reference, region
        What is set to zero: ``brain``, ``csf``, or ``region`` with a mask [Z, Y, X].

    Returns
    -------
    Susceptibility
        ``.map.chi_ppm`` [Z, Y, X, ppm] and ``.mask``, the fields that led to them, ``.notices``.
    """
    total = total_field(
        magnitude, phase_rad, te_s, b0_t, geometry,
        phase_sign=phase_sign, mask=mask, polarity=polarity,
    )  # fmt: skip
    local = local_field(total, geometry, quality=quality, background=background)
    return invert(
        total, local, geometry,
        quality=quality, two_pass=two_pass, reference=reference, region=region,
    )  # fmt: skip


def total_field(
    magnitude: ArrayLike,
    phase_rad: ArrayLike,
    te_s: Sequence[float],
    b0_t: float,
    geometry: Geometry,
    *,
    phase_sign: int,
    mask: ArrayLike | None = None,
    polarity: Sequence[int] = (),
) -> TotalField:
    """The field of all sources: offset off, echoes unwrapped and fitted, the mask found.

    Parameters are those of `susceptibility`. The field is ``.fit.field_ppm`` [Z, Y, X, ppm of B0],
    positive where it is above B0.
    """
    given = None if mask is None else checks.mask_of("mask", mask, geometry.shape)
    size, turn = _echo_pair(magnitude, phase_rad, geometry, given)
    times = checks.echo_times_s(te_s, echoes=len(size))
    radians = PhaseScale(1.0, 0.0, "radians")
    echoes = complex_echoes(size, turn, radians, sign=checks.sign_of_phase(phase_sign))
    b0 = checks.field_t(b0_t)
    return field_of_echoes(echoes, times, b0, geometry, polarity=polarity, mask=given)


def local_field(
    total: TotalField,
    geometry: Geometry,
    *,
    quality: Quality | str = Quality.STANDARD,
    background: Background | str = Background.PRESET,
) -> Local:
    """The field of the sources inside the mask, ``.field_ppm`` [Z, Y, X, ppm of B0].

    Parameters are those of `susceptibility`.
    """
    _refuse_other_grid(total, geometry)
    return pipeline.local_field(
        total,
        geometry,
        quality=checks.choice(Quality, "quality", quality),
        background=checks.choice(Background, "background", background),
    )


def invert(
    total: TotalField,
    local: Local,
    geometry: Geometry,
    *,
    quality: Quality | str = Quality.STANDARD,
    two_pass: bool = False,
    reference: Literal["brain", "csf", "region"] = "brain",
    region: ArrayLike | None = None,
) -> Susceptibility:
    """Susceptibility of a local field, with its zero; parameters are those of `susceptibility`."""
    _refuse_other_grid(total, geometry)
    return pipeline.invert(
        total,
        local,
        geometry,
        quality=checks.choice(Quality, "quality", quality),
        two_pass=two_pass,
        reference=_reference(reference),
        region=None if region is None else checks.mask_of("region", region, geometry.shape),
    )


def unwrap(
    magnitude: ArrayLike, phase_rad: ArrayLike, te_s: Sequence[float], mask: ArrayLike
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
    """
    shape = np.shape(phase_rad)
    where = checks.mask_of("mask", mask, shape[1:])
    turn = checks.phase_of(phase_rad, shape, where)
    size = checks.magnitude_of(magnitude, shape, where)
    return unwrap_by_template(turn, size, where, checks.echo_times_s(te_s, echoes=len(turn)))


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
    if not (np.isfinite(noise) and noise >= 0):
        raise DataError(f"noise: found {noise}, needed a number from 0")
    return fit_decay(size, checks.echo_times_s(te_s, echoes=len(size)), where, noise=noise)


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
    long_s = target_te_s(b0) if te_s is None else checks.echo_times_s([te_s], echoes=1)[0]
    return swi_from_field(
        checks.magnitude_of(magnitude, shape),
        checks.ppm_of("local field", local_ppm, shape),
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
    contrast_ppm: float = 0.08,
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
    where = checks.mask_of("mask", mask, geometry.shape)
    chi = checks.ppm_of("susceptibility", chi_ppm, geometry.shape, where)
    known = np.where(where, chi, 0).astype(np.float32)
    return find_veins(known, where, geometry, contrast_ppm=contrast_ppm, shortest_mm=shortest_mm)


def _echo_pair(
    magnitude: ArrayLike, phase_rad: ArrayLike, geometry: Geometry, mask: Flags | None
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    shape = np.shape(phase_rad)
    if len(shape) != 4 or shape[1:] != geometry.shape:
        raise DataError(f"phase: found {shape}, needed echoes of {geometry.shape}")
    return checks.magnitude_of(magnitude, shape, mask), checks.phase_of(phase_rad, shape, mask)


def _reference(word: str) -> Reference:
    known = {each.name.lower(): each for each in Reference}
    if word not in known:
        raise ConfigError(f"reference: found {word!r}, needed one of {', '.join(known)}")
    return known[word]


def _refuse_other_grid(total: TotalField, geometry: Geometry) -> None:
    if total.mask.shape != geometry.shape:
        raise DataError(f"geometry: found {geometry.shape}, needed {total.mask.shape} of the field")
