"""Compiled loops of ridges, blobs and centre-lines; the front doors check and explain."""

import math

import numpy as np
from numpy.typing import NDArray

from streamrecon.machine.compiled import njit

Real = NDArray[np.float32]
Flags = NDArray[np.bool_]
Index = NDArray[np.int64]
Bytes = NDArray[np.uint8]


@njit(nogil=True)
def eigenvalues(
    zz: float, yy: float, xx: float, zy: float, zx: float, yx: float
) -> tuple[float, float, float]:
    """Eigenvalues of a symmetric 3 x 3 matrix, ascending; closed form (trigonometric).

    Smith (1961) Commun ACM 4:168, doi:10.1145/355578.366316.
    """
    mean = (zz + yy + xx) / 3
    a, b, c = zz - mean, yy - mean, xx - mean
    spread = math.sqrt((a * a + b * b + c * c + 2 * (zy * zy + zx * zx + yx * yx)) / 6)
    if spread == 0.0:
        return mean, mean, mean
    determinant = a * (b * c - yx * yx) - zy * (zy * c - yx * zx) + zx * (zy * yx - b * zx)
    third = math.acos(min(1.0, max(-1.0, determinant / (2 * spread**3)))) / 3
    high = mean + 2 * spread * math.cos(third)
    low = mean + 2 * spread * math.cos(third + 2 * math.pi / 3)
    return low, 3 * mean - low - high, high


@njit(nogil=True)
def curvatures(
    smooth: Real, place: tuple[int, int, int], voxel_mm: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Principal curvatures at a voxel, ascending; beyond the grid is what is at its edge."""
    nz, ny, nx = smooth.shape
    dz, dy, dx = voxel_mm
    z, y, x = place
    zm, zp = max(z - 1, 0), min(z + 1, nz - 1)
    ym, yp = max(y - 1, 0), min(y + 1, ny - 1)
    xm, xp = max(x - 1, 0), min(x + 1, nx - 1)
    twice = 2 * smooth[z, y, x]
    low, middle, high = eigenvalues(
        (smooth[zp, y, x] + smooth[zm, y, x] - twice) / (dz * dz),
        (smooth[z, yp, x] + smooth[z, ym, x] - twice) / (dy * dy),
        (smooth[z, y, xp] + smooth[z, y, xm] - twice) / (dx * dx),
        (smooth[zp, yp, x] - smooth[zp, ym, x] - smooth[zm, yp, x] + smooth[zm, ym, x])
        / (4 * dz * dy),
        (smooth[zp, y, xp] - smooth[zp, y, xm] - smooth[zm, y, xp] + smooth[zm, y, xm])
        / (4 * dz * dx),
        (smooth[z, yp, xp] - smooth[z, yp, xm] - smooth[z, ym, xp] + smooth[z, ym, xm])
        / (4 * dy * dx),
    )
    return low, middle, high


@njit(nogil=True)
def raise_ridges(
    smooth: Real,
    inside: Flags,
    voxel_mm: tuple[float, float, float],
    gain: float,
    planes: tuple[int, int],
    score: Real,
) -> None:
    """Raise ``score`` to gain · √(λ₁λ₂) where the two lowest curvatures are negative.

    All [Z, Y, X]; only the planes from the first to before the second.
    """
    _, ny, nx = smooth.shape
    for z in range(planes[0], planes[1]):
        for y in range(ny):
            for x in range(nx):
                if inside[z, y, x]:
                    low, middle, _ = curvatures(smooth, (z, y, x), voxel_mm)
                    if middle < 0:
                        score[z, y, x] = max(score[z, y, x], gain * math.sqrt(low * middle))


@njit(nogil=True)
def raise_blobs(
    smooth: Real,
    inside: Flags,
    voxel_mm: tuple[float, float, float],
    gain: float,
    planes: tuple[int, int],
    score: Real,
) -> None:
    """Move ``score`` away from 0 to gain · the weakest curvature, where all three have one sign.

    Positive where the voxel is a peak, negative where it is a trough; as `raise_ridges`.
    """
    _, ny, nx = smooth.shape
    for z in range(planes[0], planes[1]):
        for y in range(ny):
            for x in range(nx):
                if not inside[z, y, x]:
                    continue
                low, _, high = curvatures(smooth, (z, y, x), voxel_mm)
                found = -gain * high if high < 0 else -gain * max(low, 0.0)
                if abs(found) > abs(score[z, y, x]):
                    score[z, y, x] = found


@njit(nogil=True)
def reach_of_peaks(
    contrast: Real, candidate: Flags, offsets: Index, fraction: float, least: float, out: Flags
) -> None:
    """Candidates above ``fraction`` of the highest candidate within ``offsets`` [N, 3].

    The highest counts as ``least`` where it is lower.
    """
    nz, ny, nx = contrast.shape
    for z in range(nz):
        for y in range(ny):
            for x in range(nx):
                if not candidate[z, y, x]:
                    continue
                peak = least
                for n in range(offsets.shape[0]):
                    p, q, r = z + offsets[n, 0], y + offsets[n, 1], x + offsets[n, 2]
                    if 0 <= p < nz and 0 <= q < ny and 0 <= r < nx and candidate[p, q, r]:
                        peak = max(peak, contrast[p, q, r])
                out[z, y, x] = contrast[z, y, x] > fraction * peak


@njit(nogil=True)
def spread_over(around: Bytes, start: int, value: int, reach: int, mark: Bytes) -> None:
    """Mark all cells of a 3 x 3 x 3 block that hang together with ``start`` in ``around``.

    ``reach`` is the largest squared step: 1 joins by faces, 3 by corners too.
    """
    stack = np.empty(27, np.int64)
    stack[0], depth = start, 1
    mark[start] = 1
    while depth:
        depth -= 1
        cell = stack[depth]
        z, y, x = cell // 9, cell // 3 % 3, cell % 3
        for other in range(27):
            p, q, r = other // 9 - z, other // 3 % 3 - y, other % 3 - x
            if mark[other] or around[other] != value or p * p + q * q + r * r > reach:
                continue
            mark[other] = 1
            stack[depth] = other
            depth += 1


@njit(nogil=True)
def is_simple(around: Bytes) -> bool:
    """Whether taking the middle of a 3 x 3 x 3 block away joins nothing and cuts nothing.

    The object must hang together in one piece (by corners) and the background, the corners left
    out, too (by faces). ``around`` has 1 for object, 0 for background and 2 in the middle.

    Malandain, Bertrand (1992) Proc ICPR 3:232, doi:10.1109/ICPR.1992.201968.
    """
    mark = np.zeros(27, np.uint8)
    pieces = 0
    for cell in range(27):
        if around[cell] == 1 and not mark[cell]:
            pieces += 1
            spread_over(around, cell, 1, 3, mark)
    if pieces != 1:
        return False
    edges = around.copy()
    for corner in (0, 2, 6, 8, 18, 20, 24, 26):
        edges[corner] = 2
    mark[:] = 0
    pieces = 0
    for face in (4, 10, 12, 14, 16, 22):
        if edges[face] == 0 and not mark[face]:
            pieces += 1
            spread_over(edges, face, 0, 1, mark)
    return pieces == 1


@njit(nogil=True)
def thin(voxels: Index, solid: Bytes) -> None:
    """Take voxels from ``solid`` [Z, Y, X] in their order until lines are left; ends stay.

    ``voxels`` [N, 3] from the outermost to the innermost; ``solid`` has a border of zeros.
    """
    around = np.empty(27, np.uint8)
    changed = True
    while changed:
        changed = False
        for n in range(voxels.shape[0]):
            z, y, x = voxels[n]
            if not solid[z, y, x]:
                continue
            neighbours = -1
            for cell in range(27):
                around[cell] = solid[z + cell // 9 - 1, y + cell // 3 % 3 - 1, x + cell % 3 - 1]
                neighbours += around[cell]
            around[13] = 2
            if neighbours > 1 and is_simple(around):
                solid[z, y, x] = 0
                changed = True
