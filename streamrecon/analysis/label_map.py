"""Regions of a scan: whole numbers in its own grid, and the name of each."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ConfigError, DataError

Flags = NDArray[np.bool_]

_INDEX_COLUMNS = ("index", "label", "id", "value")
_NAME_COLUMNS = ("name", "structure", "region")


@dataclass(frozen=True, slots=True, eq=False)
class LabelMap:
    """Disjoint regions on the grid of a scan.

    Parameters
    ----------
    numbers
        Number of each voxel's region [Z, Y, X]; 0 belongs to none.
    names
        What each number means; a number without a name is called "region N".

    Raises
    ------
    DataError
        If no voxel belongs to a region.
    """

    numbers: NDArray[np.int32]
    names: Mapping[int, str]

    def __post_init__(self) -> None:
        if not (self.numbers > 0).any():
            raise DataError("label map: found no voxel above 0, needed at least one region")

    @classmethod
    def from_values(cls, values: NDArray[np.generic], names: Mapping[int, str]) -> LabelMap:
        """Label map of whatever a file holds.

        Raises
        ------
        DataError
            If the values are not whole numbers from 0: probabilities are no label map.
        """
        numbers = np.asarray(values)
        if not np.isfinite(numbers).all() or (numbers < 0).any() or (numbers % 1 != 0).any():
            raise DataError("label map: found values that are not whole numbers from 0")
        return cls(numbers.astype(np.int32), dict(names))

    def regions(self) -> Iterator[tuple[str, Flags]]:
        """Name and voxels [Z, Y, X] of each region, in the order of the numbers."""
        for number in np.unique(self.numbers[self.numbers > 0]).tolist():
            yield self.names.get(number, f"region {number}"), self.numbers == number

    def region(self, name: str) -> Flags | None:
        """Voxels of the region of this name in any letters; ``None`` if there is none."""
        wanted = name.casefold()
        those = (flags for each, flags in self.regions() if each.casefold() == wanted)
        return next(those, None)


def read_names(text: str, *, source: str) -> dict[int, str]:
    r"""Names of a table with tabs: a column of numbers (``index``) and one of names (``name``).

    That is a BIDS ``_dseg.tsv``. Without a line of titles the first two columns are taken.

    Parameters
    ----------
    text
        The table.
    source
        What the errors call it.

    Raises
    ------
    ConfigError
        If a number is not whole, or stands twice with two names.

    Examples
    --------
    >>> read_names("index\tname\n1\tleft pallidum\n", source="names")
    {1: 'left pallidum'}
    """
    rows = [row for row in csv.reader(io.StringIO(text), delimiter="\t") if any(row)]
    if not rows:
        raise ConfigError(f"{source}: the table is empty")
    titles = [title.strip().lower() for title in rows[0]]
    number_at = next((titles.index(each) for each in _INDEX_COLUMNS if each in titles), None)
    name_at = next((titles.index(each) for each in _NAME_COLUMNS if each in titles), None)
    body = rows if number_at is None or name_at is None else rows[1:]
    columns = (0, 1) if number_at is None or name_at is None else (number_at, name_at)
    names: dict[int, str] = {}
    for row in body:
        number, name = _numbered(row, columns, source)
        if names.setdefault(number, name) != name:
            raise ConfigError(f"{source}: found two names of {number}: {names[number]}, {name}")
    return names


def _numbered(row: list[str], columns: tuple[int, int], source: str) -> tuple[int, str]:
    try:
        return int(row[columns[0]]), row[columns[1]].strip()
    except (ValueError, IndexError) as e:
        raise ConfigError(f"{source}: found {row}, needed a whole number and a name") from e
