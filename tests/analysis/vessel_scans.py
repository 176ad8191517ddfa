"""A bent vessel, with or without a neighbour, in echoes of a small cube, and its centre-line."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from streamrecon_simulator.phantoms.bent_vessels import BentVessel, PaintedVessel, echoes_of, paint

from streamrecon.analysis.oxygen.vein_echoes import SegmentFit, VeinScan, VeinSources, fit_segment
from streamrecon.analysis.oxygen.vein_segments import VeinSegment, segment_through
from streamrecon.model.geometry import Geometry

TE_S = (0.005, 0.010, 0.015, 0.020, 0.025)
B0_T = 3.0
TISSUE_R2STAR = 20.0


def unit(rng: np.random.Generator) -> np.ndarray:
    vector = rng.standard_normal(3)
    return vector / np.linalg.norm(vector)


def across(direction: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    vector = np.cross(direction, unit(rng))
    return np.asarray(vector / np.linalg.norm(vector))


@dataclass(frozen=True, eq=False)
class Scene:
    vessels: list[BentVessel]
    painted: list[PaintedVessel]
    geometry: Geometry
    angle_deg: float

    def with_blood(self, chi_ppm: float, blood: float, r2star: float) -> Scene:
        """The first vessel filled otherwise; nothing is painted again."""
        first = self.vessels[0]
        filled = BentVessel(
            middle_mm=first.middle_mm, direction=first.direction, towards=first.towards,
            bend_mm=first.bend_mm, radius_mm=first.radius_mm,
            chi_ppm=chi_ppm, blood=blood, r2star=r2star,
        )  # fmt: skip
        return Scene([filled, *self.vessels[1:]], self.painted, self.geometry, self.angle_deg)


def scene_of(
    rng: np.random.Generator,
    *,
    radius_mm: float,
    angle_deg: float,
    bend_mm: float = math.inf,
    neighbour_mm: float | None = None,
    voxel_mm: tuple[float, float, float] = (1.0, 1.0, 1.0),
    voxels: int = 26,
    fine: int = 4,
) -> Scene:
    """A vessel through the middle; a second one beside it, in any direction, if wanted."""
    along = unit(rng)
    aside = across(along, rng)
    b0 = along * math.cos(math.radians(angle_deg)) + aside * math.sin(math.radians(angle_deg))
    towards = across(along, rng)
    vessels = [
        BentVessel(
            middle_mm=rng.uniform(-0.5, 0.5, 3), direction=along, towards=towards, bend_mm=bend_mm,
            radius_mm=radius_mm, chi_ppm=0.57, blood=0.85, r2star=45.0,
        )
    ]  # fmt: skip
    if neighbour_mm is not None:
        vessels.append(_neighbour(rng, vessels[0], neighbour_mm))
    painted = [
        paint(vessel, voxels=voxels, fine=fine, voxel_mm=voxel_mm, b0=b0) for vessel in vessels
    ]
    other = across(b0, rng)
    axes = np.stack([np.cross(other, b0), other, b0], -1)  # rows z, y, x; columns L, P, S
    return Scene(vessels, painted, Geometry((voxels,) * 3, voxel_mm, axes), angle_deg)


def _neighbour(rng: np.random.Generator, first: BentVessel, gap_mm: float) -> BentVessel:
    """One whose wall comes no nearer than 1.5 mm to the first's."""
    aside = across(first.direction, rng)
    radius = rng.uniform(0.5, 1.2)
    while True:
        other = BentVessel(
            middle_mm=first.middle_mm + gap_mm * aside, direction=unit(rng), towards=aside,
            bend_mm=math.inf, radius_mm=radius,
            chi_ppm=rng.uniform(0.3, 0.7), blood=0.9, r2star=40.0,
        )  # fmt: skip
        apart = first.path_mm(25, 80)[:, None] - other.path_mm(25, 80)
        if np.linalg.norm(apart, axis=2).min() > first.radius_mm + radius + 1.5:
            return other
        gap_mm += 0.2


def segment_of(scene: Scene, rng: np.random.Generator, *, half_mm: float = 7.0) -> VeinSegment:
    """As a tracer would give it: points 0.3 mm off, radius 20 % too small to 40 % too large."""
    path = scene.vessels[0].path_mm(half_mm, 15) + 0.3 * rng.standard_normal((15, 3))
    path += np.array([n // 2 for n in scene.geometry.shape]) * scene.geometry.voxel_mm
    radius = scene.vessels[0].radius_mm * rng.uniform(0.8, 1.4)
    segment = segment_through(path, vein=1, radius_mm=radius, chi_ppm=0.4)
    assert segment is not None
    return segment


def sources_of(scene: Scene, rng: np.random.Generator) -> VeinSources:
    """The neighbour as a map has it: 0.25 mm off, 70 to 110 % of its susceptibility."""
    if len(scene.vessels) == 1:
        return VeinSources(np.zeros((0, 3)), np.zeros(0), np.zeros(0, np.int64))
    other = scene.vessels[1]
    path = other.path_mm(20, 60) + 0.25 * rng.standard_normal(3)
    path += np.array([n // 2 for n in scene.geometry.shape]) * scene.geometry.voxel_mm
    moment = other.chi_ppm * math.pi * other.radius_mm**2 * 40 / 60 * rng.uniform(0.7, 1.1)
    return VeinSources(path, np.full(60, moment), np.full(60, 2))


def scan_of(scene: Scene, rng: np.random.Generator, *, snr: float, sign: int = 1) -> VeinScan:
    """Noisy echoes; the coil's phase offset and a field across the cube are added."""
    echoes = echoes_of(
        scene.vessels, scene.painted, TE_S,
        voxels=scene.geometry.shape[0], b0_t=B0_T, tissue_r2star=TISSUE_R2STAR,
    )  # fmt: skip
    n = scene.geometry.shape[0]
    z, y, x = np.meshgrid(*[np.linspace(-1, 1, n)] * 3, indexing="ij")
    for e, te in enumerate(TE_S):
        echoes[e] *= np.exp(
            1j * (0.4 + 0.5 * y - 0.3 * x) + 2j * np.pi * te * (9 * z - 14 * x + 6 * y)
        )
    noise = rng.standard_normal((2, *echoes.shape)) / snr
    echoes = echoes + noise[0] + 1j * noise[1]
    return VeinScan(
        echoes=echoes if sign > 0 else echoes.conj(),
        te_s=TE_S,
        b0_t=B0_T,
        trusted=np.ones(scene.geometry.shape, bool),
        geometry=scene.geometry,
        resolution_mm=scene.geometry.voxel_mm,
    )


def fitted(scene: Scene, rng: np.random.Generator, *, snr: float) -> SegmentFit:
    found = fit_segment(
        scan_of(scene, rng, snr=snr), segment_of(scene, rng), sources_of(scene, rng)
    )
    assert found is not None
    return found
