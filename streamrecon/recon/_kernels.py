"""Compiled loops over lines and voxels; their front doors are in the modules beside."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

Complex = NDArray[np.complex64]
Index = NDArray[np.int64]


@njit(cache=True, nogil=True)
def gather_readouts(
    lines: Complex, first: Index, backward: NDArray[np.bool_], ramp: Complex, spectra: Complex
) -> None:
    """Place samples on the k-axis with its origin at 0: [N, C, S] -> [N, C, T].

    ``first`` is the offset from the centre of each line's first sample (its last, where
    ``backward``); ``ramp`` [T] is multiplied on. Samples beyond the transform are dropped.
    """
    n_lines, n_coils, n_samples = lines.shape
    length = spectra.shape[2]
    low, high = -(length // 2), (length + 1) // 2
    spectra[:n_lines] = 0
    for i in range(n_lines):
        for c in range(n_coils):
            for s in range(n_samples):
                k = first[i] + s
                if low <= k < high:
                    place = k + length if k < 0 else k
                    sample = lines[i, c, n_samples - 1 - s] if backward[i] else lines[i, c, s]
                    spectra[i, c, place] = sample * ramp[place]


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def normalise_weights(weights: Complex) -> None:
    """Conjugate, and scale to unit norm over C, in place: [C, A, X]."""
    n_coils, n_rows, n_x = weights.shape
    for r in range(n_rows):
        for x in range(n_x):
            power = np.float32(0.0)
            for c in range(n_coils):
                power += weights[c, r, x].real ** 2 + weights[c, r, x].imag ** 2
            scale = np.float32(1.0) / np.sqrt(power) if power > 0 else np.float32(0.0)
            for c in range(n_coils):
                weights[c, r, x] = np.conj(weights[c, r, x]) * scale


@njit(cache=True, nogil=True)
def weighted_sum(coils: Complex, weights: Complex, combined: Complex) -> None:
    """Sum of weight · coil over C: [C, A, X], [C, A, X] -> [A, X]."""
    n_coils, n_rows, n_x = weights.shape
    for r in range(n_rows):
        for x in range(n_x):
            combined[r, x] = weights[0, r, x] * coils[0, r, x]
        for c in range(1, n_coils):
            for x in range(n_x):
                combined[r, x] += weights[c, r, x] * coils[c, r, x]


@njit(cache=True, nogil=True)
def dominant_vectors(covariance: Complex, start: Complex, steps: int) -> Complex:
    """Unit eigenvector of the largest eigenvalue by power iteration: [V, C, C], [C] -> [V, C]."""
    n_voxels, n_coils, _ = covariance.shape
    vectors = np.empty((n_voxels, n_coils), np.complex64)
    for v in range(n_voxels):
        current = start.copy()
        for _ in range(steps):
            after = np.zeros(n_coils, np.complex64)
            for a in range(n_coils):
                for b in range(n_coils):
                    after[a] += covariance[v, a, b] * current[b]
            size = np.sqrt(np.sum(after.real**2 + after.imag**2))
            if size == 0.0:
                break
            current = after / np.float32(size)
        vectors[v] = current
    return vectors
