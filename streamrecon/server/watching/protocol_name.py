"""The name of a scan's protocol, where it cannot be a person's."""

from __future__ import annotations

import re

from streamrecon.errors import HeaderError
from streamrecon.mrd.header.fields import read_findings
from streamrecon.mrd.header.study import visit_of

_LONGEST = 64  # of DICOM's protocol name
_SHORTEST_WORD = 3  # "de", "GR": letters that names and sequences have in common


def public_protocol(header_xml: bytes) -> str:
    """Name of the protocol as the header says it; empty where the patient is named in it.

    A technician may type a name into whatever field there is. It is left out where it shares a
    word with the patient's name or number, the accession number or the physician. What that gets
    wrong: a name that the header says nowhere else is shown.

    Examples
    --------
    >>> head = "<ismrmrdHeader><subjectInformation><patientName>{}</patientName>"
    >>> tail = "</subjectInformation><measurementInformation><protocolName>qsm Meyer"
    >>> end = "</protocolName></measurementInformation></ismrmrdHeader>"
    >>> [public_protocol((head.format(n) + tail + end).encode()) for n in ("Roe", "MEYER^A")]
    ['qsm Meyer', '']
    """
    try:
        facts = read_findings(header_xml)
    except HeaderError:  # the chain tells the client
        return ""
    name = facts.text("measurementInformation/protocolName")[:_LONGEST]
    visit = visit_of(facts)
    persons = (visit.subject.name, visit.subject.patient_id)
    numbers = (visit.study.accession, visit.study.physician)
    return "" if _words(name) & _words(" ".join((*persons, *numbers))) else name


def _words(text: str) -> set[str]:
    found = re.findall(r"\w+", text.replace("_", " ").casefold())
    return {word for word in found if len(word) >= _SHORTEST_WORD}
