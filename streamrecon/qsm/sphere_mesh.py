"""A closed surface of triangles that begins as a sphere."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Index = NDArray[np.int64]

_GOLDEN = (1 + 5**0.5) / 2
_MOST_NEIGHBOURS = 6


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """Vertices and how they hang together.

    Parameters
    ----------
    vertices
        Their places [V, 3], in any unit.
    triangles
        Numbers of three vertices each [T, 3]; seen from outside they turn alike.
    neighbours
        Numbers of the vertices around each [V, 6]; -1 where there are five only.
    """

    vertices: Points
    triangles: Index
    neighbours: Index


def unit_sphere(divisions: int) -> Mesh:
    """An icosahedron whose triangles are halved on each side again and again.

    >>> mesh = unit_sphere(2)
    >>> mesh.vertices.shape, mesh.triangles.shape
    ((162, 3), (320, 3))
    """
    mesh = _mesh(*_icosahedron())
    for _ in range(divisions):
        finer = divided(mesh)
        length = np.linalg.norm(finer.vertices, axis=1, keepdims=True)
        mesh = Mesh(finer.vertices / length, finer.triangles, finer.neighbours)
    return mesh


def divided(mesh: Mesh) -> Mesh:
    """The same surface with four triangles for each; a new vertex halves each edge."""
    corners = mesh.triangles
    edges = np.concatenate([corners[:, [a, b]] for a, b in pairwise((0, 1, 2, 0))])
    whole, which = np.unique(np.sort(edges, axis=1), axis=0, return_inverse=True)
    middles = mesh.vertices[whole].mean(axis=1)
    ab, bc, ca = len(mesh.vertices) + which.reshape(3, -1)
    a, b, c = corners.T
    parts = [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    triangles = np.concatenate([np.stack(part, axis=1) for part in parts])
    return _mesh(np.concatenate([mesh.vertices, middles]), triangles)


def _mesh(vertices: Points, triangles: Index) -> Mesh:
    a, b, c = triangles.T
    pairs = np.unique(np.stack([np.r_[a, b, c, b, c, a], np.r_[b, c, a, a, b, c]], axis=1), axis=0)
    first = np.searchsorted(pairs[:, 0], np.arange(len(vertices)))
    place = np.arange(len(pairs)) - first[pairs[:, 0]]
    neighbours = np.full((len(vertices), _MOST_NEIGHBOURS), -1)
    neighbours[pairs[:, 0], place] = pairs[:, 1]
    return Mesh(vertices, triangles, neighbours)


def _icosahedron() -> tuple[Points, Index]:
    """Corners of three golden rectangles, and the triples of them that are nearest."""
    signs = [(s, t) for s in (-1, 1) for t in (-1, 1)]
    plane = [(0.0, s * 1.0, t * _GOLDEN) for s, t in signs]
    corners = np.array([np.roll(point, axis) for axis in range(3) for point in plane])
    corners /= np.linalg.norm(corners[0])
    near = np.linalg.norm(corners[:, None] - corners, axis=-1)
    touch = (near > 0) & (near < 1.1)
    triples = [
        (i, j, k)
        for i in range(12)
        for j in range(i + 1, 12)
        for k in range(j + 1, 12)
        if touch[i, j] and touch[j, k] and touch[i, k]
    ]
    triangles = np.array(triples)
    inward = np.linalg.det(corners[triangles]) < 0
    triangles[inward] = triangles[inward][:, ::-1]
    return corners, triangles
