"""Maps of floats, segments and reports are valid, and say what they were given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from checkers import complaints
from dicom_scans import GRIDS, IDS, scan_of, volume_of
from pydicom import dcmread
from pydicom.dataset import Dataset

from streamrecon.dicom.objects.series import DicomScan, Run
from streamrecon.model.quantities import Quantity
from streamrecon.model.storage_form import Code

objects = pytest.importorskip("streamrecon.dicom.objects.measurement_objects", exc_type=ImportError)

SCAN = scan_of(GRIDS["oblique"])
PPB = Code("[ppb]", "UCUM", "parts per billion")
CHI = Code("126396", "DCM", "Magnetic Susceptibility")
VEIN = objects.Label("vein", Code("29092000", "SCT", "Vein"))


@pytest.fixture(scope="module")
def sources() -> list[Dataset]:
    """MR images of a susceptibility map."""
    return DicomScan(IDS, Run("run")).images(volume_of(SCAN, Quantity.CHI)).datasets


def segments_of(sources: list[Dataset]) -> tuple[Dataset, np.ndarray]:
    masks = np.zeros((*SCAN.geometry.shape, 1), bool)
    masks[1, 2:5, 1:4] = True
    made = objects.segmentation(sources, masks, [VEIN], series_number=590, description="veins")
    return made, masks


def checked(made: Dataset, folder: Path) -> Dataset:
    """The object read again, without an error of dciodvfy."""
    file = folder / "object.dcm"
    made.save_as(file, enforce_file_format=True)
    faults = [line for line in complaints([file])[file] if line.startswith("Error")]
    assert faults == []
    return dcmread(file)


def test_a_float_map_keeps_every_digit(sources: list[Dataset], tmp_path: Path) -> None:
    values = 1e3 * volume_of(SCAN, Quantity.CHI).values

    made = objects.parametric_map(
        sources, values, unit=PPB, concept=CHI, series_number=580, description="QSM float"
    )

    found = checked(made, tmp_path)
    order = [
        int(item.PlanePositionSequence[0].ImagePositionPatient != [])
        for item in found.PerFrameFunctionalGroupsSequence
    ]
    assert len(order) == len(values)
    frames = np.frombuffer(found.FloatPixelData, np.float32).reshape(values.shape)
    assert sorted(frames.ravel()) == sorted(values.astype(np.float32).ravel())
    assert found.StudyInstanceUID == IDS.study_uid
    assert found.FrameOfReferenceUID == IDS.frame_of_reference_uid


def test_segments_are_where_they_were_put(sources: list[Dataset], tmp_path: Path) -> None:
    made, masks = segments_of(sources)

    found = checked(made, tmp_path)

    assert found.SegmentSequence[0].SegmentLabel == "vein"
    assert int(found.pixel_array.sum()) == int(masks.sum())
    (frame,) = found.PerFrameFunctionalGroupsSequence
    position = frame.PlanePositionSequence[0].ImagePositionPatient
    assert np.allclose(position, sources[1].ImagePositionPatient, atol=1e-3)


def test_a_report_has_its_numbers_with_unit_and_concept(
    sources: list[Dataset], tmp_path: Path
) -> None:
    segments, _ = segments_of(sources)
    finding = objects.Finding(1, "vein 1", VEIN.kind, {"chi": (312.5, PPB, CHI)})

    made = objects.report(
        sources, segments, [finding], series_number=591, description="vein report"
    )

    found = checked(made, tmp_path)
    numbers = [item for item in found.iterall() if item.keyword == "NumericValue"]
    assert [float(item.value) for item in numbers] == [312.5]
    assert (found.VerificationFlag, found.PreliminaryFlag) == ("UNVERIFIED", "PRELIMINARY")
