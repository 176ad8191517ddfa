"""What was pushed for a patient, and what is asked of his nuclei, is what a reading goes by."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from chain_items import GRID, Item, items, read
from made_maps import chi_map
from narrowing import as_a
from streamrecon_gadgets.maps.readings import MakeReadings

from streamrecon.analysis.deep_nuclei.iron_presets import PRESETS
from streamrecon.model.images import volume_of
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.model.study import Study, StudyInfo, Subject
from streamrecon.output.nifti import write_nifti
from streamrecon.qsm.field_maps import ChiMap

BOX = np.s_[8:16, 8:16, 8:16]
NORMS = (
    "region\tquantity\treference\tmean\tsd\tage_from\tage_to\n"
    "putamen\tchi\twhole brain\t10\t20\t40\t60\n"
    "putamen\tr2star\t\t20\t5\t\t\n"
)


def pushed(storage: Path, norms: str = NORMS) -> dict[str, str]:
    """A label map with a putamen and a table of the healthy, and the parameters that name them."""
    numbers = np.zeros(GRID.shape, np.int16)
    numbers[BOX] = 1
    write_nifti(storage / "labels" / "nuclei.nii.gz", numbers, GRID)
    (storage / "labels" / "nuclei.tsv").write_text("index\tname\n1\tleft putamen\n")
    (storage / "labels" / "norms.tsv").write_text(norms)
    return {"labels": "nuclei.nii.gz", "norms": "norms.tsv"}


def of_patient(birth_date: str, study_date: str) -> list[Item]:
    """The volume, with a raised putamen, R2* of 30 1/s everywhere and dates in its header."""
    echoes, chi, veins = items()
    chi = as_a(ChiMap, chi)
    raised = chi.chi_ppm.copy()
    raised[BOX] += np.float32(0.1)
    visit = StudyInfo(Subject(birth_date=birth_date), Study(date=study_date))
    protocol = chi.scan.protocol
    dated = replace(protocol, ids=replace(protocol.ids, visit=visit))
    scan = replace(chi.scan, protocol=dated)
    rate = volume_of(scan, Quantity.R2_STAR, np.full(GRID.shape, 30, np.float32), 0)
    return [echoes, chi_map(raised, chi.found.total, scan), veins, rate]


def iron_of(storage: Path) -> dict[str, Any]:
    text = (storage / "readings/scan_run-1_readings/analysis.json").read_text()
    (iron,) = json.loads(text)["readings"]
    return as_a(dict, iron)


@pytest.mark.parametrize(
    ("age", "dates"),
    [
        (None, ("1970-01-01", "2020-06-01")),
        (50.4, ("", "2020-06-01")),
        (50.4, ("19000101", "2020")),
    ],
)
def test_a_nucleus_has_its_distance_from_the_healthy_of_its_age(
    age: float | None, dates: tuple[str, str], tmp_path: Path
) -> None:
    named = pushed(tmp_path)

    gadget = MakeReadings(readings=("iron",), **named, age_years=age)
    read(gadget, of_patient(*dates), storage=tmp_path)

    iron = iron_of(tmp_path)
    rows = {(v["name"], v["reference"]): v["number"] for v in iron["values"]}
    mean = rows["robust_mean_chi", "whole brain"]
    assert rows["z_chi", "whole brain"] == pytest.approx((mean - 10) / 20, abs=1e-4)
    assert rows["z_r2star", ""] == pytest.approx((30 - 20) / 5)
    assert iron["parameters"]["norms"] == "norms.tsv"


@pytest.mark.parametrize("dates", [("2000-01-01", "2020-06-01"), ("", "")])
def test_without_a_row_of_the_age_there_is_no_score_and_the_reading_says_so(
    dates: tuple[str, str], tmp_path: Path
) -> None:
    of_age = "".join(line for line in NORMS.splitlines(keepends=True) if "r2star" not in line)
    named = pushed(tmp_path, of_age)

    gadget = MakeReadings(readings=("iron",), **named)
    read(gadget, of_patient(*dates), storage=tmp_path)

    iron = iron_of(tmp_path)
    assert not [v for v in iron["values"] if v["name"].startswith("z_")]
    assert iron["outcome"] == "flagged"
    assert any("no row of the table of the healthy" in reason for reason in iron["reasons"])


@pytest.mark.parametrize(
    ("table", "name", "said"),
    [
        (NORMS.replace("\tsd", "\tspread"), "norms.tsv", "norms.tsv: found no column sd"),
        (NORMS, "other.tsv", "other.tsv: cannot be read"),
        (NORMS, "../norms.tsv", "needed the name of a file in labels"),
    ],
)
def test_a_table_that_cannot_be_used_flags_the_nuclei_and_costs_the_scores_alone(
    table: str, name: str, said: str, tmp_path: Path
) -> None:
    named = pushed(tmp_path, table)

    gadget = MakeReadings(readings=("iron",), labels=named["labels"], norms=name)
    told = read(gadget, of_patient("", ""), storage=tmp_path)

    iron = iron_of(tmp_path)
    assert iron["outcome"] == "flagged"
    assert said in iron["reasons"][0]
    assert said in told[0].text
    assert {v["name"] for v in iron["values"]} >= {"robust_mean_chi", "robust_mean_r2star"}


def test_without_a_storage_there_are_no_files_of_a_patient(tmp_path: Path) -> None:
    gadget = MakeReadings(readings=("iron",), labels="nuclei.nii.gz")

    told = read(gadget, of_patient("", ""), tables=tmp_path)

    said = "found nuclei.nii.gz and no storage, needed its folder labels"
    assert all(said in notice.text for notice in told)
    report = json.loads((tmp_path / "scan_run-1_readings/analysis.json").read_text())
    assert said in report["readings"][0]["reasons"][0]


@pytest.mark.parametrize(
    ("preset", "said", "names_iron"),
    [
        ("wilson", "copper is not iron", False),
        ("parkinson", "the nigra scatters about twice as much", True),
        ("nbia", "calcification of the pallidum", True),
    ],
)
def test_what_is_asked_of_the_nuclei_comes_with_its_warnings(
    preset: str, said: str, names_iron: bool, tmp_path: Path
) -> None:
    named = pushed(tmp_path)

    gadget = MakeReadings(readings=("iron",), labels=named["labels"], preset=preset)
    (notice,) = read(gadget, of_patient("", ""), storage=tmp_path)

    iron = iron_of(tmp_path)
    assert any(said in reason for reason in iron["reasons"])
    assert any("no region is the substantia nigra" in reason for reason in iron["reasons"])
    assert any(v["name"] == "iron" for v in iron["values"]) == names_iron
    assert said in (tmp_path / "readings/scan_run-1_readings/analysis.html").read_text()
    assert said in notice.text


def test_every_preset_may_be_asked_of_a_chain() -> None:
    field = MakeReadings.model_fields["preset"]

    assert set(get_args(field.annotation)) == set(PRESETS)


def test_scores_against_fluid_need_fluid(tmp_path: Path) -> None:
    named = pushed(tmp_path)

    gadget = MakeReadings(readings=("iron",), labels=named["labels"], reference="csf")
    read(gadget, of_patient("", ""), storage=tmp_path)

    iron = iron_of(tmp_path)
    assert iron["outcome"] == "refused"
    assert iron["reasons"] == ["no region of the reference CSF was found"]
