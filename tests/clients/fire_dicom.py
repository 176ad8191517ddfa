"""A host's conversion of an MRD image to DICOM, by what is documented of FIRE's hosts.

Pixels as they come, scale and whole window from the meta, image type from the fourth value on,
place from the centre. Only what such a host has a form for: one slice of 16-bit integers.
"""

from __future__ import annotations

import io

import numpy as np
import pydicom
from mrd_clients import Received
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels import apply_modality_lut
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

TICK_S = 2.5e-3
_COMPONENTS = {1: "M", 2: "P", 3: "R", 4: "I"}


def dicom_of(image: Received) -> Dataset | None:
    """The image as a file that was written and read; ``None`` for what a host makes no file of."""
    header, pixels = image.header, image.pixels
    is_shown = pixels.shape[:2] == (1, 1) and pixels.dtype in {np.dtype("u2"), np.dtype("i2")}
    if not is_shown or header.image_type not in _COMPONENTS:
        return None
    data = Dataset()
    data.SOPClassUID, data.SOPInstanceUID = MRImageStorage, generate_uid()
    data.SeriesNumber, data.InstanceNumber = header.image_series_index, header.image_index
    data.SeriesDescription = "_".join(image.meta["SeriesDescription"])
    data.ImageComments = "_".join(image.meta["ImageComment"])
    data.ImageType = _image_type(image)
    seconds = header.acquisition_time_stamp * TICK_S
    minutes, second = divmod(seconds, 60)
    data.AcquisitionTime = f"{int(minutes) // 60:02d}{int(minutes) % 60:02d}{second:09.6f}"
    if image.text("EchoTime"):
        data.EchoTime = image.text("EchoTime")
    _put_place(data, image)
    _put_pixels(data, image)
    return _through_a_file(data)


def shown(data: Dataset) -> np.ndarray:
    """The numbers that a viewer shows [Y, X]."""
    return np.asarray(apply_modality_lut(data.pixel_array, data), np.float64)


def places_lps_mm(data: Dataset) -> np.ndarray:
    """Where the corners of the image lie [4, 3]."""
    row, column = np.reshape(np.array(data.ImageOrientationPatient, float), (2, 3))
    down_mm, along_mm = map(float, data.PixelSpacing)
    first = np.array(data.ImagePositionPatient, float)
    return np.stack(
        [
            first + row * along_mm * x + column * down_mm * y
            for y in (0, data.Rows - 1)
            for x in (0, data.Columns - 1)
        ]
    )


def _image_type(image: Received) -> list[str]:
    """OpenRecon's whole type, else the host's with what FIRE appends."""
    whole = image.text("DicomImageType")
    if whole:
        return whole.split("\\")
    origin = "DERIVED" if image.text("DataRole") == "Quantitative" else "ORIGINAL"
    component = _COMPONENTS[image.header.image_type]
    return [origin, "PRIMARY", component, *image.meta.get("ImageType", ())]


def _put_place(data: Dataset, image: Received) -> None:
    """``position`` is that of the middle voxel; the meta's directions win."""
    fov, (nx, ny, _) = np.array(image.header.field_of_view, float), image.header.matrix_size
    row, column = (np.array(image.meta[name], float) for name in ("ImageRowDir", "ImageColumnDir"))
    along_mm, down_mm = fov[0] / nx, fov[1] / ny
    middle = np.array(image.header.position, float)
    corner = middle - row * along_mm * (nx // 2) - column * down_mm * (ny // 2)
    data.PixelSpacing = [f"{down_mm:.9g}", f"{along_mm:.9g}"]
    data.SliceThickness = f"{fov[2]:.9g}"
    data.ImagePositionPatient = [f"{value:.9g}" for value in corner]
    data.ImageOrientationPatient = [f"{value:.9f}" for value in (*row, *column)]


def _put_pixels(data: Dataset, image: Received) -> None:
    pixels = image.pixels[0, 0]
    data.Rows, data.Columns = pixels.shape
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation = 15, int(pixels.dtype.kind == "i")
    data.RescaleSlope, data.RescaleIntercept = (
        image.text(name) for name in ("RescaleSlope", "RescaleIntercept")
    )
    if image.text("WindowCenter"):  # a host reads long: what is no whole number is cut
        data.WindowCenter, data.WindowWidth = (
            int(float(image.text(name))) for name in ("WindowCenter", "WindowWidth")
        )
    data.PixelData = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()


def _through_a_file(data: Dataset) -> Dataset:
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    file = io.BytesIO()
    data.save_as(file, enforce_file_format=True)
    return pydicom.dcmread(io.BytesIO(file.getvalue()))
