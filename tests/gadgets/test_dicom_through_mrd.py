"""DICOM that was converted to MRD images: the echoes are those of the DICOM files themselves."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from images_as_sent import assembled

from streamrecon.commands.image_inputs.dicom_files import dicom_part
from streamrecon.model.complex_part import Part
from streamrecon.mrd.wire.layout import IMAGE
from streamrecon.mrd.wire.messages import Image


def converted(folder: Path) -> Iterator[Image]:
    """Images as the usual converter makes them of Philips' files.

    Position is the corner, counters stand still, all are magnitude; the data set comes beside.
    """
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        image = pydicom.dcmread(path)
        head = np.zeros(1, IMAGE)[0]
        dy, dx = map(float, image.PixelSpacing)
        head["matrix_size"], head["channels"] = (image.Columns, image.Rows, 1), 1
        head["field_of_view"] = (dy * image.Rows, dx * image.Columns, image.SliceThickness)
        row, column = np.array(image.ImageOrientationPatient, float).reshape(2, 3)
        head["position"], head["image_type"] = image.ImagePositionPatient, 1
        head["read_dir"], head["phase_dir"] = row, column
        head["slice_dir"] = np.cross(row, column)
        pixels = image.pixel_array
        del image["PixelData"]
        text = image.to_json(suppress_invalid_tags=True).encode()
        yield Image(head, pixels[None, None], {"DicomJson": (base64.b64encode(text).decode(),)})


@pytest.mark.shared
def test_images_of_philips_are_read_as_their_files_are(shared_data: Path) -> None:
    folder = shared_data / "dicom-in" / "philips-dual-echo"
    phase, magnitude = (dicom_part(part, [folder]) for part in (Part.PHASE, Part.MAGNITUDE))

    (echoes,), said = assembled(list(converted(folder)))

    expected = magnitude.values * np.exp(1e-3j * phase.values.astype(np.float64))
    ratio = np.vdot(expected, echoes.data) / np.vdot(expected, expected)
    assert any("milliradians; sign +1 (vendor table)" in text for text in said)
    assert echoes.scan.geometry.same_as(phase.geometry, tolerance_mm=0.01)
    assert echoes.scan.echoes.te_s == pytest.approx((0.007001, 0.010))
    assert abs(np.angle(ratio)) < 1e-3
    # both echoes by one factor; phase is stored in steps of 1.5 mrad
    assert np.linalg.norm(echoes.data - ratio * expected) < 5e-3 * np.linalg.norm(echoes.data)
