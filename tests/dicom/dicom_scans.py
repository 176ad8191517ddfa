"""Scans and volumes for the DICOM tests: any grid, any header, numbers that can be told apart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from streamrecon.model.geometry import Geometry
from streamrecon.model.images import Volume
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.model.scan import (
    CounterRange,
    EchoTrain,
    Encoding,
    Ids,
    PhaseSign,
    Scan,
    ScanProtocol,
    SignOrigin,
)
from streamrecon.model.study import SourceSeries, Study, StudyInfo, Subject

VISIT = StudyInfo(
    Subject("Müller^Jürgen", "PID-7", "1970-12-31", "M", "70.5"),
    Study("2026-02-03", "12:30:05.250", "S1", "A0017", "Ärztin^Anna", "head", "BRAIN"),
    SourceSeries("2026-02-03", "12:40:00", "5", "General Hospital", "MR1", "SN0815X"),
)
IDS = Ids(
    measurement="M1",
    protocol="qsm 0.8mm",
    study_uid="1.2.826.0.1.3680043.8.1",
    frame_of_reference_uid="1.2.826.0.1.3680043.8.2",
    header_xml=b"<ismrmrdHeader/>",
    visit=VISIT,
)
TE_S = (0.005, 0.0125)

_AXIAL = np.eye(3)[::-1]
_TURN = Rotation.from_euler("xyz", [20, -35, 12], degrees=True).as_matrix()
_CORONAL = np.array([[0, -1, 0], [0, 0, -1], [1, 0, 0]], dtype=float)
_SAGITTAL = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]], dtype=float)
_SHAPE, _VOXEL, _CENTRE = (3, 7, 6), (2.0, 0.8, 1.2), (11.5, -23.25, 47.125)

GRIDS = {
    "axial": Geometry(_SHAPE, _VOXEL, _AXIAL, _CENTRE),
    "even": Geometry((4, 8, 10), _VOXEL, _AXIAL, _CENTRE),
    "oblique": Geometry(_SHAPE, _VOXEL, _AXIAL @ _TURN.T, _CENTRE),
    "left-handed": Geometry(_SHAPE, _VOXEL, _AXIAL @ _TURN.T * [[-1], [1], [1]], _CENTRE),
    "mirrored": Geometry(_SHAPE, _VOXEL, _AXIAL @ _TURN.T * [[1], [-1], [1]], _CENTRE),
    "coronal": Geometry(_SHAPE, _VOXEL, _CORONAL, _CENTRE),
    "sagittal": Geometry(_SHAPE, _VOXEL, _SAGITTAL[[0, 2, 1]], _CENTRE),
}
"""Grids by name; odd and even, anisotropic, of both hands."""


def scan_of(geometry: Geometry, *, ids: Ids = IDS, is_2d: bool = False, **changed: Any) -> Scan:
    """A two-echo scan on a grid; ``changed`` are fields of its protocol."""
    z, y, x = geometry.shape
    dz, dy, dx = geometry.voxel_mm
    fov = (z * dz, y * dy, x * dx)
    shape = (1, y, x) if is_2d else (z, y, x)
    encoding = Encoding(
        shape, fov, shape, fov, CounterRange(0, y - 1, y // 2), CounterRange(0, 0, 0)
    )
    protocol = ScanProtocol(
        echoes=EchoTrain(TE_S, tr_s=0.03, flip_rad=np.radians(15.0), bandwidth_hz=1e5),
        encoding=encoding,
        b0_t=2.8936,
        f0_hz=123.2e6,
        phase_sign=PhaseSign(-1, SignOrigin.VENDOR),
        vendor="ACME Scanners",
        model="One",
        patient_position="HFS",
        ids=ids,
    )
    return Scan(geometry, replace(protocol, **changed), 1.6 if is_2d else geometry.voxel_mm[0])


def numbers_of(geometry: Geometry, seed: int = 0) -> np.ndarray:
    """Random numbers of -1…1 with both ends in it, [Z, Y, X]."""
    values = np.random.default_rng(seed).uniform(-1, 1, geometry.shape)
    values.flat[:2] = -1, 1
    return values.astype(np.float32)


RANGES = {
    Quantity.MAGNITUDE: (0.0, 3.7e-4),
    Quantity.PHASE: (-np.pi, np.pi),
    Quantity.SWI: (0.0, 2e3),
    Quantity.SWI_MINIP: (0.0, 2e3),
    Quantity.TSWI: (0.0, 2e3),
    Quantity.CHI: (-2.5, 1.5),
    Quantity.R2_STAR: (0.0, 400.0),
    Quantity.T2_STAR: (0.0, 0.2),
    Quantity.FIELD: (-4.0, 4.0),
    Quantity.LOCAL_FIELD: (-0.2, 0.2),
    Quantity.CHI_PREVIEW: (-2.5, 1.5),
    Quantity.CHI_SD: (0.0, 0.5),
    Quantity.FIELD_HZ: (-500.0, 500.0),
    Quantity.FIELD_SD: (0.0, 0.5),
    Quantity.MASK: (0.0, 1.0),
    Quantity.PHASE_QUALITY: (0.0, 1.0),
    Quantity.SNR: (0.0, 300.0),
    Quantity.SWI_DIA: (0.0, 2e3),
    Quantity.TSWI_DIA: (0.0, 2e3),
    Quantity.TSWI_MINIP: (0.0, 2e3),
    Quantity.CHI_MIP: (-0.1, 1.5),
    Quantity.S0: (0.0, 3e3),
    Quantity.R2_STAR_SD: (0.0, 50.0),
    Quantity.R2_STAR_MISFIT: (0.0, 20.0),
    Quantity.VEINS: (0.0, 1.0),
    Quantity.MAGNITUDE_PREVIEW: (0.0, 3.7e-4),
    Quantity.SWI_PREVIEW: (0.0, 2e3),
    Quantity.G_FACTOR: (0.0, 20.0),
    Quantity.MAGNITUDE_COMBINED: (0.0, 3.7e-4),
}
PROJECTIONS = {Quantity.SWI_MINIP, Quantity.TSWI_MINIP, Quantity.CHI_MIP}
MASKS = {Quantity.MASK, Quantity.VEINS}
"""Plausible smallest and largest values of each output, in the model's units."""


def volume_of(scan: Scan, quantity: Quantity, *, echo: int | None = None) -> Volume:
    """A volume of numbers that fill the quantity's range."""
    low, high = RANGES[quantity]
    numbers = numbers_of(scan.geometry, seed=list(RANGES).index(quantity) + 100 * (echo or 0))
    values = (low + (high - low) * (numbers + 1) / 2).astype(np.float32)
    if quantity in MASKS:
        values = np.rint(values)
    slab_mm = 4 * scan.geometry.voxel_mm[0] if quantity in PROJECTIONS else None
    return Volume(values, scan.geometry, quantity, scan, echo=echo, slab_mm=slab_mm)


def session_of(scan: Scan) -> list[Volume]:
    """All outputs of a scan: echoes, then every map."""
    echoes = [
        volume_of(scan, part, echo=echo)
        for echo in range(len(scan.echoes))
        for part in (Quantity.MAGNITUDE, Quantity.PHASE)
    ]
    maps = [quantity for quantity in RANGES if not quantity.row.part]
    return echoes + [volume_of(scan, quantity) for quantity in maps]
