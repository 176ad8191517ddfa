"""`streamrecon analyze sources`: paramagnetic and diamagnetic sources of χ, and how they decay."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamrecon.analysis.separation.source_reading import SourceMaps, SourceResults, read_sources
from streamrecon.analysis.separation.sources import PSEUDO_R2_PER_S, RELAXIVITY_3T, Relaxivity
from streamrecon.commands.analyses.iron import Regions, maps_of
from streamrecon.commands.study_inputs.analysed_folder import (
    Analysed,
    add_folder,
    analyse,
    extents_of,
    labels_of,
)
from streamrecon.errors import ConfigError, DataError
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.model.turned_grid import turned_to
from streamrecon.output.nifti import write_nifti
from streamrecon.output.readings.drawings.source_figures import draw_sources
from streamrecon.output.readings.map_folder import MapFolder
from streamrecon.output.stored_volumes import volumes_at

_R2_PER_S = (1.0, 500.0)  # of fluid, and of what is full of iron


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its options."""
    parser.description = (
        "Sources of either sign from χ and R2': voxel by voxel, and jointly with the local field; "
        "how well χ explains the decay; quadrants of χ and R2. For research use."
    )
    add_folder(parser, labels="used")
    parser.add_argument(
        "--r2", metavar="FILE|NUMBER", default=f"{PSEUDO_R2_PER_S:g}",
        help="R2 of spin echoes in 1/s: a NIfTI on the maps' grid, or one number for all tissue,"
        " and then R2' is pseudo (%(default)s, of 3 T)",
    )  # fmt: skip
    parser.add_argument(
        "--d-positive", type=float, default=RELAXIVITY_3T, metavar="1/s/ppm",
        help="decay by a ppm of paramagnetic sources at 3 T; grows with B0 (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--d-negative", type=float, default=RELAXIVITY_3T, metavar="1/s/ppm",
        help="likewise of diamagnetic ones (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--no-joint", action="store_true", help="leave the joint fit out, which takes minutes"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Separate the sources of a folder's maps."""

    def read(maps: MapFolder) -> Analysed:
        labels = labels_of(options, maps)
        regions = [] if labels is None else list(labels.regions())
        relaxivity = Relaxivity.at(
            maps.b0_t, positive_3t=options.d_positive, negative_3t=options.d_negative
        )
        given = _maps(maps, regions, _r2(options.r2, maps))
        found = read_sources(given, regions, relaxivity, jointly=not options.no_joint)
        files = list(_write(found, maps, options.output))
        return Analysed(
            reading=found.reading,
            figures=list(draw_sources(found, maps.mask(), maps.geometry)),
            files=files,
            extents=extents_of(regions),
            maps=found.maps(),
        )

    return analyse(options, "sources", read)


def _maps(maps: MapFolder, regions: Regions, r2_per_s: NDArray[np.floating] | float) -> SourceMaps:
    known = maps_of(maps, regions)
    return SourceMaps(
        chi_ppm=known.chi_ppm,
        mask=known.mask,
        geometry=maps.geometry,
        b0_t=maps.b0_t,
        r2_star_per_s=maps.map(Quantity.R2_STAR),
        r2_per_s=r2_per_s,
        csf=known.csf,
        whole=known.whole,
        chi_sd_ppm=known.chi_sd_ppm,
        r2_star_sd_per_s=known.r2_star_sd_per_s,
        local_field_ppm=maps.map_if_there(Quantity.LOCAL_FIELD),
        field_sd_ppm=maps.map_if_there(Quantity.FIELD_SD),
    )


def _r2(given: str, maps: MapFolder) -> NDArray[np.floating] | float:
    """One number, or the map of a file on the grid of the maps."""
    try:
        number = float(given)
    except ValueError:
        volume = volumes_at(Path(given))[0]
        names = given, "the maps"
        try:
            values = turned_to(volume.values, volume.geometry, maps.geometry, names=names)
        except DataError as e:
            raise ConfigError(str(e)) from e
        rates = np.asarray(values, np.float32)
        known = rates[maps.mask() & (rates > 0)]
        typical = float(np.median(known)) if known.size else 0.0
        _refuse_no_rate(typical, f"{typical:.3g} in {given}")
        return rates
    if number != 0:
        _refuse_no_rate(number, given)
    return number


def _refuse_no_rate(typical: float, found: str) -> None:
    low, high = _R2_PER_S
    if not low <= typical <= high:
        raise ConfigError(
            f"--r2: found {found}, needed a file or a rate in 1/s; of tissue "
            f"{low:g} to {high:g}, or 0 for none"
        )


def _write(found: SourceResults, maps: MapFolder, folder: Path) -> Iterator[str]:
    """Every map as NIfTI; tell their names."""
    volumes: dict[str, NDArray[np.generic]] = {
        "r2prime": found.r2_prime_per_s,
        "chi-positive": found.alone.positive_ppm,
        "chi-negative": found.alone.negative_ppm,
        "coherence": found.coherence,
    }
    if found.joint is not None:
        volumes["joint-chi-positive"] = found.joint.positive_ppm
        volumes["joint-chi-negative"] = found.joint.negative_ppm
    if found.quadrant is not None:
        volumes["quadrants"] = found.quadrant
    for name, values in volumes.items():
        write_nifti(folder / f"sources_{name}.nii.gz", values, maps.geometry)
        yield f"sources_{name}.nii.gz"
