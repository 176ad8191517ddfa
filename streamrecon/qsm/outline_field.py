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
from scipy.ndimage import distance_transform_edt, gaussian_filter

from streamrecon.errors import ReconError
from streamrecon.model.geometry import Geometry
from streamrecon.phase.phase_offset import echo_pair
from streamrecon.phase.signal_mask import signal_mask
from streamrecon.qsm.dipole import field_from_chi
from streamrecon.recon.images.downsample import downsampled
from streamrecon.units import hz_per_ppm

Complex = NDArray[np.complexfloating]
Real = NDArray[np.floating]
Flags = NDArray[np.bool_]

_TISSUE_PPM = -9.4  # water, -9.05, and what else is in the body, above air, +0.36
_OPEN_MM = 120.0  # an object that leaves the field of view goes on for that long
_FACE_MM = 40.0  # from such an end: how the object goes on is a guess that reaches as far
_DEPTH_MM = 15.0  # below the surface: fat of the skin, and the steps of the outline itself
_SMOOTH_MM = 12.0  # over vessels, bowels and bones
_BLUR_MM = 2.0  # of the outline, whose voxels are steps
_COHERENT = 0.7  # length of the mean phasor; below it the phase turns too fast to be averaged
_OUTLIER = 3.0  # robust deviations of a gradient, beyond which it is cut
_FEWEST = 100  # voxels on which a correlation may rest
_AGREES = 0.5
_OF_EXPECTED = (0.15, 4.0)  # of the slope: cut fields of view lower it, bones raise it
_GRID_MM = 3.0


@dataclass(frozen=True, slots=True)
class OutlineCheck:
    """What the outline's field says of the sign of the phase.

    Parameters
    ----------
    correlation
        Of measured and expected gradients along z, y, x; ``None`` where there is too little.
    sign
        +1 where the phase grows with the field, -1 where it falls, 0 where that is not decided.
    """

    correlation: tuple[float | None, float | None, float | None]
    sign: int

    def __str__(self) -> str:
        """The correlations in words."""
        shown = ", ".join("-" if r is None else f"{r:+.2f}" for r in self.correlation)
        return f"r = {shown} along z, y, x"


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
    if len(echoes) != len(te_s):
        raise ReconError(f"echoes: found {len(te_s)} echo times for {len(echoes)} images")
    echoes, te_s = _two_of(echoes, te_s, readout_polarity)
    echoes, geometry = downsampled(np.nan_to_num(echoes), geometry, _GRID_MM)
    phasor = echoes[-1] * np.conj(echoes[0]) if len(te_s) > 1 else echoes[0]
    time_s = te_s[-1] - te_s[0] if len(te_s) > 1 else te_s[0]
    found = signal_mask(np.abs(echoes[0]))
    expected = field_of_outline(found, geometry)
    trusted = _deep(found, geometry) & ~_near_open_ends(found, geometry)
    rad_per_ppm = 2 * np.pi * hz_per_ppm(b0_t) * time_s
    fits = [
        _agreement(phasor, expected * rad_per_ppm, (found, trusted), geometry, axis)
        for axis in range(3)
    ]
    low, high = _OF_EXPECTED
    votes = [
        int(np.sign(r)) for r, slope in fits if abs(r) >= _AGREES and low <= abs(slope) <= high
    ]
    against = [r for r, _ in fits if votes and r * votes[0] < 0]
    sign = votes[0] if len(votes) >= 2 and not against else 0
    one, two, three = (None if np.isnan(r) else float(r) for r, _ in fits)
    return OutlineCheck((one, two, three), sign)


def field_of_outline(found: Flags, geometry: Geometry) -> Real:
    """Field of an object of even susceptibility in air [Z, Y, X, ppm].

    Where the object touches the field of view it goes on with the same cross-section.
    """
    room = [(round(_OPEN_MM / mm),) * 2 for mm in geometry.voxel_mm]
    chi_ppm = np.pad(found.astype(np.float32) * np.float32(_TISSUE_PPM), room, mode="edge")
    chi_ppm = gaussian_filter(chi_ppm, [_BLUR_MM / mm for mm in geometry.voxel_mm])
    inside = tuple(
        slice(before, before + n) for (before, _), n in zip(room, found.shape, strict=True)
    )
    z, y, x = chi_ppm.shape
    return field_from_chi(chi_ppm, replace(geometry, shape=(z, y, x)), padding=1.25)[inside]


def _two_of(
    echoes: Complex, te_s: Sequence[float], readout_polarity: Sequence[int]
) -> tuple[Complex, Sequence[float]]:
    """The first two echoes of one readout polarity, or the first."""
    try:
        one, two = echo_pair(te_s, readout_polarity)
    except ReconError:
        return echoes[:1], te_s[:1]
    return echoes[[one, two]], (te_s[one], te_s[two])


def _deep(found: Flags, geometry: Geometry) -> Flags:
    """Voxels of the object that are far from air; open ends are no air."""
    room = [(round(_OPEN_MM / 2 / mm),) * 2 for mm in geometry.voxel_mm]
    depth = distance_transform_edt(np.pad(found, room, mode="edge"), sampling=geometry.voxel_mm)
    inside = tuple(
        slice(before, before + n) for (before, _), n in zip(room, found.shape, strict=True)
    )
    return np.asarray(depth[inside] >= _DEPTH_MM)


def _near_open_ends(found: Flags, geometry: Geometry) -> Flags:
    near = np.zeros_like(found)
    for axis, (n, mm) in enumerate(zip(found.shape, geometry.voxel_mm, strict=True)):
        planes = np.moveaxis(found, axis, 0)
        cut = np.moveaxis(near, axis, 0)
        reach = min(int(_FACE_MM / mm), n // 4)
        few = planes[n // 2].sum() / 50  # a strap or a wire is no cut end
        if planes[0].sum() > few:
            cut[:reach] = True
        if planes[-1].sum() > few:
            cut[n - reach :] = True
    return near


def _agreement(
    phasor: Complex,
    expected_rad: Real,
    masks: tuple[Flags, Flags],
    geometry: Geometry,
    axis: int,
) -> tuple[float, float]:
    """Correlation and slope of the measured on the expected gradients along one axis.

    ``masks`` are the object, and its voxels that are believed.
    """
    found, trusted = masks
    sigma = [_SMOOTH_MM / mm for mm in geometry.voxel_mm]
    ahead, behind = (
        tuple(part if i == axis else slice(None) for i in range(3))
        for part in (slice(1, None), slice(0, -1))
    )
    both = found[ahead] & found[behind]
    fraction = np.maximum(gaussian_filter(both.astype(np.float32), sigma), 1e-3)
    step = phasor[ahead] * np.conj(phasor[behind])
    step = np.where(both, step / np.maximum(np.abs(step), np.finfo(np.float32).tiny), 0)
    mean = (gaussian_filter(step.real, sigma) + 1j * gaussian_filter(step.imag, sigma)) / fraction
    model = gaussian_filter(np.where(both, np.diff(expected_rad, axis=axis), 0), sigma) / fraction
    used = trusted[ahead] & trusted[behind] & (np.abs(mean) > _COHERENT)
    if used.sum() < _FEWEST:
        return np.nan, np.nan
    basis = _slopes_of_second_order(used)
    wanted = model[used] - basis @ np.linalg.lstsq(basis, model[used], rcond=None)[0]
    measured = _robust_residual(np.angle(mean)[used], basis)
    power, product = float(wanted @ wanted), float(measured @ wanted)
    if not power > 0:
        return np.nan, np.nan
    return product / np.sqrt(power * float(measured @ measured)), product / power


def _slopes_of_second_order(used: Flags) -> Real:
    """A constant and the three places: gradients of fields up to second order [V, 4]."""
    places = np.argwhere(used).astype(np.float64)
    return np.column_stack([np.ones(len(places)), places - places.mean(axis=0)])


def _robust_residual(values: Real, basis: Real) -> Real:
    """What the basis leaves of the values, with far outliers cut: fat, vessels, bowels."""
    for _ in range(3):
        residual = values - basis @ np.linalg.lstsq(basis, values, rcond=None)[0]
        limit = _OUTLIER * 1.4826 * float(np.median(np.abs(residual)))
        values = values - residual + np.clip(residual, -limit, limit)
    return np.asarray(values - basis @ np.linalg.lstsq(basis, values, rcond=None)[0])
