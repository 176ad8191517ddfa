"""Reads images as scanners send them: packed volumes, and one contrast in several series."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from streamrecon.errors import HeaderError
from streamrecon.model.scan import ScanProtocol
from streamrecon.mrd.axes import vector
from streamrecon.mrd.images import meta_keys as names
from streamrecon.mrd.images.slice_places import height_mm, normal_of, with_possible_places
from streamrecon.mrd.wire.messages import Image

_COUNTERS = ("image_type", "contrast", "average", "repetition", "set", "phase")
_ALIKE = 0.02  # of two depths: headers round, and slabs are not cut finer
_THINNEST = 0.2  # of a pixel: thinner partitions are not measured, but written by mistake
_LEAST_MM = 0.01  # between two slices: what is nearer is one place


def images_as_meant(
    images: Iterable[Image], protocol: ScanProtocol
) -> tuple[list[Image], tuple[str, ...]]:
    """Images whose headers say what they are, and what was not read as it stands.

    Raises
    ------
    HeaderError
        If the partitions of a packed volume are thinner than any that are measured, or slices
        cannot lie as they say.
    """
    unpacked, of_depths = _with_depths(images, protocol)
    joined, of_series = _joined(unpacked)
    placed, of_places = with_possible_places(joined)
    return placed, (*of_depths, *of_series, *of_places)


def _with_depths(
    images: Iterable[Image], protocol: ScanProtocol
) -> tuple[list[Image], tuple[str, ...]]:
    """Packed volumes of which the header describes the first partition alone, put right."""
    encoding, corrections = protocol.encoding, dict[str, None]()
    n_z, depth_mm = encoding.recon_shape[0], encoding.recon_fov_mm[0]
    meant: list[Image] = []
    for image in images:
        found_mm = float(image.header["field_of_view"][2])
        if image.data.shape[1] != n_z or n_z == 1 or _alike(found_mm, depth_mm):
            meant.append(image)
            continue
        numbers = f"{n_z} partitions in {found_mm:g} mm, but {depth_mm:g} mm in the MRD header"
        of_one = _alike(found_mm * n_z, depth_mm)
        done = "read as depth and place of the first" if of_one else "the images' own is kept"
        corrections[f"images: found {numbers}: {done}"] = None
        meant.append(_of_all_partitions(image, n_z) if of_one else image)
    for image in meant:
        _check_depth(image)
    return meant, tuple(corrections)


def _check_depth(image: Image) -> None:
    dx, dy, dz = (image.header["field_of_view"] / image.header["matrix_size"]).tolist()
    if image.data.shape[1] > 1 and not dz > _THINNEST * min(dx, dy):
        raise HeaderError(
            f"images: found {image.data.shape[1]} partitions of {dz:g} mm with pixels of {dx:g} by"
            f" {dy:g} mm, needed at least {_THINNEST * min(dx, dy):g} mm"
        )


def _alike(one_mm: float, other_mm: float) -> bool:
    return abs(one_mm - other_mm) <= _ALIKE * other_mm


def _of_all_partitions(image: Image, n_z: int) -> Image:
    """The header of a volume, from that of its first partition."""
    header = image.header.copy()
    depth_mm = float(header["field_of_view"][2])
    header["position"] = vector(header, "position") + n_z // 2 * depth_mm * normal_of(image)
    header["field_of_view"][2] = n_z * depth_mm
    return replace(image, header=header)


def _joined(images: Sequence[Image]) -> tuple[list[Image], tuple[str, ...]]:
    """Slices of one contrast as one series where its series share no place: concatenations."""
    groups: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for number, image in enumerate(images):
        if image.data.shape[1] == 1:
            counters = tuple(int(image.header[name]) for name in _COUNTERS)
            times = tuple(image.meta.get(name, ()) for name in names.TIMES)
            groups[*counters, times, image.data.shape].append(number)
    joined, corrections = list(images), dict[str, None]()
    for members in groups.values():
        series = sorted({int(images[number].header["image_series_index"]) for number in members})
        heights = [height_mm(images[number]) for number in members]
        order = np.argsort(heights)
        if len(series) == 1 or np.diff(np.sort(heights)).min() < _LEAST_MM:
            continue
        corrections[f"images: slices of one contrast in the series {series}: taken as one"] = None
        for place, at in enumerate(order.tolist()):
            header = images[members[at]].header.copy()
            header["slice"], header["image_series_index"] = place, series[0]
            joined[members[at]] = replace(images[members[at]], header=header)
    return joined, tuple(corrections)
