"""Builds a scan from what image files state: a grid, echo times, B0, a phase sign; no lines."""

from __future__ import annotations

from dataclasses import replace

from streamrecon.model.geometry import Geometry
from streamrecon.model.scan import (
    CounterRange,
    EchoTrain,
    Encoding,
    Ids,
    PhaseSign,
    Scan,
    ScanProtocol,
)
from streamrecon.units import GAMMA_BAR_HZ_PER_T


def bare_scan(
    geometry: Geometry,
    te_s: tuple[float, ...],
    b0_t: float,
    sign: PhaseSign,
    *,
    vendor: str = "",
    name: str = "",
    comments: tuple[str, ...] = (),
    ids: Ids = Ids(),  # noqa: B008  (frozen)
    is_difference: bool = False,
) -> Scan:
    """The scan of images on ``geometry``, as if all of its grid had been measured.

    Parameters
    ----------
    geometry
        Grid of the images.
    te_s, b0_t
        Echo times [s], empty where unknown, and field [T].
    sign
        Sign of the phase that was taken off.
    vendor, name
        Who made the scanner, and what the protocol is called.
    comments
        What a reader of any image of it must know.
    ids
        Of patient and study, where images made of it shall join them.
    is_difference
        Whether the one echo is the difference of two.

    Raises
    ------
    HeaderError
        If the times do not grow.
    """
    (nz, ny, nx), (dz, dy, dx) = geometry.shape, geometry.voxel_mm
    fov_mm = (nz * dz, ny * dy, nx * dx)
    ky, kz = (CounterRange(0, n - 1, n // 2) for n in (ny, nz))
    protocol = ScanProtocol(
        echoes=EchoTrain(te_s, is_difference=is_difference),
        encoding=Encoding(geometry.shape, fov_mm, geometry.shape, fov_mm, ky, kz),
        b0_t=b0_t,
        f0_hz=b0_t * GAMMA_BAR_HZ_PER_T,
        phase_sign=sign,
        vendor=vendor,
        ids=replace(ids, protocol=name),
    )
    return Scan(geometry, protocol, dz, comments=comments)
