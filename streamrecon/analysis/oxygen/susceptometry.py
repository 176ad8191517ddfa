"""Susceptibility of a large vessel from the total field in it and about it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, binary_erosion, distance_transform_edt

from streamrecon.errors import ReconError
from streamrecon.model.geometry import Geometry
from streamrecon.qsm.dipole import field_from_chi

Real = NDArray[np.float64]
Flags = NDArray[np.bool_]

_WINDOW_MM = 20.0  # along the vessel, over which the background is a polynomial
_AROUND_MM = 8.0
_FEWEST_INSIDE, _FEWEST_OUTSIDE = 12, 60
_LEAST_CONTRAST = 0.5 / 6  # |3 cos²θ − 1| < 0.5: too near the magic angle (Langham 2009)
_ONE_VOXEL = np.ones((3, 3, 3), bool)


@dataclass(frozen=True, slots=True, kw_only=True)
class VesselChi:
    """What the field says of a vessel.

    Parameters
    ----------
    chi_ppm
        Susceptibility above that of what surrounds it.
    sd_ppm
        From the scatter of the windows along it, or where there is one, of its residual.
    windows, windows_refused
        How many were used; how many lie too near the magic angle.
    voxels
        Inside the vessel.
    """

    chi_ppm: float
    sd_ppm: float
    windows: int
    windows_refused: int
    voxels: int


def vessel_chi(
    field_ppm: NDArray[np.floating], vessel: Flags, trusted: Flags, geometry: Geometry
) -> VesselChi | None:
    r"""Susceptibility that explains the field of a vessel of known shape; None at the magic angle.

    .. math:: f = \Delta\chi\,(d * m) + \text{polynomial of second order}

    where d * m is the field that the vessel's own mask m makes at 1 ppm: no formula of a cylinder,
    so that tilt, bends and cross-sections that are no circles count. Window after window along
    the vessel, without the voxels next to its wall.

    A mask that is too wide or too narrow leaves the step at the wall as it is and is wrong about
    the field outside. What has no signal cannot be used: beside a sinus that is the skull's side,
    so a window needs its background from the brain's side alone. Flow along a readout shifts blood
    and turns its phase; two echoes of opposite moment are not compared here.

    Parameters
    ----------
    field_ppm
        Total field [Z, Y, X, ppm]; no background removed, no erosion needed.
    vessel
        Its voxels [Z, Y, X], two voxels wide at least.
    trusted
        Where the field is known [Z, Y, X].
    geometry
        Their grid.

    Raises
    ------
    ReconError
        If the vessel is too thin for a voxel inside its wall, or has no field about it.

    References
    ----------
    Fernández-Seara et al. (2006) Magn Reson Med 55:967. doi:10.1002/mrm.20892
    Langham et al. (2009) Magn Reson Med 61:626. doi:10.1002/mrm.21499
    """
    box = _box(vessel, geometry)
    z, y, x = box
    shape = (z.stop - z.start, y.stop - y.start, x.stop - x.start)
    inner = geometry.crop((z.start, y.start, x.start), shape)
    mask, known = vessel[box], trusted[box] & np.isfinite(field_ppm[box])
    unit = field_from_chi(mask.astype(np.float32), inner)
    core = binary_erosion(mask, _ONE_VOXEL) & known
    outside = ~binary_dilation(mask, _ONE_VOXEL) & known
    if core.sum() < _FEWEST_INSIDE or outside.sum() < _FEWEST_OUTSIDE:
        raise ReconError(
            f"susceptometry: found {core.sum()} voxels inside the wall and {outside.sum()} about "
            f"it, needed {_FEWEST_INSIDE} and {_FEWEST_OUTSIDE}: for large vessels only"
        )
    found, refused = [], 0
    for window in _windows(mask, inner):
        those = window & (core | outside)
        if (core & window).sum() < _FEWEST_INSIDE or (outside & window).sum() < _FEWEST_OUTSIDE:
            continue
        if abs(float(unit[core & window].mean() - unit[outside & window].mean())) < _LEAST_CONTRAST:
            refused += 1
            continue
        found.append(_slope(field_ppm[box], unit, those, inner))
    return _combined(found, refused, int(core.sum()))


def _box(vessel: Flags, geometry: Geometry) -> tuple[slice, ...]:
    """Of the vessel and what is about it."""
    at = np.argwhere(vessel)
    if not len(at):
        raise ReconError("susceptometry: found an empty vessel")
    reach = [math.ceil(_AROUND_MM / mm) for mm in geometry.voxel_mm]
    low, high = np.maximum(at.min(0) - reach, 0), np.minimum(at.max(0) + reach + 1, vessel.shape)
    return tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))


def _windows(vessel: Flags, geometry: Geometry) -> Iterator[Flags]:
    """What is about each stretch of the vessel, cut along its longest extent."""
    place = np.argwhere(vessel) * np.array(geometry.voxel_mm)
    away = place - place.mean(0)
    along = away @ np.linalg.svd(away, full_matrices=False)[2][0]
    along -= along.min()
    count = max(1, round(float(along.max()) / _WINDOW_MM))
    number = np.minimum((along / (along.max() + 1e-9) * count).astype(int), count - 1)
    for n in range(count):
        stretch = np.zeros_like(vessel)
        stretch[vessel] = number == n
        distance = distance_transform_edt(~stretch, sampling=geometry.voxel_mm)
        others = vessel & ~stretch
        yield np.asarray((distance <= _AROUND_MM) & ~others)


def _slope(
    field_ppm: NDArray[np.floating], unit: NDArray[np.floating], those: Flags, geometry: Geometry
) -> tuple[float, float]:
    """Factor of the unit field beside a polynomial, and its standard deviation."""
    place = np.argwhere(those) * np.array(geometry.voxel_mm)
    z, y, x = ((place - place.mean(0)) / _AROUND_MM).T
    smooth = [np.ones_like(z), z, y, x, z * z, y * y, x * x, z * y, z * x, y * x]
    design = np.stack([unit[those].astype(float), *smooth], -1)
    normal = np.linalg.inv(design.T @ design)
    values = field_ppm[those].astype(float)
    solution = normal @ (design.T @ values)
    residual = values - design @ solution
    variance = float(residual @ residual) / max(1, len(values) - design.shape[1])
    return float(solution[0]), math.sqrt(variance * normal[0, 0])


def _combined(found: list[tuple[float, float]], refused: int, voxels: int) -> VesselChi | None:
    if not found:
        return None
    chi, sd = np.array(found).T
    mean = float(chi.mean())
    scatter = float(chi.std(ddof=1)) if len(chi) > 1 else 0.0
    own = float(np.sqrt((sd**2).mean()))
    return VesselChi(
        chi_ppm=mean,
        sd_ppm=max(scatter, own) / math.sqrt(len(chi)),
        windows=len(chi),
        windows_refused=refused,
        voxels=voxels,
    )
