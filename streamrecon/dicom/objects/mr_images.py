"""Makes MR images of a volume, one per slice; what they have in common is built once.

Arrays [Z, Y, X] of 16-bit integers; units of time and angle are converted in
`streamrecon.dicom.objects.modules`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian

from streamrecon.dicom.objects.image_planes import Planes
from streamrecon.dicom.objects.modules import MR_IMAGE, coded
from streamrecon.dicom.objects.stored_pixels import StoredPixels, window_of
from streamrecon.dicom.objects.uids import IMPLEMENTATION
from streamrecon.dicom.objects.value_representations import decimal
from streamrecon.model.outputs.storage_form import Code, StorageForm

IMPLEMENTATION_NAME = "STREAMRECON"

_QUANTITY = Code("246205007", "SCT", "Quantity")
_SOURCE = Code("121322", "DCM", "Source image for image processing operation")


def put_pixel_description(dataset: Dataset, stored: StoredPixels, row: StorageForm) -> None:
    """Image pixel, VOI LUT and, for quantities with a unit, how a stored value is to be read.

    The scale stands in a real-world value mapping; a slope other than 1 also in a rescale, with
    the same number, because most readers know only that.
    """
    _, rows, columns = stored.pixels.shape
    dataset.ImageType = list(row.image_type)
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = rows, columns
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.PixelRepresentation = int(row.signed)
    centre, width = window_of(stored, row)
    dataset.WindowCenter, dataset.WindowWidth = decimal(centre), decimal(width)
    if row.is_rescaled:
        dataset.RescaleIntercept, dataset.RescaleSlope = "0", decimal(row.slope)
        dataset.RescaleType = "US"
    if row.unit is not None:
        dataset.RealWorldValueMappingSequence = [_mapping(row, row.unit)]


def _mapping(row: StorageForm, unit: Code) -> Dataset:
    item = Dataset()
    item.LUTExplanation = unit.meaning
    item.LUTLabel = row.suffix[:16]
    vr, first, last = ("SS", -(2**15), 2**15 - 1) if row.signed else ("US", 0, 2**16 - 1)
    item.add_new("RealWorldValueFirstValueMapped", vr, first)
    item.add_new("RealWorldValueLastValueMapped", vr, last)
    item.RealWorldValueIntercept, item.RealWorldValueSlope = 0.0, row.slope
    item.MeasurementUnitsCodeSequence = [coded(unit)]
    if row.concept is not None:
        definition = Dataset()
        definition.ValueType = "CODE"
        definition.ConceptNameCodeSequence = [coded(_QUANTITY)]
        definition.ConceptCodeSequence = [coded(row.concept)]
        item.QuantityDefinitionSequence = [definition]
    return item


def slices_of(
    shared: Dataset,
    stored: StoredPixels,
    planes: Planes,
    *,
    uids: Sequence[str],
    first_number: int,
    sources: Callable[[int], Sequence[str]],
) -> list[Dataset]:
    """One dataset per slice, in the order of the grid.

    Parameters
    ----------
    shared
        What all slices have; its elements are not copied.
    stored, planes
        The pixels and where they lie.
    uids
        SOP instance UID of each slice.
    first_number
        Instance number of the slice that comes first along the normal.
    sources
        UIDs of the images that the slice with a given index was made from.
    """
    elements = {element.tag: element for element in shared}
    vr = "SS" if shared.PixelRepresentation else "US"
    images = []
    for k, (pixels, uid) in enumerate(zip(stored.pixels, uids, strict=True)):
        image = Dataset(dict(elements))
        image.SOPInstanceUID = uid
        image.InstanceNumber = first_number + int(planes.ranks[k])
        image.ImagePositionPatient = [decimal(x) for x in planes.positions_mm[k]]
        image.SliceLocation = decimal(planes.locations_mm[k])
        image.add_new("SmallestImagePixelValue", vr, int(pixels.min()))
        image.add_new("LargestImagePixelValue", vr, int(pixels.max()))
        if references := [_reference(source) for source in sources(k)]:
            image.SourceImageSequence = references
        image.add_new("PixelData", "OW", _bytes(pixels))
        image.file_meta = _meta(uid)
        images.append(image)
    return images


def _bytes(pixels: NDArray[np.integer]) -> bytes:
    """Little-endian pixels, an even number of bytes since each has two."""
    return pixels.tobytes()


def _reference(uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = MR_IMAGE
    item.ReferencedSOPInstanceUID = uid
    item.SpatialLocationsPreserved = "YES"
    item.PurposeOfReferenceCodeSequence = [_SOURCE_ITEM]
    return item


_SOURCE_ITEM = coded(_SOURCE)


def _meta(uid: str) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = MR_IMAGE
    meta.MediaStorageSOPInstanceUID = uid
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = IMPLEMENTATION
    meta.ImplementationVersionName = IMPLEMENTATION_NAME
    return meta


def part10(image: Dataset) -> bytes:
    """The dataset as the bytes of a file."""
    room = BytesIO()
    dcmwrite(room, image, enforce_file_format=True)
    return room.getvalue()
