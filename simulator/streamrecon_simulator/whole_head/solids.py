"""Simple solids by their signed depth [mm]: negative inside, nearly the distance to the surface."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from streamrecon_simulator.whole_head.grid import Volume

Point = tuple[float, float, float]
Block = tuple[slice, slice, slice]

_MARGIN_MM = 20.0  # more than the distortion moves anything from where its axes' middle lines are


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Where each voxel lies in the undistorted head: arrays [Z, Y, X] of L, P and S [mm]."""

    left: Volume
    posterior: Volume
    superior: Volume

    def crop(self, block: Block) -> Place:
        """The voxels of a block."""
        return Place(self.left[block], self.posterior[block], self.superior[block])

    def block(self, lowest: Point, highest: Point) -> Block:
        """The block of voxels that may lie between two corners (L, P, S) [mm]."""
        z, y, x = (n // 2 for n in self.left.shape)
        lines = self.superior[:, y, x], self.posterior[z, :, x], self.left[z, y, :]
        first, second, third = (
            _range(line, low, high)
            for line, low, high in zip(lines, lowest[::-1], highest[::-1], strict=True)
        )
        return first, second, third


def _range(line: Volume, low: float, high: float) -> slice:
    within = np.flatnonzero((line > low - _MARGIN_MM) & (line < high + _MARGIN_MM))
    return slice(int(within[0]), int(within[-1]) + 1) if within.size else slice(0, 0)


@dataclass(frozen=True, slots=True)
class Ball:
    """Ellipsoid along L, P and S; a larger power makes it box-like. Sizes in mm."""

    centre: Point
    radii: Point
    power: float = 2.0

    def corners(self) -> tuple[Point, Point]:
        """Of the box around it."""
        return _plus(self.centre, self.radii, -1), _plus(self.centre, self.radii, 1)

    def mirrored(self) -> Ball:
        """The same on the other side."""
        return replace(self, centre=(-self.centre[0], *self.centre[1:]))

    def depth(self, at: Place) -> Volume:
        """Exact on the surface, measured along the ray from the centre."""
        away = [
            axis - np.float32(middle)
            for axis, middle in zip((at.left, at.posterior, at.superior), self.centre, strict=True)
        ]
        level = np.zeros_like(away[0])
        for each, radius in zip(away, self.radii, strict=True):
            scaled = np.abs(each / np.float32(radius))
            level += scaled * scaled if self.power == 2 else scaled ** np.float32(self.power)
        np.maximum(level, np.float32(1e-6), out=level)
        level = np.sqrt(level) if self.power == 2 else level ** np.float32(1 / self.power)
        distance = np.sqrt(away[0] ** 2 + away[1] ** 2 + away[2] ** 2)
        np.maximum(distance, np.float32(0.3 * min(self.radii)), out=distance)
        return np.asarray(distance * (1 - 1 / level), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Rod:
    """Round cone with round ends, of one radius at its start and another at its end. In mm."""

    start: Point
    end: Point
    radii: tuple[float, float]

    def corners(self) -> tuple[Point, Point]:
        """Of the box around it."""
        low = tuple(min(a, b) - max(self.radii) for a, b in zip(self.start, self.end, strict=True))
        high = tuple(max(a, b) + max(self.radii) for a, b in zip(self.start, self.end, strict=True))
        return (low[0], low[1], low[2]), (high[0], high[1], high[2])

    def mirrored(self) -> Rod:
        """The same on the other side."""
        start, end = ((-left, p, s) for left, p, s in (self.start, self.end))
        return replace(self, start=start, end=end)

    def depth(self, at: Place) -> Volume:
        """Distance to the axis less the radius there."""
        along = np.subtract(self.end, self.start).astype(np.float32)
        away = [
            axis - np.float32(middle)
            for axis, middle in zip((at.left, at.posterior, at.superior), self.start, strict=True)
        ]
        fraction = np.zeros_like(away[0])
        for each, step in zip(away, along, strict=True):
            fraction += each * step
        fraction = np.clip(fraction / (along @ along), 0, 1)
        square = np.zeros_like(fraction)
        for each, step in zip(away, along, strict=True):
            square += (each - fraction * step) ** 2
        radius = np.float32(self.radii[0]) + np.float32(self.radii[1] - self.radii[0]) * fraction
        return np.asarray(np.sqrt(square) - radius, dtype=np.float32)


Solid = Ball | Rod


def both_sides(solid: Solid) -> tuple[Solid, Solid]:
    """A solid and its image on the other side."""
    return solid, solid.mirrored()


def chain(points: tuple[Point, ...], radii: tuple[float, ...]) -> Iterator[Rod]:
    """Rods from point to point."""
    for number in range(len(points) - 1):
        ends = radii[number], radii[number + 1]
        yield Rod(points[number], points[number + 1], ends)


def fill(
    labels: NDArray[np.uint8],
    at: Place,
    solid: Solid,
    label: int,
    *,
    ripple_mm: Volume | None = None,
    only: tuple[int, ...] = (),
) -> None:
    """Write a label where the solid is.

    Parameters
    ----------
    labels
        [Z, Y, X], changed in place.
    at
        Where its voxels are.
    solid, label
        What is written.
    ripple_mm
        By how much its surface is moved outwards [Z, Y, X].
    only
        Labels that may be overwritten; empty for all.
    """
    block = at.block(*solid.corners())
    depth = solid.depth(at.crop(block))
    inside = depth < (0 if ripple_mm is None else ripple_mm[block])
    part = labels[block]
    if only:
        inside &= np.isin(part, only)
    part[inside] = label


def join(first: Volume, second: Volume, rounding_mm: float) -> Volume:
    """Union whose inner edge is rounded."""
    overlap = np.maximum(np.float32(rounding_mm) - np.abs(first - second), 0)
    return np.asarray(
        np.minimum(first, second) - overlap**2 * np.float32(0.25 / rounding_mm), dtype=np.float32
    )


def meet(first: Volume, second: Volume, rounding_mm: float) -> Volume:
    """Intersection whose outer edge is rounded."""
    return -join(-first, -second, rounding_mm)


def _plus(centre: Point, radii: Point, sign: int) -> Point:
    left, posterior, superior = (c + sign * r for c, r in zip(centre, radii, strict=True))
    return left, posterior, superior
