"""Heads of balls that are scanned in several positions, and what is known of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from streamrecon_simulator.phantoms.anisotropy import Anisotropy
from streamrecon_simulator.phantoms.phantom import Part, Phantom, Tissue, field_at, turned
from streamrecon_simulator.phantoms.shapes import Sphere

from streamrecon.analysis.positions.tilted_fields import Position
from streamrecon.model.geometry import Geometry
from streamrecon.output.nifti import write_nifti

NOTHING = Tissue(0.0, 0.0, 0.0)
HEAD_MM, CORE_MM, APART_MM, SPREAD_PPM = 50.0, 2.5, 6.0, 0.03
SIDES = (((0.0, 44.0, -26.0), 17.0), ((38.0, -34.0, 10.0), 15.0))
"""Centres and radii of what makes the head no ball: how a ball lies cannot be seen."""
Tilts = Sequence[tuple[str, int | tuple[int, int]]]
GRID = Geometry((53, 57, 55), (2.0, 1.9, 2.0), np.eye(3)[::-1])
"""Of the closed forms."""
Balls = Mapping[str, Part]

ISOTROPIC: Balls = {
    "strong": Part(Sphere((-22.0, 10.0, 8.0), 10.0), Tissue(0.7, 30.0, 0.57)),
    "nucleus": Part(Sphere((22.0, -8.0, -6.0), 10.0), Tissue(0.75, 25.0, 0.15)),
    "diamagnetic": Part(Sphere((4.0, 22.0, -22.0), 10.0), Tissue(0.75, 20.0, -0.10)),
}
ASIDE: Balls = {
    "bleed": Part(Sphere((20.0, 14.0, 12.0), 9.0), Tissue(0.6, 30.0, 0.40)),
    "nucleus": Part(Sphere((-20.0, -4.0, 14.0), 9.0), Tissue(0.75, 25.0, 0.12)),
    "calcification": Part(Sphere((-6.0, 16.0, -20.0), 9.0), Tissue(0.7, 20.0, -0.25)),
}
AROUND = (
    Part(Sphere((0.0, -58.0, -22.0), 8.0), Tissue(0.0, 0.0, 9.4)),
    Part(Sphere((-57.0, 8.0, -24.0), 7.0), Tissue(0.0, 0.0, 9.4)),
    Part(Sphere((10.0, 54.0, 30.0), 5.0), Tissue(0.0, 0.0, -2.5)),
)
"""Air and bone, from 4 mm beyond the head on."""
FIBROUS: Balls = {
    "iron": Part(Sphere((-22.0, 10.0, 8.0), 10.0), Tissue(0.75, 25.0, 0.12)),
    "tract 1": Part(
        Sphere((22.0, -8.0, -6.0), 10.0), Tissue(0.7, 20.0, -0.045),
        Anisotropy(0.020, (1.0, 1.0, 0.0)),
    ),
    "tract 2": Part(
        Sphere((4.0, 22.0, -22.0), 10.0), Tissue(0.7, 20.0, -0.045),
        Anisotropy(0.020, (0.0, 0.3, 1.0)),
    ),
}  # fmt: skip
FIBROUS_ASIDE: Balls = {
    "iron": Part(Sphere((20.0, 15.0, 11.0), 9.0), Tissue(0.75, 25.0, 0.10)),
    "tract 1": Part(
        Sphere((-21.0, -5.0, 13.0), 9.0), Tissue(0.7, 20.0, -0.05),
        Anisotropy(0.024, (1.0, -0.4, 0.5)),
    ),
    "tract 2": Part(
        Sphere((-5.0, 17.0, -20.0), 9.0), Tissue(0.7, 20.0, -0.04),
        Anisotropy(0.016, (0.2, 1.0, -0.3)),
    ),
}  # fmt: skip


def head_of(
    balls: Balls, *, seed: int = 7, spread_ppm: float = 0.0, around: Sequence[Part] = ()
) -> Phantom:
    """The balls in tissue, among others that differ in magnitude, and in χ where it is asked."""
    random = np.random.default_rng(seed)
    seen: list[Part] = []
    while len(seen) < 16:
        centre, radius = random.uniform(-40, 40, 3), float(random.uniform(4, 8))
        if np.linalg.norm(centre) + radius > HEAD_MM - 3:
            continue
        others = [*balls.values(), *seen]
        if all(np.linalg.norm(centre - p.shape.centre_mm) > radius + p.shape.radius_mm + 2
               for p in others if isinstance(p.shape, Sphere)):  # fmt: skip
            place = tuple(centre.tolist())
            tissue = Tissue(
                random.uniform(0.4, 1.2), 18.0, spread_ppm and random.uniform(-1, 1) * spread_ppm
            )
            seen.append(Part(Sphere(place, radius), tissue))
    tissue = Tissue(0.8, 18.0, 0.0)
    host = Part(Sphere((0.0, 0.0, 0.0), HEAD_MM), tissue)
    sides = [Part(Sphere(centre, radius), tissue) for centre, radius in SIDES]
    far = (0.0, 0.2, -0.3, 0.4, 1.0)
    return Phantom((host, *sides, *around, *seen, *balls.values()), NOTHING, background_ppm=far)


def alone(head: Phantom) -> Phantom:
    """The head without what lies around it and far away: its field is local."""
    return replace(
        head, parts=tuple(p for p in head.parts if p not in AROUND), background_ppm=(0.0,) * 5
    )


def positions(head: Phantom, tilts: Tilts, *, noise_ppm: float) -> list[Position]:
    """Fields in closed form, of the head in each position."""
    random, at = np.random.default_rng(17), np.moveaxis(places(GRID), -1, 0)
    mask = np.linalg.norm(places(GRID), axis=-1) < HEAD_MM
    found = []
    for axis, degrees in tilts:
        motion = np.eye(4)
        motion[:3, :3] = Rotation.from_euler(axis, degrees, degrees=True).as_matrix()
        field_ppm = field_at(turned(head, motion[:3, :3]), at)
        field_ppm = field_ppm + random.normal(0, noise_ppm, GRID.shape)
        found.append(Position((field_ppm * mask).astype(np.float32), mask, GRID, motion))
    return found


def labelled(folder: Path, balls: Balls, head: Phantom, grid: Geometry) -> Path:
    """Cores of the balls, and what is far from all sources."""
    at = places(grid)
    numbers = np.zeros(grid.shape, np.int16)
    away = np.full(grid.shape, np.inf)
    for number, part in enumerate(balls.values(), start=1):
        assert isinstance(part.shape, Sphere)
        depth = part.shape.radius_mm - np.linalg.norm(at - part.shape.centre_mm, axis=-1)
        numbers[depth > CORE_MM] = number
        away = np.minimum(away, -depth)
    inner = np.linalg.norm(at, axis=-1) < HEAD_MM - 12
    for part in head.parts:
        if isinstance(part.shape, Sphere) and 0 < abs(part.tissue.chi_ppm) <= SPREAD_PPM:
            inner &= np.linalg.norm(at - part.shape.centre_mm, axis=-1) > part.shape.radius_mm
    numbers[(away > APART_MM) & inner] = len(balls) + 1
    names = {str(n): name for n, name in enumerate([*balls, "between"], start=1)}
    path = folder / "labels.nii.gz"
    write_nifti(path, numbers, grid)
    (folder / "labels.json").write_text(json.dumps(names))
    return path


def directions(balls: Balls, grid: Geometry) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Unit vectors (L, P, S) along the fibres [Z, Y, X, 3], and where there are some."""
    at = places(grid)
    along, fibres = np.zeros((*grid.shape, 3)), np.zeros(grid.shape, np.bool_)
    for part in balls.values():
        if part.anisotropy is not None and isinstance(part.shape, Sphere):
            inside = np.linalg.norm(at - part.shape.centre_mm, axis=-1) < part.shape.radius_mm
            v = np.array(part.anisotropy.direction)
            along[inside] = v / np.linalg.norm(v)
            fibres |= inside
    return along, fibres


def places(grid: Geometry) -> NDArray[np.float64]:
    """Position of every voxel [Z, Y, X, 3] (L, P, S)."""
    affine = grid.affine_lps()
    return np.moveaxis(np.indices(grid.shape), 0, -1) @ affine[:3, :3].T + affine[:3, 3]
