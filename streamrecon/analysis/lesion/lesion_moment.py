"""The dipole moment of one place, with the fields of all others taken off."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from streamrecon.analysis.lesion.dipole_moment import Dipole, field_slopes, fit_dipole, mean_field
from streamrecon.analysis.lesion.lesion_darkness import VOID_FRACTION
from streamrecon.analysis.lesion.lesion_features import LARGE
from streamrecon.analysis.lesion.lesion_sites import Box, LesionMaps, Site, box_about
from streamrecon.analysis.lesion.shown_dipole import Protocol, shown_field
from streamrecon.analysis.lesion.texture_field import TextureField
from streamrecon.model.geometry import Geometry, Shape, Triple
from streamrecon.qsm.dipole import field_from_chi
from streamrecon.units import hz_per_ppm

Real = NDArray[np.float32]
Flags = NDArray[np.bool_]

_MARGIN = 1.45  # voxels from the region that may hold a part of the source: its 18 neighbours
_SHELL_MM = 3.5  # of field around that
_BEYOND_MM = 7.0  # from the region to the edge of the box
_MOVES_MM = 1.0  # at most, from the middle of the region
_TIMES, _AT_REST = 4, 0.01  # fits with what was found, and the change of the moment that ends them
_FEWEST = 80  # voxels that a fit without those that dephase needs
_NO_SOURCE_SIGMA = 2.0  # below that there is nothing to be shown
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


@dataclass(frozen=True, slots=True, eq=False)
class _Shell:
    """The field around a place, that of all else taken off.

    Parameters
    ----------
    grid
        The box around the place.
    voxels
        Indices of the voxels in it that are fitted [N, 3].
    field_ppm, covariance
        Their field, and how that of noise and tissue hangs together.
    centre_mm, radius_mm
        Middle of the region from voxel 0 of the box, and the radius of a ball of its volume.
    is_large
        Whether the source is more than a point.
    protocol
        How its echoes were measured.
    """

    grid: Geometry
    voxels: NDArray[np.intp]
    field_ppm: NDArray[np.float64]
    covariance: NDArray[np.float64]
    centre_mm: Triple
    radius_mm: float
    is_large: bool
    protocol: Protocol

    @property
    def place_mm(self) -> NDArray[np.float64]:
        """Middles of the voxels from voxel 0 of the box [N, 3]."""
        return np.asarray(self.voxels * np.array(self.grid.voxel_mm))

    def fit(self, kept: Flags, more_ppm: NDArray[np.float64]) -> Dipole:
        """The dipole in some of the voxels, ``more_ppm`` taken off their field."""
        return fit_dipole(
            (self.field_ppm - more_ppm)[kept],
            self.covariance[np.ix_(kept, kept)],
            self.place_mm[kept],
            centre_mm=self.centre_mm,
            voxel_mm=self.grid.voxel_mm,
            b0_axis=self.grid.b0_axis(),
            reach_mm=_MOVES_MM,
            second_order=self.is_large,
        )

    def beyond_mean(self, dipole: Dipole) -> NDArray[np.float64]:
        """What a scan shows of a dipole beyond its mean over each voxel [N, ppm]."""
        away = self.place_mm - np.array(dipole.centre_mm)
        mean = mean_field(away, self.grid.voxel_mm, self.grid.b0_axis())
        shown = shown_field(dipole, self.radius_mm, self.voxels, self.grid, self.protocol)
        return np.asarray(shown - dipole.moment_ppm_mm3 * mean)


def moment_of(
    site: Site, maps: LesionMaps, contrast: Real, others: OtherFields, hidden: Flags
) -> Dipole:
    """Fit the field around a site.

    From the local field that of χ everywhere else is taken off, as the map has it: neighbours,
    veins, folds. What the map did not explain stays, and is the source's if it has its shape; so a
    lesion that the map shows too weak keeps its moment. At the site itself χ of the tissue around
    is taken off too: the moment is that of the step.

    The fit knows dipoles averaged over voxels; what a scan shows beyond that, see `shown_field`, is
    taken off by what was found, and it is fitted again. Voxels across which the last echo turns by
    more than half a turn by the dipole that was found are left out.

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
    shell = _shell(site, maps, contrast, others, hidden)
    kept, beyond = np.ones(len(shell.voxels), bool), np.zeros(len(shell.voxels))
    found = shell.fit(kept, beyond)
    for n in range(_TIMES):
        if abs(found.moment_ppm_mm3) < _NO_SOURCE_SIGMA * found.sigma_ppm_mm3:
            break
        quiet = turn_across(found, shell.place_mm, maps) <= math.pi
        kept = quiet if quiet.sum() >= _FEWEST else kept
        now = shell.beyond_mean(found)
        beyond = (beyond + now) / 2 if n else now  # by itself it goes to and fro
        before, found = found, shell.fit(kept, beyond)
        if abs(found.moment_ppm_mm3 / before.moment_ppm_mm3 - 1) < _AT_REST:
            break
    return found


def _shell(
    site: Site, maps: LesionMaps, contrast: Real, others: OtherFields, hidden: Flags
) -> _Shell:
    """The voxels around a site that have its field and lie outside of it."""
    geometry = maps.geometry
    box = box_about(site.voxel, _BEYOND_MM + 2 * site.axes_mm[2], geometry)
    volume_mm3 = float(np.prod(geometry.voxel_mm))
    margin = _MARGIN * volume_mm3 ** (1 / 3)
    region = _with_void(moved(site, box), margin, maps, box)
    away = distance_transform_edt(~region, geometry.voxel_mm)
    source = away <= margin
    sd = maps.field_sd_ppm[box].astype(np.float64)
    around = maps.mask[box] & ~source & (away < margin + _SHELL_MM) & ~hidden[box]
    used = around & (sd > 0)
    own = _step_at(source & maps.mask[box], around, maps, box)
    grid = geometry.crop(_first(box), region.shape)
    field = others.unexplained_ppm[box] + field_from_chi(own, grid)
    voxels = np.argwhere(used)
    covariance = others.texture.covariance(voxels)
    covariance[np.diag_indices(len(voxels))] += sd[used] ** 2 + _FLOOR_PPM**2
    weight = np.abs(contrast[box][region])
    z, y, x = (weight @ np.argwhere(region) / weight.sum() * geometry.voxel_mm).tolist()
    return _Shell(
        grid=grid,
        voxels=voxels,
        field_ppm=field[used].astype(np.float64),
        covariance=covariance,
        centre_mm=(z, y, x),
        radius_mm=(3 * region.sum() * volume_mm3 / (4 * math.pi)) ** (1 / 3),
        is_large=bool(region.sum() >= LARGE),
        protocol=_protocol(maps, box, used),
    )


def _with_void(region: Flags, margin: float, maps: LesionMaps, box: Box) -> Flags:
    """The region and the dark voxels beside it: where the source is too, or its phase is noise."""
    known, signal = maps.mask[box], maps.magnitude[-1][box]
    dark = known & (signal < VOID_FRACTION * float(np.median(signal[known])))
    near = distance_transform_edt(~region, maps.geometry.voxel_mm) <= margin
    return np.asarray(region | (dark & near))


def _step_at(source: Flags, around: Flags, maps: LesionMaps, box: Box) -> Real:
    """χ of the source less the median of the tissue around it, which it has no part in."""
    chi = maps.chi_ppm[box]
    tissue = around if maps.veins is None else around & ~maps.veins[box]
    level = np.median(chi[tissue]) if tissue.any() else 0
    return np.where(source, chi - level, 0).astype(np.float32)


def _protocol(maps: LesionMaps, box: Box, tissue: Flags) -> Protocol:
    """How the echoes were measured, with the signal of that tissue."""
    signal = [
        float(np.median(echo[box][tissue])) if tissue.any() else 1.0 for echo in maps.magnitude
    ]
    resolution_mm = maps.resolution_mm or maps.geometry.voxel_mm
    return Protocol(maps.te_s, maps.b0_t, tuple(signal), resolution_mm)


def turn_across(
    dipole: Dipole, place_mm: NDArray[np.float64], maps: LesionMaps
) -> NDArray[np.float64]:
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
