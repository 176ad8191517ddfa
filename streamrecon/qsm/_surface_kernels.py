"""Compiled loops of the deformable surface: its normals, one step of it, what lies inside it."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from streamrecon.machine.compiled import njit

Double = NDArray[np.float64]
Real = NDArray[np.float32]
Index = NDArray[np.int64]
Flags = NDArray[np.bool_]


@njit(nogil=True)
def intensity(image: Real, z: float, y: float, x: float, margin: Double) -> float:
    """Linear interpolation at an index; the rim goes on for ``margin`` voxels, then it is dark."""
    nz, ny, nx = image.shape
    if not (
        -margin[0] <= z <= nz - 1 + margin[0]
        and -margin[1] <= y <= ny - 1 + margin[1]
        and -margin[2] <= x <= nx - 1 + margin[2]
    ):
        return 0.0
    i, k, a = _between(z, nz)
    j, m, b = _between(y, ny)
    p, q, c = _between(x, nx)
    low = (image[i, j, p] * (1 - c) + image[i, j, q] * c) * (1 - b)
    low += (image[i, m, p] * (1 - c) + image[i, m, q] * c) * b
    high = (image[k, j, p] * (1 - c) + image[k, j, q] * c) * (1 - b)
    high += (image[k, m, p] * (1 - c) + image[k, m, q] * c) * b
    return float(low * (1 - a) + high * a)


@njit(nogil=True)
def _between(place: float, count: int) -> tuple[int, int, float]:
    """The voxels below and above a place, and its share of the way from one to the other."""
    inside = min(max(place, 0.0), count - 1.0)
    below = int(inside)
    return below, min(below + 1, count - 1), inside - below


@njit(nogil=True)
def outward(vertices: Double, triangles: Index) -> Double:
    """Unit normals of the vertices [V, 3]: mean of the triangles around, by their area."""
    normals = np.zeros_like(vertices)
    for t in range(len(triangles)):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        for axis in range(3):
            i, j = (axis + 1) % 3, (axis + 2) % 3
            p_i, p_j = vertices[b, i] - vertices[a, i], vertices[b, j] - vertices[a, j]
            q_i, q_j = vertices[c, i] - vertices[a, i], vertices[c, j] - vertices[a, j]
            area = p_i * q_j - p_j * q_i
            normals[a, axis] += area
            normals[b, axis] += area
            normals[c, axis] += area
    for v in range(len(normals)):
        length = _length(normals[v, 0], normals[v, 1], normals[v, 2]) + 1e-12
        for axis in range(3):
            normals[v, axis] /= length
    return normals


@njit(nogil=True)
def _length(z: float, y: float, x: float) -> float:
    return math.sqrt(z * z + y * y + x * x)


@njit(nogil=True)
def extremes(
    image: Real,
    voxel: Double,
    margin: Double,
    start: Double,
    normal: Double,
    near: float,
    far: float,
) -> tuple[float, float]:
    """Least value up to ``far`` against a unit vector, and greatest up to ``near`` [mm]."""
    least, greatest = 1e9, 0.0
    steps = math.ceil(far / 1.5)
    for step in range(steps + 1):
        away = far * step / steps
        value = intensity(
            image,
            (start[0] - away * normal[0]) / voxel[0],
            (start[1] - away * normal[1]) / voxel[1],
            (start[2] - away * normal[2]) / voxel[2],
            margin,
        )
        least = min(least, value)
        if away <= near:
            greatest = max(greatest, value)
    return least, greatest


@njit(nogil=True)
def evolve(
    vertices: Double,
    triangles: Index,
    neighbours: Index,
    image: Real,
    voxel: Double,
    margin: Double,
    threshold: float,
    near: float,
    far: float,
    tightest: float,
    widest: float,
    steps: int,
) -> None:
    """Move ``vertices`` [V, 3, mm] as `brain_surfaces` says."""
    middle = 0.5 * (1 / tightest + 1 / widest)
    steep = 6 / (1 / tightest - 1 / widest)
    for _ in range(steps):
        normals = outward(vertices, triangles)
        pull, edge = _towards_neighbours(vertices, neighbours)
        for v in range(len(vertices)):
            normal, drawn = normals[v], pull[v]
            along = drawn[0] * normal[0] + drawn[1] * normal[1] + drawn[2] * normal[2]
            bent = 2 * abs(along) / (edge * edge)
            smooth = 0.5 * (1 + math.tanh(steep * (bent - middle)))
            least, greatest = extremes(image, voxel, margin, vertices[v], normal, near, far)
            bright = min(max(greatest, 0.35), 1.0)
            grow = 2 * (min(least, 1.0) - threshold * bright) / bright
            step = smooth * along + 0.05 * grow * edge
            for axis in range(3):
                vertices[v, axis] += 0.5 * drawn[axis] + (step - 0.5 * along) * normal[axis]


@njit(nogil=True)
def _towards_neighbours(vertices: Double, neighbours: Index) -> tuple[Double, float]:
    """Vectors to the mean of the neighbours [V, 3], and the mean length of an edge."""
    pull = np.zeros_like(vertices)
    total, edges = 0.0, 0
    for v in range(len(vertices)):
        count = 0
        for k in range(neighbours.shape[1]):
            n = neighbours[v, k]
            if n < 0:
                continue
            z = vertices[n, 0] - vertices[v, 0]
            y = vertices[n, 1] - vertices[v, 1]
            x = vertices[n, 2] - vertices[v, 2]
            pull[v, 0] += z
            pull[v, 1] += y
            pull[v, 2] += x
            total += _length(z, y, x)
            count += 1
        for axis in range(3):
            pull[v, axis] /= count
        edges += count
    return pull, total / edges


@njit(nogil=True)
def fill_inside(vertices: Double, triangles: Index, inside: Flags) -> None:
    """Mark the voxels [Z, Y, X] that the surface winds around; ``vertices`` are indices."""
    nz, ny, nx = inside.shape
    turns = np.zeros((nz + 1, ny, nx), np.int16)
    for t in range(len(triangles)):
        a, b, c = vertices[triangles[t, 0]], vertices[triangles[t, 1]], vertices[triangles[t, 2]]
        area = (b[1] - a[1]) * (c[2] - a[2]) - (c[1] - a[1]) * (b[2] - a[2])
        if area == 0.0:
            continue
        for y in range(*_rows(a[1], b[1], c[1], ny)):
            for x in range(*_rows(a[2], b[2], c[2], nx)):
                p = ((y - a[1]) * (c[2] - a[2]) - (c[1] - a[1]) * (x - a[2])) / area
                q = ((b[1] - a[1]) * (x - a[2]) - (y - a[1]) * (b[2] - a[2])) / area
                if p >= 0 and q >= 0 and p + q <= 1:
                    z = a[0] + p * (b[0] - a[0]) + q * (c[0] - a[0])
                    crossing = min(max(math.ceil(z), 0), nz)
                    turns[crossing, y, x] += 1 if area < 0 else -1
    for y in range(ny):
        for x in range(nx):
            winding = 0
            for z in range(nz):
                winding += turns[z, y, x]
                inside[z, y, x] = winding > 0


@njit(nogil=True)
def _rows(a: float, b: float, c: float, count: int) -> tuple[int, int]:
    return max(0, math.ceil(min(a, b, c))), min(count, math.floor(max(a, b, c)) + 1)


@njit(nogil=True)
def darkest_beyond(
    vertices: Double, triangles: Index, image: Real, voxel: Double, wall: float, far: float
) -> tuple[Double, Double]:
    """Least value within ``wall`` mm outwards, and the greatest from there to ``far`` [V].

    Both are inf for a vertex outside the image.
    """
    margin = np.full(3, 0.5)
    last = np.array(image.shape) - 1
    normals = outward(vertices, triangles)
    least = np.full(len(vertices), np.inf)
    greatest = np.full(len(vertices), np.inf)
    steps = math.ceil(far / 1.5)
    for v in range(len(vertices)):
        start = vertices[v] / voxel
        if (start < -margin).any() or (start > last + margin).any():
            continue
        for step in range(steps + 1):
            away = far * step / steps
            at = start + away * normals[v] / voxel
            value = intensity(image, at[0], at[1], at[2], margin)
            if away <= wall and value < least[v]:
                least[v] = greatest[v] = value
            greatest[v] = max(greatest[v], value)
    return least, greatest
