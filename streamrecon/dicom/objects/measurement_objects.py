"""Makes DICOM objects for measurements, beside the MR images; needs the extra ``[objects]``.

A parametric map keeps floats, a segmentation labels, a report numbers with their units. They refer
to MR images of a session, share their patient, study and frame of reference, and have UIDs that
the caller gives. Archives that refuse them (many do) still take the MR images.

References
----------
DICOM PS3.3, A.75 (Parametric Map), A.51 (Segmentation), A.35.13 (Comprehensive 3D SR);
PS3.16, TID 1500.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from highdicom import UID, AlgorithmIdentificationSequence, VOILUTTransformation, pm, seg, sr
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code as HighdicomCode

from streamrecon import __version__
from streamrecon.dicom.objects.uids import uid_of
from streamrecon.model.storage_form import Code

_MANUFACTURER = "streamrecon"
_MODEL = "streamrecon"
_ANATOMY = Code("91723000", "SCT", "Anatomical structure")
_PROCEDURE = Code("25056-3", "LN", "MR Unspecified body region")
_FILTERING = Code("123106", "DCM", "Multi-Scale/Resolution Filtering")


@dataclass(frozen=True, slots=True)
class Label:
    """One kind of thing in a segmentation: its name, what it is, and in which category."""

    name: str
    kind: Code
    category: Code = _ANATOMY


@dataclass(frozen=True, slots=True)
class Finding:
    """Numbers of one segment: name → (value, unit, concept)."""

    segment: int
    name: str
    kind: Code
    numbers: Mapping[str, tuple[float, Code, Code]]


def parametric_map(
    sources: Sequence[Dataset],
    values: NDArray[np.floating],
    *,
    unit: Code,
    concept: Code,
    series_number: int,
    description: str,
) -> Dataset:
    """Float map on the grid of ``sources``, one MR image per slice.

    Parameters
    ----------
    sources
        MR images [Z], in the order of ``values``.
    values
        [Z, Y, X], in ``unit``; no scale is applied.
    unit, concept
        Coded unit and quantity.
    series_number, description
        Of the new series.
    """
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    mapping = pm.RealWorldValueMapping(
        lut_label=description[:16],
        lut_explanation=concept.meaning,
        unit=_coded(unit),
        value_range=(low, high),
        slope=1.0,
        intercept=0.0,
        quantity_definition=_coded(concept),
    )
    series_uid, uid = _uids(sources, "map", description)
    made = pm.ParametricMap(
        source_images=list(sources),
        pixel_array=values.astype(np.float32),
        series_instance_uid=series_uid,
        series_number=series_number,
        sop_instance_uid=uid,
        instance_number=1,
        manufacturer=_MANUFACTURER,
        manufacturer_model_name=_MODEL,
        software_versions=__version__,
        device_serial_number=__version__,
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[mapping],
        voi_lut_transformations=[
            VOILUTTransformation(window_center=(low + high) / 2, window_width=max(high - low, 1e-6))
        ],
        derived_pixel_contrast="NONE",  # QUANTITY is newer than the checkers that hospitals have
        content_label="MAP",
        series_description=description,
    )
    return _finished(made, sources)


def segmentation(
    sources: Sequence[Dataset],
    masks: NDArray[np.bool_],
    labels: Sequence[Label],
    *,
    series_number: int,
    description: str,
) -> Dataset:
    """Binary segments on the grid of ``sources``.

    Parameters
    ----------
    sources
        MR images [Z], in the order of ``masks``.
    masks
        One mask per label [Z, Y, X, label]; they may overlap.
    labels
        What each mask shows, segments 1..n.
    series_number, description
        Of the new series.
    """
    algorithm = AlgorithmIdentificationSequence(
        name=_MODEL, version=__version__, family=_coded(_FILTERING)
    )
    descriptions = [
        seg.SegmentDescription(
            segment_number=number,
            segment_label=label.name,
            segmented_property_category=_coded(label.category),
            segmented_property_type=_coded(label.kind),
            algorithm_type=seg.SegmentAlgorithmTypeValues.AUTOMATIC,
            algorithm_identification=algorithm,
        )
        for number, label in enumerate(labels, start=1)
    ]
    series_uid, uid = _uids(sources, "segmentation", description)
    made = seg.Segmentation(
        source_images=list(sources),
        pixel_array=masks,
        segmentation_type=seg.SegmentationTypeValues.BINARY,
        segment_descriptions=descriptions,
        series_instance_uid=series_uid,
        series_number=series_number,
        sop_instance_uid=uid,
        instance_number=1,
        manufacturer=_MANUFACTURER,
        manufacturer_model_name=_MODEL,
        software_versions=__version__,
        device_serial_number=__version__,
        series_description=description,
    )
    return _finished(made, sources)


def report(
    sources: Sequence[Dataset],
    segments: Dataset,
    findings: Sequence[Finding],
    *,
    series_number: int,
    description: str,
) -> Dataset:
    """Comprehensive 3D SR, TID 1500: numbers of each segment; preliminary and unverified."""
    observer = sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
            uid=UID(uid_of("device", _MODEL)), name=_MODEL
        ),
    )
    content = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=observer),
        procedure_reported=_coded(_PROCEDURE),
        imaging_measurements=[_group(sources, segments, finding) for finding in findings],
    )
    series_uid, uid = _uids(sources, "report", description)
    made = sr.Comprehensive3DSR(
        evidence=[*sources, segments],
        content=content[0],
        series_number=series_number,
        series_instance_uid=series_uid,
        sop_instance_uid=uid,
        instance_number=1,
        manufacturer=_MANUFACTURER,
        is_complete=False,
        is_final=False,
        is_verified=False,
        series_description=description,
    )
    made.ContentQualification = "RESEARCH"
    return made


def _group(
    sources: Sequence[Dataset], segments: Dataset, finding: Finding
) -> sr.VolumetricROIMeasurementsAndQualitativeEvaluations:
    series_uid = UID(sources[0].SeriesInstanceUID)
    region = sr.ReferencedSegment(
        sop_class_uid=segments.SOPClassUID,
        sop_instance_uid=segments.SOPInstanceUID,
        segment_number=finding.segment,
        source_series=sr.SourceSeriesForSegmentation(series_uid),
    )
    return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        referenced_segment=region,
        tracking_identifier=sr.TrackingIdentifier(
            uid=UID(uid_of("finding", segments.SOPInstanceUID, finding.segment)),
            identifier=finding.name,
        ),
        finding_type=_coded(finding.kind),
        measurements=[
            sr.Measurement(name=_coded(concept), value=value, unit=_coded(unit))
            for value, unit, concept in finding.numbers.values()
        ],
    )


def _coded(code: Code) -> HighdicomCode:
    return HighdicomCode(code.value, code.scheme, code.meaning)


def _uids(sources: Sequence[Dataset], kind: str, description: str) -> tuple[str, str]:
    """Series and instance UID, which follow from the images that the object is about."""
    first = str(sources[0].SOPInstanceUID)
    return uid_of(kind, "series", first, description), uid_of(kind, first, description)


def _finished(made: Dataset, sources: Sequence[Dataset]) -> Dataset:
    """What highdicom leaves out: without the part of the body a checker asks for its side."""
    made.BodyPartExamined = sources[0].get("BodyPartExamined") or "BRAIN"
    made.ContentQualification = "RESEARCH"
    return made
