"""The readings of a chain's maps by name: the same functions as `streamrecon analyze` calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import monotonic

import numpy as np
from numpy.typing import NDArray

from streamrecon import __version__
from streamrecon.analysis.chain_maps import (
    ChainMaps,
    iron_maps_of,
    lesion_maps_of,
    quality_maps_of,
    rim_maps_of,
    source_maps_of,
    vein_scan_of,
)
from streamrecon.analysis.deep_nuclei.change import Interval, Visit, read_change
from streamrecon.analysis.deep_nuclei.iron import read_iron
from streamrecon.analysis.lesion.lesion_reading import extents_of_lesions, reading_of_lesions
from streamrecon.analysis.lesion.lesions import find_lesions
from streamrecon.analysis.lesion.rim_reading import extents_of_rims, read_rims
from streamrecon.analysis.oxygen.blood import Blood
from streamrecon.analysis.oxygen.oximetry_reading import (
    ASSUMED_HAEMATOCRIT,
    reading_of_density,
    reading_of_oxygen,
)
from streamrecon.analysis.oxygen.scan_oxygen import oxygen_of_veins
from streamrecon.analysis.oxygen.vein_segments import voxels_of_segments
from streamrecon.analysis.positions.position_reading import (
    HeadPosition,
    clause_of_positions,
    head_position,
    read_orientations,
)
from streamrecon.analysis.quality.quality_reading import read_quality
from streamrecon.analysis.reading import Extent, Outcome, Reading, ReadingContent
from streamrecon.analysis.separation.source_reading import read_sources
from streamrecon.analysis.separation.sources import Relaxivity
from streamrecon.errors import DataError
from streamrecon.output.preview.colours import Window
from streamrecon.output.readings.chain_scan import ChainScan
from streamrecon.output.readings.drawings.change_plot import draw_changes
from streamrecon.output.readings.drawings.figures import Figure, Outline, outlined_planes
from streamrecon.output.readings.drawings.lesion_figures import draw_lesions
from streamrecon.output.readings.drawings.region_figures import draw_regions
from streamrecon.output.readings.drawings.rim_figures import draw_rims
from streamrecon.output.readings.drawings.source_figures import draw_sources
from streamrecon.output.readings.reported_visit import how_made, scan_facts

Flags = NDArray[np.bool_]

_WINDOW = Window(-0.15, 0.2)
_RED = (255, 90, 60)


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class MadeReading:
    """A reading, its pictures, and a clause for the console; without it the outcome is told."""

    content: ReadingContent
    figures: Sequence[Figure] = field(default=())
    summary: str = ""


Reader = Callable[[ChainScan, float], MadeReading]
"""Takes a scan and the seconds that are left; a reading that is quick does not look at them."""


def _quality(scan: ChainScan, _: float) -> MadeReading:
    reading = read_quality(quality_maps_of(scan.maps))
    summary = "" if reading.light is None else f"quality {reading.light.value}"
    figures = (_outlined(scan, scan.maps.chi.mask, "map", "χ and the mask in red"),)
    return MadeReading(content=ReadingContent(reading=reading), figures=figures, summary=summary)


def _lesions(scan: ChainScan, seconds: float) -> MadeReading:
    maps = lesion_maps_of(scan.maps)
    lesions = find_lesions(maps, seconds=seconds)
    reading = reading_of_lesions(
        lesions,
        parameters={"seconds": seconds},
        regions=dict(scan.regions),
        doubts=() if maps.veins is not None else ("veins were not looked for",),
    )
    return MadeReading(
        content=ReadingContent(reading=reading, extents=extents_of_lesions(lesions)),
        figures=draw_lesions(
            maps, lesions, swi=scan.maps.swi(), phase_rad=scan.maps.last_phase_rad()
        ),
        summary=str(lesions),
    )


def _veins(scan: ChainScan, _: float) -> MadeReading:
    lines, veins = scan.traced
    regions = {"brain": scan.maps.chi.mask, **dict(scan.regions)}
    doubts = () if lines.vein.size else ("no vein was found",)
    reading = reading_of_density(lines, veins, regions, scan.maps.chi.scan.geometry, doubts=doubts)
    extents = [Extent.of_mask("veins", "vein", veins), *_extents(scan)]
    figures = (_outlined(scan, veins, "veins", "χ and the veins in red"),)
    return MadeReading(content=ReadingContent(reading=reading, extents=extents), figures=figures)


def _oximetry(scan: ChainScan, _: float) -> MadeReading:
    lines, veins = scan.traced
    chi = scan.maps.chi
    found = oxygen_of_veins(vein_scan_of(scan.maps), lines, veins, chi.chi_ppm)
    assumed = scan.haematocrit is None
    reading = reading_of_oxygen(
        found.veins,
        Blood(haematocrit=scan.haematocrit or ASSUMED_HAEMATOCRIT),
        assumed=assumed,
        parameters={"segments_not_read": float(found.unread)},
    )
    places = voxels_of_segments(found.segments, veins, chi.scan.geometry)
    extents = [Extent(v.subject, "vein", at) for v, at in zip(found.veins, places, strict=True)]
    figures = (_outlined(scan, veins, "veins", "χ and the veins in red"),)
    return MadeReading(content=ReadingContent(reading=reading, extents=extents), figures=figures)


def _iron(scan: ChainScan, _: float) -> MadeReading:
    if not scan.regions:
        raise DataError(scan.files.why("labels", "found no regions, needed the parameter labels"))
    reading = read_iron(iron_maps_of(scan.maps, scan.regions), scan.regions, scan.iron)
    made = {**reading.parameters, "reconstruction": _how_made(scan)}
    reading = _doubted(replace(reading, parameters=made), scan, "norms")
    content = ReadingContent(reading=reading, extents=_extents(scan))
    return MadeReading(content=content, figures=(_drawn_regions(scan),))


def _change(scan: ChainScan, _: float) -> MadeReading:
    """The same labels in the visit before and now: each lies on its own scan."""
    files, settings, now = scan.files, scan.iron, scan.maps.chi.scan
    if files.before is None or not scan.regions:
        needed = "found no earlier visit or no regions, needed both: baseline and labels"
        raise DataError(files.why("baseline", files.why("labels", needed)))
    iron = read_iron(iron_maps_of(scan.maps, scan.regions), scan.regions, settings)
    facts = scan_facts(now.geometry.voxel_mm, now.b0_t, now.echoes.times_s())
    made = {"reconstruction": _how_made(scan), "erode_mm": str(settings.erode_mm)}
    after = Visit(values=iron.values, made={**facts, **made})
    interval = Interval(same_site=scan.same_site)
    reading = read_change(files.before, after, interval, settings.reference)
    content = ReadingContent(reading=reading, extents=_extents(scan))
    return MadeReading(content=content, figures=(*draw_changes(reading), _drawn_regions(scan)))


def _how_made(scan: ChainScan) -> str:
    return how_made(scan.maps.chi.comments, __version__)


def _rims(scan: ChainScan, _: float) -> MadeReading:
    lesions = scan.files.lesions
    if lesions is None:
        needed = "found no lesions of the white matter, needed the parameter lesion_mask"
        raise DataError(scan.files.why("lesion_mask", needed))
    found = read_rims(rim_maps_of(scan.maps, lesions))
    extents = extents_of_rims(found, scan.maps.chi.scan.geometry.voxel_mm)
    chi, local_ppm = scan.maps.chi, scan.maps.chi.found.local.field_ppm
    figures = draw_rims(
        found, chi.chi_ppm, chi.scan.geometry, swi=scan.maps.swi(), field_ppm=local_ppm
    )
    content = ReadingContent(reading=found.reading, extents=extents)
    return MadeReading(content=content, figures=figures)


def _sources(scan: ChainScan, seconds: float) -> MadeReading:
    asked, end = scan.sources, monotonic() + seconds
    given = source_maps_of(scan.maps, scan.regions, scan.files.r2_per_s, jointly=asked.jointly)
    relaxivity = Relaxivity.at(
        given.b0_t, positive_3t=asked.d_positive, negative_3t=asked.d_negative
    )
    found = read_sources(
        given, scan.regions, relaxivity, jointly=asked.jointly, seconds=end - monotonic()
    )
    reading = _doubted(found.reading, scan, "r2")
    content = ReadingContent(reading=reading, extents=_extents(scan), maps=found.maps())
    figures = tuple(draw_sources(found, given.mask, given.geometry))
    return MadeReading(content=content, figures=figures)


def position_of(maps: ChainMaps) -> HeadPosition:
    """How the head lies in a scan."""
    chi, first = maps.chi, np.abs(maps.echoes.data[0])
    return head_position(first, chi.chi_ppm, chi.mask, chi.scan.geometry)


def _orientations(scan: ChainScan, _: float) -> MadeReading:
    """The scan alone, where none is known that was before it."""
    positions = scan.positions or (position_of(scan.maps),)
    reading = read_orientations(positions)
    summary = f"orientations: {clause_of_positions(reading)}"
    return MadeReading(content=ReadingContent(reading=reading), summary=summary)


READERS: Mapping[str, Reader] = {
    "qc": _quality,
    "lesions": _lesions,
    "veins": _veins,
    "oximetry": _oximetry,
    "iron": _iron,
    "change": _change,
    "rims": _rims,
    "orientations": _orientations,
    "sources": _sources,
}
"""Readings that a chain can make, in the order in which they are made."""


def _doubted(reading: Reading, scan: ChainScan, word: str) -> Reading:
    """The reading with a flag, if a file that it could do without cannot be used."""
    doubt = scan.files.why(word, "")
    if not doubt:
        return reading
    outcome = max(reading.outcome, Outcome.FLAGGED)
    return replace(reading, outcome=outcome, reasons=(doubt, *reading.reasons))


def _extents(scan: ChainScan) -> list[Extent]:
    return [Extent.of_mask(name, "region", voxels) for name, voxels in scan.regions]


def _drawn_regions(scan: ChainScan) -> Figure:
    chi = scan.maps.chi
    return draw_regions(chi.chi_ppm, chi.scan.geometry, scan.regions)


def _outlined(scan: ChainScan, flags: Flags, name: str, words: str) -> Figure:
    """Cuts of susceptibility with one outline."""
    chi = scan.maps.chi
    picture = outlined_planes(
        chi.chi_ppm, chi.scan.geometry, _WINDOW, (Outline(np.asarray(flags), _RED),)
    )
    return Figure(name, f"{words}; {_WINDOW.low:g} to {_WINDOW.high:g} ppm", picture)
