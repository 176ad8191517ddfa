"""Turns images of any server into volumes in space; the inverse of `images_from_volume`."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import DataError, HeaderError
from streamrecon.model.geometry import Geometry
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.mrd.axes import Vector, axes_of, check_parallel, row_of, swapped, vector
from streamrecon.mrd.header.placement import ASSUMED_AXES, NO_DIRECTIONS, NO_POSITIONS, touching
from streamrecon.mrd.images import meta_keys as names
from streamrecon.mrd.images.meta import first_value
from streamrecon.mrd.wire.messages import Image, Meta
from streamrecon.units import s_from_ms

PARTS = tuple(each.label for each in Quantity if each.row.part)
"""What images of one echo are: magnitude, phase, real, imaginary, complex."""
LABELS = {each.row.image_type: each.label for each in Quantity if each.row.part} | {6: "rgb"}
"""What the numbers are, by image type; 0 is said to mean magnitude by the reference tools."""

_OF_CONSOLES = {"ppb": ("ppm", 1e-3), "ms": ("s", 1e-3)}
"""Units of integers for consoles → ours, and how much of ours they are."""


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """One volume as it came over the wire.

    Parameters
    ----------
    values
        [Z, Y, X], with the server's rescaling applied.
    geometry
        Its grid.
    label
        What the numbers are: the word of a `Quantity`, else that of the image type.
    unit
        Their unit, empty where the server does not say.
    series
        Series index on the wire.
    echo
        Index of the echo from 0.
    te_s
        Echo time [s], ``None`` where the server does not say.
    repetition
        Number of the volume from 0.
    channel
        Number of the channel, for images of several.
    thickness_mm
        Thickness of a slice, which differs from the distance of slices with gaps and of slabs.
    comments
        What a reader must know.
    meta
        Meta of the first image.
    header
        Header of the first image.
    time_stamps
        Acquisition time stamp of every image, in the order of the slices.
    """

    values: NDArray[np.generic]
    geometry: Geometry
    label: str
    unit: str
    series: int
    echo: int
    te_s: float | None
    repetition: int
    channel: int
    thickness_mm: float
    comments: tuple[str, ...]
    meta: Meta = field(repr=False)
    header: np.void = field(repr=False)
    time_stamps: tuple[int, ...] = ()


def stacks_of(images: Iterable[Image]) -> list[Stack]:
    """Volumes made of ``images``, in the order in which their first images came.

    Slices of a 2-D scan are put together by their counters and placed by their positions; a
    volume of which slices are missing is refused. Meta wins over the header's directions: MRD
    keeps there those of the acquisition, even where the pixels were turned.

    Raises
    ------
    DataError
        If slices are missing, or their sizes differ.
    HeaderError
        If positions and directions contradict one another.
    """
    groups: dict[tuple[object, ...], list[Image]] = {}
    seen: dict[tuple[object, ...], int] = {}
    for image in images:
        key = _key(image)
        slab = (*key, int(image.header["slice"]))
        seen[slab] = seen.get(slab, -1) + 1
        if image.data.shape[1] > 1:
            key = slab  # a slab is a volume of its own
        groups.setdefault((*key, seen[slab]), []).append(image)
    return [stack for group in groups.values() for stack in _stacks(group)]


def _key(image: Image) -> tuple[object, ...]:
    header = image.header
    counters = ("image_series_index", "image_type", "contrast", "repetition", "average", "phase")
    return (
        *(int(header[name]) for name in (*counters, "set")),
        image.data.shape,
        label_of(image),
    )


def label_of(image: Image) -> str:
    """What the numbers of ``image`` are."""
    own = first_value(image.meta, names.QUANTITY)
    return own or LABELS.get(int(image.header["image_type"]), "magnitude")


def _stacks(group: list[Image]) -> Iterable[Stack]:
    group = sorted(group, key=lambda image: int(image.header["slice"]))
    grid, comments = _grid(group)
    first = group[0]
    for channel in range(first.data.shape[0]):
        values = np.concatenate([_rescaled(image.data[channel], image.meta) for image in group])
        values, unit = _in_own_unit(values, first.meta)
        yield Stack(
            values=values,
            geometry=grid,
            label=label_of(first),
            unit=unit,
            series=int(first.header["image_series_index"]),
            echo=int(first.header["contrast"]),
            te_s=_te_s(first.meta),
            repetition=int(first.header["repetition"]),
            channel=channel,
            thickness_mm=_thickness_mm(first),
            comments=first.meta.get(names.COMMENTS, ()) + comments,
            meta=first.meta,
            header=first.header,
            time_stamps=tuple(int(each.header["acquisition_time_stamp"]) for each in group),
        )


def _grid(group: list[Image]) -> tuple[Geometry, tuple[str, ...]]:
    """Grid of images that are sorted by their slice counters."""
    first = group[0]
    axes, comments = _axes(first)
    shape = first.data.shape[1:]
    nz, ny, nx = shape
    dz, dy, dx = _voxel_mm(first)
    centre = vector(first.header, "position")
    if len(group) > 1:
        counters = np.array([int(image.header["slice"]) for image in group])
        _refuse_gaps(counters)
        positions = np.stack([vector(image.header, "position") for image in group])
        if comments and not positions.any():
            row, comments = touching(len(group), axes[0] * dz), (*comments, NO_POSITIONS)
        else:
            row = row_of(counters - counters[0], positions)
        check_parallel(row, axes[0])
        axes = np.stack([row.step / row.spacing_mm, *axes[1:]])
        nz, dz, centre = len(group), row.spacing_mm, row.at(len(group) // 2)
    elif nz == 1 and names.SPACING_MM in first.meta:
        dz = meta_number(first.meta, names.SPACING_MM)
    left, posterior, superior = centre.tolist()
    return Geometry((nz, ny, nx), (dz, dy, dx), axes, (left, posterior, superior)), comments


def _voxel_mm(image: Image) -> tuple[float, float, float]:
    fov = np.asarray(image.header["field_of_view"], np.float64)
    dx, dy, dz = (fov / image.header["matrix_size"]).tolist()
    return swapped((dx, dy, dz))


def _thickness_mm(image: Image) -> float:
    if names.SLAB_MM in image.meta:
        return meta_number(image.meta, names.SLAB_MM)
    depth_mm = float(image.header["field_of_view"][2])
    return depth_mm / int(image.data.shape[1])


def _refuse_gaps(counters: NDArray[np.int64]) -> None:
    expected = np.arange(counters[0], counters[-1] + 1)
    missing = sorted(set(expected.tolist()) - set(counters.tolist()))
    if missing:
        raise DataError(f"images: slices {missing} of {len(expected)} are missing")


def _axes(image: Image) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    read = _direction(image, names.ROW_DIR, "read_dir")
    phase = _direction(image, names.COLUMN_DIR, "phase_dir")
    slices = _direction(image, names.SLICE_DIR, "slice_dir")
    axes = axes_of(read, phase, slices)
    return (ASSUMED_AXES, (NO_DIRECTIONS,)) if axes is None else (axes, ())


def _direction(image: Image, name: str, field_name: str) -> Vector:
    texts = image.meta.get(name, ())
    if len(texts) != 3:
        return vector(image.header, field_name)
    try:
        return np.array([float(text) for text in texts])
    except ValueError as e:
        raise HeaderError(f"image meta {name}: found {texts}, needed three numbers") from e


def _te_s(meta: Meta) -> float | None:
    if meta.get(names.TE_S):
        return meta_number(meta, names.TE_S)
    for name in names.TIMES[1:]:
        if meta.get(name):
            return s_from_ms(meta_number(meta, name))
    return None


def _rescaled(values: NDArray[np.generic], meta: Meta) -> NDArray[np.generic]:
    """Values as the server means them: value = pixel · slope + intercept."""
    if names.SLOPE not in meta and names.INTERCEPT not in meta:
        return values
    slope = meta_number(meta, names.SLOPE) if names.SLOPE in meta else 1.0
    intercept = meta_number(meta, names.INTERCEPT) if names.INTERCEPT in meta else 0.0
    return values.astype(np.float32) * np.float32(slope) + np.float32(intercept)


def _in_own_unit(values: NDArray[np.generic], meta: Meta) -> tuple[NDArray[np.generic], str]:
    """Values and unit; what came in a console's unit is in ours here."""
    unit = first_value(meta, names.UNIT)
    if unit not in _OF_CONSOLES:
        return values, unit
    own, factor = _OF_CONSOLES[unit]
    return values.astype(np.float32) * np.float32(factor), own


def meta_number(meta: Meta, name: str) -> float:
    """The first value of that name.

    Raises
    ------
    HeaderError
        If it is no finite number.
    """
    try:
        number = float(first_value(meta, name))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise HeaderError(f"image meta {name}: found {meta[name]}, needed a number")
    return number
