"""`streamrecon analyze oximetry`: oxygen saturation and extraction from veins."""

from __future__ import annotations

import argparse

import numpy as np

from streamrecon.analysis.oxygen.oximetry_reading import reading_of_oxygen
from streamrecon.analysis.oxygen.scan_oxygen import MOST, oxygen_of_sinuses, oxygen_of_veins
from streamrecon.analysis.oxygen.vein_echoes import VeinScan
from streamrecon.analysis.oxygen.vein_segments import voxels_of_segments
from streamrecon.analysis.reading import Extent
from streamrecon.commands.analyses.veins import traced, vein_figure
from streamrecon.commands.run_setup.existing import there
from streamrecon.commands.study_inputs.analysed_folder import Analysed, add_folder, analyse
from streamrecon.commands.study_inputs.blood_options import add_blood, blood_of
from streamrecon.errors import DataError
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.output.readings.label_map import read_labels
from streamrecon.output.readings.map_folder import MapFolder
from streamrecon.phase.magnitude import signal_mask
from streamrecon.units import hz_per_ppm


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its options."""
    parser.description = (
        "Oxygen saturation of veins (Yv) and oxygen extraction fraction (OEF), each with its "
        "standard deviation and quality class. Needs chi, and magnitude and phase of at least "
        "three echoes. For research use, not for diagnosis."
    )
    add_folder(parser)
    add_blood(parser)
    parser.add_argument(
        "--sinuses", type=there, metavar="FILE",
        help="NIfTI mask of large vessels for susceptometry in field_hz, which is then needed",
    )  # fmt: skip
    parser.add_argument(
        "--resolution-mm", type=float, nargs=3, metavar=("Z", "Y", "X"),
        help="acquired voxel size, where zeros were filled in; otherwise that of the images",
    )  # fmt: skip
    parser.add_argument(
        "--most", type=int, default=MOST, metavar="N",
        help="largest number of segments, the widest first (%(default)s)",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Fit, write and report them; 0 given, 1 flagged, 2 refused."""
    return analyse(options, "oximetry", lambda maps: _analysed(maps, options))


def vein_scan(maps: MapFolder, options: argparse.Namespace) -> VeinScan:
    """The complex echoes of a folder.

    Raises
    ------
    DataError
        If magnitude and phase are not there, or of different echoes.
    """
    magnitude, phase = maps.echoes(Quantity.MAGNITUDE), maps.echoes(Quantity.PHASE)
    if magnitude.shape != phase.shape:
        raise DataError(
            f"{maps.name}: found {len(magnitude)} magnitudes and {len(phase)} phases, "
            "needed both of every echo"
        )
    given = options.resolution_mm
    return VeinScan(
        echoes=np.asarray(magnitude * np.exp(1j * phase), np.complex64),
        te_s=maps.te_s,
        b0_t=maps.b0_t,
        trusted=signal_mask(magnitude[0]),
        geometry=maps.geometry,
        resolution_mm=maps.geometry.voxel_mm if given is None else tuple(given),
    )


def _analysed(maps: MapFolder, options: argparse.Namespace) -> Analysed:
    blood = blood_of(options)
    scan = vein_scan(maps, options)
    lines, veins = traced(maps)
    found = oxygen_of_veins(scan, lines, veins, maps.map(Quantity.CHI), most=options.most)
    every = list(found.veins)
    if options.sinuses is not None:
        mask = read_labels(options.sinuses, maps.geometry).numbers > 0
        field = maps.map(Quantity.FIELD_HZ) / hz_per_ppm(maps.b0_t)
        every += oxygen_of_sinuses(field, mask, scan)
    reading = reading_of_oxygen(
        every,
        blood,
        assumed=options.hct is None,
        parameters={
            "delta_chi": options.delta_chi,
            "segments_not_read": float(found.unread),
            "sinuses_given": options.sinuses is not None,
        },
    )
    places = voxels_of_segments(found.segments, veins, maps.geometry)
    extents = [Extent(v.subject, "vein", at) for v, at in zip(found.veins, places, strict=True)]
    return Analysed(reading=reading, figures=(vein_figure(maps, veins),), extents=extents)
