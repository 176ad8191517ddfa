"""Nodes to integrate over what a scan sees of k-space's plane across a vessel.

The box of the scan's k-space cuts a polygon of four or six sides out of the plane. Samples at equal
steps would repeat the vessel's field, which falls slowly, and be wrong about the polygon's edges;
Gauss-Legendre nodes in panels that end at its corners are neither.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from streamrecon.model.geometry import Triple

Real = NDArray[np.float64]

_MORE = 2  # nodes beyond two for each turn: a third one changes no figure of bench_oximetry.py
_SHORTEST = 1e-6  # of a panel, in units of the polygon's height


@dataclass(frozen=True, slots=True, eq=False)
class PlaneNodes:
    """Nodes in the half of the polygon with ky > 0; the other is its mirror.

    Parameters
    ----------
    rows
        ky of each row [R, 1/mm].
    columns
        kx of each row's nodes [R, C, 1/mm].
    weight
        Area of each [R, C, 1/mm²], the mirrored half counted too.
    edge
        Largest ky and kx of the polygon [1/mm].
    """

    rows: Real
    columns: Real
    weight: Real
    edge: tuple[float, float]


def plane_nodes(across: NDArray[np.float64], resolution_mm: Triple, spread_mm: float) -> PlaneNodes:
    """The nodes for integrands that turn as fast as waves do at a distance from the vessel.

    Parameters
    ----------
    across
        Two unit vectors across the vessel [2, 3] along the voxel axes (z, y, x): of ky and kx.
    resolution_mm
        Acquired voxel size (z, y, x): 1/(2·resolution) is the edge of k-space.
    spread_mm
        That distance.
    """
    normals = across.T * np.array(resolution_mm)[:, None]  # |normals · k| < 1/2
    corners = _corners(normals)
    top = corners[int(np.argmax(corners[:, 0]))]
    slope = float(top[1] / top[0])  # k = 0, where directions meet, is at a panel's corner
    ends = _panels(corners[:, 0])
    rows, heights = _rows(ends, _lengths(normals, ends, slope), spread_mm)
    low, high = _chords(normals, rows)
    middle = rows * slope
    columns, weight = [], []
    for start, end in ((low, middle), (middle, high)):
        node, part = unit_nodes(_count(float((end - start).max()), spread_mm))
        columns.append(start[:, None] + (end - start)[:, None] * node)
        weight.append(2 * (heights * (end - start))[:, None] * part)
    edge = float(top[0]), float(np.abs(corners[:, 1]).max())
    return PlaneNodes(rows, np.concatenate(columns, 1), np.concatenate(weight, 1), edge)


def _corners(normals: Real) -> Real:
    """Corners [V, 2] (ky, kx) of the polygon."""
    found = []
    for pair in itertools.combinations(range(3), 2):
        sides = normals[list(pair)]
        if abs(np.linalg.det(sides)) > 1e-9 * float(np.abs(normals).max()) ** 2:
            ends = np.array(list(itertools.product((-0.5, 0.5), repeat=2)))
            found.append(np.linalg.solve(sides, ends.T).T)
    corners = np.concatenate(found)
    inside = (np.abs(corners @ normals.T) < 0.5 + 1e-9).all(axis=1)
    return np.asarray(corners[inside])


def _panels(heights: Real) -> Real:
    """Where panels of rows end: at 0, and at the corners above."""
    above = np.unique(np.r_[0.0, heights[heights > 0]])
    apart = np.r_[True, np.diff(above) > _SHORTEST * above[-1]]
    return np.asarray(above[apart])


def _chords(normals: Real, rows: Real) -> tuple[Real, Real]:
    """Lowest and highest kx of each row."""
    crossing = normals[np.abs(normals[:, 1]) > 1e-9 * np.abs(normals).max()]
    middle = -crossing[:, :1] * rows / crossing[:, 1:]
    half = 0.5 / np.abs(crossing[:, 1:])
    return (middle - half).max(axis=0), (middle + half).min(axis=0)


def _count(length: float, spread_mm: float) -> int:
    """Nodes of a panel of some length [1/mm]."""
    return math.ceil(math.pi / 2 * length * spread_mm) + _MORE


def _lengths(normals: Real, ends: Real, slope: float) -> Real:
    """Longest side of each panel between ``ends``: waves turn along it as the rows go on."""
    height = np.diff(ends)
    beside = [np.diff(chord) for chord in (*_chords(normals, ends), slope * ends)]
    return np.asarray(np.hypot(height, np.abs(beside).max(axis=0)))


def _rows(ends: Real, lengths: Real, spread_mm: float) -> tuple[Real, Real]:
    """Nodes and weights in all panels between ``ends``."""
    nodes, weights = [], []
    for (start, end), length in zip(itertools.pairwise(ends), lengths, strict=True):
        node, weight = unit_nodes(_count(length, spread_mm))
        nodes.append(start + (end - start) * node)
        weights.append((end - start) * weight)
    return np.concatenate(nodes), np.concatenate(weights)


@cache
def unit_nodes(count: int) -> tuple[Real, Real]:
    """Gauss-Legendre nodes and weights from 0 to 1."""
    node, weight = np.polynomial.legendre.leggauss(count)
    found = (node + 1) / 2, weight / 2
    for each in found:
        each.setflags(write=False)
    return found
