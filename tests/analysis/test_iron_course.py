"""The course of iron over the years: mixed models against the closed forms of balanced visits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from streamrecon.analysis.reading import Outcome, Reading, Value
from streamrecon.analysis.studies.iron_course import fit_course
from streamrecon.cli import main
from streamrecon.errors import ReconError
from streamrecon.output.readings.report import add_reading
from streamrecon.output.readings.report_model import ScanRow

Rows = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]


def visits(times: tuple[float, ...], *, own_slopes_ppb: float, seed: int) -> Rows:
    """30 patients with -4 ppb/a and noise as that of two scans of one head."""
    random, patients = np.random.default_rng(seed), np.repeat(np.arange(30), len(times))
    years = np.tile(times, 30)
    pace = -4 + random.normal(0, own_slopes_ppb, 30)
    chi = 120 + random.normal(0, 15, 30)[patients] + pace[patients] * years
    return chi + random.normal(0, 2.36, len(chi)), years, patients


def slopes_of(rows: Rows) -> NDArray[np.float64]:
    """Straight line of each patient."""
    chi, years, patients = rows
    return np.array(
        [np.polyfit(years[patients == p], chi[patients == p], 1)[0] for p in np.unique(patients)]
    )


def test_two_visits_are_the_paired_difference() -> None:
    rows = visits((0.0, 1.7), own_slopes_ppb=2.0, seed=1)

    found = fit_course(*rows)

    pace = slopes_of(rows)
    assert not found.own_slopes
    assert found.slope.number == pytest.approx(pace.mean(), abs=1e-3)
    assert found.slope.sigma == pytest.approx(pace.std(ddof=1) / np.sqrt(30), rel=0.01)
    assert found.slope.interval[0] == pytest.approx(
        pace.mean() - 2.045 * found.slope.sigma, abs=0.01
    )  # Student's t of 29


def test_patients_with_paces_of_their_own_are_the_mean_of_their_lines() -> None:
    rows = visits((0.0, 1.0, 2.0, 3.5), own_slopes_ppb=3.0, seed=2)

    found = fit_course(*rows)

    pace = slopes_of(rows)
    assert found.own_slopes
    assert found.slope.number == pytest.approx(pace.mean(), abs=0.01)
    assert found.slope.sigma == pytest.approx(pace.std(ddof=1) / np.sqrt(30), rel=0.02)


def test_a_treatment_is_the_difference_of_both_groups() -> None:
    chi, years, patients = visits((0.0, 1.0), own_slopes_ppb=0.0, seed=3)
    treated = (patients % 2).astype(float)
    chi = chi - 8 * treated * years

    found = fit_course(chi, years, patients, treated=treated, age=40 + 0.5 * patients)

    pace = slopes_of((chi, years, patients))
    assert found.by_treatment is not None
    assert found.slope.number == pytest.approx(pace[0::2].mean(), abs=0.02)
    assert found.by_treatment.number == pytest.approx(
        pace[1::2].mean() - pace[0::2].mean(), abs=0.02
    )
    assert found.by_treatment.interval[1] < -5


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """12 cohorts here, 200 in benchmarks/bench_studies.py."""
    found = [fit_course(*visits((0.0, 1.0), own_slopes_ppb=2.0, seed=n)) for n in range(12)]

    assert sum(each.slope.interval[0] <= -4 <= each.slope.interval[1] for each in found) >= 10


def test_patients_that_came_once_tell_no_course() -> None:
    chi, years, patients = visits((0.0,), own_slopes_ppb=0.0, seed=4)

    with pytest.raises(ReconError, match="found 0 patients with two visits, needed 5"):
        fit_course(chi, years, patients)


def write_visit(folder: Path, **means_ppb: float) -> None:
    """A report with the iron of one nucleus."""
    values = [
        *(
            Value(
                subject="left pallidum", name=f"{kind}_mean_chi", number=chi_ppb, unit="ppb",
                sigma=0.5, reference="whole brain", voxels=400,
            )
            for kind, chi_ppb in means_ppb.items()
        ),
        Value(subject="whole brain", name="volume", number=1.2e6, unit="mm3"),
    ]  # fmt: skip
    reading = Reading(kind="iron", outcome=Outcome.GIVEN, method="means", values=tuple(values))
    scan = ScanRow(
        name="maps", shape=(40, 41, 42), voxel_mm=(1, 1, 1), b0_axis=(1, 0, 0), b0_t=3.0,
        te_s=(0.005,),
    )  # fmt: skip
    add_reading(folder, reading, scan, sources={})


@pytest.mark.parametrize("others", [{}, {"robust": 100.0}], ids=["robust", "whole"])
def test_the_command_tells_the_slope_and_who_changed(
    tmp_path: Path, others: dict[str, float]
) -> None:
    """By means of the whole nucleus where all visits have them, whatever the robust ones do."""
    kind = "whole" if others else "robust"
    random, rows = np.random.default_rng(5), ["patient\tyears\treport"]
    for patient in range(8):
        change = -12.0 if patient == 3 else random.normal(0, 1.0)
        for visit, chi in enumerate((140.0 + patient, 140.0 + patient + change)):
            write_visit(tmp_path / f"p{patient}-{visit}", **others, **{kind: chi})
            rows.append(f"P{patient}\t{visit}\tp{patient}-{visit}/analysis.json")
    table = tmp_path / "visits.tsv"
    table.write_text("\n".join(rows) + "\n", encoding="utf-8")

    words = ["iron-long", str(table), "--reference", "brain", "-o", str(tmp_path / "out")]
    assert main(["analyze", *words]) == 0

    lines = (tmp_path / "out" / "analysis.tsv").read_text(encoding="utf-8").splitlines()[1:]
    cells = {tuple(line.split("\t")[2:4]): line.split("\t") for line in lines}
    assert float(cells["left pallidum", "slope"][4]) == pytest.approx(-1.5, abs=1.0)  # -12 / 8
    changed = {subject for (subject, name), row in cells.items()
               if name == "change_chi" and row[9] == "changed"}  # fmt: skip
    assert changed == {"P3: left pallidum"}
    assert (tmp_path / "out" / "iron-long_courses.png").is_file()
