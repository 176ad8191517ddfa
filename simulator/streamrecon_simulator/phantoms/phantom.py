"""Objects to be scanned: shapes with a tissue each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ConfigError
from streamrecon_simulator.phantoms.anisotropy import Anisotropy, anisotropic_field
from streamrecon_simulator.phantoms.field import unit_field
from streamrecon_simulator.phantoms.shapes import (
    Cylinder,
    Ellipsoid,
    Point,
    Shape,
    Sphere,
    contains,
)
from streamrecon_simulator.phantoms.vein_tree import vein_tree


@dataclass(frozen=True, slots=True)
class Tissue:
    """What a voxel is made of.

    Parameters
    ----------
    density
        Signal at TE = 0 (proton density, flip angle and T1 in one number).
    r2_star_hz
        Decay rate [1/s].
    chi_ppm
        Susceptibility relative to water [ppm].
    """

    density: float
    r2_star_hz: float
    chi_ppm: float


AIR = Tissue(0.0, 0.0, 9.4)
WATER = Tissue(1.0, 4.0, 0.0)
TISSUE = Tissue(0.8, 18.0, 0.0)
GREY_NUCLEUS = Tissue(0.7, 35.0, 0.12)
BLEED = Tissue(0.6, 60.0, 0.6)
CALCIFICATION = Tissue(0.5, 40.0, -0.4)
VEIN = Tissue(0.75, 45.0, 0.3)


@dataclass(frozen=True, slots=True)
class Part:
    """A shape filled with a tissue; a ball of fibres is anisotropic too."""

    shape: Shape
    tissue: Tissue
    anisotropy: Anisotropy | None = None


@dataclass(frozen=True, slots=True)
class Phantom:
    """Parts in an environment, each embedded in a host.

    The host is the last part before it that holds its centre, or the environment.
    A part fills its shape as far as its host reaches. The field is that of whole shapes: of an
    infinite cylinder also where it has left its host, the one way in which the field is not that
    of the picture of χ.

    Parameters
    ----------
    parts
        From the outermost to the innermost.
    environment
        What is around them.
    background_ppm
        Field of sources far away: (constant, L, P, S [1/m], 2S²−L²−P² [1/m²]) in ppm.
    """

    parts: tuple[Part, ...]
    environment: Tissue = AIR
    background_ppm: tuple[float, float, float, float, float] = field(default=(0.0,) * 5)

    @property
    def signal(self) -> float:
        """Density of the first part, which the signal-to-noise ratio is counted from."""
        return self.parts[0].tissue.density


@dataclass(frozen=True, slots=True, eq=False)
class Properties:
    """Tissue properties and field at points [...], float32; ``fat`` is its part of the density."""

    density: NDArray[np.float32]
    r2_star_hz: NDArray[np.float32]
    chi_ppm: NDArray[np.float32]
    field_ppm: NDArray[np.float32]
    fat: NDArray[np.float32]


def properties_at(
    phantom: Phantom, points_mm: NDArray[np.float64], *, field_everywhere: bool = False
) -> Properties:
    """Tissue and field at the points (L, P, S) [3, ...].

    The field is worked out only where there is signal (0 elsewhere) unless ``field_everywhere``:
    outside an ellipsoid it costs three elliptic integrals a point.
    """
    place = np.zeros(points_mm.shape[1:], dtype=np.intp)
    for number, part in enumerate(phantom.parts, start=1):
        place[contains(part.shape, points_mm) & (place == _host(phantom, number))] = number
    tissues = (phantom.environment, *(part.tissue for part in phantom.parts))
    density = np.array([tissue.density for tissue in tissues], dtype=np.float32)[place]
    where = np.ones_like(density, dtype=bool) if field_everywhere else density > 0
    field_ppm = np.zeros(place.shape, dtype=np.float32)
    field_ppm[where] = field_at(phantom, points_mm[:, where])
    return Properties(
        density=density,
        r2_star_hz=np.array([tissue.r2_star_hz for tissue in tissues], dtype=np.float32)[place],
        chi_ppm=np.array([tissue.chi_ppm for tissue in tissues], dtype=np.float32)[place],
        field_ppm=field_ppm,
        fat=np.zeros_like(field_ppm),
    )


def field_at(phantom: Phantom, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Relative field [...] at the points (L, P, S) [3, ...], in ppm of B0."""
    total = _background(phantom, points_mm)
    for shape, step_ppm in sources(phantom):
        total += step_ppm * unit_field(shape, points_mm)
    for part in phantom.parts:
        if part.anisotropy is not None and isinstance(part.shape, Sphere):
            total += anisotropic_field(part.shape, part.anisotropy, points_mm)
    return total


def turned(phantom: Phantom, rotation: NDArray[np.float64]) -> Phantom:
    """The object after a rotation [3, 3] about the isocentre; far sources stay where they are.

    Raises
    ------
    ConfigError
        If a part is no ball: an ellipsoid has its axes along those of the patient.
    """
    parts = []
    for part in phantom.parts:
        if not isinstance(part.shape, Sphere):
            raise ConfigError(f"phantom: found {type(part.shape).__name__} to turn, needed balls")
        ball = replace(part.shape, centre_mm=_turned(part.shape.centre_mm, rotation))
        fibres = part.anisotropy
        if fibres is not None:
            fibres = replace(fibres, direction=_turned(fibres.direction, rotation))
        parts.append(Part(ball, part.tissue, fibres))
    return replace(phantom, parts=tuple(parts))


def _turned(place: Point, rotation: NDArray[np.float64]) -> Point:
    left, posterior, superior = (rotation @ np.array(place)).tolist()
    return left, posterior, superior


def sources(phantom: Phantom) -> Iterator[tuple[Shape, float]]:
    """Every shape with the step of χ [ppm] against what it is embedded in."""
    tissues = (phantom.environment, *(part.tissue for part in phantom.parts))
    for number, part in enumerate(phantom.parts, start=1):
        yield part.shape, part.tissue.chi_ppm - tissues[_host(phantom, number)].chi_ppm


def _host(phantom: Phantom, number: int) -> int:
    """Number of the part, from 1, in which a part is embedded; 0 for the environment."""
    centre = np.array(phantom.parts[number - 1].shape.centre_mm)[:, None]
    outer = phantom.parts[: number - 1]
    return max((n for n, each in enumerate(outer, 1) if contains(each.shape, centre)[0]), default=0)


def _background(phantom: Phantom, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    left, posterior, superior = points_mm / 1e3
    constant, along_l, along_p, along_s, quadratic = phantom.background_ppm
    linear = constant + along_l * left + along_p * posterior + along_s * superior
    return np.asarray(linear + quadratic * (2 * superior**2 - left**2 - posterior**2))


HEAD = Phantom(
    parts=(
        Part(Ellipsoid((0.0, 0.0, 0.0), (70.0, 88.0, 78.0)), TISSUE),
        Part(Ellipsoid((-12.0, 0.0, 12.0), (5.0, 24.0, 9.0)), WATER),
        Part(Ellipsoid((12.0, 0.0, 12.0), (5.0, 24.0, 9.0)), WATER),
        Part(Sphere((-24.0, -10.0, -4.0), 6.0), GREY_NUCLEUS),
        Part(Sphere((24.0, -10.0, -4.0), 6.0), GREY_NUCLEUS),
        Part(Sphere((-32.0, 20.0, 20.0), 5.0), BLEED),
        Part(Sphere((32.0, 20.0, 20.0), 5.0), CALCIFICATION),
        Part(Cylinder((0.0, 0.0, 48.0), (0.0, 1.0, 0.0), 2.5), VEIN),
        Part(Cylinder((0.0, 45.0, -20.0), (1.0, 0.0, 0.0), 2.0), VEIN),
        Part(Cylinder((40.0, -30.0, 0.0), (0.0, 0.0, 1.0), 2.0), VEIN),
        Part(Cylinder((-45.0, 0.0, 0.0), (0.0, 1.0, 1.0), 2.0), VEIN),
        Part(Sphere((0.0, -58.0, -30.0), 11.0), AIR),
    ),
    background_ppm=(0.0, 0.2, -0.3, 0.4, 1.0),
)
"""A head of closed forms: ventricles, deep grey, bleed, calcification, veins, a sinus of air."""

SPHERES = Phantom(
    parts=(
        Part(Sphere((0.0, 0.0, 0.0), 80.0), WATER),
        Part(Sphere((-35.0, 0.0, 0.0), 8.0), Tissue(1.0, 20.0, 1.0)),
        Part(Sphere((35.0, 0.0, 0.0), 8.0), Tissue(1.0, 20.0, -1.0)),
        Part(Sphere((0.0, 35.0, 20.0), 6.0), Tissue(1.0, 20.0, 0.5)),
        Part(Sphere((0.0, -35.0, -20.0), 4.0), Tissue(1.0, 20.0, -0.5)),
    ),
    environment=Tissue(0.0, 0.0, 0.0),
)
"""Four small spheres of both signs of χ in a ball of water, without a step at its surface."""

CYLINDER = Phantom(
    parts=(
        Part(Sphere((0.0, 0.0, 0.0), 80.0), WATER),
        Part(Cylinder((0.0, 0.0, 0.0), (0.0, 1.0, 1.0), 6.0), Tissue(1.0, 20.0, 0.5)),
    ),
    environment=Tissue(0.0, 0.0, 0.0),
)
"""One cylinder at 45° to B0."""

MARKER = Phantom(
    parts=(Part(Sphere((18.0, -11.0, 7.0), 5.0), Tissue(1.0, 5.0, 0.0)),),
    environment=Tissue(0.0, 0.0, 0.0),
)
"""A small ball at a known position and nothing else."""

VEINS = Phantom(
    parts=(
        Part(Sphere((0.0, 0.0, 0.0), 30.0), TISSUE),
        Part(Sphere((12.0, 10.0, -8.0), 5.0), GREY_NUCLEUS),
        Part(Sphere((-12.0, 12.0, -4.0), 5.0), GREY_NUCLEUS),
        *(Part(tube, Tissue(0.75, 45.0, 0.45)) for tube in vein_tree(branches=16, tubes=2)),
    ),
    environment=Tissue(0.0, 0.0, 0.0),
)
"""A tree of veins from 1.5 down to 0.4 mm radius and two nuclei, in a ball without a step."""
