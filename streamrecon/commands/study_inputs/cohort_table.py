"""Tables of a study, a line for each lesion or visit, with what stands in reports they name."""

from __future__ import annotations

import csv
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from streamrecon.errors import ConfigError, DataError
from streamrecon.output.readings.report_model import CohortRow, ReadingRow, Report
from streamrecon.output.readings.reported_visit import reading_of

REPORT = "report"
"""Column with the path of an analysis.json, from the folder of the table on."""

_MISSING = {"", "n/a", "na", "nan"}


@dataclass(frozen=True, slots=True)
class CohortTable:
    """The lines of a file.

    Parameters
    ----------
    path
        Where it is.
    columns
        Their names.
    lines
        Texts of each line by the columns' names.
    """

    path: Path
    columns: tuple[str, ...]
    lines: tuple[dict[str, str], ...]

    def texts(self, column: str) -> list[str]:
        """A column.

        Raises
        ------
        ConfigError
            If there is none, or a line has nothing in it.
        """
        if column not in self.columns:
            raise ConfigError(
                f"{self.path.name}: found columns {', '.join(self.columns)}, needed {column}"
            )
        texts = [line[column] for line in self.lines]
        for number, text in enumerate(texts, start=2):
            if text.lower() in _MISSING:
                raise ConfigError(f"{self.path.name}: line {number}: found no {column}")
        return texts

    def numbers(self, column: str) -> NDArray[np.float64]:
        """A column as numbers, NaN where a line has none.

        Raises
        ------
        ConfigError
            If there is none, or something else stands in it.
        """
        if column not in self.columns:
            self.texts(column)  # raises
        return np.array([self._number(n, column) for n in range(len(self.lines))], np.float64)

    def groups(self, column: str) -> tuple[NDArray[np.intp], list[str]]:
        """A column as numbers 0 … P − 1, and what each stands for."""
        names, numbers = np.unique(self.texts(column), return_inverse=True)
        return np.asarray(numbers, np.intp), [str(name) for name in names]

    def reading(self, number: int, kind: str) -> ReadingRow:
        """The reading that the report of a line has.

        Raises
        ------
        DataError
            If the report cannot be read or has none of this kind.
        """
        return reading_of(self.report(number), kind, self.lines[number][REPORT])

    def report(self, number: int) -> Report:
        """The report of a line.

        Raises
        ------
        DataError
            If it cannot be read.
        """
        path = self.path.parent / self.lines[number][REPORT]
        try:
            return Report.model_validate_json(path.read_bytes())
        except (OSError, ValidationError) as e:
            raise DataError(f"{path}: cannot be read as a report of readings") from e

    def row(self, patients: int) -> CohortRow:
        """What the report says of it."""
        return CohortRow(name=self.path.name, patients=patients, lines=len(self.lines))

    def sources(self) -> dict[str, str]:
        """Its checksum by its name."""
        return {self.path.name: hashlib.sha256(self.path.read_bytes()).hexdigest()}

    def _number(self, at: int, column: str) -> float:
        text = self.lines[at][column]
        if text.lower() in _MISSING:
            return math.nan
        try:
            return float(text)
        except ValueError as e:
            raise ConfigError(
                f"{self.path.name}: line {at + 2}: {column}: found {text!r}, needed a number"
            ) from e


def read_table(path: Path) -> CohortTable:
    """A table with a head, between tabs (TSV) or commas.

    Raises
    ------
    ConfigError
        If it is no text, has no line, or a line has more or fewer columns than the head.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as e:
        raise ConfigError(f"{path.name}: found no text, needed a table in UTF-8") from e
    lines = [line for line in text.splitlines() if line.strip()]
    between = "\t" if lines and "\t" in lines[0] else ","
    head, *rest = csv.reader(lines, delimiter=between) if lines else [[]]
    if not rest:
        raise ConfigError(f"{path.name}: found no line below the head")
    return CohortTable(path, tuple(head), tuple(_lines(path, head, rest)))


def _lines(path: Path, head: Sequence[str], rest: Sequence[Sequence[str]]) -> list[dict[str, str]]:
    for number, cells in enumerate(rest, start=2):
        if len(cells) != len(head):
            raise ConfigError(
                f"{path.name}: line {number}: found {len(cells)} columns, needed {len(head)}"
            )
    return [dict(zip(head, (cell.strip() for cell in cells), strict=True)) for cells in rest]
