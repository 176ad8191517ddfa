"""The user's normative table: what the healthy have, by region, reference and age.

A table with tabs and a line of titles: ``region``, ``quantity`` (``chi`` in ppb or ``r2star`` in
1/s), ``reference`` (``whole brain`` or ``CSF``; empty for R2*), ``mean``, ``sd``, and if wanted
``age_from`` and ``age_to`` in years. None is packaged: norms hold for the site, the sequence and
the reconstruction they were measured with.
"""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass

from streamrecon.analysis.deep_nuclei.nuclei import without_side
from streamrecon.errors import ConfigError

_COLUMNS = ("region", "quantity", "reference", "mean", "sd")
_QUANTITIES = ("chi", "r2star")
_WITHIN_95_PERCENT = 1.96


@dataclass(frozen=True, slots=True, kw_only=True)
class Norm:
    """Mean and spread of the healthy in one region at an age."""

    region: str
    quantity: str
    reference: str
    mean: float
    sd: float
    age_from: float = -math.inf
    age_to: float = math.inf

    def z(self, value: float) -> float:
        """How many standard deviations a value lies above the mean."""
        return (value - self.mean) / self.sd

    @property
    def upper_limit(self) -> float:
        """Above it lie 2.5 % of the healthy."""
        return self.mean + _WITHIN_95_PERCENT * self.sd


@dataclass(frozen=True, slots=True)
class Norms:
    """All rows of a table, and what it is called."""

    rows: tuple[Norm, ...] = ()
    source: str = ""

    def find(
        self, region: str, quantity: str, reference: str, age_years: float | None
    ) -> Norm | None:
        """The row of a region by its name, else by its name without the side.

        A row for an age is none where the age is not known, and one of another reference never is.
        """
        fitting = [
            row
            for row in self.rows
            if row.quantity == quantity
            and row.reference.casefold() == reference.casefold()
            and _at_age(row, age_years)
        ]
        names = (region.casefold(), without_side(region))
        exact = [row for row in fitting if row.region.casefold() == names[0]]
        either = [row for row in fitting if row.region.casefold() == names[1]]
        return next(iter([*exact, *either]), None)


def read_norms(text: str, *, source: str) -> Norms:
    r"""Rows of a normative table.

    Raises
    ------
    ConfigError
        If a column is missing, a number is none, a quantity is unknown, or a spread not positive.

    Examples
    --------
    >>> table = "region\tquantity\treference\tmean\tsd\npallidum\tchi\tCSF\t140\t20\n"
    >>> norms = read_norms(table, source="norms")
    >>> norms.find("Left-Pallidum", "chi", "CSF", age_years=None).z(180.0)
    2.0
    """
    reader = csv.DictReader(io.StringIO(text), delimiter="\t")
    missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise ConfigError(f"{source}: found no column {', '.join(missing)}")
    return Norms(tuple(_norm(row, source) for row in reader), source)


def _norm(row: dict[str, str], source: str) -> Norm:
    quantity = row["quantity"].strip().lower()
    if quantity not in _QUANTITIES:
        raise ConfigError(f"{source}: found the quantity {quantity!r}, needed chi or r2star")
    mean, sd = (_number(row, name, math.nan, source) for name in ("mean", "sd"))
    if not sd > 0 or not math.isfinite(mean):
        raise ConfigError(f"{source}: found {row['region']}: {row['mean']} ± {row['sd']}")
    return Norm(
        region=row["region"].strip(),
        quantity=quantity,
        reference=(row["reference"] or "").strip(),
        mean=mean,
        sd=sd,
        age_from=_number(row, "age_from", -math.inf, source),
        age_to=_number(row, "age_to", math.inf, source),
    )


def _number(row: dict[str, str], name: str, missing: float, source: str) -> float:
    text = (row.get(name) or "").strip()
    try:
        return float(text) if text else missing
    except ValueError as e:
        raise ConfigError(f"{source}: {name}: found {text!r}, needed a number") from e


def _at_age(row: Norm, age_years: float | None) -> bool:
    if age_years is None:
        return math.isinf(row.age_from) and math.isinf(row.age_to)
    return row.age_from <= age_years < row.age_to
