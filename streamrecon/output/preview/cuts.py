"""Cuts the volumes of a scan at one place that suits all, and gives them windows and words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter, minimum_filter

from streamrecon.model.outputs.look import Kind
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.output.known_voxels import known_voxels
from streamrecon.output.preview.colours import Window, window_of
from streamrecon.output.preview.planes import Fractions, Plane, View, fractions_at, planes_of
from streamrecon.output.preview.shown import Shown, real_valued
from streamrecon.output.preview.view import (
    Flags,
    common_view,
    object_of,
    same_field_of_view,
)

LEADING: tuple[tuple[Quantity, ...], ...] = (
    (Quantity.MAGNITUDE, Quantity.MAGNITUDE_COMBINED, Quantity.MAGNITUDE_PREVIEW),
    (Quantity.SWI, Quantity.TSWI, Quantity.SWI_PREVIEW),
    (Quantity.CHI, Quantity.CHI_PREVIEW),
    (Quantity.R2_STAR, Quantity.T2_STAR),
    (Quantity.FIELD_HZ, Quantity.FIELD, Quantity.LOCAL_FIELD, Quantity.PHASE),
)
"""What is shown large, from left to right: of each the first that is there."""

_AS_SPOKEN = {
    "swi": "SWI",
    "tswi": "tSWI",
    "minip": "minIP",
    "maxip": "maxIP",
    "r2star": "R2*",
    "t2star": "T2*",
    "snr": "SNR",
    "hz": "",
}
"""Words of labels that people write otherwise; the unit stands at the bar."""
_OF_THE_WHOLE_SCAN = frozenset({Kind.ECHOES, Kind.WEIGHTED})  # the zeros of others are no values


@dataclass(frozen=True, slots=True, eq=False)
class Cuts:
    """One volume ready to be drawn.

    Parameters
    ----------
    shown
        The volume.
    label
        The words over it.
    window
        Common to its planes, and to all echoes of its quantity.
    planes
        Axial first; what is not a number is not drawn.
    """

    shown: Shown
    label: str
    window: Window
    planes: tuple[Plane, ...]


def cuts_of(volumes: Iterable[Shown], at_lps_mm: Fractions | None = None) -> list[Cuts]:
    """The volumes of one scan, each cut at the place that suits all; complex ones are two.

    Outside the object phase is left out, and so are maps where they are zero throughout: nobody
    knows them there. A 0 that a map of whole ppb encloses, or its mask, was rounded and is drawn.

    Parameters
    ----------
    volumes
        Of one scan.
    at_lps_mm
        Where something was found (left, posterior, superior) [mm]; ``None``: see `common_view`.
    """
    every = list(real_valued(volumes))
    inside = object_of(every)
    view = common_view(every, inside)
    cut = None if at_lps_mm is None else fractions_at(at_lps_mm, every[0].geometry)
    view = view if cut is None else replace(view, cut=cut)
    mask = next((each for each in every if each.quantity is Quantity.MASK), None)
    planes = [_planes(each, every[0], (inside, mask), view) for each in every]
    return [
        Cuts(each, _label(each, every), _window(each, every, planes), tuple(cut))
        for each, cut in zip(every, planes, strict=True)
    ]


def leading(cuts: Sequence[Cuts]) -> list[Cuts]:
    """Those shown large; of a quantity's echoes the middle one. Never none."""
    found = []
    for place in LEADING:
        for quantity in place:
            echoes = [each for each in cuts if each.shown.quantity is quantity]
            if echoes:
                found.append(echoes[len(echoes) // 2])
                break
    return found or list(cuts[:1])


def by_kind(cuts: Sequence[Cuts]) -> list[Cuts]:
    """Kind after kind, and within each label after label."""
    labels = list(dict.fromkeys(each.shown.label for each in cuts))
    kinds = list(Kind)
    return sorted(
        cuts, key=lambda each: (kinds.index(each.shown.kind), labels.index(each.shown.label))
    )


def _planes(
    shown: Shown, first: Shown, object_and_mask: tuple[Flags | None, Shown | None], view: View
) -> list[Plane]:
    inside, mask = object_and_mask
    if not same_field_of_view(first.geometry, shown.geometry):
        view = View()
    values = shown.values
    if shown.is_angle and inside is not None and inside.shape == values.shape:
        values = np.where(inside, values, np.nan)
    planes = planes_of(values, shown.geometry, view)
    if shown.quantity is None or shown.kind in _OF_THE_WHOLE_SCAN:
        return planes
    known = planes_of(_known(shown, mask), shown.geometry, view)
    return [_without_zeros(*each) for each in zip(planes, known, strict=True)]


def _known(shown: Shown, mask: Shown | None) -> Flags:
    """Where a map has values, zeros that were rounded among them."""
    if shown.unit != "ppm":
        return np.asarray(shown.values != 0)
    if mask is None or not mask.geometry.same_as(shown.geometry):
        return known_voxels(shown.values)
    return known_voxels(shown.values, np.asarray(mask.values != 0))


def _without_zeros(plane: Plane, known: Plane) -> Plane:
    """The plane without areas of exact zeros; single ones may be values."""
    zero = (plane.pixels == 0) & (known.pixels == 0)
    areas = maximum_filter(minimum_filter(zero, 3), 3)
    pixels = np.where(areas, np.float32(np.nan), plane.pixels.astype(np.float32))
    return Plane(plane.name, pixels, plane.pixel_mm, plane.edges)


def _window(shown: Shown, every: Sequence[Shown], planes: Sequence[Sequence[Plane]]) -> Window:
    pixels: list[NDArray[np.generic]] = [
        plane.pixels
        for other, cut in zip(every, planes, strict=True)
        if other.label == shown.label
        for plane in cut
    ]
    return window_of(shown.quantity, shown.unit, pixels)


def _label(shown: Shown, every: Sequence[Shown]) -> str:
    words = [_AS_SPOKEN.get(word, word) for word in shown.label.split("_")]
    label = " ".join(filter(None, words)) if shown.quantity is not None else shown.label
    alike = sum(other.label == shown.label for other in every)
    return label if shown.te_s is None or alike < 2 else f"{label} {shown.te_s * 1e3:.1f} ms"
