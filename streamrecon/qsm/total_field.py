"""From echoes to the total field, the mask and the trust in both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ReconError
from streamrecon.machine.memory import give_back_freed
from streamrecon.machine.threads import meanwhile
from streamrecon.model.geometry import Geometry
from streamrecon.model.notice import Level, Notice
from streamrecon.phase.field_fit import FieldFit, fit_field, trust_from_noise
from streamrecon.phase.image_noise import ImageNoise, measure_noise
from streamrecon.phase.magnitude import Classes, signal_mask, tissue_classes
from streamrecon.phase.phase_offset import echo_pair, phase_without_offset
from streamrecon.phase.unwrap import path_quality
from streamrecon.phase.unwrapping import UNWRAPPERS, Unwrapping
from streamrecon.qsm.mask import FoundMask, find_mask, trusted_voxels
from streamrecon.qsm.reference import csf_mask
from streamrecon.units import hz_per_ppm

Complex = NDArray[np.complex64]
Real = NDArray[np.float32]

_TISSUE_PPM = 0.01  # field that tissue makes by what it differs from its class
_THIN_MM = 80.0  # of a head; below it scales move, see docs/measurements/qsm.md
_FEWEST_MM = 10.0  # at 6 and 8 mm maps of two heads keep 0.5 to 1.1 of their scale
_FEWEST_SLICES = 4  # of 4 mm, one keeps 0.1 of its scale, two 0.4 to 0.6, three 1.1 to 1.2
_VERY_THIN_MM = 20.0
_FLAT = 1 / 3  # of the next longer side: small animals and vials are small, and no slabs


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
    rad_per_ppm
        Phase that 1 ppm makes at the last echo [rad/ppm], which consensus needs; 0: unknown.
    is_brain
        Whether the mask was recognised as a brain, or given as one.
    classes
        Kind of tissue of each voxel of the mask, see `tissue_classes` [Z, Y, X]; None: unknown.
    geometry
        Grid of all of them; None: unknown.
    doubts
        Those of the notices that are warnings.
    """

    fit: FieldFit
    mask: NDArray[np.bool_]
    weight: Real
    magnitude: Real
    csf: NDArray[np.bool_]
    quality: Real
    notices: tuple[str, ...]
    rad_per_ppm: float = 0.0
    is_brain: bool = True
    classes: Classes | None = None
    geometry: Geometry | None = None
    doubts: tuple[str, ...] = ()

    @property
    def weight_of_background(self) -> Real:
        """Trust for a fit of sources outside [Z, Y, X, 1/ppm], 0 where ``weight`` is.

        What such a fit leaves is no noise of the phase but the field of tissue, some 10 ppb, alike
        everywhere: 1 / √(sd² + 10 ppb²). Weighted by the noise alone it follows dark grey matter
        less than bright white matter, and regions of whole heads lose 1 to 2 % of their contrast.
        """
        believed = self.weight > 0
        spread = np.hypot(np.where(believed, self.fit.sd_ppm, 0), _TISSUE_PPM)
        return np.where(believed, 1 / spread, 0).astype(np.float32)


def total_field(
    echoes: Complex,
    te_s: Sequence[float],
    b0_t: float,
    geometry: Geometry,
    *,
    readout_polarity: Sequence[int] = (),
    is_difference: bool = False,
    mask: NDArray[np.bool_] | None = None,
    noise: ImageNoise | None = None,
    unwrapping: Unwrapping = Unwrapping.TEMPLATE,
) -> TotalField:
    """The field of all sources: offset off, echoes unwrapped and fitted, the mask found.

    Parameters
    ----------
    echoes
        Complex images [E, Z, Y, X] with φ = +2π·γ̄·ΔB·TE.
    te_s
        Echo times [s].
    b0_t
        Static field [T].
    geometry
        Grid of the echoes.
    readout_polarity
        +1 or -1 per echo where readouts alternate.
    is_difference
        Whether the one echo is the difference of two, in which the phase offset has cancelled.
    mask
        Brain to use instead of the one found [Z, Y, X].
    noise
        Noise of the echoes where it is known, as after whitening; else it is measured in them.
    unwrapping
        How the phase is unwrapped.

    Raises
    ------
    ReconError
        If there is not a time, or a polarity where any is given, for each echo, or a stage has
        nothing to work on.
    """
    if len(echoes) != len(te_s):
        raise ReconError(f"echoes: found {len(te_s)} echo times for {len(echoes)} images")
    if len(readout_polarity) not in {0, len(te_s)} or set(readout_polarity) - {1, -1}:
        raise ReconError(
            f"readout polarity: found {readout_polarity!r}, needed +1 or -1 for each of {len(te_s)}"
        )
    whole = np.isfinite(echoes).all(axis=0)
    if not whole.all():
        echoes = np.where(whole, echoes, 0)
    magnitude = np.abs(echoes)
    together = np.sqrt(np.einsum("ezyx,ezyx->zyx", magnitude, magnitude))
    signal = signal_mask(together)
    head = whole & (signal if mask is None else mask)
    given = noise
    measured = meanwhile(lambda: given or measure_noise(echoes, head, signal=signal))
    if is_difference:
        notices: tuple[str, ...] = ("phase offset: cancelled in the difference of two echoes",)
        phase = np.angle(echoes)
    else:
        phase, notices = _wrapped_phase(echoes, te_s, geometry, readout_polarity)
    give_back_freed()
    quality = path_quality(phase, magnitude, head, te_s)
    looked_for = meanwhile(
        lambda: (
            find_mask(together, quality, geometry, head=head)
            if mask is None
            else FoundMask(mask, True, "mask: as given")
        )
    )
    unwrapped = UNWRAPPERS[unwrapping](phase, magnitude, head, te_s)
    del phase
    found = (unwrapped.region > 0) & whole
    noise = measured()
    fit = fit_field(unwrapped.phase_rad, magnitude, found, te_s, b0_t, noise=noise.sd)
    brain = looked_for()
    inside = brain.mask & found
    trusted, counts = trusted_voxels(inside, fit.residual_rad, fit.sd_ppm)
    if lost := int(np.count_nonzero(brain.mask & ~found)):
        counts += f"; {lost} left out, where the phase is not known"
    tissues = meanwhile(lambda: tissue_classes(magnitude, te_s, inside, geometry))
    weight = trust_from_noise(fit.sd_ppm, inside) * trusted
    fluid = csf_mask(magnitude, inside, tuple(te_s))
    return TotalField(
        fit,
        inside,
        weight,
        together,
        fluid,
        quality,
        (*notices, *noise.notices, brain.report, counts),
        radians_per_ppm(te_s, b0_t),
        brain.is_brain,
        tissues(),
        geometry,
    )


def slab_notice(mask: NDArray[np.bool_], geometry: Geometry) -> Notice | None:
    """What a reader must know of the thickness of a mask; ``None`` for that of a whole head.

    Sources above and below a slab make a field in it that background removal takes off, and with it
    what the slab's own slowly varying sources make. Nothing is left of one axial slice.

    A warning where little or nothing of χ is in the map: less than 10 mm or four slices of
    something flat. Measured on heads cut across B0, where the loss is largest; one slice along B0
    may keep more, or not (docs/measurements/qsm.md).

    Parameters
    ----------
    mask
        Where susceptibility is known [Z, Y, X].
    geometry
        Its grid.
    """
    if not mask.any():
        return None
    held = [np.flatnonzero(mask.any(axis=others)) for others in ((1, 2), (0, 2), (0, 1))]
    counts = [int(found[-1] - found[0]) + 1 for found in held]
    sides_mm = [n * side for n, side in zip(counts, geometry.voxel_mm, strict=True)]
    thin_mm, next_mm, _ = sorted(sides_mm)
    slices = counts[sides_mm.index(thin_mm)]
    too_thin = thin_mm < _FEWEST_MM or slices < _FEWEST_SLICES
    if too_thin and thin_mm < _FLAT * next_mm:
        return Notice(
            Level.WARNING,
            f"slab too thin for χ: found {thin_mm:.3g} mm of tissue in {slices} "
            f"slice{'s' if slices > 1 else ''}, needed {_FEWEST_MM:g} mm in {_FEWEST_SLICES}; of a "
            "head cut across B0, maps of one slice keep -0.1 to 0.1 of its χ, of two slices "
            "0.1-0.6, of 6 to 8 mm 0.5-1.1",
        )
    if thin_mm >= _THIN_MM:
        return None
    kept = "0.75-1.25 of its scale, regions off by 3-17 ppb; a single echo keeps 0.6 at 11 mm"
    if thin_mm > _VERY_THIN_MM:
        kept = "0.8-1.1 of its scale, regions off by 2-10 ppb"
    return Notice(
        Level.INFO, f"thin slab: {thin_mm:.0f} mm of tissue; as thin a slab of a head keeps {kept}"
    )


def radians_per_ppm(te_s: Sequence[float], b0_t: float) -> float:
    """Phase that a field of 1 ppm makes at the last echo [rad/ppm].

    >>> round(radians_per_ppm((0.005, 0.02), 3.0), 2)
    16.05
    """
    return 2 * np.pi * hz_per_ppm(b0_t) * te_s[-1]


def _wrapped_phase(
    echoes: Complex, te_s: Sequence[float], geometry: Geometry, readout_polarity: Sequence[int]
) -> tuple[Real, tuple[str, ...]]:
    try:
        echo_pair(te_s, readout_polarity)
    except ReconError as e:
        return np.angle(echoes), (f"{e}: it stays in",)
    given = echoes, te_s, geometry
    return phase_without_offset(*given, readout_polarity=readout_polarity)[0], ()
