"""What the MR Image IOD requires is in every file; this check needs no program of others."""

from __future__ import annotations

import pytest
from dicom_scans import session_of
from test_valid_files import KINDS

from streamrecon.dicom.objects.series import DicomScan

# DICOM PS3.3, Table A.4-1 and the modules that it requires. Type 1: there, with a value.
TYPE_1 = [
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "Modality",
    "FrameOfReferenceUID",
    "ImageType",
    "ScanningSequence",
    "SequenceVariant",
    "PixelSpacing",
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelData",
]
# Type 2: there, perhaps empty.
TYPE_2 = [
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
    "StudyID",
    "AccessionNumber",
    "SeriesNumber",
    "Manufacturer",
    "InstanceNumber",
    "PositionReferenceIndicator",
    "PatientPosition",
    "SliceThickness",
    "ScanOptions",
    "MRAcquisitionType",
    "RepetitionTime",
    "EchoTime",
    "EchoTrainLength",
]


@pytest.mark.parametrize("kind", KINDS)
def test_required_attributes_are_there_and_type_1_has_a_value(kind: str) -> None:
    scan, run = KINDS[kind]
    dicom = DicomScan(scan.protocol.ids, run)

    images = [image for volume in session_of(scan) for image in dicom.images(volume).datasets]

    for image in images:
        assert [keyword for keyword in TYPE_1 + TYPE_2 if keyword not in image] == []
        assert [keyword for keyword in TYPE_1 if image[keyword].is_empty] == []
        for item in image.get("RealWorldValueMappingSequence", []):
            assert item.RealWorldValueSlope > 0
            assert len(item.MeasurementUnitsCodeSequence) == 1
