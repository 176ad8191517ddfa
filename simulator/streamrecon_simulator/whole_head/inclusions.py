"""Spheres of another susceptibility in a head, as exact as their closed forms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon_simulator.phantoms.field import unit_field
from streamrecon_simulator.phantoms.phantom import Properties
from streamrecon_simulator.phantoms.shapes import Point, Sphere, contains
from streamrecon_simulator.whole_head.tissues import Label


@dataclass(frozen=True, slots=True)
class Inclusion:
    """A ball in place of tissue; its χ is that of the tissue and a step more.

    Parameters
    ----------
    centre_mm
        Its middle (L, P, S) [mm].
    diameter_mm
        Across.
    step_ppm
        Its χ less that of what was there, of either sign [ppm].
    density, r2_star_hz
        Signal at TE = 0, and decay rate [1/s]; the defaults are those of a microbleed.
    """

    centre_mm: Point
    diameter_mm: float
    step_ppm: float
    density: float = 0.5
    r2_star_hz: float = 170.0

    @property
    def sphere(self) -> Sphere:
        """Its shape."""
        return Sphere(self.centre_mm, self.diameter_mm / 2)

    @property
    def moment_ppm_mm3(self) -> float:
        """Step of χ times volume [ppm mm³]."""
        return self.step_ppm * math.pi / 6 * self.diameter_mm**3

    @property
    def label(self) -> Label:
        """What it is a model of."""
        return Label.BLEED if self.step_ppm > 0 else Label.CALCIFICATION


def embed(
    inclusions: Sequence[Inclusion], here: Properties, points_mm: NDArray[np.float64]
) -> Properties:
    """The tissue at the points (L, P, S) [3, ...], with the inclusions in it; not their field."""
    for each in inclusions:
        inside = contains(each.sphere, points_mm)
        here.density[inside] = each.density
        here.r2_star_hz[inside] = each.r2_star_hz
        here.fat[inside] = 0
        here.chi_ppm[inside] += np.float32(each.step_ppm)
    return here


def field_of(
    inclusions: Sequence[Inclusion], points_mm: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Field of the inclusions alone at the points (L, P, S) [3, ...], ppm of B0."""
    total = np.zeros(points_mm.shape[1:], np.float32)
    for each in inclusions:
        total += (each.step_ppm * unit_field(each.sphere, points_mm)).astype(np.float32)
    return total
