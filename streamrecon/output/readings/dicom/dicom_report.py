"""Writes a reading as a structured report; needs the extra ``[objects]``.

One group for the reading itself, with outcome, reasons, method and parameters, then one for each
subject: its values with unit, standard deviation and what zero means, its class, its flags, and the
segment it is of. The report is preliminary and unverified. DICOM has no number for "none": a
value that is no finite number is left out.

References
----------
DICOM PS3.3, A.35.13 (Comprehensive 3D SR); PS3.16, TID 1500, 1411, 1501, 300, 310, 4019.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from highdicom import UID, sr
from highdicom.sr import CodedConcept
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code as HighdicomCode

from streamrecon import __version__
from streamrecon.analysis.reading import Reading, Value
from streamrecon.dicom.objects.measurement_objects import MAKER, Instance, Label, coded, finished
from streamrecon.dicom.objects.uids import uid_of
from streamrecon.model.outputs.storage_form import Code
from streamrecon.output.readings.dicom.dicom_codes import concept_of, own, side_of, unit_of

_PROCEDURE = Code("25056-3", "LN", "MR Unspecified body region")
_REFERENCE = own("reference", "What zero means")
_OUTCOME, _QUALITY = own("outcome", "Outcome of the reading"), own("quality", "Class of quality")
_CLASS_CHARACTERS = 64

Groups = Iterator[sr.MeasurementsAndQualitativeEvaluations]


def reading_report(
    sources: Sequence[Dataset],
    segments: Dataset | None,
    labels: Mapping[str, tuple[int, Label]],
    reading: Reading,
    *,
    chain: str,
    instance: Instance,
) -> Dataset:
    """Comprehensive 3D SR, TID 1500, of one reading.

    Parameters
    ----------
    sources
        The images that it was made of.
    segments
        The segmentation of its subjects, if there is one.
    labels
        Subject → number and label of its segment.
    reading
        What is reported.
    chain
        Hash of the chain file that made the images, empty where it is not known.
    instance
        Names and numbers of the object.
    """
    observer = sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
            uid=UID(uid_of("device", MAKER)), name=MAKER
        ),
    )
    content = sr.MeasurementReport(
        observation_context=sr.ObservationContext(observer_device_context=observer),
        procedure_reported=coded(_PROCEDURE),
        imaging_measurements=[
            _of_reading(reading, sources, chain, instance),
            *_of_subjects(reading, sources, segments, labels, instance),
        ],
    )
    made = sr.Comprehensive3DSR(
        evidence=[*sources, *([] if segments is None else [segments])],
        content=content[0],
        is_complete=False,
        is_final=False,
        is_verified=False,
        **instance.words(),
    )
    return finished(made, sources[0], instance.made)


def _of_reading(
    reading: Reading, sources: Sequence[Dataset], chain: str, instance: Instance
) -> sr.MeasurementsAndQualitativeEvaluations:
    """What holds for all of it."""
    known = {"method": reading.method, **reading.parameters, "chain": chain}
    words = [f"{name}: {given}" for name, given in known.items() if given != ""]
    return _described(
        sr.MeasurementsAndQualitativeEvaluations(
            tracking_identifier=_tracked(f"reading of {reading.kind}", instance),
            algorithm_id=sr.AlgorithmIdentification(
                name=f"{MAKER} {reading.kind}",
                version=__version__,
                parameters=[*words, *(f"doi: {doi}" for doi in reading.dois)],
            ),
            qualitative_evaluations=[_evaluation(_OUTCOME, reading.outcome.name.lower())],
            source_images=[sr.SourceImageForMeasurementGroup.from_source_image(s) for s in sources],
        ),
        reading.reasons,
    )


def _of_subjects(
    reading: Reading,
    sources: Sequence[Dataset],
    segments: Dataset | None,
    labels: Mapping[str, tuple[int, Label]],
    instance: Instance,
) -> Groups:
    """One group for each subject, in the order of the values."""
    by_subject: dict[str, list[Value]] = {}
    for value in reading.values:
        if math.isfinite(value.number):
            by_subject.setdefault(value.subject, []).append(value)
    for subject, values in by_subject.items():
        classes = dict.fromkeys(value.quality for value in values if value.quality)
        words = {
            "measurements": [_measured(value) for value in values],
            "qualitative_evaluations": [_evaluation(_QUALITY, word) for word in classes],
        }
        if segments is None or subject not in labels:
            group = sr.MeasurementsAndQualitativeEvaluations(
                tracking_identifier=_tracked(subject, instance), **words
            )
        else:
            number, label = labels[subject]
            group = sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
                tracking_identifier=sr.TrackingIdentifier(
                    uid=UID(label.tracking_uid), identifier=subject
                ),
                referenced_segment=_segment(sources, segments, number),
                finding_type=coded(label.kind),
                **words,
            )
        yield _described(group, dict.fromkeys(flag for value in values for flag in value.flags))


def _measured(value: Value) -> sr.Measurement:
    """One number, with unit, derivation, side, standard deviation and what zero means."""
    concept, derivation = concept_of(value.name)
    side, unit = side_of(value.subject), coded(unit_of(value.unit))
    made = sr.Measurement(
        name=coded(concept),
        value=_number(value.number),
        unit=unit,
        derivation=None if derivation is None else coded(derivation),
        finding_sites=None if side is None else [_brain_half(side)],
        properties=_uncertainty(value.sigma, unit),
    )
    if value.reference:
        relation = sr.RelationshipTypeValues.HAS_CONCEPT_MOD
        zero = sr.TextContentItem(coded(_REFERENCE), value.reference, relation)
        made[0].ContentSequence = [*made[0].get("ContentSequence", []), zero]
    return made


def _uncertainty(sigma: float | None, unit: HighdicomCode) -> sr.MeasurementProperties | None:
    """One standard deviation up and down, in the unit of the value."""
    if sigma is None or not math.isfinite(sigma):
        return None
    made = sr.MeasurementProperties(
        upper_measurement_uncertainty=_number(sigma),
        lower_measurement_uncertainty=_number(sigma),
    )
    for item in made:  # highdicom gives them none
        (number,) = item.MeasuredValueSequence
        number.MeasurementUnitsCodeSequence = [CodedConcept.from_code(unit)]
    return made


def _number(number: float) -> float:
    """As a decimal string can hold it; float32, which maps are, has no more digits."""
    return float(f"{number:.8g}")


def _brain_half(side: Code) -> sr.FindingSite:
    return sr.FindingSite(anatomic_location=codes.SCT.Brain, laterality=coded(side))


def _segment(sources: Sequence[Dataset], segments: Dataset, number: int) -> sr.ReferencedSegment:
    return sr.ReferencedSegment(
        sop_class_uid=segments.SOPClassUID,
        sop_instance_uid=segments.SOPInstanceUID,
        segment_number=number,
        source_series=sr.SourceSeriesForSegmentation(UID(sources[0].SeriesInstanceUID)),
    )


def _tracked(subject: str, instance: Instance) -> sr.TrackingIdentifier:
    return sr.TrackingIdentifier(
        uid=UID(uid_of("subject", instance.uid, subject)), identifier=subject
    )


def _evaluation(name: Code, word: str) -> sr.QualitativeEvaluation:
    value = own(word[:_CLASS_CHARACTERS])
    return sr.QualitativeEvaluation(name=coded(name), value=coded(value))


def _described(
    group: sr.MeasurementsAndQualitativeEvaluations, sentences: Sequence[str] | Mapping[str, None]
) -> sr.MeasurementsAndQualitativeEvaluations:
    """The group with sentences that a person reads: reasons, flags."""
    for sentence in sentences:
        comment = sr.TextContentItem(
            codes.DCM.Comment, sentence, sr.RelationshipTypeValues.CONTAINS
        )
        group[0].ContentSequence.append(comment)
    return group
