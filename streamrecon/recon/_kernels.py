"""Compiled loops over lines and voxels; their front doors are in the modules beside."""

import numpy as np
from numpy.typing import NDArray

from streamrecon.machine.compiled import njit

Complex = NDArray[np.complex64]
Index = NDArray[np.int64]
Real = NDArray[np.float32]

_STILL = np.float32(1e-13)  # square of a step that a unit vector of float32 cannot resolve
_TINY = np.float32(1e-30)  # where no coil sees anything the weights are 0 and not NaN


@njit(nogil=True)
def scatter_rows(
    rows: Complex, echo: Index, z: Index, y: Index, grid: Complex, counts: NDArray[np.int32]
) -> None:
    """Add rows to their places and count them: [N, C, X] -> [E, C, Z, Y, X], [E, Z, Y]."""
    n_rows, n_coils, n_x = rows.shape
    for i in range(n_rows):
        e, p, q = echo[i], z[i], y[i]
        counts[e, p, q] += 1
        if counts[e, p, q] == 1:
            for c in range(n_coils):
                for x in range(n_x):
                    grid[e, c, p, q, x] = rows[i, c, x]
        else:
            for c in range(n_coils):
                for x in range(n_x):
                    grid[e, c, p, q, x] += rows[i, c, x]


@njit(nogil=True, fastmath=True)
def mix_along_x(
    matrices: Real, images: Complex, voxel: int, place: int, n_x: int, rows: Complex
) -> None:
    """A product over the channels for each of some x: [2, C', C, X], [N, C, T] -> [N, C', X].

    They are ``n_x`` voxels from ``voxel`` on, and lie in ``images`` from ``place`` on. Real and
    imaginary parts are taken apart, so that the inner loop is one of plain vectors.
    """
    n_lines, n_in = images.shape[:2]
    n_out = rows.shape[1]
    real, imaginary = np.empty((n_in, n_x), np.float32), np.empty((n_in, n_x), np.float32)
    real_sum, imaginary_sum = np.empty(n_x, np.float32), np.empty(n_x, np.float32)
    for i in range(n_lines):
        for c in range(n_in):
            samples = images[i, c, place : place + n_x]
            for x in range(n_x):
                real[c, x], imaginary[c, x] = samples[x].real, samples[x].imag
        for o in range(n_out):
            real_sum[:] = 0
            imaginary_sum[:] = 0
            for c in range(n_in):
                a = matrices[0, o, c, voxel : voxel + n_x]  # views: plain indices are vectorised
                b = matrices[1, o, c, voxel : voxel + n_x]
                for x in range(n_x):
                    real_sum[x] += a[x] * real[c, x] - b[x] * imaginary[c, x]
                    imaginary_sum[x] += a[x] * imaginary[c, x] + b[x] * real[c, x]
            row = rows[i, o, voxel : voxel + n_x]
            for x in range(n_x):
                row[x] = complex(real_sum[x], imaginary_sum[x])


@njit(nogil=True, fastmath=True)
def interpolate_weights(coarse: Real, cells: Index, taps: Real, weights: Real) -> None:
    """Rows between coarse rows, conjugated, of unit norm over C: [C, Rc, X] -> [C, R, X].

    Complex numbers lie as pairs on the last axis. ``cells`` and ``taps`` [R, 4] are the four
    coarse rows of each row and their weights.
    """
    n_coils, n_rows, n_parts = weights.shape
    power = np.empty(n_parts // 2, np.float32)
    for r in range(n_rows):
        k0, k1, k2, k3 = cells[r]
        t0, t1, t2, t3 = taps[r]
        power[:] = 0
        for c in range(n_coils):
            for p in range(n_parts):
                near = t1 * coarse[c, k1, p] + t2 * coarse[c, k2, p]
                weights[c, r, p] = near + t0 * coarse[c, k0, p] + t3 * coarse[c, k3, p]
            for x in range(n_parts // 2):
                real, imaginary = weights[c, r, 2 * x], weights[c, r, 2 * x + 1]
                power[x] += real * real + imaginary * imaginary
        for x in range(n_parts // 2):
            power[x] = np.float32(1.0) / np.sqrt(power[x] + _TINY)
        for c in range(n_coils):
            for x in range(n_parts // 2):
                weights[c, r, 2 * x] *= power[x]
                weights[c, r, 2 * x + 1] *= -power[x]


@njit(nogil=True, fastmath=True)
def add_weighted(images: Complex, first: int, weights: Complex, total: Complex) -> None:
    """Add weight · image of one coil to the total: [T, X], [R, X] -> [R, X].

    Row r of the image is row ``first + r`` of ``images``, counted round.
    """
    n_rows, n_x = total.shape
    for r in range(n_rows):
        row = (first + r) % len(images)
        for x in range(n_x):
            total[r, x] += weights[r, x] * images[row, x]


@njit(nogil=True)
def dominant_vectors(covariance: Complex, start: Complex, steps: int) -> Complex:
    """Unit eigenvector of the largest eigenvalue by power iteration: [V, C, C], [C] -> [V, C]."""
    n_voxels, n_coils, _ = covariance.shape
    vectors = np.empty((n_voxels, n_coils), np.complex64)
    after = np.empty(n_coils, np.complex64)
    for v in range(n_voxels):
        current = vectors[v]
        current[:] = start
        for _ in range(steps):
            power = np.float32(0.0)
            for a in range(n_coils):
                total = np.complex64(0.0)
                for b in range(n_coils):
                    total += covariance[v, a, b] * current[b]
                after[a] = total
                power += total.real**2 + total.imag**2
            if power == 0.0:
                break
            scale = np.float32(1.0) / np.sqrt(power)
            moved = np.float32(0.0)
            for a in range(n_coils):
                new = after[a] * scale
                step = new - current[a]
                moved += step.real**2 + step.imag**2
                current[a] = new
            if moved < _STILL:
                break
    return vectors
