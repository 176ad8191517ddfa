"""`streamrecon analyze sti`: mean and anisotropy of susceptibility, guided by diffusion."""

from __future__ import annotations

import argparse

import numpy as np

from streamrecon.analysis.positions.susceptibility_tensor import guided_tensor
from streamrecon.analysis.reading import ReadingMap
from streamrecon.commands.run_setup.existing import there
from streamrecon.commands.study_inputs.analysed_folder import Analysed, analyse, labels_of
from streamrecon.commands.study_inputs.fibre_files import FSL, MRTRIX, read_directions, read_on_grid
from streamrecon.commands.study_inputs.tilted_scans import (
    add_tilted,
    region_values,
    tilted_reading,
    tilted_scans,
    write_map,
)
from streamrecon.errors import ConfigError
from streamrecon.output.preview.colours import Window
from streamrecon.output.readings.drawings.figures import cuts_of_map
from streamrecon.output.readings.map_folder import MapFolder

_METHOD = (
    "least squares over the total fields of all orientations: MMS in the head and around it, MSA "
    "along the fibres of diffusion; "
    "the frequency of microstructure is not in the model and raises MSA"
)
_MSA = Window(-0.04, 0.04)  # that of white matter is 0.02
_DOI = "10.1016/j.neuroimage.2012.04.042"


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its options."""
    parser.description = (
        "Mean magnetic susceptibility (MMS) and its anisotropy (MSA) from at least four positions "
        "of a head and the directions of its fibres. Iron shows in MMS alone, myelin in MSA too. "
        "For research use."
    )
    needed = add_tilted(parser)
    needed.add_argument(
        "--v1", type=there, required=True, metavar="FILE", help="NIfTI of principal directions"
    )
    needed.add_argument(
        "--fa", type=there, required=True, metavar="FILE", help="fractional anisotropy on its grid"
    )
    needed.add_argument(
        "--vectors", choices=(FSL, MRTRIX), required=True,
        help="whose axes the directions have: dtifit's (image axes) or tensor2metric's (RAS)",
    )  # fmt: skip
    parser.add_argument(
        "--least-fa", type=float, default=0.25, metavar="FA", help="of fibres (%(default)s)"
    )
    parser.add_argument(
        "--to-scan", type=there, metavar="FILE",
        help="4 x 4 matrix (RAS mm) from the diffusion image to the first scan (same position)",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Register, solve, write both maps."""
    if not 0 < options.least_fa < 1:
        raise ConfigError(f"--least-fa: found {options.least_fa}, needed between 0 and 1")

    def read(maps: MapFolder) -> Analysed:
        grid, moved = maps.geometry, options.to_scan
        directions = read_directions(options.v1, options.vectors, grid, moved)
        fibres = read_on_grid(options.fa, grid, moved) >= options.least_fa
        fibres &= np.linalg.norm(directions, axis=-1) > 0
        scans = tilted_scans(maps, options.tilted)
        found = guided_tensor(scans.fields, directions, fibres)
        files = write_map(options.output, "sti_desc-mms_Chimap", found.mms_ppm, grid)
        files += write_map(options.output, "sti_desc-msa_Chimap", found.msa_ppm, grid)
        labels = labels_of(options, maps)
        regions = (
            *region_values(found.mms_ppm, found.mask, labels, "mms"),
            *region_values(found.msa_ppm, found.fibres, labels, "msa"),
        )
        reading = tilted_reading("sti", scans, regions, method=_METHOD, steps=found.steps, doi=_DOI)
        made = [ReadingMap("mms", found.mms_ppm, "ppm"), ReadingMap("msa", found.msa_ppm, "ppm")]
        figures = [
            cuts_of_map(found.mms_ppm, grid, "MMS, the mean of χ", "mms"),
            cuts_of_map(found.msa_ppm, grid, "MSA, its anisotropy in fibres", "msa", _MSA),
        ]
        return Analysed(reading=reading, figures=figures, files=files, maps=made)

    return analyse(options, "sti", read)
