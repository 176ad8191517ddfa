"""What all analyses of `streamrecon analyze` share: a folder of maps in, a report out."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from streamrecon.analysis.reading import (
    Extent,
    Outcome,
    Reading,
    ReadingContent,
    ReadingMap,
)
from streamrecon.commands.run_setup.existing import there
from streamrecon.commands.run_setup.options import writable
from streamrecon.commands.study_inputs.reading_files import add_dicom, study_for, write_objects
from streamrecon.console import complain, warn
from streamrecon.errors import ConfigError, StreamReconError
from streamrecon.output.readings.drawings.figures import Figure
from streamrecon.output.readings.drawings.page_picture import page_picture
from streamrecon.output.readings.label_map import LabelMap, read_labels
from streamrecon.output.readings.map_folder import MapFolder, read_map_folder
from streamrecon.output.readings.report import add_reading, scan_row
from streamrecon.output.readings.report_model import RESEARCH, CohortRow, OriginRow, ScanRow


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


def add_folder(
    parser: argparse.ArgumentParser, *, labels: Literal["", "used", "needed"] = ""
) -> argparse._ArgumentGroup:
    """Give the parser the folders of maps and report, and labels; the group of needed options.

    Its help so says which options there must be, and every analysis adds its own there.
    """
    needed = parser.add_argument_group("needed")
    parser.add_argument(
        "folder", type=there, metavar="DIR", help="maps of one scan, as replay and qsm write them"
    )
    needed.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR",
        help="folder of the report; readings of the same scan are added to one that is there",
    )  # fmt: skip
    parser.add_argument(
        "--run", dest="run_number", type=int, metavar="N",
        help="repetition, from 1, where the folder has several",
    )  # fmt: skip
    add_dicom(parser)
    if labels:
        (needed if labels == "needed" else parser).add_argument(
            "--labels", type=there, required=labels == "needed", metavar="FILE",
            help="NIfTI of region numbers on the maps' grid",
        )  # fmt: skip
        parser.add_argument(
            "--label-names", type=there, metavar="FILE",
            help="their names: JSON, or a table with index and name (beside the labels)",
        )  # fmt: skip
    return needed


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
    found = attempted(kind, lambda: read(maps))
    written = write_objects(options, maps, study, _content(found, options))
    found = replace(found, files=(*found.files, *written.files))
    sources, origin = maps.sources(), written.origin
    return report_analysed(found, options.output, scan_row(maps), sources, origin=origin)


def attempted(kind: str, read: Callable[[], Analysed]) -> Analysed:
    """What an analysis gives; one that cannot be made is a reading that is refused.

    Raises
    ------
    ConfigError
        If an option is wrong: that is no reading of the scan.
    """
    try:
        return read()
    except ConfigError:
        raise
    except StreamReconError as e:
        reason = str(e)
        return Analysed(
            reading=Reading(kind=kind, outcome=Outcome.REFUSED, method="", reasons=(reason,))
        )


def report_analysed(
    found: Analysed,
    output: Path,
    scan: ScanRow | CohortRow,
    sources: Mapping[str, str],
    *,
    origin: OriginRow | None = None,
) -> int:
    """Add a reading to the report, print the paths and the reasons, give the exit status."""
    kind = found.reading.kind
    paths = add_reading(
        output, found.reading, scan,
        sources=sources, origin=origin, figures=found.figures, files=found.files,
    )  # fmt: skip
    for path in [*paths, *(output / name for name in found.files)]:
        print(path)
    tell = complain if found.reading.outcome is Outcome.REFUSED else warn
    for reason in found.reading.reasons:
        tell(f"{kind}: {found.reading.outcome.name.lower()}: {reason}")
    return int(found.reading.outcome)


def _content(found: Analysed, options: argparse.Namespace) -> ReadingContent:
    """What DICOM is made of."""
    page = None
    if options.dicom_page:
        page = page_picture(found.reading, found.figures, research=RESEARCH)
    return ReadingContent(reading=found.reading, extents=found.extents, maps=found.maps, page=page)
