r"""The surface of the brain: a balloon that grows until what it would swallow is no brain.

It is a mesh of triangles, begins as a ball in the thickest part of the bright tissue, and moves by
three forces: to the mean of its neighbours, flat where it is bent more tightly than a gyrus, and
outwards by

.. math:: 2 (I_{min} - t I_{max}) / I_{max}

with the least and the greatest brightness on its inner side. Once a dark wall lies behind it, it
turns back; holes in the wall are spanned by its stiffness.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter

from streamrecon.model.geometry import Geometry
from streamrecon.qsm._surface_kernels import evolve, fill_inside

Real = NDArray[np.float32]
Points = NDArray[np.float64]
Index = NDArray[np.int64]

_GRID_MM = 2.5  # of the image in which the surface grows
_MARGIN_MM = 30.0  # the tissue at a cut end goes on this far
_TISSUE = 0.6  # of the middle brightness
_CLOSE_MM, _DENSE = 4.0, 0.7  # folds and vessels are closed by this Gaussian, a skull is not
_LARGEST_BALL_MM = 75.0  # that fits into a brain
_LEAST_BALL, _MOST_BALLS = 0.5, 3  # of the first one
_BALL_FRACTION = 0.8  # of the largest ball to begin with
_NEAR_MM = 6.0  # the greatest brightness is looked for on the inner side up to here
_TIGHTEST_MM, _WIDEST_MM = 3.0, 10.0  # radii: flattened below the first, left alone above the other
_ROUGH_STEPS, _STEPS, _EDGE_STEPS = 300, 200, 60
_GOLDEN = (1 + 5**0.5) / 2
_MOST_NEIGHBOURS = 6


@dataclass(frozen=True, slots=True)
class _Force:
    """Share of the greatest brightness held for brain, and how far inside the least is sought."""

    threshold: float
    far_mm: float


_GROWTH = _Force(0.6, 8.0)  # white matter and folds are crossed, walls are not
_EDGE = _Force(0.8, 2.5)  # from fluid back to the cortex


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


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """A closed surface on a grid.

    Parameters
    ----------
    mesh
        Vertices at their indices times the voxel size [mm].
    inside
        Voxels within [Z, Y, X].
    level
        Middle brightness of the ball it grew from.
    """

    mesh: Mesh
    inside: NDArray[np.bool_]
    level: float


def brain_surfaces(brightness: Real, geometry: Geometry) -> Iterator[Surface]:
    """Surfaces in an evenly bright image, from the thickest tissue down, at most three.

    The thickest is the brain, but for a stout neck that the field of view cuts. At a cut end the
    tissue goes on for 30 mm, so that a slab has no end cap. Time goes with the 2562 vertices, not
    with the voxels: half a second each, and one pass over the volume. Ends too early where a cleft
    of dark fluid is wider than 8 mm, too late where brain and muscle touch over more than a few
    centimetres without a wall.

    Parameters
    ----------
    brightness
        Magnitude without the coils' shading, air dark [Z, Y, X].
    geometry
        Its grid.

    Yields
    ------
    Surface
        Each from a ball that lies outside the surfaces before.

    References
    ----------
    Smith (2002) Hum Brain Mapp 17:143. doi:10.1002/hbm.10062
    """
    blocks = np.maximum(1, np.round(_GRID_MM / np.array(geometry.voxel_mm))).astype(int)
    image = block_means(brightness, blocks)
    voxel = np.array(geometry.voxel_mm) * blocks
    every = np.where(voxel < 2 * _GRID_MM, 2, 1)  # thickness needs no finer grid
    depth_mm = _depth_mm(image, voxel, every)
    least_mm = max(_LEAST_BALL * float(depth_mm.max()), float((voxel * every).max()))
    for _ in range(_MOST_BALLS):
        if depth_mm.max() < least_mm:
            return
        ball, level = _thickest(depth_mm, every, image, voxel)
        grown = _grown(ball, image / np.float32(level), voxel)
        indices = (grown.vertices / voxel + 0.5) * blocks - 0.5
        fitted = replace(grown, vertices=indices * np.array(geometry.voxel_mm))
        sharp = np.asarray(brightness / np.float32(level), np.float32)
        _move(fitted, sharp, geometry.voxel_mm, _EDGE, steps=_EDGE_STEPS)
        inside = inside_of(fitted, geometry)
        yield Surface(fitted, inside, level)
        depth_mm[block_means(inside.astype(np.float32), blocks * every) > 0] = 0


def inside_of(mesh: Mesh, geometry: Geometry) -> NDArray[np.bool_]:
    """Voxels within a surface [Z, Y, X]; its vertices are indices times the voxel size."""
    inside = np.zeros(geometry.shape, np.bool_)
    # no vertex on a line of voxel centres, which would be crossed twice
    aside = np.array([1e-6, 1.3e-6, 1.7e-6])
    fill_inside(mesh.vertices / np.array(geometry.voxel_mm) + aside, mesh.triangles, inside)
    return inside


def block_means(image: Real, blocks: Sequence[int] | NDArray[np.int64]) -> Real:
    """Means of blocks of voxels; the last ones go on as their rim."""
    fill = [(0, int(-n % block)) for n, block in zip(image.shape, blocks, strict=True)]
    whole = np.pad(image, fill, mode="edge")
    (nz, bz), (ny, by), (nx, bx) = (
        (n // block, block) for n, block in zip(whole.shape, blocks, strict=True)
    )
    means = whole.reshape(nz, bz, ny, by, nx, bx).mean(axis=(1, 3, 5), dtype=np.float32)
    return np.asarray(means, np.float32)


def _depth_mm(image: Real, voxel: Points, every: NDArray[np.int64]) -> Points:
    """Distance of each block from where no tissue is; cut ends go on; 0 without any surface."""
    bright = image[image > 0.35 * np.quantile(image, 0.98)]
    tissue = (image > _TISSUE * np.median(bright)) if bright.size else np.zeros(image.shape)
    filled = block_means(tissue.astype(np.float32), every)
    step = voxel * every
    dense = gaussian_filter(filled, _CLOSE_MM / step, mode="nearest") > _DENSE
    margin = [int(np.ceil(_MARGIN_MM / side)) for side in step]
    around = np.pad(dense, [(n, n) for n in margin], mode="edge")
    if around.all():
        return np.zeros(dense.shape)
    depth = distance_transform_edt(around, sampling=step)
    return np.array(depth[tuple(slice(n, -n) for n in margin)], np.float64)


def _thickest(
    depth_mm: Points, every: NDArray[np.int64], image: Real, voxel: Points
) -> tuple[Mesh, float]:
    """A ball [mm] within the largest that fits, and the middle brightness of that."""
    core = np.argwhere(depth_mm >= 0.95 * depth_mm.max())
    centre = core[np.argmin(((core - core.mean(axis=0)) ** 2).sum(axis=1))]
    place = (centre + 0.5) * every - 0.5
    radius_mm = min(float(depth_mm.max()), _LARGEST_BALL_MM)
    axes = np.ogrid[tuple(slice(n) for n in image.shape)]
    squares = [((a - p) * v) ** 2 for a, p, v in zip(axes, place, voxel, strict=True)]
    within = squares[0] + squares[1] + squares[2] <= radius_mm**2
    ball = unit_sphere(3)
    vertices = ball.vertices * (_BALL_FRACTION * radius_mm) + place * voxel
    return replace(ball, vertices=vertices), float(np.median(image[within]))


def _grown(ball: Mesh, image: Real, voxel: Points) -> Mesh:
    """The surface that fills the tissue around a ball."""
    _move(ball, image, tuple(voxel), _GROWTH, steps=_ROUGH_STEPS)
    grown = divided(ball)
    _move(grown, image, tuple(voxel), _GROWTH, steps=_STEPS)
    return grown


def _move(mesh: Mesh, image: Real, voxel_mm: Sequence[float], force: _Force, *, steps: int) -> None:
    voxel = np.array(voxel_mm)
    evolve(
        mesh.vertices,
        mesh.triangles,
        mesh.neighbours,
        image,
        voxel,
        _MARGIN_MM / voxel,
        force.threshold,
        _NEAR_MM,
        force.far_mm,
        _TIGHTEST_MM,
        _WIDEST_MM,
        steps,
    )


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
