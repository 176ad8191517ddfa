"""What was pushed for a patient: files of the storage's folder ``labels``, by their names.

A client gives the names, so none may name another folder. One that cannot be used costs what needs
it, which says why, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from streamrecon.analysis.deep_nuclei.change import Visit
from streamrecon.analysis.deep_nuclei.norms import Norms, read_norms
from streamrecon.errors import ConfigError, StreamReconError
from streamrecon.model.geometry import Geometry
from streamrecon.output.readings.label_map import read_labels, values_on_grid
from streamrecon.output.readings.reported_visit import visit_in

Flags = NDArray[np.bool_]
T = TypeVar("T")

_FOLDER = "labels"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileNames:
    """Names of a patient's files; empty for what was not pushed.

    Parameters
    ----------
    labels, lesion_mask
        Label map of the nuclei; lesions of the white matter, numbers above 0.
    baseline
        Report of the visit before.
    r2
        Map of R2 [1/s].
    norms
        Table of the healthy, see `read_norms`.
    """

    labels: str = ""
    lesion_mask: str = ""
    baseline: str = ""
    r2: str = ""
    norms: str = ""


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class PatientFiles:
    """What they hold, on the scan's grid.

    Parameters
    ----------
    regions
        Name and voxels [Z, Y, X] of labelled regions.
    lesions
        Lesions of the white matter [Z, Y, X].
    before
        The visit before.
    r2_per_s
        R2 [Z, Y, X, 1/s].
    norms
        Rows of the table of the healthy.
    doubts
        Why one cannot be used, by its word in `FileNames`.
    """

    regions: Sequence[tuple[str, Flags]] = ()
    lesions: Flags | None = None
    before: Visit | None = None
    r2_per_s: NDArray[np.float32] | None = None
    norms: Norms = field(default_factory=Norms)
    doubts: Mapping[str, str] = field(default_factory=dict)

    def why(self, word: str, otherwise: str) -> str:
        """The reason why a file is not there, or the other sentence."""
        return self.doubts.get(word, otherwise)


def patient_files(storage: Path | None, names: FileNames, geometry: Geometry) -> PatientFiles:
    """Read them; what cannot be read is a doubt.

    Parameters
    ----------
    storage
        The service's, if it has one.
    names
        Of the files.
    geometry
        The scan's grid: nothing is resampled.
    """
    doubts: dict[str, str] = {}

    def read(word: str, name: str, reader: Callable[[Path], T]) -> T | None:
        try:
            return reader(_pushed(storage, name)) if name else None
        except StreamReconError as e:
            doubts[word] = str(e)
            return None

    labels = read("labels", names.labels, lambda path: read_labels(path, geometry))
    lesions = read("lesion_mask", names.lesion_mask, lambda path: read_labels(path, geometry))
    return PatientFiles(
        regions=() if labels is None else tuple(labels.regions()),
        lesions=None if lesions is None else lesions.numbers > 0,
        before=read("baseline", names.baseline, visit_in),
        r2_per_s=read("r2", names.r2, lambda path: _map(path, geometry)),
        norms=read("norms", names.norms, norms_in) or Norms(),
        doubts=doubts,
    )


def norms_in(path: Path) -> Norms:
    """The table of the healthy of a file.

    Raises
    ------
    ConfigError
        If it cannot be read, or as `read_norms` says.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as e:
        raise ConfigError(f"{path.name}: cannot be read: {e}") from e
    return read_norms(text, source=path.name)


def _map(path: Path, geometry: Geometry) -> NDArray[np.float32]:
    return np.ascontiguousarray(values_on_grid(path, geometry), np.float32)


def _pushed(storage: Path | None, name: str) -> Path:
    if storage is None:
        raise ConfigError(f"{_FOLDER}: found {name} and no storage, needed its folder {_FOLDER}")
    if Path(name).name != name:
        raise ConfigError(f"{_FOLDER}: found {name}, needed the name of a file in {_FOLDER}")
    return storage / _FOLDER / name
