"""What a chain has of one volume, as its readings take it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from streamrecon.analysis.deep_nuclei.iron import IronMaps
from streamrecon.analysis.lesion.lesion_sites import LesionMaps
from streamrecon.analysis.lesion.rim_reading import RimMaps
from streamrecon.analysis.oxygen.vein_echoes import VeinScan
from streamrecon.analysis.quality.quality_maps import QualityMaps
from streamrecon.analysis.separation.source_reading import SourceMaps
from streamrecon.analysis.separation.sources import PSEUDO_R2_PER_S
from streamrecon.analysis.zeros import fluid_of
from streamrecon.errors import DataError
from streamrecon.maps.phase_mask import target_te_s
from streamrecon.maps.swi import swi_from_field
from streamrecon.model.geometry import Triple
from streamrecon.model.images import Echoes
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.model.scan import Scan
from streamrecon.phase.magnitude import signal_mask
from streamrecon.qsm.field_maps import ChiMap, shown_local_field
from streamrecon.recon.kspace.encoding_grid import grid_of
from streamrecon.units import hz_per_ppm

Real = NDArray[np.floating]
Flags = NDArray[np.bool_]
Regions = Iterable[tuple[str, Flags]]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class ChainMaps:
    """All that a chain made of one volume, the same numbers as its images have.

    Parameters
    ----------
    chi
        Susceptibility, with the fields that it was made of.
    echoes
        The images that it was made of.
    maps
        Other finished maps [Z, Y, X], in their units.
    worked_s
        Seconds that each gadget had worked.
    """

    chi: ChiMap
    echoes: Echoes
    maps: Mapping[Quantity, Real] = field(default_factory=dict)
    worked_s: Mapping[str, float] = field(default_factory=dict)

    @property
    def veins(self) -> Flags | None:
        """Voxels of veins [Z, Y, X], if they were looked for."""
        found = self.maps.get(Quantity.VEINS)
        return None if found is None else np.asarray(found > 0)

    @property
    def field_sd_ppm(self) -> Real:
        """Standard deviation of the total field [Z, Y, X, ppm]; 0 where it has no bound."""
        sd_ppm = self.chi.found.total.fit.sd_ppm
        return np.where(np.isfinite(sd_ppm), sd_ppm, np.float32(0))

    def local_field_ppm(self) -> Real:
        """Field of the sources inside the mask [Z, Y, X, ppm]."""
        found = self.chi.found
        return shown_local_field(found.local, found.total, self.chi.scan.geometry).field_ppm

    def swi(self) -> Real:
        """The image that `SwiImages` makes without parameters [Z, Y, X]."""
        found, b0_t = self.chi.found, self.chi.scan.b0_t
        local_ppm = found.local.field_ppm
        return swi_from_field(found.total.magnitude, local_ppm, b0_t, target_te_s(b0_t))

    def last_phase_rad(self) -> Real:
        """Phase of the last echo [Z, Y, X, rad, -π…π]."""
        return np.asarray(np.angle(self.echoes.data[-1]), np.float32)

    def decay(self) -> Real:
        """R2* [Z, Y, X, 1/s].

        Raises
        ------
        DataError
            If the chain makes none.
        """
        found = self.maps.get(Quantity.R2_STAR)
        if found is None:
            raise DataError("found no R2*, needed the gadget DecayImages and several echoes")
        return found


def lesion_maps_of(given: ChainMaps) -> LesionMaps:
    """Maps that lesions are read from."""
    chi = given.chi
    return LesionMaps(
        chi_ppm=chi.chi_ppm,
        local_field_ppm=given.local_field_ppm(),
        field_sd_ppm=given.field_sd_ppm,
        mask=chi.mask,
        geometry=chi.scan.geometry,
        magnitude=np.abs(given.echoes.data),
        te_s=chi.scan.echoes.times_s(),
        b0_t=chi.scan.b0_t,
        veins=given.veins,
        resolution_mm=_acquired_mm(chi.scan),
    )


def quality_maps_of(given: ChainMaps) -> QualityMaps:
    """Maps that the scan's quality is read from."""
    chi, scan = given.chi, given.chi.scan
    fit = chi.found.total.fit
    return QualityMaps(
        chi_ppm=chi.chi_ppm,
        mask=chi.mask,
        geometry=scan.geometry,
        echoes=given.echoes.data,
        has_phase=True,
        te_s=scan.echoes.times_s(),
        b0_t=scan.b0_t,
        field_hz=fit.field_ppm * np.float32(hz_per_ppm(scan.b0_t)),
        noise=fit.noise,
        readout_polarity=tuple(scan.echoes.readout_polarity),
        worked_s=given.worked_s,
    )


def vein_scan_of(given: ChainMaps) -> VeinScan:
    """Echoes that oxygen is read from."""
    scan = given.chi.scan
    return VeinScan(
        echoes=given.echoes.data,
        te_s=scan.echoes.times_s(),
        b0_t=scan.b0_t,
        trusted=signal_mask(np.abs(given.echoes.data[0])),
        geometry=scan.geometry,
        resolution_mm=_acquired_mm(scan),
    )


def _acquired_mm(scan: Scan) -> Triple:
    """Voxels that were measured, where zeros were filled in; slices are as thick as they lie."""
    grid, voxel_mm = grid_of(scan.protocol.encoding), scan.geometry.voxel_mm
    z, y, x = (
        max(mm, axis.fov_mm / axis.n_encoded)
        for mm, axis in zip(voxel_mm, (grid.z, grid.y, grid.x), strict=True)
    )
    return (voxel_mm[0] if grid.is_2d else z), y, x


def iron_maps_of(given: ChainMaps, regions: Regions) -> IronMaps:
    """Maps that the nuclei are read from."""
    chi, rate = given.chi, given.maps.get(Quantity.R2_STAR)
    return IronMaps(
        chi_ppm=chi.chi_ppm,
        mask=chi.mask,
        voxel_mm=chi.scan.geometry.voxel_mm,
        chi_sd_ppm=given.maps.get(Quantity.CHI_SD),
        r2_star_per_s=rate,
        r2_star_sd_per_s=given.maps.get(Quantity.R2_STAR_SD),
        csf=fluid_of(regions, rate, chi.mask),
    )


def source_maps_of(
    given: ChainMaps, regions: Regions, r2_per_s: Real | None = None, *, jointly: bool = False
) -> SourceMaps:
    """Maps that sources are read from.

    Parameters
    ----------
    given, regions
        What the chain made, and labelled regions.
    r2_per_s
        R2 [Z, Y, X, 1/s]; without it one number stands for all tissue.
    jointly
        Whether the joint fit's fields are wanted: they cost the time of making them.

    Raises
    ------
    DataError
        If there is no R2*.
    """
    chi, rate = given.chi, given.decay()
    return SourceMaps(
        chi_ppm=chi.chi_ppm,
        mask=chi.mask,
        geometry=chi.scan.geometry,
        b0_t=chi.scan.b0_t,
        r2_star_per_s=rate,
        r2_per_s=PSEUDO_R2_PER_S if r2_per_s is None else r2_per_s,
        csf=fluid_of(regions, rate, chi.mask),
        chi_sd_ppm=given.maps.get(Quantity.CHI_SD),
        r2_star_sd_per_s=given.maps.get(Quantity.R2_STAR_SD),
        local_field_ppm=given.local_field_ppm() if jointly else None,
        field_sd_ppm=given.field_sd_ppm if jointly else None,
    )


def rim_maps_of(given: ChainMaps, lesions: Flags) -> RimMaps:
    """Maps that the rims of given lesions [Z, Y, X] are read from."""
    chi = given.chi
    return RimMaps(
        chi_ppm=chi.chi_ppm,
        mask=chi.mask,
        voxel_mm=chi.scan.geometry.voxel_mm,
        lesions=lesions,
        veins=given.veins,
        chi_sd_ppm=given.maps.get(Quantity.CHI_SD),
        r2_star_per_s=given.maps.get(Quantity.R2_STAR),
    )
