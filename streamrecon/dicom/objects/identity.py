"""Identifies patient, study and scanner in the files: as in the header, or de-identified."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field, replace

from streamrecon.dicom.objects.uids import is_uid, uid_of
from streamrecon.model.scan import Ids
from streamrecon.model.study import SourceSeries, Study, StudyInfo, Subject

NO_STUDY_UID = (
    "the header has no study UID: one was generated, the images will not file with the scanner's"
)
NO_PATIENT_ID = "the header has no patient ID: an archive may file the images with other patients"


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """Patient, study and scan.

    Parameters
    ----------
    visit
        Texts of the header.
    protocol
        Name of the protocol; empty when de-identified.
    study_uid, frame_uid
        Of the study and of the frame of reference, valid.
    scan_uid
        Name of this scan, from which the UIDs of its series and images follow.
    is_removed
        Whether the person was taken out.
    messages
        Messages for the user.
    """

    visit: StudyInfo
    protocol: str
    study_uid: str
    frame_uid: str
    scan_uid: str
    is_removed: bool = False
    messages: tuple[str, ...] = field(default=())


def identity_of(ids: Ids, run: str, *, patient_id_fallback: str = "") -> Identity:
    """Identity from the header.

    A missing study UID follows from patient and day where both are known, so that scans of one
    visit stay together; else from the run, so that no two patients ever share a study.
    """
    visit = ids.visit
    messages = []
    if not visit.subject.patient_id:
        messages.append(NO_PATIENT_ID)
        visit = replace(visit, subject=replace(visit.subject, patient_id=patient_id_fallback))
    study_uid = ids.study_uid
    if not is_uid(study_uid):
        messages.append(NO_STUDY_UID)
        study_uid = _generated_study(ids.visit, run)
    header = hashlib.sha256(ids.header_xml).hexdigest()
    scan_uid = uid_of("scan", study_uid, ids.measurement, header)
    frame_uid = ids.frame_of_reference_uid
    return Identity(
        visit,
        ids.protocol,
        study_uid,
        frame_uid if is_uid(frame_uid) else uid_of("frame", scan_uid),
        scan_uid,
        messages=tuple(messages),
    )


def study_uid_of(ids: Ids, secret: bytes | None) -> str:
    """Study of a scan as its files have it, with a secret that of the pseudonym; "" if not known.

    >>> study_uid_of(Ids(study_uid="1.2.3"), None), study_uid_of(Ids(), None)
    ('1.2.3', '')
    """
    if not is_uid(ids.study_uid):
        return ""
    return ids.study_uid if secret is None else _study_of_pseudonym(ids.study_uid, secret)


def _study_of_pseudonym(study_uid: str, secret: bytes) -> str:
    return uid_of("pseudonym", _keyed(secret, study_uid))


def _generated_study(visit: StudyInfo, run: str) -> str:
    patient_id, day = visit.subject.patient_id, visit.study.date
    if patient_id and day:
        return uid_of("study", patient_id, day, visit.study.study_id, visit.origin.serial)
    return uid_of("study of a run", run)


def without_person(identity: Identity, secret: bytes) -> Identity:
    """The same scan of a pseudonym.

    Patient ID and UIDs become keyed hashes: one secret gives one pseudonym per patient and keeps
    studies and series together, and nobody without it can follow them back. Names, dates,
    physician, institution, device, accession and the free texts of the protocol are dropped.
    Sex and part of the body stay. The images themselves may still show a face.

    References
    ----------
    DICOM PS3.15, Annex E, Basic Application Level Confidentiality Profile.
    """
    visit = identity.visit
    pseudonym = _keyed(secret, visit.subject.patient_id or identity.study_uid)[:16].upper()
    return replace(
        identity,
        visit=StudyInfo(
            Subject(patient_id=pseudonym, name=f"ANONYMOUS^{pseudonym}", sex=visit.subject.sex),
            Study(
                study_id=_keyed(secret, identity.study_uid)[:16], body_part=visit.study.body_part
            ),
            SourceSeries(number=visit.origin.number),
        ),
        protocol="",
        study_uid=_study_of_pseudonym(identity.study_uid, secret),
        frame_uid=uid_of("pseudonym", _keyed(secret, identity.frame_uid)),
        scan_uid=uid_of("pseudonym", _keyed(secret, identity.scan_uid)),
        is_removed=True,
    )


def _keyed(secret: bytes, text: str) -> str:
    return hmac.new(secret, text.encode(), "sha256").hexdigest()
