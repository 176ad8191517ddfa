"""`streamrecon analyze lesions`: bleeds and calcifications, with the dipole moment of each."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from streamrecon.analysis.lesion.lesion_ct import Tomogram, resolved_by_ct
from streamrecon.analysis.lesion.lesion_reading import extents_of_lesions, reading_of_lesions
from streamrecon.analysis.lesion.lesion_sites import LesionMaps
from streamrecon.analysis.lesion.lesions import Lesions, find_lesions
from streamrecon.commands.study_inputs.analysed_folder import (
    Analysed,
    add_folder,
    analyse,
    labels_of,
)
from streamrecon.errors import ConfigError
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.output.nifti import write_nifti
from streamrecon.output.readings.drawings.lesion_figures import draw_lesions
from streamrecon.output.readings.map_folder import MapFolder
from streamrecon.output.stored_volumes import volumes_at

KIND = "lesions"
_LABELS = "lesions_labels.nii.gz"
_AIR_HU = -500.0
_DESCRIPTION = """\
Small bleeds and calcifications in a folder of maps: where, how much (dipole moment: step of
susceptibility times volume), how sure, and of which class. Needs chi, local_field, field_sd and the
magnitudes of the echoes; r2star and veins are used where they are. For research use, not for
diagnosis."""


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its options."""
    parser.description = _DESCRIPTION
    add_folder(parser, labels="used")
    parser.add_argument(
        "--contrast-ppm", type=float, default=0.12, metavar="PPM",
        help="weakest peak of susceptibility above its surroundings (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--k-sigma", type=float, default=3.0, metavar="K",
        help="smallest ratio of a moment to its standard deviation for a class (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--ct", type=Path, metavar="FILE",
        help="NIfTI of a CT [HU] that was registered to the scan: above 100 HU is calcium",
    )  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Find, write and report them; 0 given, 1 flagged, 2 refused."""
    return analyse(options, KIND, lambda maps: _analysed(maps, options))


def lesion_maps(maps: MapFolder) -> LesionMaps:
    """The maps of a folder that lesions are read from.

    Raises
    ------
    DataError
        If one that is needed is not there.
    """
    veins = maps.map_if_there(Quantity.VEINS)
    return LesionMaps(
        chi_ppm=maps.map(Quantity.CHI),
        local_field_ppm=maps.map(Quantity.LOCAL_FIELD),
        field_sd_ppm=maps.map(Quantity.FIELD_SD),
        mask=maps.mask(),
        geometry=maps.geometry,
        magnitude=maps.echoes(Quantity.MAGNITUDE),
        te_s=maps.te_s,
        b0_t=maps.b0_t,
        r2_star_per_s=maps.map_if_there(Quantity.R2_STAR),
        veins=None if veins is None else np.asarray(veins > 0),
    )


def _analysed(maps: MapFolder, options: argparse.Namespace) -> Analysed:
    labels = labels_of(options, maps)
    given = lesion_maps(maps)
    ct = None if options.ct is None else _tomogram(options.ct)
    lesions = find_lesions(given, contrast_ppm=options.contrast_ppm, k_sigma=options.k_sigma)
    if ct is not None:
        lesions = resolved_by_ct(lesions, ct, maps.geometry)
    parameters = {"contrast_ppm": options.contrast_ppm, "k_sigma": options.k_sigma}
    reading = reading_of_lesions(
        lesions,
        parameters={**parameters, "veins_known": given.veins is not None, "ct": ct is not None},
        regions=None if labels is None else dict(labels.regions()),
        doubts=() if given.veins is not None else ("no map of veins: more vessels pass as bleeds",),
    )
    phase = maps.echoes(Quantity.PHASE)[-1] if Quantity.PHASE in maps.has else None
    swi = maps.map_if_there(Quantity.SWI)
    figures = draw_lesions(given, lesions, swi=swi, phase_rad=phase)
    _write_labels(lesions, maps, options.output)
    extents = extents_of_lesions(lesions)
    return Analysed(reading=reading, figures=figures, files=(_LABELS,), extents=extents)


def _tomogram(path: Path) -> Tomogram:
    """The CT of a file, on a grid of its own.

    Raises
    ------
    ConfigError
        If its values are no HU: none as low as air, or none finite.
    """
    volume = volumes_at(path)[0]
    hu = np.asarray(volume.values, np.float32)
    lowest = float(np.nanmin(hu)) if np.isfinite(hu).any() else 0.0
    if not np.isfinite(hu).all() or lowest > _AIR_HU:
        needed = f"needed HU, with air below {_AIR_HU:g}"
        raise ConfigError(f"{path.name}: found values from {lowest:g}, {needed}")
    return Tomogram(hu, volume.geometry)


def _write_labels(lesions: Lesions, maps: MapFolder, folder: Path) -> None:
    """Number of the lesion in each voxel."""
    write_nifti(folder / _LABELS, lesions.labels, maps.geometry)
