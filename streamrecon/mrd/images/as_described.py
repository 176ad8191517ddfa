"""Puts into headers what images say of themselves elsewhere: part, echo, time, scale, place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from streamrecon.model.complex_part import Part
from streamrecon.mrd.axes import vector
from streamrecon.mrd.images import meta_keys as names
from streamrecon.mrd.images.carried_facts import CarriedFacts, facts_of
from streamrecon.mrd.wire.messages import Image, Meta

_TYPES = {Part.MAGNITUDE: 1, Part.PHASE: 2, Part.REAL: 3, Part.IMAGINARY: 4}
_UNTOLD_TYPES = {0, 1}  # converters that know no better write magnitude
_SAME_PLACE_MM = 0.01


class Described(NamedTuple):
    """Images, the words of each, who made the scanner, and what was not read as it stands."""

    images: list[Image]
    words: list[frozenset[str]]
    vendor: str
    corrections: tuple[str, ...]


def images_as_described(images: Sequence[Image]) -> Described:
    """Images whose headers and meta say what DICOM, minihead or FIRE's names say of them.

    What a header says by itself stays; what it leaves at its default is filled in: the type where
    it is "magnitude", echo and repetition counters where they stand still in all images, echo time
    and scale where there is none. Where a header has DICOM's corner as its position (converters of
    DICOM do that), the place and the pixels' size are DICOM's.
    """
    facts = [facts_of(image.meta) for image in images]
    corrections = dict.fromkeys(fact.fault for fact in facts if fact.fault)
    echoes = _stands_still(images, "contrast") and all(fact.echo for fact in facts)
    volumes = _stands_still(images, "repetition") and all(fact.repetition for fact in facts)
    described = []
    for image, fact in zip(images, facts, strict=True):
        header, meta = image.header.copy(), image.meta | _meta(image.meta, fact)
        if echoes:
            header["contrast"] = (fact.echo or 1) - 1
        if volumes:
            header["repetition"] = (fact.repetition or 1) - 1
        corrections |= dict.fromkeys((*_put_type(header, fact), *_put_place(header, fact)))
        described.append(replace(image, header=header, meta=meta))
    vendor = next((fact.vendor for fact in facts if fact.vendor), "")
    return Described(described, [fact.words for fact in facts], vendor, tuple(corrections))


def _stands_still(images: Sequence[Image], counter: str) -> bool:
    return len({int(image.header[counter]) for image in images}) == 1


def _meta(meta: Meta, fact: CarriedFacts) -> Meta:
    more: Meta = {}
    if fact.te_s and not any(meta.get(name) for name in names.TIMES):
        more[names.TE_S] = (f"{fact.te_s:.9g}",)
    if fact.rescale and names.SLOPE not in meta and names.INTERCEPT not in meta:
        slope, intercept = fact.rescale
        more[names.SLOPE], more[names.INTERCEPT] = (f"{slope:.9g}",), (f"{intercept:.9g}",)
    return more


def _put_type(header: np.void, fact: CarriedFacts) -> tuple[str, ...]:
    if fact.part is None or int(header["image_type"]) not in _UNTOLD_TYPES:
        return ()
    was, header["image_type"] = int(header["image_type"]), _TYPES[fact.part]
    if was == _TYPES[fact.part] or not was:
        return ()
    return (f"images: of type {was} in the header, {fact.part.value} by their meta: taken as that",)


def _put_place(header: np.void, fact: CarriedFacts) -> tuple[str, ...]:
    """DICOM's place where the header copies its corner: MRD's position is the centre."""
    if not (fact.corner_lps_mm and fact.pixel_mm):
        return ()
    corner = np.array(fact.corner_lps_mm)
    if np.abs(vector(header, "position") - corner).max() > _SAME_PLACE_MM:
        return ()
    (dy, dx), (nx, ny, nz) = fact.pixel_mm, header["matrix_size"].tolist()
    header["field_of_view"][:2] = nx * dx, ny * dy
    along_x, along_y = nx // 2 * dx, ny // 2 * dy
    header["position"] = (
        corner + along_x * vector(header, "read_dir") + along_y * vector(header, "phase_dir")
    )
    return ("images: their position is DICOM's corner: read as such",) if nz == 1 else ()
