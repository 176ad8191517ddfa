"""Makes DICOM objects for measurements, beside the MR images; needs the extra ``[objects]``.

A parametric map keeps floats, a segmentation labels, a page what a person reads. They refer to MR
images of a session, share their patient, study and frame of reference. Archives that refuse them
(many do) still take the MR images. The report is `streamrecon.output.readings.dicom.dicom_report`.

References
----------
DICOM PS3.3, A.75 (Parametric Map), A.51 (Segmentation), A.8.1 (Secondary Capture).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from highdicom import AlgorithmIdentificationSequence, VOILUTTransformation, pm, sc, seg
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code as HighdicomCode
from pydicom.uid import ExplicitVRLittleEndian

from streamrecon import __version__
from streamrecon.model.outputs.storage_form import Code

MAKER = "streamrecon"
_FILTERING = Code("123106", "DCM", "Multi-Scale/Resolution Filtering")
_DATES = (
    ("ContentDate", "ContentTime"),
    ("DateOfSecondaryCapture", "TimeOfSecondaryCapture"),
)
_NO_DAY, _NO_TIME = "19000101", "000000"  # where a person was taken out, and a date must be


@dataclass(frozen=True, slots=True)
class Label:
    """One kind of thing in a segmentation: its name, what it is, and in which category.

    ``tracking_uid`` is the same in whatever speaks of the thing.
    """

    name: str
    kind: Code
    category: Code
    tracking_uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """What tells one object from all others: its UIDs, its series, its number there, when made."""

    series_uid: str
    uid: str
    series_number: int
    description: str
    made: datetime
    number: int = 1

    def words(self) -> dict[str, str | int]:
        """The words that every object of highdicom takes."""
        return {
            "series_instance_uid": self.series_uid,
            "series_number": self.series_number,
            "sop_instance_uid": self.uid,
            "instance_number": self.number,
            "manufacturer": MAKER,
            "series_description": self.description[:64],
        }


def parametric_map(
    sources: Sequence[Dataset],
    values: NDArray[np.floating],
    *,
    name: str,
    unit: Code,
    concept: Code,
    instance: Instance,
) -> Dataset:
    """Float map on the grid of ``sources``, one MR image per slice.

    Parameters
    ----------
    sources
        MR images [Z], in the order of ``values``.
    values
        [Z, Y, X], in ``unit``; no scale is applied.
    name
        What tells it from other maps of its series.
    unit, concept
        Coded unit and quantity.
    instance
        Its names and numbers.
    """
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    mapping = pm.RealWorldValueMapping(
        lut_label=concept.meaning[:16],
        lut_explanation=concept.meaning,
        unit=coded(unit),
        value_range=(low, high),
        slope=1.0,
        intercept=0.0,
        quantity_definition=coded(concept),
    )
    made = pm.ParametricMap(
        source_images=list(sources),
        pixel_array=values.astype(np.float32),
        manufacturer_model_name=MAKER,
        software_versions=__version__,
        device_serial_number=__version__,
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[mapping],
        voi_lut_transformations=[_window(low, high)],
        derived_pixel_contrast="NONE",  # QUANTITY is newer than the checkers that hospitals have
        content_label=re.sub("[^A-Z0-9]+", "_", name.upper())[:16],
        content_description=name,
        **instance.words(),
    )
    return finished(made, sources[0], instance.made)


def segmentation(
    sources: Sequence[Dataset],
    masks: NDArray[np.bool_] | NDArray[np.integer],
    labels: Sequence[Label],
    *,
    instance: Instance,
) -> Dataset:
    """Binary segments on the grid of ``sources``.

    Parameters
    ----------
    sources
        MR images [Z], in the order of ``masks``.
    masks
        One mask per label [Z, Y, X, label], which may overlap; or numbers of labels [Z, Y, X].
    labels
        What each mask shows, segments 1..n.
    instance
        Its names and numbers.
    """
    algorithm = AlgorithmIdentificationSequence(
        name=MAKER, version=__version__, family=coded(_FILTERING)
    )
    descriptions = [
        seg.SegmentDescription(
            segment_number=number,
            segment_label=label.name[:64],
            segmented_property_category=coded(label.category),
            segmented_property_type=coded(label.kind),
            tracking_uid=label.tracking_uid,
            tracking_id=label.name,
            algorithm_type=seg.SegmentAlgorithmTypeValues.AUTOMATIC,
            algorithm_identification=algorithm,
        )
        for number, label in enumerate(labels, start=1)
    ]
    made = seg.Segmentation(
        source_images=list(sources),
        pixel_array=np.ascontiguousarray(masks),
        segmentation_type=seg.SegmentationTypeValues.BINARY,
        segment_descriptions=descriptions,
        manufacturer_model_name=MAKER,
        software_versions=__version__,
        device_serial_number=__version__,
        content_label="SEGMENTATION",
        **instance.words(),
    )
    return finished(made, sources[0], instance.made)


def page(source: Dataset, pixels: NDArray[np.uint8], *, instance: Instance) -> Dataset:
    """Secondary capture of a picture [rows, columns, 3] about the study of an image."""
    made = sc.SCImage.from_ref_dataset(
        source,
        pixel_array=pixels,
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=("L", "P"),
        transfer_syntax_uid=ExplicitVRLittleEndian,
        **instance.words(),
    )
    made.BurnedInAnnotation = "YES"
    made.ImageType = ["DERIVED", "SECONDARY"]
    return finished(made, source, instance.made)


def _window(low: float, high: float) -> VOILUTTransformation:
    """From the lowest value to the highest; the usual function has no window below 1."""
    return VOILUTTransformation(
        window_center=(low + high) / 2,
        window_width=max(high - low, 1e-6),
        voi_lut_function="LINEAR_EXACT",
    )


def coded(code: Code) -> HighdicomCode:
    """The code as highdicom takes it."""
    return HighdicomCode(code.value, code.scheme, code.meaning)


def finished(made: Dataset, source: Dataset, when: datetime) -> Dataset:
    """What highdicom leaves out or cannot know.

    Without the part of the body a checker asks for its side. Where the person was taken out of
    the images no date of today comes back.
    """
    if made.Modality != "SR":
        made.BodyPartExamined = source.get("BodyPartExamined") or "BRAIN"
    made.ContentQualification = "RESEARCH"
    for keyword in ("StudyDescription", "PatientWeight"):
        if keyword in source and keyword not in made:
            made[keyword] = source[keyword]
    if source.get("PatientIdentityRemoved") == "YES":
        made.PatientIdentityRemoved = "YES"
        made.DeidentificationMethodCodeSequence = source.DeidentificationMethodCodeSequence
        _put_dates(made, "", "")
    else:
        _put_dates(made, when.strftime("%Y%m%d"), when.strftime("%H%M%S"))
    return made


def _put_dates(made: Dataset, day: str, moment: str) -> None:
    """The dates of its making; empty ones leave the attributes out, where that is allowed."""
    for date, time in _DATES:
        if date in made:
            made[date].value, made[time].value = day or _NO_DAY, moment or _NO_TIME
    for item in made.get("ContributingEquipmentSequence", []):
        item.ContributionDateTime = day + moment
        if not day:
            del item.ContributionDateTime
    made.InstanceCreationDate, made.InstanceCreationTime = day, moment
    if not day:
        del made.InstanceCreationDate, made.InstanceCreationTime
