"""What all analyses of `streamrecon analyze` share: a folder of maps in, a report out."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamrecon.analysis.reading import (
    Extent,
    Outcome,
    Reading,
    ReadingContent,
    ReadingMap,
)
from streamrecon.commands.existing import there
from streamrecon.commands.options import writable
from streamrecon.commands.reading_files import add_dicom, study_for, write_objects
from streamrecon.console import complain, warn
from streamrecon.errors import ConfigError, StreamReconError
from streamrecon.output.readings.figures import Figure
from streamrecon.output.readings.label_map import LabelMap, read_labels
from streamrecon.output.readings.map_folder import MapFolder, read_map_folder
from streamrecon.output.readings.page_picture import page_picture
from streamrecon.output.readings.report import add_reading, scan_row
from streamrecon.output.readings.report_model import RESEARCH


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysed:
    """What an analysis of a folder gives to the report.

    Parameters
    ----------
    reading
        The values and the outcome.
    figures
        Pictures for the page.
    files
        Names of files that it wrote into the folder of the report itself.
    extents
        Where the subjects of its values lie, for segments of DICOM.
    maps
        What it gives in every voxel, for float maps of DICOM.
    """

    reading: Reading
    figures: Sequence[Figure] = field(default=())
    files: Sequence[str] = ()
    extents: Sequence[Extent] = ()
    maps: Sequence[ReadingMap] = ()


def add_folder(parser: argparse.ArgumentParser, *, labels: bool = False) -> None:
    """Give the parser the folder of maps, the folder of the report, and labels if they are used."""
    parser.add_argument(
        "folder", type=there, metavar="DIR", help="maps of one scan, as replay and qsm write them"
    )
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR",
        help="folder of the report; readings of the same scan are added to one that is there",
    )  # fmt: skip
    parser.add_argument(
        "--run", dest="run_number", type=int, metavar="N",
        help="repetition, from 1, where the folder has several",
    )  # fmt: skip
    add_dicom(parser)
    if labels:
        parser.add_argument(
            "--labels", type=there, metavar="FILE", help="NIfTI of region numbers on the maps' grid"
        )
        parser.add_argument(
            "--label-names", type=there, metavar="FILE",
            help="their names: JSON, or a table with index and name (beside the labels)",
        )  # fmt: skip


def labels_of(options: argparse.Namespace, maps: MapFolder) -> LabelMap | None:
    """The labels that were given, if any; errors are those of `read_labels`."""
    if options.labels is None:
        return None
    return read_labels(options.labels, maps.geometry, names=options.label_names)


def extents_of(regions: Iterable[tuple[str, NDArray[np.bool_]]]) -> list[Extent]:
    """Where regions lie, by their names."""
    return [Extent.of_mask(name, "region", voxels) for name, voxels in regions]


def analyse(options: argparse.Namespace, kind: str, read: Callable[[MapFolder], Analysed]) -> int:
    """Read the maps, analyse them, add the reading to the report, print its paths.

    What the maps lack is a reading that is refused, with the reason, and is told in the report
    too. A folder that cannot be read and a wrong option are errors, and no report is written.

    Returns
    -------
    int
        Exit status: 0 given, 1 flagged, 2 refused.
    """
    writable(options.output)
    maps = read_map_folder(options.folder, run=options.run_number)
    study = study_for(options, maps)
    try:
        found = read(maps)
    except ConfigError:
        raise  # a wrong option is no reading of the scan
    except StreamReconError as e:
        reason = str(e)
        found = Analysed(
            reading=Reading(kind=kind, outcome=Outcome.REFUSED, method="", reasons=(reason,))
        )
    written = write_objects(options, maps, study, _content(found, options))
    files = (*found.files, *written.files)
    paths = add_reading(
        options.output,
        found.reading,
        scan_row(maps),
        sources=maps.sources(),
        origin=written.origin,
        figures=found.figures,
        files=files,
    )
    for path in [*paths, *(options.output / name for name in files)]:
        print(path)
    tell = warn if found.reading.outcome is Outcome.FLAGGED else complain
    for reason in found.reading.reasons:
        tell(f"{kind}: {found.reading.outcome.name.lower()}: {reason}")
    return int(found.reading.outcome)


def _content(found: Analysed, options: argparse.Namespace) -> ReadingContent:
    """What DICOM is made of."""
    page = None
    if options.dicom_page:
        page = page_picture(found.reading, found.figures, research=RESEARCH)
    return ReadingContent(reading=found.reading, extents=found.extents, maps=found.maps, page=page)
