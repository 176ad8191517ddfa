"""`streamrecon analyze change`: what changed in the nuclei since an earlier visit."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon.analysis.deep_nuclei.change import Interval, Visit, read_change, require_same_head
from streamrecon.analysis.deep_nuclei.iron import IronSettings, read_iron
from streamrecon.analysis.deep_nuclei.moved_regions import cores_in_both, read_moved
from streamrecon.analysis.positions.registration import Motion, register, registration_image
from streamrecon.analysis.reading import Reading, Value
from streamrecon.analysis.zeros import REFERENCES
from streamrecon.commands.analyses.iron import (
    add_reading_options,
    how_made,
    maps_of,
)
from streamrecon.commands.run_setup.existing import there
from streamrecon.commands.study_inputs.analysed_folder import (
    Analysed,
    add_folder,
    analyse,
    extents_of,
)
from streamrecon.errors import DataError
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.output.nifti import write_nifti
from streamrecon.output.readings.drawings.change_plot import draw_changes
from streamrecon.output.readings.drawings.region_figures import draw_regions
from streamrecon.output.readings.label_map import LabelMap, read_labels
from streamrecon.output.readings.map_folder import MapFolder, read_map_folder
from streamrecon.output.readings.reported_visit import scan_facts, visit_in

_MOVED = "change_labels.nii.gz"


@dataclass(frozen=True, slots=True, eq=False)
class _Pair:
    """Both visits, the regions of the second, and how it was registered."""

    before: Visit
    after: Visit
    labels: LabelMap
    motion: Motion | None


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its options."""
    parser.description = (
        "Change of χ and R2* since an earlier visit, in the same regions, against what two visits "
        "of an unchanged patient differ by. DIR is the later visit. For research use."
    )
    needed = add_folder(parser, labels="needed")
    needed.add_argument(
        "--baseline", type=there, required=True, metavar="DIR|analysis.json",
        help="maps of the earlier visit, on whose grid the labels lie; or its report with an iron"
        " reading, and then the labels lie on the later one's",
    )  # fmt: skip
    add_reading_options(parser)
    parser.add_argument(
        "--sites", choices=("same", "two"), default="same",
        help="whether scanner and protocol are the same (%(default)s)",
    )  # fmt: skip
    parser.add_argument("--years", type=float, metavar="YEARS", help="between the visits")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Compare two visits."""

    def read(maps: MapFolder) -> Analysed:
        settings = IronSettings(
            reference=REFERENCES[options.reference],
            erode_mm=options.erode,
            alike_mm3=options.noise_alike,
        )
        given = options.baseline.is_file()
        pair = (_of_report if given else _of_folders)(options, maps, settings)
        interval = Interval(
            same_site=options.sites == "same",
            years=options.years,
        )
        reading = read_change(pair.before, pair.after, interval, settings.reference)
        if pair.motion is not None:
            write_nifti(options.output / _MOVED, pair.labels.numbers, maps.geometry)
        regions, chi_ppm = list(pair.labels.regions()), maps.map(Quantity.CHI)
        return Analysed(
            reading=reading,
            figures=[*draw_changes(reading), draw_regions(chi_ppm, maps.geometry, regions)],
            files=[] if pair.motion is None else [_MOVED],
            extents=extents_of(regions),
        )

    return analyse(options, "change", read)


def _of_folders(options: argparse.Namespace, maps: MapFolder, settings: IronSettings) -> _Pair:
    """Both visits from their maps: the labels of the first are moved to the second."""
    earlier = read_map_folder(options.baseline)
    labels = read_labels(options.labels, earlier.geometry, names=options.label_names)
    first, second = _registration_image(earlier), _registration_image(maps)
    motion = register(first, earlier.mask(), earlier.geometry, second, maps.geometry)
    require_same_head(motion.likeness)
    whole, cores = (
        cores_in_both(labels.numbers, earlier.geometry, motion, maps.geometry, erode_mm=erode_mm)
        for erode_mm in (0.0, settings.erode_mm)
    )
    before, after = (
        _visit(each, LabelMap(every, labels.names), LabelMap(core, labels.names), settings)
        for each, every, core in zip((earlier, maps), whole, cores, strict=True)
    )
    moved = LabelMap(whole[1], labels.names)
    return _Pair(before, after, moved, motion)


def _visit(maps: MapFolder, whole: LabelMap, cores: LabelMap, settings: IronSettings) -> Visit:
    """One of the two visits, its regions moved as those of the other."""
    regions = list(cores.regions())
    reading = read_moved(maps_of(maps, regions), list(whole.regions()), regions, settings)
    return Visit(values=_needed(reading, maps), made=_made(maps))


def _of_report(options: argparse.Namespace, maps: MapFolder, settings: IronSettings) -> _Pair:
    """The first visit from its report."""
    labels = read_labels(options.labels, maps.geometry, names=options.label_names)
    now = {**_made(maps), "erode_mm": str(settings.erode_mm)}
    return _Pair(
        visit_in(options.baseline),
        Visit(values=_values(maps, labels, settings), made=now),
        labels,
        None,
    )


def _values(maps: MapFolder, labels: LabelMap, settings: IronSettings) -> Sequence[Value]:
    regions = list(labels.regions())
    return _needed(read_iron(maps_of(maps, regions), regions, settings), maps)


def _needed(reading: Reading, maps: MapFolder) -> Sequence[Value]:
    """Its values, without which there is no change.

    Raises
    ------
    DataError
        If it has none.
    """
    if not reading.values:
        raise DataError(f"{maps.name}: {'; '.join(reading.reasons)}")
    return reading.values


def _registration_image(maps: MapFolder) -> NDArray[np.float32]:
    magnitude = maps.echoes(Quantity.MAGNITUDE)[0]
    return registration_image(magnitude, maps.map(Quantity.CHI), maps.mask(), maps.geometry)


def _made(maps: MapFolder) -> Mapping[str, str]:
    """What changes numbers if it changes."""
    facts = scan_facts(maps.geometry.voxel_mm, maps.b0_t, maps.te_s)
    return {**facts, "reconstruction": how_made(maps)}
