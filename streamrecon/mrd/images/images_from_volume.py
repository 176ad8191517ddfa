"""Turns volumes into MRD images: one for a 3-D scan, one per slice for a 2-D scan."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

import streamrecon
from streamrecon.model.geometry import Geometry
from streamrecon.model.images import Volume
from streamrecon.mrd.axes import swapped
from streamrecon.mrd.images import meta_keys as names
from streamrecon.mrd.wire.layout import IMAGE, PIXEL_TYPES
from streamrecon.mrd.wire.messages import Image, Meta


def images_of(
    volume: Volume,
    *,
    series: int,
    image_index: int = 1,
    as_slices: bool = False,
    history: tuple[str, ...] = (),
) -> list[Image]:
    """Images in the geometry of the scan, float32 or complex64.

    The position of an image is that of its voxel ``n // 2`` on each axis, which is where MRD puts
    the centre of the excited volume. The field of view along z of a single slice is its
    thickness; the distance to the next follows from the positions. Measurement id and time stamps
    are those of the scan's lines, of a 2-D scan each slice's own.

    Parameters
    ----------
    volume
        What is sent; the values are not copied.
    series
        Series index on the wire, one for each kind of image.
    image_index
        Index of the first image, from 1.
    as_slices
        Whether a 3-D scan is sent slice by slice too.
    history
        Steps that made the image, for a reader.
    """
    meta = _meta(volume, history)
    slabs = _slabs(volume, as_slices=as_slices)
    stamps = _time_stamps(volume, len(slabs))
    images = []
    for number, (grid, values) in enumerate(slabs):
        header = _header(grid, volume, series)
        header["slice"] = number
        header["image_index"] = image_index + number
        header["measurement_uid"] = volume.scan.measurement_uid
        header["acquisition_time_stamp"] = stamps[number]
        images.append(Image(header, values[None], meta))
    return images


def is_multislice(volume: Volume) -> bool:
    """Whether the slices were excited one by one."""
    return volume.scan.protocol.encoding.encoded_shape[0] == 1


def _slabs(volume: Volume, *, as_slices: bool) -> list[tuple[Geometry, NDArray[np.generic]]]:
    """What goes into one image each: grid and values [Z, Y, X]."""
    grid, values = volume.geometry, volume.values
    if not as_slices and not is_multislice(volume):
        return [(grid, values)]
    shape = (1, *grid.shape[1:])
    return [(grid.crop((k, 0, 0), shape), values[k : k + 1]) for k in range(grid.shape[0])]


def _time_stamps(volume: Volume, n_images: int) -> tuple[int, ...]:
    """Of each image: that of its own slice where it is known, else the first."""
    stamps = volume.scan.time_stamps
    if is_multislice(volume) and len(stamps) == n_images:
        return stamps
    return (stamps[:1] or (0,)) * n_images


def _header(grid: Geometry, volume: Volume, series: int) -> np.void:
    header: np.void = np.zeros(1, IMAGE)[0]
    depth_mm = grid.shape[0] * grid.voxel_mm[0]
    if is_multislice(volume):
        depth_mm = volume.scan.slice_thickness_mm
    header["version"] = 1
    header["data_type"] = PIXEL_TYPES[volume.values.dtype]
    header["matrix_size"] = swapped(grid.shape)
    header["field_of_view"] = (
        grid.shape[2] * grid.voxel_mm[2],
        grid.shape[1] * grid.voxel_mm[1],
        depth_mm,
    )
    header["channels"] = 1
    header["position"] = grid.centre_lps_mm
    header["slice_dir"], header["phase_dir"], header["read_dir"] = grid.axes_lps
    header["patient_table_position"] = volume.scan.table_mm
    header["contrast"] = volume.echo or 0
    header["repetition"] = volume.repetition
    header["image_type"] = volume.quantity.row.image_type
    header["image_series_index"] = series
    return header


def _meta(volume: Volume, history: tuple[str, ...]) -> Meta:
    """All three vocabularies; one dict serves all slices."""
    quantity, scan = volume.quantity, volume.scan
    z, y, x = volume.geometry.axes_lps
    meta: Meta = {
        names.ROLE: ("Image" if quantity.row.part else "Quantitative",),
        names.HISTORY: ("streamrecon", *history),
        names.SERIES: (_series_name(volume),),
        names.COMMENT: (quantity.label, *volume.comments),
        names.KEEP_GEOMETRY: ("1",),
        names.ROW_DIR: _cosines(x),
        names.COLUMN_DIR: _cosines(y),
        names.SLICE_DIR: _cosines(z),
        names.QUANTITY: (quantity.label,),
        names.PHASE_SIGN: (str(scan.phase_sign),),
        names.VERSION: (streamrecon.__version__,),
        names.SPACING_MM: (f"{volume.geometry.voxel_mm[0]:.9g}",),
    }
    unit, per_unit = unit_on_wire(volume)
    if unit:  # an empty value is read as the word None by ismrmrd
        meta[names.UNIT] = (unit,)
    if volume.comments:
        meta[names.COMMENTS] = volume.comments
    if volume.slab_mm is not None:
        meta[names.SLAB_MM] = (f"{volume.slab_mm:.9g}",)
    meta[names.FIRE_ROLE] = meta[names.ROLE]
    meta[names.FIRE_HISTORY] = meta[names.HISTORY]
    meta[names.FIRE_SERIES] = meta[names.SERIES]
    meta[names.FIRE_COMMENT] = (", ".join(meta[names.COMMENT]),)
    if volume.rescale is not None:
        slope, intercept = (number * per_unit for number in volume.rescale)
        meta[names.SLOPE], meta[names.INTERCEPT] = (f"{slope:.9g}",), (f"{intercept:.9g}",)
    return meta | _echo_time(volume) | _window(volume)


def unit_on_wire(volume: Volume) -> tuple[str, float]:
    """Unit that a reader gets, and how many of it make one of the model's.

    Integers are in DICOM's unit, ppb for ppm and ms for s, so that a host which ignores the
    rescale, or shows only whole numbers, shows the right ones.
    """
    form = volume.quantity.dicom
    if not _is_integer(volume) or form is None or form.unit is None or form.per_unit == 1:
        return volume.quantity.unit, 1.0
    return form.unit.value.strip("[]"), form.per_unit


def _is_integer(volume: Volume) -> bool:
    return np.issubdtype(volume.values.dtype, np.integer)


def _series_name(volume: Volume) -> str:
    protocol = volume.scan.protocol.ids.protocol
    return f"{protocol}_{volume.quantity.label}" if protocol else volume.quantity.label


def _cosines(direction: NDArray[np.float64]) -> tuple[str, ...]:
    return tuple(f"{cosine:.18f}" for cosine in direction)


def _echo_time(volume: Volume) -> Meta:
    times_s = volume.scan.echoes.te_s
    if volume.echo is None or not times_s:
        return {}
    te_s = times_s[volume.echo]
    te_ms = (f"{te_s * 1e3:.7g}",)
    return {names.TE_MS: te_ms, names.FIRE_TE_MS: te_ms, names.TE_S: (f"{te_s:.7g}",)}


def _window(volume: Volume) -> Meta:
    """DICOM's centre and width for a viewer, none where floats speak for themselves.

    Nor where they are in another unit than DICOM's. FIRE reads whole numbers: of what goes from 0
    to 1, DICOM's formula shows the whole with centre 1 and width 2.
    """
    row, form = volume.quantity.row, volume.quantity.dicom
    _, per_unit = unit_on_wire(volume)
    if form is None or form.per_unit != per_unit or not (row.is_windowed or _is_integer(volume)):
        return {}
    centre, width = form.window or _range(volume)
    meta: Meta = {names.CENTRE: (f"{centre:.6g}",), names.WIDTH: (f"{width:.6g}",)}
    if width >= 2:
        meta[names.FIRE_CENTRE] = (str(round(centre)),)
        meta[names.FIRE_WIDTH] = (str(round(width)),)
    elif _is_integer(volume):
        meta[names.FIRE_CENTRE], meta[names.FIRE_WIDTH] = (str(round(centre + 0.5)),), ("2",)
    return meta


def _range(volume: Volume) -> tuple[float, float]:
    """Centre and width from zero to what nearly all voxels stay below."""
    top = float(np.percentile(volume.values[:, ::4, ::4], 99.5)) or 1.0
    return top / 2, top
