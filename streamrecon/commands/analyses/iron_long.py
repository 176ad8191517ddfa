"""`streamrecon analyze iron-long`: how iron of the nuclei goes with the years in a cohort."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from streamrecon.analysis.deep_nuclei.change import CHANGED, Interval, Visit, read_change
from streamrecon.analysis.deep_nuclei.iron_rows import WHOLE_MEAN
from streamrecon.analysis.reading import Outcome, Reading, Value
from streamrecon.analysis.studies.iron_course import Course, Estimate, fit_course
from streamrecon.analysis.zeros import REFERENCES
from streamrecon.commands.run_setup.existing import there
from streamrecon.commands.run_setup.options import writable
from streamrecon.commands.study_inputs.analysed_folder import Analysed, attempted, report_analysed
from streamrecon.commands.study_inputs.cohort_table import REPORT, CohortTable, read_table
from streamrecon.errors import ConfigError, ReconError
from streamrecon.output.readings.drawings.course_plot import Pace, PatientCourse, course_plot
from streamrecon.output.readings.drawings.figures import Figure, below
from streamrecon.output.readings.reported_visit import reported_visit

KIND = "iron-long"
_MEAN = "robust_mean_chi"
_METHOD = (
    "linear mixed model of each region, restricted likelihood, intervals by Student's t; reliable "
    "change of each patient from the first visit to the last"
)
_DOIS = ("10.2307/2529876", "10.1037/0022-006X.59.1.12")
_MOST_PLOTS = 8


@dataclass(frozen=True, slots=True, eq=False)
class _Visits:
    """Lines of the table in the order of patients and times.

    ``treated`` and ``age`` are None where the table does not have them.
    """

    patients: NDArray[np.intp]
    names: Sequence[str]
    years: NDArray[np.float64]
    sites: Sequence[str]
    visits: Sequence[Visit]
    treated: NDArray[np.float64] | None
    age: NDArray[np.float64] | None


def add(parser: argparse.ArgumentParser) -> None:
    """Give the parser its options."""
    parser.description = (
        "Change of χ with the years in the nuclei of a cohort, and which patients changed by more "
        "than two visits differ by. For research use."
    )
    parser.add_argument(
        "table", type=there, metavar="TABLE",
        help="TSV or CSV, a line a visit: patient, years (since the first visit) and report (its"
        " analysis.json with an iron reading); if wanted treatment (0 or 1), age and site",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR", help="folder of the report"
    )
    parser.add_argument(
        "--reference", choices=sorted(REFERENCES), required=True, help="what zero means"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Fit every region, compare every patient's first visit and last."""
    output, table = writable(options.output), read_table(options.table)
    _, names = table.groups("patient")
    analysed = attempted(KIND, lambda: _analysed(table, REFERENCES[options.reference]))
    return report_analysed(analysed, output, table.row(len(names)), table.sources())


def _analysed(table: CohortTable, zero: str) -> Analysed:
    given = _visits(table)
    courses, changes = dict(_courses(given, zero)), list(_changes(given, zero))
    reasons = tuple(dict.fromkeys(_doubts(courses, changes)))
    if not any(isinstance(course, Course) for course in courses.values()):
        raise ReconError("; ".join(reasons))
    values = (*_rows(courses, zero), *(v for _, reading in changes for v in reading.values))
    reading = Reading(
        kind=KIND, outcome=Outcome.FLAGGED if reasons else Outcome.GIVEN, method=_METHOD,
        values=values, reasons=reasons, parameters={"reference": zero}, dois=_DOIS,
    )  # fmt: skip
    return Analysed(reading=reading, figures=[_figure(given, courses, zero)])


def _visits(table: CohortTable) -> _Visits:
    patients, names = table.groups("patient")
    years = table.numbers("years")
    if not np.isfinite(years).all():
        raise ConfigError(f"{table.path.name}: years: found visits without a time")
    paths = table.texts(REPORT)
    order = np.lexsort((years, patients))
    sites = table.texts("site") if "site" in table.columns else [""] * len(paths)
    more = {name: table.numbers(name)[order] for name in ("treatment", "age")
            if name in table.columns}  # fmt: skip
    for name, numbers in more.items():
        if not np.isfinite(numbers).all():
            raise ConfigError(f"{table.path.name}: {name}: found visits without it")
    return _Visits(
        patients[order], names, years[order], [sites[n] for n in order],
        [reported_visit(table.report(n), paths[n]) for n in order],
        more.get("treatment"), more.get("age"),
    )  # fmt: skip


def _of_region(given: _Visits, zero: str) -> dict[str, NDArray[np.float64]]:
    """χ of each region at every visit [ppb], NaN where it is missing.

    By the mean of the whole region, or by the robust one where a visit has no other.
    """
    robust, whole = (_means(given, name, zero) for name in (_MEAN, WHOLE_MEAN))
    same = {
        region: np.array_equal(np.isfinite(robust[region]), np.isfinite(chi_ppb))
        for region, chi_ppb in whole.items()
        if region in robust
    }
    return {region: whole[region] if same.get(region) else robust[region] for region in robust}


def _means(given: _Visits, name: str, zero: str) -> dict[str, NDArray[np.float64]]:
    found: dict[str, NDArray[np.float64]] = {}
    for at, visit in enumerate(given.visits):
        for value in visit.values:
            if (value.name, value.reference) == (name, zero):
                missing = np.full(len(given.visits), np.nan)
                found.setdefault(value.subject, missing)[at] = value.number
    return found


def _courses(given: _Visits, zero: str) -> Iterator[tuple[str, Course | str]]:
    """The model of each region, or why there is none."""
    for region, chi_ppb in _of_region(given, zero).items():
        known = np.isfinite(chi_ppb)
        treated, age = (
            None if each is None else each[known] for each in (given.treated, given.age)
        )
        try:
            yield (
                region,
                fit_course(
                    chi_ppb[known],
                    given.years[known],
                    given.patients[known],
                    treated=treated,
                    age=age,
                ),
            )
        except ReconError as e:
            yield region, str(e)


def _changes(given: _Visits, zero: str) -> Iterator[tuple[str, Reading]]:
    """What changed in each patient between the first visit and the last."""
    bounds = np.flatnonzero(np.diff(given.patients, prepend=-1, append=len(given.names)))
    for first, behind in pairwise(bounds.tolist()):
        last, name = behind - 1, given.names[given.patients[first]]
        years = float(given.years[last] - given.years[first])
        if last == first or years <= 0:
            continue
        interval = Interval(same_site=given.sites[first] == given.sites[last], years=years)
        reading = read_change(given.visits[first], given.visits[last], interval, zero)
        yield name, _named(reading, name)


def _named(reading: Reading, patient: str) -> Reading:
    """The same with the patient in front of every region."""
    values = tuple(
        Value(
            subject=f"{patient}: {v.subject}", name=v.name, number=v.number, unit=v.unit,
            sigma=v.sigma, reference=v.reference, voxels=v.voxels, quality=v.quality, flags=v.flags,
        )
        for v in reading.values
        if v.name.endswith("_chi")
    )  # fmt: skip
    return Reading(
        kind=reading.kind, outcome=reading.outcome, method=reading.method,
        values=values if reading.outcome is not Outcome.REFUSED else (), reasons=reading.reasons,
        parameters=reading.parameters, dois=reading.dois,
    )  # fmt: skip


def _rows(courses: Mapping[str, Course | str], zero: str) -> Iterator[Value]:
    for region, course in courses.items():
        if isinstance(course, Course):
            yield from _slope(region, "slope", course.slope, zero)
            if course.by_treatment is not None:
                yield from _slope(region, "slope_by_treatment", course.by_treatment, zero)
            for name, number, unit in (
                ("sd_patients", course.sd_patients_ppb, "ppb"),
                ("sd_visits", course.sd_visits_ppb, "ppb"),
                ("patients", course.patients, ""),
                ("visits", course.visits, ""),
            ):
                yield Value(subject=region, name=name, number=float(number), unit=unit)


def _slope(region: str, name: str, found: Estimate, zero: str) -> Iterator[Value]:
    low, high = found.interval
    quality = "" if low <= 0 <= high else "not zero"
    yield Value(subject=region, name=name, number=found.number, unit="ppb/a", sigma=found.sigma,
                reference=zero, quality=quality)  # fmt: skip
    yield Value(subject=region, name=f"{name}_low", number=low, unit="ppb/a", reference=zero)
    yield Value(subject=region, name=f"{name}_high", number=high, unit="ppb/a", reference=zero)


def _doubts(
    courses: Mapping[str, Course | str], changes: Sequence[tuple[str, Reading]]
) -> Iterator[str]:
    if not courses:
        yield "no visit has χ of a region against this reference"
    for region, course in courses.items():
        if isinstance(course, str):
            yield f"{region}: {course}"
    for patient, reading in changes:
        for reason in reading.reasons:
            yield f"{patient}: {reason}"


def _figure(given: _Visits, courses: Mapping[str, Course | str], zero: str) -> Figure:
    rows: list[tuple[str, Image.Image]] = []
    values = _of_region(given, zero)
    for region, course in courses.items():
        if isinstance(course, Course) and len(rows) < _MOST_PLOTS:
            lines = list(_lines(given, values[region]))
            added = course.by_treatment
            plot = course_plot(lines, _pace(course.slope), None if added is None else _pace(added))
            rows.append((f"{region}, {course.patients} patients", plot))
    caption = (
        "χ of patients [ppb] over the years [a], blue with the treatment; red: the model's slope "
        "and its 95 % interval, without treatment where that is told apart, and dark blue with it. "
        f"Beyond the limit of one patient a change is called {CHANGED!r}."
    )
    return Figure("courses", caption, below(rows))


def _pace(found: Estimate) -> Pace:
    return Pace(found.number, found.interval)


def _lines(given: _Visits, chi_ppb: NDArray[np.float64]) -> Iterator[PatientCourse]:
    for patient in range(len(given.names)):
        own = (given.patients == patient) & np.isfinite(chi_ppb)
        if own.any():
            treated = given.treated is not None and bool(given.treated[own].any())
            yield PatientCourse(given.years[own].tolist(), chi_ppb[own].tolist(), treated)
