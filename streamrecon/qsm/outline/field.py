r"""The field that the object's own outline makes against air, and whether the phase agrees with it.

Tissue is diamagnetic and air is not: an object of :math:`\Delta\chi = -9.4` ppm makes a field that
follows from its outline and the direction of B0 alone. Its gradients are known before any phase is
looked at, and the phase that was measured has them with one sign or with the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from streamrecon.model.geometry import Geometry
from streamrecon.qsm.dipole import field_from_chi
from streamrecon.qsm.outline.gradients import (
    OPEN_MM,
    PhaseInOutline,
    phase_in_outline,
    smooth_gradients,
)
from streamrecon.units import hz_per_ppm

Complex = NDArray[np.complexfloating]
Real = NDArray[np.floating]
Flags = NDArray[np.bool_]

_TISSUE_PPM = -9.4  # water, -9.05, and what else is in the body, above air, +0.36
_BLUR_MM = 2.0  # of the outline, whose voxels are steps
_AGREES = 0.5
_OF_EXPECTED = (0.15, 4.0)  # of the slope: cut fields of view lower it, bones raise it


@dataclass(frozen=True, slots=True)
class OutlineCheck:
    """What the outline's field says of the sign of the phase.

    Parameters
    ----------
    correlation
        Of measured and expected gradients along z, y, x; ``None`` where there is too little.
    sign
        +1 where the phase grows with the field, -1 where it falls, 0 where that is not decided.
    why_unknown
        Why no axis could be judged, where none could.
    """

    correlation: tuple[float | None, float | None, float | None]
    sign: int
    why_unknown: str = ""

    def __str__(self) -> str:
        """The correlations in words."""
        axes = dict(zip("zyx", self.correlation, strict=True))
        judged = {axis: f"{r:+.2f}" for axis, r in axes.items() if r is not None}
        if not judged:
            return f"judged along no axis: {self.why_unknown}"
        text = f"r = {', '.join(judged.values())} along {', '.join(judged)}"
        unknown = ", ".join(axis for axis in axes if axis not in judged)
        return f"{text}; {unknown} not judged" if unknown else text


def check_outline(
    echoes: Complex,
    te_s: Sequence[float],
    b0_t: float,
    geometry: Geometry,
    *,
    readout_polarity: Sequence[int] = (),
) -> OutlineCheck:
    """Compare the gradients of the phase with those of the field that the outline makes.

    Harmonics up to second order are taken off both: shims and far sources make them. Decided by a
    correlation of at least 0.5 on two axes and none against it, and a slope that tissue can have.
    Undecided where no air bounds the object: thin slabs, stripped brains, crops. Worked out on
    voxels of 3 mm: an FFT of each of two echoes, and one forward field of the coarse grid.

    Parameters
    ----------
    echoes
        Complex images [E, Z, Y, X] of the whole field of view. Two echoes give their difference,
        one its phase, offset included.
    te_s
        Echo times [s].
    b0_t
        Static field [T].
    geometry
        Their grid.
    readout_polarity
        +1 or -1 per echo where readouts alternate.

    Raises
    ------
    ReconError
        If there is not a time for each echo.

    References
    ----------
    Marques and Bowtell (2005) Concepts Magn Reson B 25:65. doi:10.1002/cmr.b.20034
    """
    seen = phase_in_outline(echoes, te_s, geometry, readout_polarity)
    expected = field_of_outline(seen.found, seen.geometry)
    rad_per_ppm = 2 * np.pi * hz_per_ppm(b0_t) * seen.time_s
    fits = [_agreement(seen, expected * rad_per_ppm, axis) for axis in range(3)]
    low, high = _OF_EXPECTED
    votes = [
        int(np.sign(r)) for r, slope in fits if abs(r) >= _AGREES and low <= abs(slope) <= high
    ]
    against = [r for r, _ in fits if votes and r * votes[0] < 0]
    sign = votes[0] if len(votes) >= 2 and not against else 0
    one, two, three = (None if np.isnan(r) else float(r) for r, _ in fits)
    why_unknown = seen.why_unknown() if one is two is three is None else ""
    return OutlineCheck((one, two, three), sign, why_unknown)


def field_of_outline(found: Flags, geometry: Geometry) -> Real:
    """Field of an object of even susceptibility in air [Z, Y, X, ppm].

    Where the object touches the field of view it goes on with the same cross-section.
    """
    room = [(round(OPEN_MM / mm),) * 2 for mm in geometry.voxel_mm]
    chi_ppm = np.pad(found.astype(np.float32) * np.float32(_TISSUE_PPM), room, mode="edge")
    chi_ppm = gaussian_filter(chi_ppm, [_BLUR_MM / mm for mm in geometry.voxel_mm])
    inside = tuple(
        slice(before, before + n) for (before, _), n in zip(room, found.shape, strict=True)
    )
    z, y, x = chi_ppm.shape
    return field_from_chi(chi_ppm, replace(geometry, shape=(z, y, x)), padding=1.25)[inside]


def _agreement(seen: PhaseInOutline, expected_rad: Real, axis: int) -> tuple[float, float]:
    """Correlation and slope of the measured on the expected gradients along one axis."""
    gradients = smooth_gradients(seen, [expected_rad], axis)
    if gradients is None:
        return np.nan, np.nan
    measured, (wanted,) = gradients
    power, product = float(wanted @ wanted), float(measured @ wanted)
    if not power > 0:
        return np.nan, np.nan
    return product / np.sqrt(power * float(measured @ measured)), product / power
