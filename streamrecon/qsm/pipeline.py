"""From echoes to susceptibility in one call, or stage by stage; the presets of quality.

=========== ==================== ============ ================================== ==============
quality     background           inversion    strength                           use it for
=========== ==================== ============ ================================== ==============
fast        PDF, a dozen steps   TKD          threshold 0.2, amplitude corrected a look at once
default     PDF, weighted        TV           from the noise; magnitude's edges  the number
best        PDF, weighted        TV, robust   as default, misfits dropped        wild voxels
=========== ==================== ============ ================================== ==============

Fast keeps PDF too: on a head phantom V-SHARP with TKD had 120 % error and a slope of 1.13, a dozen
steps of PDF with TKD 82 % and 1.06, at coverage 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ReconError
from streamrecon.model.geometry import Geometry
from streamrecon.phase.field import FieldFit, fit_field
from streamrecon.phase.head import signal_mask
from streamrecon.phase.offsets import echo_pair, remove_offset
from streamrecon.phase.unwrap import unwrap_by_template
from streamrecon.qsm.background import Local, remove_pdf
from streamrecon.qsm.inversion import invert_tkd
from streamrecon.qsm.mask import brain_mask, reliable_mask
from streamrecon.qsm.reference import Reference, Referenced, csf_mask, set_reference
from streamrecon.qsm.uncertainty import noise_of_map
from streamrecon.qsm.variation import (
    invert_robust,
    invert_tv,
    strength_from_noise,
    trust_from_noise,
)

Complex = NDArray[np.complex64]
Real = NDArray[np.float32]

_PREVIEW_TOLERANCE = 2e-2


class Quality(Enum):
    """How much time a map is given."""

    FAST = "fast"
    DEFAULT = "default"
    BEST = "best"


@dataclass(frozen=True, slots=True, eq=False)
class TotalField:
    """What the phase of the echoes gives, ready for susceptibility.

    Parameters
    ----------
    fit
        Field, its standard deviation, misfit.
    mask
        Voxels to reconstruct [Z, Y, X].
    weight
        Trust in the field [Z, Y, X]: 1 / sd with 1 at the median; 0 where it is not believed.
    magnitude
        Root of the sum of squares of the echoes [Z, Y, X].
    csf
        Ventricles, as far as found [Z, Y, X].
    quality
        Trust in the unwrapping [Z, Y, X], 0 … 1.
    notices
        What a reader must know.
    """

    fit: FieldFit
    mask: NDArray[np.bool_]
    weight: Real
    magnitude: Real
    csf: NDArray[np.bool_]
    quality: Real
    notices: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Susceptibility:
    """A finished map with all that led to it.

    Parameters
    ----------
    map
        Susceptibility and its zero.
    mask
        Where it is known [Z, Y, X].
    total, local
        The fields it was made of.
    notices
        What a reader must know.
    converged
        Whether every iteration met its tolerance.
    """

    map: Referenced
    mask: NDArray[np.bool_]
    total: TotalField
    local: Local
    notices: tuple[str, ...]
    converged: bool = True


def susceptibility(
    echoes: Complex,
    te_s: Sequence[float],
    b0_t: float,
    geometry: Geometry,
    *,
    quality: Quality = Quality.DEFAULT,
    polarity: Sequence[int] = (),
    mask: NDArray[np.bool_] | None = None,
    reference: Reference = Reference.BRAIN,
    region: NDArray[np.bool_] | None = None,
) -> Susceptibility:
    """Susceptibility of combined echoes [E, Z, Y, X]: all stages in one call.

    Parameters
    ----------
    echoes
        Complex images [E, Z, Y, X] with φ = +2π·γ̄·ΔB·TE.
    te_s
        Echo times [s].
    b0_t
        Static field [T].
    geometry
        Grid of the echoes, which also says where B0 points.
    quality
        Preset, see the table above.
    polarity
        +1 or -1 per echo where readouts alternate.
    mask
        Brain to use instead of the one found [Z, Y, X].
    reference
        What is set to zero.
    region
        Where ``reference`` is the user's region [Z, Y, X].

    Raises
    ------
    ReconError
        If a stage has nothing to work on; the message names it.
    """
    total = total_field(echoes, te_s, b0_t, geometry, polarity=polarity, mask=mask)
    local = local_field(total, geometry, quality=quality)
    return invert(total, local, geometry, quality=quality, reference=reference, region=region)


def total_field(
    echoes: Complex,
    te_s: Sequence[float],
    b0_t: float,
    geometry: Geometry,
    *,
    polarity: Sequence[int] = (),
    mask: NDArray[np.bool_] | None = None,
) -> TotalField:
    """Offset off, echoes unwrapped and fitted, the mask found; parameters as `susceptibility`."""
    magnitude = np.abs(echoes)
    together = np.sqrt(np.einsum("ezyx,ezyx->zyx", magnitude, magnitude))
    head = signal_mask(together) if mask is None else mask
    clean, notices = _without_offset(echoes, te_s, geometry, polarity)
    unwrapped = unwrap_by_template(np.angle(clean), magnitude, head, te_s)
    found = unwrapped.region > 0
    fit = fit_field(unwrapped.phase_rad, magnitude, found, te_s, b0_t)
    brain = brain_mask(together, unwrapped.quality, geometry) if mask is None else mask
    # the brain found lacks its outermost layer already, and a mask that is given is meant
    reliable = reliable_mask(brain & found, fit.residual_rad, fit.sd_ppm, erode=0)
    weight = trust_from_noise(fit.sd_ppm, reliable.mask) * reliable.trusted
    return TotalField(
        fit,
        reliable.mask,
        weight,
        together,
        csf_mask(magnitude, reliable.mask, tuple(te_s)),
        unwrapped.quality,
        (*notices, reliable.report),
    )


def local_field(
    total: TotalField, geometry: Geometry, *, quality: Quality = Quality.DEFAULT
) -> Local:
    """Background off, as the preset wants it."""
    field = total.fit.field_ppm
    match quality:
        case Quality.FAST:
            return remove_pdf(
                field, total.mask, geometry, weight=total.weight, tolerance=_PREVIEW_TOLERANCE
            )
        case Quality.DEFAULT | Quality.BEST:
            return remove_pdf(field, total.mask, geometry, weight=total.weight)


def invert(
    total: TotalField,
    local: Local,
    geometry: Geometry,
    *,
    quality: Quality = Quality.DEFAULT,
    reference: Reference = Reference.BRAIN,
    region: NDArray[np.bool_] | None = None,
) -> Susceptibility:
    """Susceptibility of a local field, as the preset wants it, with its zero."""
    notices, converged = [*total.notices], local.converged
    if not local.converged:
        notices.append(f"background: stopped after {local.iterations} steps, not converged")
    if quality is Quality.FAST:
        chi = invert_tkd(local.field_ppm, local.mask, geometry)
    else:
        strength = strength_from_noise(total.fit.sd_ppm, local.mask)
        solve = invert_tv if quality is Quality.DEFAULT else invert_robust
        found = solve(
            local.field_ppm,
            local.mask,
            geometry,
            strength=strength,
            weight=total.weight,
            magnitude=total.magnitude,
        )
        chi = found.unknown
        notices.append(f"inversion: strength {strength:.2g} ppm·mm, {found.iterations} steps")
        converged &= found.converged
        if not found.converged:
            notices.append(f"inversion: not converged, last change {found.residual:.2g}")
    referenced = set_reference(chi, local.mask, csf=total.csf, region=region, reference=reference)
    notices.append(str(referenced))
    return Susceptibility(referenced, local.mask, total, local, tuple(notices), converged)


def susceptibility_sd(
    found: Susceptibility, geometry: Geometry, *, quality: Quality = Quality.DEFAULT
) -> Real:
    """Standard deviation of a map by the noise of its field [Z, Y, X, ppm]: one more inversion.

    See `noise_of_map` for what it holds and what it leaves out. Noise is added to the local field,
    so that what the background's removal makes of it is left out too.
    """

    def again(field_ppm: Real) -> Real:
        local = replace(found.local, field_ppm=field_ppm)
        return invert(found.total, local, geometry, quality=quality).map.chi_ppm

    return noise_of_map(
        again,
        found.local.field_ppm,
        found.total.fit.sd_ppm,
        found.map.chi_ppm,
        found.mask,
    )


def _without_offset(
    echoes: Complex, te_s: Sequence[float], geometry: Geometry, polarity: Sequence[int]
) -> tuple[Complex, tuple[str, ...]]:
    try:
        echo_pair(te_s, polarity)
    except ReconError as e:
        return echoes, (f"phase offset left in: {e}",)
    return remove_offset(echoes, te_s, geometry, polarity=polarity)[0], ()
