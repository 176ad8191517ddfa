"""Smooth gradients of the phase within an object, for comparison with those of its outline."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter

from streamrecon.errors import ReconError
from streamrecon.model.geometry import Geometry
from streamrecon.phase.magnitude import signal_mask
from streamrecon.phase.phase_offset import echo_pair
from streamrecon.recon.images.downsample import downsampled

Complex = NDArray[np.complexfloating]
Real = NDArray[np.floating]
Flags = NDArray[np.bool_]

OPEN_MM = 120.0
"""An object that leaves the field of view goes on for that long."""

_FACE_MM = 40.0  # from such an end: how the object goes on is a guess that reaches as far
_BODY_MM2 = 5e4  # of its section: larger than a head's; trunks go on as they are
_DEPTH_MM = 15.0  # below the surface: fat of the skin, and the steps of the outline itself
_SMOOTH_MM = 12.0  # over vessels, bowels and bones
_COHERENT = 0.7  # length of the mean phasor; below it the phase turns too fast to be averaged
_OUTLIER = 3.0  # robust deviations of a gradient, beyond which it is cut
_FEWEST = 100  # voxels on which a correlation may rest
_GRID_MM = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class PhaseInOutline:
    """Phase that one time makes, on a coarse grid.

    Parameters
    ----------
    phasor
        Complex, its angle the phase [Z, Y, X].
    time_s
        That time: between two echoes, or the echo time of one [s].
    found, cut, trusted
        Voxels of the object, those near ends that the field of view cuts, and those of the object
        that are far from these and from air [Z, Y, X].
    geometry
        Their grid.
    """

    phasor: Complex
    time_s: float
    found: Flags
    cut: Flags
    trusted: Flags
    geometry: Geometry

    def depth_mm(self) -> float:
        """How far what is trusted reaches, along the axis where it reaches least [mm]."""
        ends = [np.ptp(places) + 1 if len(places) else 0 for places in np.nonzero(self.trusted)]
        return float(min(n * mm for n, mm in zip(ends, self.geometry.voxel_mm, strict=True)))

    def why_unknown(self) -> str:
        """Why there are gradients along no axis, in words."""
        if not self.found.any():
            return "no signal above the noise"
        ends = f"{_FACE_MM:g} mm from where the field of view cuts it"
        if _most_steps(self.found & ~self.cut) < _FEWEST:
            return f"too little of the object lies {ends}"
        if _most_steps(self.trusted) < _FEWEST:
            depth = f"too little of the object lies {_DEPTH_MM:g} mm below its surface"
            return f"{depth} and {ends}" if self.cut.any() else depth
        return f"the phase turns too fast to be averaged over {_SMOOTH_MM:g} mm"


def _most_steps(inside: Flags) -> int:
    """Pairs of neighbours inside, along the axis that has most."""
    along = (np.moveaxis(inside, axis, 0) for axis in range(3))
    return max(int((planes[1:] & planes[:-1]).sum()) for planes in along)


def phase_in_outline(
    echoes: Complex, te_s: Sequence[float], geometry: Geometry, readout_polarity: Sequence[int]
) -> PhaseInOutline:
    """Phase of echoes [E, Z, Y, X], or of the first two of one readout polarity, on 3 mm voxels.

    Raises
    ------
    ReconError
        If there is not a time for each echo.
    """
    if len(echoes) != len(te_s):
        raise ReconError(f"echoes: found {len(te_s)} echo times for {len(echoes)} images")
    echoes, te_s = _two_of(echoes, te_s, readout_polarity)
    echoes, geometry = downsampled(np.nan_to_num(echoes), geometry, _GRID_MM)
    found = signal_mask(np.abs(echoes[0]))
    several = len(te_s) > 1
    cut = _near_open_ends(found, geometry)
    return PhaseInOutline(
        phasor=echoes[-1] * np.conj(echoes[0]) if several else echoes[0],
        time_s=te_s[-1] - te_s[0] if several else te_s[0],
        found=found,
        cut=cut,
        trusted=_deep(found, geometry) & ~cut,
        geometry=geometry,
    )


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
    room = [(round(OPEN_MM / 2 / mm),) * 2 for mm in geometry.voxel_mm]
    depth = distance_transform_edt(np.pad(found, room, mode="edge"), sampling=geometry.voxel_mm)
    inside = tuple(
        slice(before, before + n) for (before, _), n in zip(room, found.shape, strict=True)
    )
    return np.asarray(depth[inside] >= _DEPTH_MM)


def _near_open_ends(found: Flags, geometry: Geometry) -> Flags:
    """Within 40 mm of them; of a thin slab of a trunk only a quarter of its planes at each end.

    Beyond a slab of a head lie its dome, or sinuses and ears, whose field turned the sign of the
    gradients round in slabs of 40 to 70 mm.
    """
    near = np.zeros_like(found)
    for axis, (n, mm) in enumerate(zip(found.shape, geometry.voxel_mm, strict=True)):
        planes = np.moveaxis(found, axis, 0)
        cut = np.moveaxis(near, axis, 0)
        middle = planes[n // 2].sum()
        is_body = middle * math.prod(geometry.voxel_mm) / mm > _BODY_MM2
        reach = min(math.ceil(_FACE_MM / mm), n // 4 if is_body else n)
        few = middle / 50  # a strap or a wire is no cut end
        if planes[0].sum() > few:
            cut[:reach] = True
        if planes[-1].sum() > few:
            cut[n - reach :] = True
    return near


def smooth_gradients(
    seen: PhaseInOutline, expected_rad: Sequence[Real], axis: int
) -> tuple[Real, Real] | None:
    """Smooth gradients along an axis where they are believed, less those of second-order fields.

    Measured [V] and expected [N, V], in rad a voxel; ``None`` where there are too few.
    """
    found, trusted, phasor = seen.found, seen.trusted, seen.phasor
    sigma = [_SMOOTH_MM / mm for mm in seen.geometry.voxel_mm]
    ahead, behind = (
        tuple(part if i == axis else slice(None) for i in range(3))
        for part in (slice(1, None), slice(0, -1))
    )
    both = found[ahead] & found[behind]
    fraction = np.maximum(gaussian_filter(both.astype(np.float32), sigma), 1e-3)
    step = phasor[ahead] * np.conj(phasor[behind])
    step = np.where(both, step / np.maximum(np.abs(step), np.finfo(np.float32).tiny), 0)
    mean = (gaussian_filter(step.real, sigma) + 1j * gaussian_filter(step.imag, sigma)) / fraction
    used = trusted[ahead] & trusted[behind] & (np.abs(mean) > _COHERENT)
    if used.sum() < _FEWEST:
        return None
    basis = _slopes_of_second_order(used)
    wanted = []
    for field in expected_rad:
        steps = gaussian_filter(np.where(both, np.diff(field, axis=axis), 0), sigma) / fraction
        wanted.append(steps[used] - basis @ np.linalg.lstsq(basis, steps[used], rcond=None)[0])
    return _robust_residual(np.angle(mean)[used], basis), np.stack(wanted)


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
