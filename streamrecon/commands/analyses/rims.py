"""`streamrecon analyze rims`: paramagnetic rims of the lesions of multiple sclerosis."""

from __future__ import annotations

import argparse
import math

import numpy as np
from numpy.typing import NDArray

from streamrecon.analysis.lesion.lesion_split import SMALLEST_MM3
from streamrecon.analysis.lesion.rim_reading import RimMaps, extents_of_rims, read_rims
from streamrecon.analysis.positions.registration import register, registration_image, resample
from streamrecon.commands.run_setup.existing import there
from streamrecon.commands.study_inputs.analysed_folder import Analysed, add_folder, analyse
from streamrecon.errors import ConfigError, DataError
from streamrecon.model.geometry import Geometry
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.model.turned_grid import in_order_of, is_same_voxels, turned_to
from streamrecon.output.nifti import write_nifti
from streamrecon.output.readings.drawings.rim_figures import draw_rims
from streamrecon.output.readings.map_folder import MapFolder
from streamrecon.output.stored_volumes import volumes_at

Flags = NDArray[np.bool_]

_LABELS = "rims_lesions.nii.gz"
_LEAST_KEPT = 0.5  # of the lesions' volume, inside the brain after registration


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its options."""
    parser.description = (
        "Paramagnetic rims: coverage of each lesion's border by raised χ, contrast, thickness, "
        "central vein, and a class of three by a rule. For research use."
    )
    needed = add_folder(parser)
    needed.add_argument(
        "--lesions", type=there, required=True, metavar="FILE",
        help="NIfTI, above 0 in lesions: on the maps' grid, or that of --flair",
    )  # fmt: skip
    parser.add_argument(
        "--flair", type=there, metavar="FILE",
        help="image on the grid of the lesions, which is registered to the first echo",
    )  # fmt: skip
    parser.add_argument(
        "--smallest", type=float, default=SMALLEST_MM3, metavar="MM3",
        help="lesions below are left out (%(default)s)",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Measure the rims of a folder's lesions."""

    def read(maps: MapFolder) -> Analysed:
        veins = maps.map_if_there(Quantity.VEINS)
        given = RimMaps(
            chi_ppm=maps.map(Quantity.CHI),
            mask=maps.mask(),
            voxel_mm=maps.geometry.voxel_mm,
            lesions=_lesions(options, maps),
            veins=None if veins is None else veins > 0,
            chi_sd_ppm=maps.map_if_there(Quantity.CHI_SD),
            r2_star_per_s=maps.map_if_there(Quantity.R2_STAR),
        )
        found = read_rims(given, smallest_mm3=options.smallest)
        write_nifti(options.output / _LABELS, found.lesions.numbers, maps.geometry)
        return Analysed(
            reading=found.reading,
            figures=draw_rims(
                found,
                given.chi_ppm,
                maps.geometry,
                swi=maps.map_if_there(Quantity.SWI),
                field_ppm=maps.map_if_there(Quantity.LOCAL_FIELD),
            ),
            files=[_LABELS],
            extents=extents_of_rims(found, maps.geometry.voxel_mm),
        )

    return analyse(options, "rims", read)


def _lesions(options: argparse.Namespace, maps: MapFolder) -> Flags:
    """The mask on the maps' grid, moved there by the image it was drawn on if need be."""
    drawn = volumes_at(options.lesions)[0]
    mask = np.asarray(drawn.values, np.float32) > 0
    if options.flair is None:
        if not is_same_voxels(drawn.geometry, maps.geometry):
            raise ConfigError(
                f"{options.lesions.name}: lies on another grid than the maps; needed --flair, the "
                "image it was drawn on"
            )
        return turned_to(mask, drawn.geometry, maps.geometry)
    flair = volumes_at(options.flair)[0]
    values, name = np.asarray(flair.values, np.float32), options.flair.name
    image = in_order_of(values, flair.geometry, drawn.geometry, name=name, beside="the lesions")
    return _moved(mask, image, drawn.geometry, maps)


def _moved(mask: Flags, flair: NDArray[np.float32], grid: Geometry, maps: MapFolder) -> Flags:
    """The lesions where the maps have them: half a voxel's worth of lesion counts."""
    magnitude, brain = maps.echoes(Quantity.MAGNITUDE)[0], maps.mask()
    image = registration_image(magnitude, np.zeros_like(magnitude), brain, maps.geometry)
    motion = register(image, brain, maps.geometry, flair, grid)
    part = resample(mask.astype(np.float32), grid, maps.geometry, motion.matrix)
    moved = np.asarray((part >= 0.5) & brain)
    kept = moved.sum() * math.prod(maps.geometry.voxel_mm)
    if kept < _LEAST_KEPT * mask.sum() * math.prod(grid.voxel_mm):
        raise DataError("registration: the lesions of the FLAIR image lie outside the brain")
    return moved
