"""The attributes that all images of a series share, module by module.

Milliseconds, degrees and megahertz are spoken here. What the header does not say is left empty
where DICOM wants the attribute, and left out elsewhere; nothing is made up.

References
----------
DICOM PS3.3, A.4 (MR Image IOD) and C.7, C.8.3, C.12.
"""

from __future__ import annotations

import math
from datetime import datetime

from pydicom.dataset import Dataset

from streamrecon import __version__
from streamrecon.dicom.objects.identity import Identity
from streamrecon.dicom.objects.image_planes import Planes
from streamrecon.dicom.objects.value_representations import decimal, plain, put, put_known
from streamrecon.model.images import Volume
from streamrecon.model.outputs.own_images import GROWS_WITH_FIELD
from streamrecon.model.outputs.storage_form import Code, StorageForm

MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
RESEARCH = "Research, not for diagnostic use"
SOFTWARE = f"streamrecon {__version__}"

_SEXES = {"M", "F", "O"}
_POSITIONS = {"HFS", "HFP", "HFDL", "HFDR", "FFS", "FFP", "FFDL", "FFDR"}
_UNPAIRED = {
    *("HEAD", "SKULL", "BRAIN", "NECK", "HEADNECK", "SPINE", "CSPINE", "TSPINE", "LSPINE"),
    *("CHEST", "HEART", "ABDOMEN", "LIVER", "PANCREAS", "PELVIS", "BLADDER", "PROSTATE", "UTERUS"),
    "WHOLEBODY",
}
_LARGEST_IS = 2**31 - 1
_UNNUMBERED = 90  # hundreds of the series number where the scanner gave none: behind its own
_PROCESSING = Code("109102", "DCM", "Processing Equipment")
_BASIC_PROFILE = Code("113100", "DCM", "Basic Application Confidentiality Profile")


def put_patient(dataset: Dataset, identity: Identity) -> list[str]:
    """Patient module; keywords of texts that lost something."""
    subject = identity.visit.subject
    sex = subject.sex.upper()[:1]
    lost = [
        put(dataset, "PatientName", subject.name),
        put(dataset, "PatientID", subject.patient_id),
        put(dataset, "PatientBirthDate", subject.birth_date),
        put(dataset, "PatientSex", sex if sex in _SEXES else ""),
        put_known(dataset, "PatientWeight", subject.weight_kg),
    ]
    if identity.is_removed:
        dataset.PatientIdentityRemoved = "YES"
        dataset.DeidentificationMethodCodeSequence = [coded(_BASIC_PROFILE)]
    return lost


def put_study(dataset: Dataset, identity: Identity) -> list[str]:
    """Study module."""
    study = identity.visit.study
    dataset.StudyInstanceUID = identity.study_uid
    return [
        put(dataset, "StudyDate", study.date),
        put(dataset, "StudyTime", study.time),
        put(dataset, "StudyID", study.study_id),
        put(dataset, "AccessionNumber", study.accession),
        put(dataset, "ReferringPhysicianName", study.physician),
        put_known(dataset, "StudyDescription", study.description),
    ]


def put_series(dataset: Dataset, identity: Identity, volume: Volume, row: StorageForm) -> list[str]:
    """Series and frame of reference."""
    origin, protocol = identity.visit.origin, volume.scan.protocol
    position = protocol.patient_position
    dataset.Modality = "MR"
    dataset.SeriesDescription = series_description(identity, row)
    dataset.PatientPosition = position if position in _POSITIONS else ""
    dataset.FrameOfReferenceUID = identity.frame_uid
    dataset.PositionReferenceIndicator = ""
    lost = [
        put_known(dataset, "SeriesDate", origin.date),
        put_known(dataset, "SeriesTime", origin.time),
        put_known(dataset, "AcquisitionDate", origin.date),  # MRD dates the scan as its series
        put_known(dataset, "AcquisitionTime", origin.time),
        put_known(dataset, "SequenceName", origin.sequence),
        put_known(dataset, "ProtocolName", identity.protocol),
        put_known(dataset, "BodyPartExamined", identity.visit.study.body_part),
    ]
    if dataset.get("BodyPartExamined", "") not in _UNPAIRED:
        dataset.Laterality = ""  # it may be one of a pair, and the header does not say which
    return lost


def series_number(
    identity: Identity, row: StorageForm, echo: int | None = None, variant: int = 0
) -> int:
    """Hundreds from the scanner's own series, the rest from the kind of image.

    A series of one echo, or of another grid than the first, has three digits more: hundreds of the
    variant, and the echo from 1. A number that DICOM could not hold stays without them.
    """
    digits = identity.visit.origin.number
    first = int(digits) if digits.isdecimal() and len(digits) < 6 else _UNNUMBERED
    number = first * 100 + row.number
    if echo is None and not variant:
        return number
    longer = number * 1000 + variant * 100 + (0 if echo is None else echo + 1)
    return longer if longer <= _LARGEST_IS else number


def series_description(identity: Identity, row: StorageForm) -> str:
    """Protocol and kind of image, in letters that file namers downstream keep."""
    room = 64 - len(row.suffix) - 1
    protocol = plain(identity.protocol).strip("-_ ")[:room].strip()
    return f"{protocol}_{row.suffix}" if protocol else row.suffix


def put_equipment(
    dataset: Dataset, identity: Identity, volume: Volume, *, chain: str, started: datetime | None
) -> list[str]:
    """The scanner as equipment, this service as a contributor to it.

    The contributor carries no model name and no version of its own: dcm2niix takes those of any
    nested item for the scanner's.
    """
    protocol, origin = volume.scan.protocol, identity.visit.origin
    dataset.SoftwareVersions = SOFTWARE
    service = Dataset()
    service.Manufacturer = "streamrecon"
    if started is not None:
        service.ContributionDateTime = started.strftime("%Y%m%d%H%M%S")
    service.ContributionDescription = (
        f"Image reconstruction by {SOFTWARE}{chain and '; chain '}{chain}"
    )
    service.PurposeOfReferenceCodeSequence = [coded(_PROCESSING)]
    dataset.ContributingEquipmentSequence = [service]
    return [
        put(dataset, "Manufacturer", protocol.vendor),
        put_known(dataset, "ManufacturerModelName", protocol.model),
        put_known(dataset, "InstitutionName", origin.institution),
        put_known(dataset, "StationName", origin.station),
        put_known(dataset, "DeviceSerialNumber", origin.serial),
    ]


def put_acquisition(dataset: Dataset, volume: Volume) -> None:
    """MR image module: how the scan was made."""
    scan, protocol, echoes = volume.scan, volume.scan.protocol, volume.scan.echoes
    is_2d = protocol.encoding.encoded_shape[0] == 1
    dataset.ScanningSequence = "GR"
    dataset.SequenceVariant = "SP"
    dataset.ScanOptions = ""
    dataset.MRAcquisitionType = "2D" if is_2d else "3D"
    dataset.RepetitionTime = "" if echoes.tr_s is None else decimal(echoes.tr_s * 1e3)
    dataset.EchoTime = ""
    dataset.EchoTrainLength = len(echoes)
    if volume.echo is not None:
        dataset.EchoNumbers = volume.echo + 1
        if echoes.te_s:
            dataset.EchoTime = decimal(echoes.te_s[volume.echo] * 1e3)
    if echoes.flip_rad is not None:
        dataset.FlipAngle = decimal(round(math.degrees(echoes.flip_rad), 6))
    if echoes.bandwidth_hz is not None:
        samples = protocol.encoding.encoded_shape[2]
        dataset.PixelBandwidth = decimal(round(echoes.bandwidth_hz / samples, 3))
    dataset.ImagingFrequency = decimal(protocol.f0_hz / 1e6)
    dataset.ImagedNucleus = "1H"
    dataset.MagneticFieldStrength = decimal(round(scan.b0_t, 4))
    dataset.NumberOfAverages = decimal(len(protocol.encoding.average))
    coils = {label.partition(":")[0].strip() for label in protocol.coil_labels}
    if len(coils) == 1:  # of several coils none is the one that received
        put_known(dataset, "ReceiveCoilName", plain(coils.pop()))
    dataset.AcquisitionNumber = volume.repetition + 1
    if len(protocol.encoding.repetition) > 1:
        dataset.TemporalPositionIdentifier = volume.repetition + 1
        dataset.NumberOfTemporalPositions = len(protocol.encoding.repetition)


def put_plane(dataset: Dataset, volume: Volume, planes: Planes) -> None:
    """Image plane module, but for the place of a single slice."""
    is_2d = volume.scan.protocol.encoding.encoded_shape[0] == 1
    thickness = volume.scan.slice_thickness_mm if is_2d else planes.between_mm
    dataset.ImageOrientationPatient = [decimal(cosine) for cosine in planes.orientation]
    dataset.PixelSpacing = [decimal(spacing) for spacing in planes.spacing_mm]
    dataset.SliceThickness = decimal(thickness if volume.slab_mm is None else volume.slab_mm)
    dataset.SpacingBetweenSlices = decimal(planes.between_mm)
    if volume.scan.protocol.ids.header_xml:  # else nobody said which axis was encoded by phase
        along_rows = abs(volume.geometry.axes_lps[1] @ planes.orientation[:3])
        dataset.InPlanePhaseEncodingDirection = "ROW" if along_rows > 0.5 else "COL"


def put_image_comments(dataset: Dataset, volume: Volume, row: StorageForm, chain: str) -> None:
    """How the image was made, what its reader must know, and that it is for research."""
    dataset.ContentQualification = "RESEARCH"
    dataset.BurnedInAnnotation = "NO"
    dataset.LossyImageCompression = "00"
    put(dataset, "ImageComments", ". ".join((RESEARCH, GROWS_WITH_FIELD, *volume.comments)))
    put(dataset, "DerivationDescription", derivation(volume, row, chain))
    if row.derivation is not None:
        dataset.DerivationCodeSequence = [coded(row.derivation)]


def derivation(volume: Volume, row: StorageForm, chain: str) -> str:
    """One text: quantity, echoes, sign, comments, software."""
    times_s = volume.scan.echoes.te_s
    chosen = times_s if volume.echo is None else times_s[volume.echo : volume.echo + 1]
    parts = [volume.quantity.label]
    if row.unit is not None:
        parts.append(f"stored in {decimal(row.slope)} {row.unit.value}")
    if chosen:
        parts.append(f"TE {', '.join(f'{te_s * 1e3:g}' for te_s in chosen)} ms")
    parts.append(f"phase sign of the scanner {volume.scan.phase_sign}, images: grows with field")
    parts += [*volume.comments, SOFTWARE]
    return "; ".join([*parts, f"chain {chain}"] if chain else parts)


def coded(code: Code) -> Dataset:
    """Item of a code sequence."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = code.value, code.scheme
    item.CodeMeaning = code.meaning
    return item
