"""Readings are made behind the maps, where they are asked for, and what fails is told."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from lesion_scene import Ball, oblique, scene
from pydicom import dcmread
from streamrecon_gadgets.exchange.dicom import WriteDicomFolder
from streamrecon_gadgets.maps.readings import MakeReadings

from streamrecon.model.bare_scan import bare_scan
from streamrecon.model.images import Echoes, volume_of
from streamrecon.model.notice import Level, Notice
from streamrecon.model.quantities import Quantity
from streamrecon.model.scan import PhaseSign, SignOrigin
from streamrecon.qsm.background.pdf import LocalField
from streamrecon.qsm.field_maps import ChiMap
from streamrecon.qsm.pipeline import Quality
from streamrecon.stream.gadget import Context

GRID = oblique((31, 37, 35), (1.2, 1.0, 1.0))
BALLS = (Ball((-6.0, 5.0, 4.0), 2.0, 0.8), Ball((6.2, -5.1, -5.3), 1.5, -0.8))


def items(*, is_brain: bool = True) -> list[object]:
    """Echoes, susceptibility and veins of one volume, as a chain has them."""
    maps = scene(GRID, BALLS)
    scan = bare_scan(GRID, maps.te_s, 3.0, PhaseSign(1, SignOrigin.GIVEN), name="brain 1 mm")
    total = SimpleNamespace(
        fit=SimpleNamespace(field_ppm=maps.local_field_ppm, sd_ppm=maps.field_sd_ppm),
        weight=maps.mask.astype(np.float32),
        is_brain=is_brain,
    )
    found = SimpleNamespace(
        map=SimpleNamespace(chi_ppm=np.where(maps.mask, maps.chi_ppm, 0)),
        mask=maps.mask,
        total=total,
        local=LocalField("given", maps.local_field_ppm, maps.mask),
    )
    veins = volume_of(scan, Quantity.VEINS, np.zeros(GRID.shape, np.float32), 0)
    chi = ChiMap(found, (), Quality.STANDARD, scan)
    return [Echoes(maps.magnitude.astype(np.complex64), scan), chi, veins]


def read(gadget: MakeReadings, given: list[object], **context: Path) -> list[Notice]:
    """What it says at the end; everything else must have gone on before."""
    gadget.enter(Context(**context))
    assert [out for item in given for out in gadget.feed(item)] == given
    return list(gadget.finish())


def test_the_report_lies_beside_the_images_and_its_sum_is_told(tmp_path: Path) -> None:
    (notice,) = read(MakeReadings(readings=("lesions",)), items(), tables=tmp_path)

    assert notice.level is Level.INFO
    assert "1 bleed, 1 calcification" in notice.text
    assert "research use" in notice.text
    report = json.loads((tmp_path / "scan_run-1_readings/analysis.json").read_text())
    assert report["scan"]["name"] == "brain-1-mm"
    moments = [v for v in report["readings"][0]["values"] if v["name"] == "moment"]
    assert [v["quality"] for v in moments if v["quality"] != "vessel"] == ["bleed", "calcification"]
    assert moments[0]["number"] == pytest.approx(BALLS[0].moment, rel=0.12)


def test_a_service_keeps_it_in_its_storage(tmp_path: Path) -> None:
    read(MakeReadings(readings=("lesions",)), items(), storage=tmp_path)

    assert (tmp_path / "readings/scan_run-1_readings/analysis.html").is_file()


def test_nothing_is_read_unless_it_is_asked_for_or_where_no_brain_is(tmp_path: Path) -> None:
    assert read(MakeReadings(), items(), tables=tmp_path) == []
    strange = items(is_brain=False)
    assert read(MakeReadings(readings=("lesions",)), strange, tables=tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_when_time_is_up_is_reported_as_partial(tmp_path: Path) -> None:
    gadget = MakeReadings(readings=("lesions",), seconds=1e-9)

    (notice,) = read(gadget, items(), tables=tmp_path)

    assert "flagged" in notice.text
    assert "partial: no time for the" in notice.text


def test_a_reading_that_fails_is_a_refused_one_and_told(tmp_path: Path) -> None:
    echoes, chi, veins = items()
    chi.found.mask[...] = False

    (notice,) = read(MakeReadings(readings=("lesions",)), [echoes, chi, veins], tables=tmp_path)

    assert notice.level is Level.WARNING
    assert "the mask is empty" in notice.text
    report = json.loads((tmp_path / "scan_run-1_readings/analysis.json").read_text())
    assert report["readings"][0]["outcome"] == "refused"


def test_a_folder_that_takes_nothing_costs_the_report_alone(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    (notice,) = read(MakeReadings(readings=("lesions",)), items(), tables=tmp_path / "file")

    assert notice.level is Level.WARNING
    assert "not kept" in notice.text


def test_what_sends_dicom_behind_it_sends_segments_and_report(tmp_path: Path) -> None:
    given = items()
    chi = given[1]
    assert isinstance(chi, ChiMap)
    image = volume_of(chi.scan, Quantity.CHI, chi.chi_ppm.astype(np.float32), 0)
    context = Context(storage=tmp_path, run="run 1", chain="abc")
    reads, sends = MakeReadings(readings=("lesions",), page=True), WriteDicomFolder()
    reads.enter(context)
    sends.enter(context)

    made = [out for item in (*given, image) for out in reads.feed(item)] + list(reads.finish())
    for item in made:
        if isinstance(item, sends.accepts):
            list(sends.feed(item))
    list(sends.finish())

    files = [dcmread(file) for file in (tmp_path / "dicom").rglob("*.dcm")]
    images = {str(f.SOPInstanceUID) for f in files if f.Modality == "MR"}
    (segments,) = [file for file in files if file.Modality == "SEG"]
    (report,) = [file for file in files if file.Modality == "SR"]
    assert [str(each.SegmentLabel) for each in segments.SegmentSequence][:2] == [
        "lesion 1", "lesion 2"
    ]  # fmt: skip
    referred = {str(i.value) for i in report.iterall() if i.keyword == "ReferencedSOPInstanceUID"}
    assert referred - {str(segments.SOPInstanceUID)} <= images
    assert "chain: abc" in {str(item.value) for item in report.iterall()}
    assert {file.Modality for file in files} == {"MR", "SEG", "SR", "OT"}
    assert len({str(file.StudyInstanceUID) for file in files}) == 1
