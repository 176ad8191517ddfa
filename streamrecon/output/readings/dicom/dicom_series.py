"""Turns one reading into DICOM: segments, report, maps and page, about the images it was made of.

The four kinds are series of their own, numbered behind the images of their scan: 40 and on, four
for each kind of reading. Needs the extra ``[objects]``; `objects_of_reading` is the way in.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from streamrecon.analysis.reading import Extent, ReadingContent
from streamrecon.dicom.objects import measurement_objects as objects
from streamrecon.dicom.objects.measurement_objects import Instance, Label
from streamrecon.dicom.objects.output_names import MAP, PAGE, REPORT, SEGMENTS
from streamrecon.dicom.objects.series import Images
from streamrecon.dicom.objects.slice_grid import grid_of_slices
from streamrecon.dicom.objects.uids import uid_of
from streamrecon.errors import DataError
from streamrecon.model.geometry import Geometry
from streamrecon.model.turned_grid import turned_to
from streamrecon.output.readings.dicom.dicom_codes import kind_of, map_concept, unit_of
from streamrecon.output.readings.dicom.dicom_report import reading_report

_KINDS = (
    "lesions", "oximetry", "iron", "rims", "sources", "veins", "change", "cmro2", "cosmos", "sti",
    "qc", "orientations",
)  # fmt: skip
"""Kinds of reading in the order of their numbers; they stay, new ones come last."""
_FIRST, _UNKNOWN = 40, 96
_PRIORITY = 7  # behind all images
_FORMS = (SEGMENTS, REPORT, MAP, PAGE)


def reading_objects(
    content: ReadingContent,
    sources: Sequence[Dataset],
    geometry: Geometry,
    *,
    run: str,
    chain: str,
    made: datetime,
) -> list[Images]:
    """The objects of one reading, the report last, since it speaks of the segments.

    Parameters
    ----------
    content
        What was read, on ``geometry``.
    sources
        MR images of the same voxels, one for each slice, in their order.
    geometry
        Grid of the arrays.
    run
        Name of this reading: another one gives other UIDs.
    chain
        Hash of the chain that made the images, empty where it is not known.
    made
        When the reading was made.

    Raises
    ------
    DataError
        If the images lie on other voxels.
    """
    scribe = _Scribe(content.reading.kind, sources, run, made)
    target = grid_of_slices(sources)
    shown = {extent.subject: extent for extent in content.extents if extent.voxels.size}
    labels = _labels(shown.values(), scribe)
    found: list[Images] = []
    segments = None
    if shown:
        segments = objects.segmentation(
            sources,
            _masks([each.voxels for each in shown.values()], geometry, target),
            [label for _, label in labels.values()],
            instance=scribe.instance(SEGMENTS),
        )
        found.append(scribe.images(SEGMENTS, [segments]))
    if content.maps:
        maps = list(_maps(content, sources, geometry, target, scribe))
        found.append(scribe.images(MAP, maps))
    if content.page is not None:
        instance = scribe.instance(PAGE)
        found.append(
            scribe.images(PAGE, [objects.page(sources[0], content.page, instance=instance)])
        )
    report = reading_report(
        sources, segments, labels, content.reading, chain=chain, instance=scribe.instance(REPORT)
    )
    return [*found, scribe.images(REPORT, [report])]


class _Scribe:
    """Names and numbers the objects of one reading."""

    def __init__(self, kind: str, sources: Sequence[Dataset], run: str, made: datetime) -> None:
        if not sources:
            raise DataError("reading: found no images, needed those it was made of")
        self._kind, self._made = kind, made
        self._names = (str(sources[0].SOPInstanceUID), run, kind)
        digits = int(sources[0].get("SeriesNumber") or 0)
        is_ours = "streamrecon" in str(sources[0].get("SoftwareVersions", ""))
        hundreds = digits // 100 if is_ours else digits
        own = _FIRST + 4 * _KINDS.index(kind) if kind in _KINDS else _UNKNOWN
        self._first = hundreds * 100 + own

    def instance(self, form: str, number: int = 1) -> Instance:
        return Instance(
            series_uid=uid_of("series", *self._names, form),
            uid=uid_of(form, *self._names, number),
            series_number=self._first + _FORMS.index(form),
            description=f"{self._kind} {form}",
            made=self._made,
            number=number,
        )

    def tracking_uid(self, subject: str) -> str:
        return uid_of("subject", *self._names, subject)

    def images(self, form: str, made: list[Dataset]) -> Images:
        first = self.instance(form)
        return Images(made, first.series_uid, first.series_number, form, _PRIORITY)


def _labels(extents: Iterable[Extent], scribe: _Scribe) -> dict[str, tuple[int, Label]]:
    """Subject → number and label of its segment."""
    return {
        each.subject: (
            number,
            Label(each.subject, *kind_of(each), scribe.tracking_uid(each.subject)),
        )
        for number, each in enumerate(extents, start=1)
    }


def _masks(
    extents: Sequence[NDArray[np.intp]], geometry: Geometry, target: Geometry
) -> NDArray[np.integer] | NDArray[np.bool_]:
    """Number of the extent in each voxel, or where they overlap a mask of each [..., extent]."""
    sizes = np.bincount(np.concatenate(extents), minlength=math.prod(geometry.shape))
    if sizes.max() <= 1:
        numbers = np.zeros(geometry.shape, np.uint16)
        for number, voxels in enumerate(extents, start=1):
            numbers.flat[voxels] = number
        return turned_to(numbers, geometry, target)
    masks = np.zeros((len(extents), *geometry.shape), bool)
    for mask, voxels in zip(masks, extents, strict=True):
        mask.flat[voxels] = True
    return np.stack([turned_to(mask, geometry, target) for mask in masks], axis=-1)


def _maps(
    content: ReadingContent,
    sources: Sequence[Dataset],
    geometry: Geometry,
    target: Geometry,
    scribe: _Scribe,
) -> Iterator[Dataset]:
    for number, each in enumerate(content.maps, start=1):
        turned = turned_to(each.values, geometry, target)
        yield objects.parametric_map(
            sources,
            np.ascontiguousarray(turned, np.float32),
            name=each.name,
            unit=unit_of(each.unit),
            concept=map_concept(each.name),
            instance=scribe.instance(MAP, number),
        )
