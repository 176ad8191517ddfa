"""Holds the places of single slices against their thickness: what cannot be is refused."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import HeaderError
from streamrecon.mrd.axes import vector
from streamrecon.mrd.header.placement import ASSUMED_AXES
from streamrecon.mrd.images import meta_keys as names
from streamrecon.mrd.wire.messages import Image

_COUNTERS = (
    "image_type", "image_series_index", "contrast", "average", "repetition", "set", "phase",
)  # fmt: skip
_LEAST_MM = 0.01  # between two slices: what is nearer is one place
_ROUNDED = 0.02  # of a distance: headers round
_WIDEST_GAP = 1.0  # of the thickness: the field between is guessed, and the map with it


def normal_of(image: Image) -> NDArray[np.float64]:
    """Direction across the slice: of the pixels by the meta, of the header, else the assumed.

    Raises
    ------
    HeaderError
        If the meta has no numbers for it.
    """
    texts = image.meta.get(names.SLICE_DIR, ())
    if len(texts) == 3:
        try:
            return np.array([*map(float, texts)])
        except ValueError as e:
            raise HeaderError(
                f"image meta {names.SLICE_DIR}: found {texts}, needed three numbers"
            ) from e
    normal = vector(image.header, "slice_dir")
    return normal if normal.any() else ASSUMED_AXES[0]


def height_mm(image: Image) -> float:
    """Place along the image's own normal [mm].

    Raises
    ------
    HeaderError
        If position or direction are no numbers.
    """
    height = float(vector(image.header, "position") @ normal_of(image))
    if not math.isfinite(height):
        position = image.header["position"].tolist()
        raise HeaderError(f"images: found position {position}, needed finite numbers")
    return height


def with_possible_places(images: Iterable[Image]) -> tuple[list[Image], tuple[str, ...]]:
    """Images whose slices can lie as they say, and what was not read as it stands.

    Slices that have the depth of the whole slab in their header get their own.

    Raises
    ------
    HeaderError
        If slices of different numbers lie at one place, overlap, or leave gaps as wide as
        themselves.
    """
    right: list[Image] = []
    corrections: dict[str, None] = {}
    groups: dict[tuple[object, ...], list[Image]] = {}
    for image in images:
        times = tuple(image.meta.get(name, ()) for name in names.TIMES)
        counters = tuple(int(image.header[name]) for name in _COUNTERS)
        groups.setdefault((*counters, times, image.data.shape), []).append(image)
    for members in groups.values():
        if members[0].data.shape[1] > 1:
            right += members
            continue
        placed, comments = _placed(members)
        right += placed
        corrections |= dict.fromkeys(comments)
    return right, tuple(corrections)


def _placed(slices: list[Image]) -> tuple[list[Image], tuple[str, ...]]:
    """Slices of one volume, or of several whose counters stand still."""
    places = sorted({round(height_mm(image) / _LEAST_MM) * _LEAST_MM for image in slices})
    counted = len({int(image.header["slice"]) for image in slices})
    thick_mm = float(slices[0].header["field_of_view"][2])
    if counted > len(places) and any(image.header["position"].any() for image in slices):
        raise HeaderError(
            f"images: found {counted} slices at {len(places)} places, needed as many: 0 mm apart"
        )
    if len(places) < 2 or not thick_mm > 0:
        return slices, ()
    apart_mm = float(np.median(np.diff(places)))
    if thick_mm <= apart_mm * (1 + _ROUNDED):
        return slices, _gaps(apart_mm, thick_mm)
    if abs(thick_mm - len(places) * apart_mm) > _ROUNDED * thick_mm:
        raise HeaderError(
            f"images: found slices {apart_mm:.4g} mm apart and {thick_mm:.4g} mm thick, which"
            " overlap"
        )
    comments = f"images: {thick_mm:.4g} mm are the depth of {len(places)} slices, not of each"
    return [_of_depth(image, apart_mm) for image in slices], (comments,)


def _gaps(apart_mm: float, thick_mm: float) -> tuple[str, ...]:
    gap_mm = apart_mm - thick_mm
    numbers = f"slices {thick_mm:.4g} mm thick and {apart_mm:.4g} mm apart"
    if gap_mm > _WIDEST_GAP * thick_mm:
        raise HeaderError(f"images: found {numbers}, needed gaps no wider than a slice")
    return (f"images: {numbers}: the field between is not measured",) if gap_mm > 0.1 else ()


def _of_depth(image: Image, depth_mm: float) -> Image:
    header = image.header.copy()
    header["field_of_view"][2] = depth_mm
    return replace(image, header=header)
