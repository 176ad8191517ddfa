"""Whose scan it is: patient, study, series and scanner, as the MRD header says it.

Texts are kept as they came, empty where the header has nothing; nothing here is ever logged.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

_OLDEST_YEARS = 120.0  # older ones are dates that stand for none
_DAYS = 365.25


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

    @property
    def age_years(self) -> float | None:
        """The patient's age on the day of the study; ``None`` without both dates.

        >>> StudyInfo(Subject(birth_date="1960-03-01"), Study(date="20200301")).age_years
        60.0
        """
        try:
            born = date.fromisoformat(self.subject.birth_date)
            years = (date.fromisoformat(self.study.date) - born).days / _DAYS
        except ValueError:
            return None
        return years if 0 <= years <= _OLDEST_YEARS else None
