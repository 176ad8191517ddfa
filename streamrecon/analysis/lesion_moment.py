"""The dipole moment of one place, with the fields of all others taken off."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from streamrecon.analysis.dipole_moment import Dipole, field_slopes, fit_dipole
from streamrecon.analysis.lesion_sites import Box, LesionMaps, Site, box_about
from streamrecon.analysis.texture_field import TextureField
from streamrecon.model.geometry import Shape
from streamrecon.qsm.dipole import field_from_chi
from streamrecon.units import hz_per_ppm

Real = NDArray[np.float32]
Flags = NDArray[np.bool_]

_MARGIN = 1.45  # voxels from the region that may hold a part of the source: its 18 neighbours
_SHELL_MM = 3.5  # of field around that
_BEYOND_MM = 7.0  # from the region to the edge of the box
_MOVES_MM = 1.0  # at most, from the middle of the region
_LARGE = 20  # voxels from which a source is more than a point
_TIMES, _FEWEST = 3, 80  # fits without the voxels that dephase, and voxels that they need
_FLOOR_PPM = 0.001  # what no fit of a field is better than


@dataclass(frozen=True, slots=True, eq=False)
class OtherFields:
    """What is needed to see the field of one place alone.

    Parameters
    ----------
    unexplained_ppm
        Local field less that of the whole χ map [Z, Y, X, ppm].
    texture
        How the field of tissue hangs together.
    """

    unexplained_ppm: Real
    texture: TextureField

    @classmethod
    def of(cls, maps: LesionMaps) -> Self:
        """Two transforms of the padded grid."""
        chi = np.where(maps.mask, maps.chi_ppm, 0).astype(np.float32)
        remainder = maps.local_field_ppm - field_from_chi(chi, maps.geometry)
        return cls(remainder, TextureField(maps.geometry, 4 * _BEYOND_MM + 8.0))


def moment_of(
    site: Site, maps: LesionMaps, contrast: Real, others: OtherFields, hidden: Flags
) -> Dipole:
    """Fit the field around a site.

    From the local field that of χ everywhere else is taken off, as the map has it: neighbours,
    veins, folds. What the map did not explain stays, and is the source's if it has its shape; so a
    lesion that the map shows too weak keeps its moment. At the site itself χ of its surroundings
    is taken off too: the moment is that of the step. Voxels across which the last echo turns by
    more than half a turn, by the dipole that was found, are left out, and it is fitted again: their
    signal is that of their quiet side, so that their field comes out too low.

    Parameters
    ----------
    site
        The place.
    maps
        The scan.
    contrast
        χ less its surroundings, see `lesion_sites.contrast_of`.
    others
        What the other places make.
    hidden
        Voxels whose field is not believed: those of lesions.

    Raises
    ------
    ReconError
        If too few voxels around it have a field.
    """
    geometry = maps.geometry
    box = box_about(site.voxel, _BEYOND_MM + 2 * site.axes_mm[2], geometry)
    region = moved(site, box)
    away = distance_transform_edt(~region, geometry.voxel_mm)
    margin = _MARGIN * float(np.prod(geometry.voxel_mm)) ** (1 / 3)
    source = away <= margin
    own = np.where(source, contrast[box], 0).astype(np.float32)
    small = geometry.crop(_first(box), region.shape)
    field = others.unexplained_ppm[box] + field_from_chi(own, small)
    sd = maps.field_sd_ppm[box].astype(np.float64)
    shell = maps.mask[box] & ~source & (away < margin + _SHELL_MM) & (sd > 0) & ~hidden[box]
    at = np.argwhere(shell)
    covariance = others.texture.covariance(at)
    covariance[np.diag_indices(len(at))] += sd[shell] ** 2 + _FLOOR_PPM**2
    inside = np.argwhere(region) * np.array(geometry.voxel_mm)
    weight = np.abs(own[region])
    z, y, x = (float(mm) for mm in weight @ inside / weight.sum())
    fit = partial(
        fit_dipole,
        centre_mm=(z, y, x),
        voxel_mm=geometry.voxel_mm,
        b0_axis=geometry.b0_axis(),
        reach_mm=_MOVES_MM,
        second_order=len(inside) >= _LARGE,
    )
    place, values = at * np.array(geometry.voxel_mm), field[shell].astype(np.float64)
    found, used = fit(values, covariance, place), np.ones(len(at), bool)
    for _ in range(_TIMES):
        kept = turn_across(found, place, maps) <= math.pi
        if kept.sum() < _FEWEST or (kept == used).all():
            break
        found, used = fit(values[kept], covariance[np.ix_(kept, kept)], place[kept]), kept
    return found


def turn_across(dipole: Dipole, place_mm: Real, maps: LesionMaps) -> NDArray[np.float64]:
    """Phase from one side of each voxel to the other at the last echo by a dipole [N, rad]."""
    voxel_mm = maps.geometry.voxel_mm
    slopes = field_slopes(place_mm - np.array(dipole.centre_mm), voxel_mm, maps.geometry.b0_axis())
    per_ppm = 2 * math.pi * hz_per_ppm(maps.b0_t) * maps.te_s[-1]
    return np.asarray(np.abs(dipole.moment_ppm_mm3 * per_ppm * slopes) @ np.array(voxel_mm))


def centre_index(site: Site, dipole: Dipole, maps: LesionMaps) -> NDArray[np.float64]:
    """Where the fitted source is, as an index (z, y, x) with fractions."""
    box = box_about(site.voxel, _BEYOND_MM + 2 * site.axes_mm[2], maps.geometry)
    return np.array(_first(box)) + np.array(dipole.centre_mm) / maps.geometry.voxel_mm


def moved(site: Site, box: Box) -> Flags:
    """The region of a site in another box that holds it."""
    region = np.zeros([each.stop - each.start for each in box], bool)
    first = [own.start - each.start for own, each in zip(site.box, box, strict=True)]
    at = np.argwhere(site.region) + first
    inside = ((at >= 0) & (at < region.shape)).all(axis=1)
    region[tuple(at[inside].T)] = True
    return region


def _first(box: Box) -> Shape:
    z, y, x = (each.start for each in box)
    return z, y, x
