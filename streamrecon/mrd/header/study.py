"""Reads patient, study and scanner from the MRD header; no fault there fails a scan."""

from __future__ import annotations

from streamrecon.model.study import SourceSeries, Study, StudyInfo, Subject
from streamrecon.mrd.header.fields import HeaderFields

_STUDY = "studyInformation"
_SUBJECT = "subjectInformation"
_MEASUREMENT = "measurementInformation"
_SYSTEM = "acquisitionSystemInformation"


def visit_of(facts: HeaderFields) -> StudyInfo:
    """What the header says, as text.

    The schema's accession number is a whole number, which drops zeros and letters; where the
    scanner also gives it as the user parameter ``AccessionNumber``, that one is taken.
    """
    return StudyInfo(
        Subject(
            name=facts.text(f"{_SUBJECT}/patientName"),
            patient_id=facts.text(f"{_SUBJECT}/patientID"),
            birth_date=facts.text(f"{_SUBJECT}/patientBirthdate"),
            sex=facts.text(f"{_SUBJECT}/patientGender"),
            weight_kg=facts.text(f"{_SUBJECT}/patientWeight_kg"),
        ),
        Study(
            date=facts.text(f"{_STUDY}/studyDate"),
            time=facts.text(f"{_STUDY}/studyTime"),
            study_id=facts.text(f"{_STUDY}/studyID"),
            accession=facts.user_string("AccessionNumber")
            or facts.text(f"{_STUDY}/accessionNumber"),
            physician=facts.text(f"{_STUDY}/referringPhysicianName"),
            description=facts.text(f"{_STUDY}/studyDescription"),
            body_part=facts.text(f"{_STUDY}/bodyPartExamined"),
        ),
        SourceSeries(
            date=facts.text(f"{_MEASUREMENT}/seriesDate"),
            time=facts.text(f"{_MEASUREMENT}/seriesTime"),
            number=facts.text(f"{_MEASUREMENT}/initialSeriesNumber"),
            institution=facts.text(f"{_SYSTEM}/institutionName"),
            station=facts.text(f"{_SYSTEM}/stationName"),
            serial=facts.text(f"{_SYSTEM}/deviceSerialNumber"),
            sequence=facts.text(f"{_MEASUREMENT}/sequenceName"),
        ),
    )
