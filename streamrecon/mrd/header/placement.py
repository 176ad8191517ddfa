"""Places a protocol in the patient, from the headers of its lines."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import HeaderError
from streamrecon.model.geometry import Geometry, Triple
from streamrecon.model.scan import Encoding, Scan, ScanProtocol
from streamrecon.mrd.axes import Row, Vector, axes_of, check_parallel, row_of, vector
from streamrecon.mrd.wire.layout import REVERSE
from streamrecon.units import s_from_us

ASSUMED_AXES = np.eye(3)[::-1]
"""Rows z, y, x where the headers give no directions: slice along S, phase along P, read along L."""

NO_DIRECTIONS = "the lines carry no directions: assumed read along L, phase along P, slice along S"
NO_POSITIONS = "the slices carry no positions: assumed next to one another without gap"


_TABLE_REACH_MM = 5000.0  # tables travel some 3 m


class Placed(NamedTuple):
    """A scan, and what had to be assumed to place it (sentences for the client)."""

    scan: Scan
    comments: tuple[str, ...]


def place(protocol: ScanProtocol, header: NDArray[np.void]) -> Placed:
    """Scan whose geometry is that of the wanted (recon) grid.

    The MRD position is the centre of the excited volume. Both grids, the sampled and the wanted
    one, have their voxel ``n // 2`` there, so that cropping and zero-filling around that index
    leave it in place. Slices of a 2-D scan take the z axis along which their counter grows,
    which may be against ``slice_dir``: such axes are left-handed, and stay so.

    Parameters
    ----------
    protocol
        What the header says.
    header
        Headers of lines [N], `layout.ACQUISITION`: any line of a 3-D scan; of a 2-D scan lines
        of all slices that have come, at least two where the header counts several.

    Raises
    ------
    HeaderError
        If the positions are not equidistant along ``slice_dir``, or slabs are stacked.
    """
    first = header[0]
    axes, comments = _axes(first)
    table_mm, strange = _table_mm(first)
    n_slices = len(protocol.encoding.slice)
    dz, dy, dx = _voxel_mm(protocol)
    nz, ny, nx = protocol.encoding.recon_shape
    if n_slices > 1:
        _refuse_slabs(protocol)
        row, assumed = _row(protocol, header, axes)
        comments += assumed
        axes = np.stack([row.step / row.spacing_mm, *axes[1:]])
        nz, dz, centre = n_slices, row.spacing_mm, row.at(n_slices // 2)
    else:
        centre = vector(first, "position")
    return Placed(
        Scan(
            geometry=Geometry((nz, ny, nx), (dz, dy, dx), axes, _triple(centre)),
            protocol=_with_bandwidth(protocol, first),
            slice_thickness_mm=_voxel_mm(protocol)[0],
            table_mm=table_mm,
            k_range_per_mm=_k_range(protocol.encoding, first),
            measurement_uid=int(first["measurement_uid"]),
            time_stamps=_time_stamps(header, n_slices),
        ),
        comments + strange,
    )


def _time_stamps(header: NDArray[np.void], n_slices: int) -> tuple[int, ...]:
    """One for each slice, in the order of their counter; the first line's if some lack lines."""
    counters, lines = np.unique(header["idx"]["slice"], return_index=True)
    stamps = header["acquisition_time_stamp"]
    chosen = stamps[lines] if len(counters) == n_slices else stamps[:1]
    return tuple(chosen.tolist())


def _table_mm(header: np.void) -> tuple[Triple, tuple[str, ...]]:
    """Position of the table, 0 where it is nowhere near the magnet."""
    found = vector(header, "patient_table_position")
    if np.abs(found).max() <= _TABLE_REACH_MM:
        return _triple(found), ()
    numbers = ", ".join(f"{value:g}" for value in found)
    return (0.0, 0.0, 0.0), (f"patient_table_position: found {numbers} mm, passed over",)


def _k_range(encoding: Encoding, header: np.void) -> tuple[tuple[float, float], ...]:
    """Measured k along z, y, x [cycles/mm], to the outer edges of the first and last sample.

    Samples are discarded in the order of time, the centre counts in the order of k.
    """
    before, after = int(header["discard_pre"]), int(header["discard_post"])
    backward = bool(int(header["flags"]) & REVERSE)
    centre = int(header["center_sample"]) - (after if backward else before)
    n_samples = int(header["number_of_samples"]) - before - after
    steps = [
        (limit.minimum - limit.centre, limit.maximum - limit.centre)
        for limit in (encoding.kz, encoding.ky)
    ]
    fov_z, fov_y, fov_x = encoding.encoded_fov_mm
    return tuple(
        ((low - 0.5) / fov_mm, (high + 0.5) / fov_mm) if high > low else (0.0, 0.0)
        for (low, high), fov_mm in (
            (steps[0], fov_z),
            (steps[1], fov_y),
            ((-centre, n_samples - 1 - centre), fov_x),
        )
    )


def _axes(header: np.void) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    read, phase, slices = (vector(header, f"{name}_dir") for name in ("read", "phase", "slice"))
    axes = axes_of(read, phase, slices)
    return (ASSUMED_AXES, (NO_DIRECTIONS,)) if axes is None else (axes, ())


def _voxel_mm(protocol: ScanProtocol) -> Triple:
    fov, shape = protocol.encoding.recon_fov_mm, protocol.encoding.recon_shape
    return fov[0] / shape[0], fov[1] / shape[1], fov[2] / shape[2]


def _refuse_slabs(protocol: ScanProtocol) -> None:
    if protocol.encoding.recon_shape[0] > 1 or protocol.encoding.encoded_shape[0] > 1:
        raise HeaderError(
            f"encodingLimits/slice: found {len(protocol.encoding.slice)} slabs of"
            f" {protocol.encoding.recon_shape[0]} partitions, needed one slab, or slices"
        )


def _row(
    protocol: ScanProtocol, header: NDArray[np.void], axes: NDArray[np.float64]
) -> tuple[Row, tuple[str, ...]]:
    """Where the slices lie, the first being the counter's smallest value."""
    counter = header["idx"]["slice"].astype(np.int64) - protocol.encoding.slice.minimum
    indices, lines = np.unique(counter, return_index=True)
    positions = header["position"][lines].astype(np.float64)
    if not header["position"].any() and not header["slice_dir"].any():
        spacing_mm = _voxel_mm(protocol)[0]
        return touching(len(protocol.encoding.slice), axes[0] * spacing_mm), (NO_POSITIONS,)
    if len(indices) < 2:
        raise HeaderError(
            f"position: found lines of one slice of {len(protocol.encoding.slice)}, needed two to"
            " know their distance"
        )
    row = row_of(indices, positions)
    check_parallel(row, axes[0])
    return row, ()


def touching(n_slices: int, step: Vector) -> Row:
    """A row of slices whose middle one lies at the origin."""
    return Row(-(n_slices // 2) * step, step)


def _with_bandwidth(protocol: ScanProtocol, header: np.void) -> ScanProtocol:
    dwell_s = s_from_us(float(header["sample_time_us"]))
    if not dwell_s > 0:
        return protocol
    return replace(protocol, echoes=replace(protocol.echoes, bandwidth_hz=1 / dwell_s))


def _triple(values: Vector) -> Triple:
    left, posterior, superior = values.tolist()
    return left, posterior, superior
