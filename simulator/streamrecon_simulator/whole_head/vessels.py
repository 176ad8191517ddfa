"""Veins, and the thin strands of tissue by which brain and outside hang together."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from streamrecon_simulator.whole_head.face import Shell
from streamrecon_simulator.whole_head.solids import Place, Point, Rod, both_sides, chain, fill
from streamrecon_simulator.whole_head.tissues import Label

_PARENCHYMA = (
    Label.WHITE,
    Label.GREY,
    Label.SULCUS,
    Label.CAUDATE,
    Label.PUTAMEN,
    Label.THALAMUS,
    Label.STEM,
    Label.VENTRICLE,
)
_BRIDGED = (
    *(Label.BONE, Label.MARROW, Label.FLUID, Label.CAVITY),
    *(Label.MUCOSA, Label.MUSCLE, Label.FAT),
)
_DEEP_VEINS = (
    Rod((2.2, -8.0, 12.0), (2.0, 24.0, 11.0), (0.8, 1.1)),  # internal cerebral
    Rod((2.2, -8.0, 12.0), (9.0, -30.0, 14.0), (0.8, 0.6)),  # septal
    Rod((2.2, -8.0, 12.0), (17.0, 10.0, 20.0), (0.8, 0.6)),  # thalamostriate
    Rod((16.0, -8.0, -14.0), (4.0, 24.0, 6.0), (0.8, 1.1)),  # basal
)
_GALEN = (Rod((0.0, 24.0, 11.0), (0.0, 37.0, 13.0), (1.8, 2.2)),)
_STRAIGHT_SINUS = tuple(chain(((0, 38, 13), (0, 62, 3), (0, 84, -6)), (2.3, 2.5, 3.0)))
_LATERAL_SINUS = tuple(
    chain(
        ((0, 85, -8), (36, 74, -12), (56, 46, -20), (50, 34, -40)),
        (4.0, 4.2, 4.2, 3.0),
    )
)
_NECK = (
    Rod((30.0, 8.0, -66.0), (32.0, 8.0, -230.0), (4.5, 6.5)),  # jugular vein
    Rod((25.0, -2.0, -60.0), (25.0, -2.0, -230.0), (2.6, 3.2)),  # carotid artery
)
_OUTER_TABLE_MM = 2.0  # of the skull, that no sinus wears away
_BEND, _STEP_MM, _TAPER, _SIDE_STEPS = 0.28, 5.5, 0.93, 3  # of the veins of the white matter
_BRIDGES = (  # radius at most 1 mm: strands of at most 2 mm through bone and fluid
    Rod((5.0, -46.0, -8.0), (5.0, -52.0, -26.0), (1.0, 1.0)),  # cribriform plate
    Rod((14.0, -26.0, -12.0), (16.0, -44.0, -26.0), (1.0, 1.0)),  # optic canal
    Rod((27.0, -60.0, -6.0), (29.0, -66.0, -22.0), (0.8, 0.8)),  # orbital roof
    Rod((22.0, -4.0, -24.0), (27.0, -12.0, -62.0), (1.0, 1.0)),  # foramen ovale
    Rod((24.0, 28.0, -48.0), (28.0, 10.0, -74.0), (1.0, 1.0)),  # jugular foramen
    Rod((10.0, 10.0, -34.0), (46.0, 6.0, -37.0), (0.8, 0.8)),  # inner ear
)


def paint_vessels(labels: NDArray[np.uint8], at: Place, surfaces: Shell, seed: int) -> None:
    """Write sinuses, vessels of the neck, bridges and the veins of the brain."""
    _paint_sinuses(labels, at, surfaces)
    for rod in (side for each in _NECK for side in both_sides(each)):
        fill(labels, at, rod, Label.SINUS, only=(Label.MUSCLE, Label.FAT))
    for rod in (side for each in _BRIDGES for side in both_sides(each)):
        fill(labels, at, rod, Label.NERVE, only=_BRIDGED)
    for rod in (*_GALEN, *(side for each in _DEEP_VEINS for side in both_sides(each))):
        fill(labels, at, rod, Label.VEIN, only=_PARENCHYMA)
    random = np.random.default_rng((seed, 30))
    for rod in (*_medullary(random), *_cortical(random)):
        fill(labels, at, rod, Label.VEIN, only=_PARENCHYMA)
        fill(labels, at, rod, Label.SINUS, only=(Label.FLUID,))


def _paint_sinuses(labels: NDArray[np.uint8], at: Place, surfaces: Shell) -> None:
    """Dural sinuses: they may groove the skull, but its outer table stays."""
    kept = surfaces.outer > -_OUTER_TABLE_MM
    before = labels[kept]
    superior = np.abs(at.left) < 3.6 + 0.4 * np.minimum(surfaces.inner, 0)
    superior &= (surfaces.inner < 0.5) & (surfaces.inner > -6.5) & (at.superior > -2)
    superior &= (at.superior > 20) | (at.posterior > 40)
    labels[superior] = Label.SINUS
    for rod in (*_STRAIGHT_SINUS, *(side for each in _LATERAL_SINUS for side in both_sides(each))):
        fill(labels, at, rod, Label.SINUS)
    labels[kept] = before


def _medullary(random: np.random.Generator) -> Iterator[Rod]:
    """Veins of the white matter, from the ventricles outwards, with side branches."""
    for _ in range(46):
        side = random.choice([-1.0, 1.0])
        along = random.uniform(-30, 48)
        start = np.array([side * random.uniform(12, 20), along, random.uniform(14, 26)])
        outwards, upwards = random.uniform(0.5, 1.3), random.uniform(-0.4, 1.0)
        heading = np.array([side * outwards, 0.012 * along, upwards])
        yield from _branch(random, start, heading, 0.95, 6)


def _branch(
    random: np.random.Generator,
    start: NDArray[np.float64],
    heading: NDArray[np.float64],
    radius: float,
    steps: int,
) -> Iterator[Rod]:
    for step in range(steps):
        heading = heading / np.linalg.norm(heading) + _BEND * random.standard_normal(3)
        end = start + _STEP_MM * heading / np.linalg.norm(heading)
        yield Rod(_point(start), _point(end), (radius, _TAPER * radius))
        start, radius = end, _TAPER * radius
        if steps > _SIDE_STEPS and step == 2:
            aside = heading + 0.9 * random.standard_normal(3)
            yield from _branch(random, start, aside, 0.8 * radius, _SIDE_STEPS)


def _cortical(random: np.random.Generator) -> Iterator[Rod]:
    """Veins on the surface, from the superior sagittal sinus down both sides."""
    for side in (-1.0, 1.0):
        for along in np.arange(-66, 70, 12.0):
            angles = np.linspace(0.12, random.uniform(0.8, 1.7), 9)
            ahead = along + np.cumsum(random.normal(random.choice([-2, 2]), 2.5, len(angles)))
            track = [
                _on_surface(side * float(angle), float(posterior))
                for angle, posterior in zip(angles, ahead, strict=True)
            ]
            radius = random.uniform(0.8, 1.3)
            for number, (start, end) in enumerate(pairwise(track)):
                taper = radius * (1 - 0.05 * number)
                yield Rod(start, end, (taper, 0.95 * taper))


def _on_surface(angle: float, posterior: float) -> Point:
    """Point of the hemispheres seen from their axis under an angle from upwards."""
    narrowing = np.sqrt(max(1 - (posterior / 82) ** 2, 0.1))
    left, superior = 64.0 * narrowing * np.sin(angle), 10 + 56.0 * narrowing * np.cos(angle)
    return float(left), posterior, float(superior)


def _point(position: NDArray[np.float64]) -> Point:
    left, posterior, superior = (float(mm) for mm in position)
    return left, posterior, superior
