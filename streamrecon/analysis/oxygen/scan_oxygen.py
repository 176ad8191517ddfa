"""Oxygen in all veins and sinuses of a scan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import label

from streamrecon.analysis.oxygen.oximetry import (
    Estimate,
    VeinOxygen,
    VeinQuality,
    map_estimate,
    vein_oxygen,
)
from streamrecon.analysis.oxygen.susceptometry import vessel_chi
from streamrecon.analysis.oxygen.tube.tube_transform import radial_tables
from streamrecon.analysis.oxygen.vein_echoes import VeinScan, fit_segment, vein_sources
from streamrecon.analysis.oxygen.vein_segments import VeinSegment, vein_segments
from streamrecon.errors import ReconError
from streamrecon.machine.threads import at_once
from streamrecon.maps.centrelines import CentreLines
from streamrecon.phase.image_noise import measure_noise, typical

Flags = NDArray[np.bool_]
Real = NDArray[np.floating]

MOST = 200
_SINUS_PART = 0.05  # of a sinus: its mask and its background are not better known than that
_CORNERS = np.ones((3, 3, 3), bool)


@dataclass(frozen=True, slots=True, eq=False)
class ScanOxygen:
    """What was read, and how many segments there are beyond those wanted."""

    veins: tuple[VeinOxygen, ...]
    segments: tuple[VeinSegment, ...]
    unread: int


def oxygen_of_veins(
    scan: VeinScan, lines: CentreLines, veins: Flags, chi_ppm: Real, *, most: int = MOST
) -> ScanOxygen:
    """Fit every segment of the centre-lines, the widest ones first if they are more than ``most``.

    About 0.1 s of a processor for each, in as many threads as there may be.

    Parameters
    ----------
    scan
        Echoes.
    lines, veins
        Centre-lines, and the mask [Z, Y, X] that they were traced in.
    chi_ppm
        Susceptibility [Z, Y, X, ppm]; makes the field of neighbours and an estimate of its own.
    most
        Largest number of segments.
    """
    radial_tables()  # once, and not in every thread
    segments = sorted(vein_segments(lines, scan.geometry), key=lambda s: -s.radius_mm)
    wanted = segments[:most]
    if not wanted:
        return ScanOxygen((), (), 0)
    sources = vein_sources(lines, veins, chi_ppm, scan.geometry)
    noise = _noise(scan)
    found: dict[int, VeinOxygen] = {}

    def some(numbers: range) -> None:
        for n in numbers:
            fitted = fit_segment(scan, wanted[n], sources)
            of_map = None if fitted is None else map_estimate(chi_ppm, fitted)
            others = () if of_map is None else (of_map,)
            name = _named(n, wanted[n])
            found[n] = vein_oxygen(name, wanted[n], fitted, noise=noise, others=others)

    at_once(some, len(wanted))
    return ScanOxygen(
        tuple(found[n] for n in range(len(wanted))),
        tuple(wanted),
        len(segments) - len(wanted),
    )


def oxygen_of_sinuses(field_ppm: Real, sinuses: Flags, scan: VeinScan) -> list[VeinOxygen]:
    """Susceptometry of each connected part of a mask of large vessels.

    Parameters
    ----------
    field_ppm
        Total field [Z, Y, X, ppm], not eroded: sinuses lie at the brain's edge.
    sinuses
        Their voxels [Z, Y, X].
    scan
        Its grid and where there is signal.
    """
    numbers, count = label(sinuses, _CORNERS)
    return [
        _sinus(f"sinus {n}", field_ppm, np.asarray(numbers == n), scan) for n in range(1, count + 1)
    ]


def _named(n: int, segment: VeinSegment) -> str:
    return f"vein {segment.vein} segment {n + 1}"


def _sinus(subject: str, field_ppm: Real, vessel: Flags, scan: VeinScan) -> VeinOxygen:
    """Of which neither length nor radius is told: its cross-section is no circle."""
    quality, voxels = VeinQuality.GOOD, 0
    methods: tuple[Estimate, ...] = ()
    chi = sd = float("nan")
    try:
        found = vessel_chi(field_ppm, vessel, scan.trusted, scan.geometry)
    except ReconError:
        quality = VeinQuality.TOO_SMALL
    else:
        if found is None:
            quality = VeinQuality.MAGIC_ANGLE
        else:
            chi, voxels = found.chi_ppm, found.voxels
            sd = float(np.hypot(found.sd_ppm, _SINUS_PART * chi))
            methods = (Estimate(method="susceptometry", chi_ppm=chi, sd_ppm=sd),)
    return VeinOxygen(
        subject=subject, quality=quality, chi_ppm=chi, chi_sd_ppm=sd,
        radius_mm=float("nan"), radius_sd_mm=float("nan"), angle_rad=float("nan"),
        length_mm=float("nan"), voxels=voxels, methods=methods,
    )  # fmt: skip


def _noise(scan: VeinScan) -> float | None:
    try:
        return typical(measure_noise(scan.echoes, scan.trusted).sd)
    except ReconError:
        return None
