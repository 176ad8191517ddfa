"""Whose scan it is: patient, study, series and scanner, as the MRD header says it.

Texts are kept as they came, empty where the header has nothing; nothing here is ever logged.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, repr=False)
class Subject:
    """The patient, in the header's words."""

    name: str = ""
    patient_id: str = ""
    birth_date: str = ""
    sex: str = ""
    weight_kg: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class Study:
    """The examination that the scan belongs to."""

    date: str = ""
    time: str = ""
    study_id: str = ""
    accession: str = ""
    physician: str = ""
    description: str = ""
    body_part: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class SourceSeries:
    """The series that the scanner itself would make of it, and the scanner."""

    date: str = ""
    time: str = ""
    number: str = ""
    institution: str = ""
    station: str = ""
    serial: str = ""
    sequence: str = ""


@dataclass(frozen=True, slots=True, repr=False)
class StudyInfo:
    """All that names the patient, the study and the scanner."""

    subject: Subject = field(default_factory=Subject)
    study: Study = field(default_factory=Study)
    origin: SourceSeries = field(default_factory=SourceSeries)
