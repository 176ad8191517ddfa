"""`streamrecon analyze iron`: χ, R2* and iron of the regions of a label map."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from streamrecon.analysis.deep_nuclei.iron import ALIKE_MM3, IronMaps, IronSettings, read_iron
from streamrecon.analysis.deep_nuclei.iron_presets import PRESETS
from streamrecon.analysis.deep_nuclei.norms import Norms
from streamrecon.analysis.zeros import REFERENCES, fluid_of
from streamrecon.commands.run_setup.existing import there
from streamrecon.commands.study_inputs.analysed_folder import (
    Analysed,
    add_folder,
    analyse,
    extents_of,
)
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.output.readings.drawings.region_figures import draw_regions
from streamrecon.output.readings.label_map import read_labels
from streamrecon.output.readings.map_folder import MapFolder
from streamrecon.output.readings.patient_files import norms_in
from streamrecon.output.readings.reported_visit import how_made as words_of

Flags = NDArray[np.bool_]
Regions = Sequence[tuple[str, Flags]]


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its options."""
    parser.description = (
        "Means of χ and R2* in labelled regions against the whole brain and fluid, with their "
        "moments, left-right differences and an iron estimate with its range. For research use."
    )
    add_folder(parser, labels="needed")
    add_reading_options(parser)
    parser.add_argument(
        "--preset", choices=sorted(PRESETS), default="general",
        help="question that is asked: which nuclei it needs, what to read beside (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--chi-0", type=float, default=0.0, metavar="PPB",
        help="tissue without iron, against the reference (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--norms", type=there, metavar="FILE",
        help="table of the healthy: region, quantity, reference, mean, sd, age_from, age_to",
    )  # fmt: skip
    parser.add_argument("--age", type=float, metavar="YEARS", help="of the patient, for --norms")
    parser.set_defaults(run=run)


def add_reading_options(parser: argparse.ArgumentParser) -> None:
    """Options that a reading of regions has, of one scan or two."""
    parser.add_argument(
        "--reference", choices=sorted(REFERENCES), default="brain",
        help="zero of moments, iron, scores and changes (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--erode", type=float, default=1.0, metavar="MM", help="rim that is left out (%(default)s)"
    )
    parser.add_argument(
        "--noise-alike", type=float, default=ALIKE_MM3, metavar="MM3",
        help="volume over which the map's noise is alike (%(default)s)",
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Read the regions of a folder."""
    norms = Norms() if options.norms is None else norms_in(options.norms)

    def read(maps: MapFolder) -> Analysed:
        labels = read_labels(options.labels, maps.geometry, names=options.label_names)
        regions = list(labels.regions())
        reading = read_iron(
            maps_of(maps, regions),
            regions,
            IronSettings(
                reference=REFERENCES[options.reference], preset=options.preset,
                erode_mm=options.erode, alike_mm3=options.noise_alike, chi_0_ppb=options.chi_0,
                norms=norms, age_years=options.age,
            ),
        )  # fmt: skip
        known = {**reading.parameters, "reconstruction": how_made(maps)}
        return Analysed(
            reading=replace(reading, parameters=known),
            figures=[draw_regions(maps.map(Quantity.CHI), maps.geometry, regions)],
            extents=extents_of(regions),
        )

    return analyse(options, "iron", read)


def maps_of(maps: MapFolder, regions: Regions) -> IronMaps:
    """What the reading takes of a folder; fluid is what is labelled so, else what decays slowly."""
    mask, rate = maps.mask(), maps.map_if_there(Quantity.R2_STAR)
    return IronMaps(
        chi_ppm=maps.map(Quantity.CHI),
        mask=mask,
        voxel_mm=maps.geometry.voxel_mm,
        chi_sd_ppm=maps.map_if_there(Quantity.CHI_SD),
        r2_star_per_s=rate,
        r2_star_sd_per_s=maps.map_if_there(Quantity.R2_STAR_SD),
        csf=fluid_of(regions, rate, mask),
        whole=maps.whole(),
    )


def how_made(maps: MapFolder) -> str:
    """What the χ map says of its making, a sign in place of each number: those are the scan's."""
    chi = next(volume for volume in maps.volumes if volume.quantity is Quantity.CHI)
    comments = chi.facts.get("ImageComments", "unknown")
    return words_of(comments, chi.facts.get("ReconstructionSoftwareVersion", "unknown"))
