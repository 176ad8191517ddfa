"""Regions that a file numbers: a label map, and what its numbers are called."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
from nibabel.filebasedimages import ImageFileError
from numpy.typing import NDArray

from streamrecon.errors import ConfigError, DataError
from streamrecon.model.geometry import Geometry
from streamrecon.model.turned_grid import turned_to
from streamrecon.output.ras import from_ras

_SAME_PLACE_MM = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class LabelMap:
    """Regions on the scan's grid.

    Parameters
    ----------
    numbers
        Number of each voxel's region [Z, Y, X]; 0 is none.
    names
        Name of each number that occurs; "region 7" where no name was given.
    """

    numbers: NDArray[np.int32]
    names: Mapping[int, str]

    def regions(self) -> Iterator[tuple[str, NDArray[np.bool_]]]:
        """Every region with its voxels, in the order of the numbers."""
        for number, name in self.names.items():
            yield name, self.numbers == number


def read_labels(path: Path, geometry: Geometry, *, names: Path | None = None) -> LabelMap:
    """Read a label map that lies on the scan's grid; nothing is resampled.

    Parameters
    ----------
    path
        NIfTI of whole numbers, 0 outside.
    geometry
        The scan's grid.
    names
        JSON object of number to name, or a table (TSV, or CSV) with the columns ``index`` and
        ``name``, as BIDS has it. Without it a file beside the map of the same name and the ending
        .json or .tsv is taken, if there is one.

    Raises
    ------
    ConfigError
        If the map cannot be read, lies on another grid, holds what is no whole number or nothing;
        if the names cannot be read.
    """
    values = values_on_grid(path, geometry)
    if not np.isfinite(values).all() or (values != np.round(values)).any() or values.min() < 0:
        raise ConfigError(f"{path.name}: found numbers that are no labels, needed 0, 1, 2 ...")
    numbers = np.ascontiguousarray(values, np.int32)
    there = [int(number) for number in np.unique(numbers) if number]
    if not there:
        raise ConfigError(f"{path.name}: found no voxel with a label")
    called = _names_of(names or _beside(path))
    return LabelMap(numbers, {number: called.get(number, f"region {number}") for number in there})


def values_on_grid(path: Path, geometry: Geometry) -> NDArray[np.float64]:
    """Numbers [Z, Y, X] of a NIfTI file on the scan's grid; nothing is resampled.

    Raises
    ------
    ConfigError
        If it cannot be read, is not of three dimensions, or lies on another grid.
    """
    try:
        image = nibabel.load(path)
        data = np.asanyarray(image.dataobj)
    except (ImageFileError, OSError, EOFError, ValueError) as e:
        raise ConfigError(f"{path.name}: cannot be read: {e}") from e
    if data.ndim != 3:
        raise ConfigError(f"{path.name}: found shape {data.shape}, needed 3 dimensions")
    turned, grid = from_ras(data, image.affine)
    names = path.name, "the maps"
    try:
        values = turned_to(turned, grid, geometry, names=names, tolerance_mm=_SAME_PLACE_MM)
    except DataError as e:
        raise ConfigError(str(e)) from e
    return np.asarray(values, np.float64)


def _beside(path: Path) -> Path | None:
    stem = path.name.removesuffix(".gz").removesuffix(".nii")
    there = (path.with_name(f"{stem}{suffix}") for suffix in (".tsv", ".json"))
    return next((file for file in there if file.is_file()), None)


def _names_of(path: Path | None) -> dict[int, str]:
    if path is None:
        return {}
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            return {int(n): str(name) for n, name in json.loads(text).items() if n.isdecimal()}
        delimiter = "," if path.suffix == ".csv" else "\t"
        rows = csv.DictReader(text.splitlines(), delimiter=delimiter)
        return {int(row["index"]): row["name"].strip() for row in rows}
    except (OSError, ValueError, KeyError, AttributeError) as e:
        needed = "needed JSON of number to name, or a table with index and name"
        raise ConfigError(f"{path.name}: cannot be read ({type(e).__name__}); {needed}") from e
