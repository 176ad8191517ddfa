"""What names the patient and the study of a DICOM image, in the words of an MRD header."""

from __future__ import annotations

import pydicom

from streamrecon.errors import DataError
from streamrecon.model.scan import Ids
from streamrecon.model.study import SourceSeries, Study, StudyInfo, Subject


def ids_of(image: pydicom.Dataset) -> Ids:
    """Patient, study, frame of reference and scanner of an image, in the words of an MRD header."""

    def text(tag: str) -> str:
        return str(image.get(tag) or "")

    visit = StudyInfo(
        Subject(
            name=text("PatientName"), patient_id=text("PatientID"),
            birth_date=_date(text("PatientBirthDate")), sex=text("PatientSex"),
            weight_kg=text("PatientWeight"),
        ),
        Study(
            date=_date(text("StudyDate")), time=_time(text("StudyTime")),
            study_id=text("StudyID"), accession=text("AccessionNumber"),
            physician=text("ReferringPhysicianName"), description=text("StudyDescription"),
            body_part=text("BodyPartExamined"),
        ),
        SourceSeries(
            date=_date(text("SeriesDate")), time=_time(text("SeriesTime")),
            number=text("SeriesNumber"), institution=text("InstitutionName"),
            station=text("StationName"), serial=text("DeviceSerialNumber"),
            sequence=text("SequenceName"),
        ),
    )  # fmt: skip
    return Ids(
        measurement=text("SeriesInstanceUID"),
        study_uid=text("StudyInstanceUID"),
        series_uid=text("SeriesInstanceUID"),
        frame_of_reference_uid=text("FrameOfReferenceUID"),
        visit=visit,
    )


def refuse_other_study(one: Ids, other: Ids) -> None:
    """Refuse images of two patients or studies as two parts of one.

    Raises
    ------
    DataError
        If both name theirs, and they differ.
    """
    named = {
        "patient": (one.visit.subject.patient_id, other.visit.subject.patient_id),
        "study": (one.study_uid, other.study_uid),
    }
    for what, (first, second) in named.items():
        if first and second and first != second:
            raise DataError(f"DICOM: the parts are of another {what} each, needed images of one")


def _date(text: str) -> str:
    """20261128 as 2026-11-28."""
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}" if len(text) == 8 else ""


def _time(text: str) -> str:
    """101530.25 as 10:15:30."""
    return f"{text[:2]}:{text[2:4]}:{text[4:6]}" if len(text) >= 6 else ""
