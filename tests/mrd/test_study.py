"""Whose scan it is, out of the header."""

from __future__ import annotations

from mrd_headers import header_of

from streamrecon.mrd.header.protocol import read_protocol

SUBJECT = (
    "<subjectInformation><patientName>Doe^Jane</patientName>"
    "<patientWeight_kg>not told</patientWeight_kg><patientID>0042</patientID>"
    "<patientGender>F</patientGender></subjectInformation>"
)
STUDY = (
    "<studyInformation><studyDate>2026-02-03</studyDate><accessionNumber>17</accessionNumber>"
    "</studyInformation>"
)
ACCESSION = (
    "<userParameterString><name>AccessionNumber</name><value>A0017</value></userParameterString>"
)


def test_the_header_names_the_patient_and_the_study() -> None:
    visit = read_protocol(header_of(study=SUBJECT + STUDY)).ids.visit

    assert (visit.subject.name, visit.subject.patient_id) == ("Doe^Jane", "0042")
    assert (visit.study.date, visit.study.accession) == ("2026-02-03", "17")


def test_a_weight_that_is_no_number_fails_no_scan() -> None:
    protocol = read_protocol(header_of(study=SUBJECT))

    assert protocol.ids.visit.subject.weight_kg == "not told"


def test_the_accession_number_with_its_letters_wins() -> None:
    protocol = read_protocol(header_of(study=STUDY, user=ACCESSION))

    assert protocol.ids.visit.study.accession == "A0017"


def test_nothing_of_the_patient_is_shown_when_a_scan_is_printed() -> None:
    protocol = read_protocol(header_of(study=SUBJECT + STUDY))

    shown = repr(protocol) + repr(protocol.ids) + repr(protocol.ids.visit.subject)

    assert "Doe" not in shown
    assert "0042" not in shown
