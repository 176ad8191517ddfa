"""Compiled loops over unmixing weights; the front doors are in `unmixing` and `sense`."""

import numpy as np
from numpy.typing import NDArray

from streamrecon.machine.compiled import njit

Complex = NDArray[np.complex64]
Index = NDArray[np.int64]
Real = NDArray[np.float32]


@njit(nogil=True, fastmath=True)
def interpolate_rows(coarse: Real, cells: Index, taps: Real, rows: Real) -> None:
    """Rows between coarse rows: [C, Rc, X] -> [C, R, X], real arrays or pairs of parts on X.

    ``cells`` and ``taps`` [R, 4] are the four coarse rows of each row and their weights.
    """
    n_coils, n_rows, n_parts = rows.shape
    for r in range(n_rows):
        k0, k1, k2, k3 = cells[r]
        t0, t1, t2, t3 = taps[r]
        for c in range(n_coils):
            for p in range(n_parts):
                near = t1 * coarse[c, k1, p] + t2 * coarse[c, k2, p]
                rows[c, r, p] = near + t0 * coarse[c, k0, p] + t3 * coarse[c, k3, p]


@njit(nogil=True, fastmath=True)
def part_voxels(
    vectors: Complex, noise: Real, z: Index, y: Index, row: int, weights: Complex
) -> None:
    """Weights of one row of cells: [Z, Y, X, C], [Z, Y, X], [R, Z], [R, Y] -> [Z, Y, X, C].

    With A the aliases' vectors, u is s0 less what of it A explains, at length R / (uᴴ s0).
    """
    n_aliases, (_, n_y, n_x, _) = len(z) - 1, vectors.shape
    gram = np.zeros((n_aliases, n_aliases), np.complex128)
    solution = np.zeros(n_aliases, np.complex128)
    for j in range(n_y):
        for x in range(n_x):
            own = vectors[row, j, x]
            for a in range(n_aliases):
                at = (z[a + 1, row], y[a + 1, j], x)
                for b in range(a + 1):
                    gram[a, b] = _overlap(vectors[at], vectors[z[b + 1, row], y[b + 1, j], x])
                gram[a, a] += noise[at]
                solution[a] = _overlap(vectors[at], own)
            _solve_in_place(gram, solution)
            kept = 0.0
            for c in range(len(own)):
                value = np.complex128(own[c])
                for a in range(n_aliases):
                    value -= vectors[z[a + 1, row], y[a + 1, j], x, c] * solution[a]
                weights[row, j, x, c] = np.conj(value)
                kept += (np.conj(value) * own[c]).real
            weights[row, j, x] *= np.float32((n_aliases + 1) / kept)


@njit(nogil=True, fastmath=True)
def _overlap(one: Complex, other: Complex) -> complex:
    """The product oneᴴ·other of two vectors."""
    total = 0j
    for c in range(len(one)):
        total += np.conj(one[c]) * other[c]
    return total


@njit(nogil=True, fastmath=True)
def _solve_in_place(matrix: Complex, values: Complex) -> None:
    """Solve by Cholesky; the Hermitian matrix, of which the lower half is read, is overwritten."""
    n = len(values)
    for a in range(n):
        for b in range(a + 1):
            for k in range(b):
                matrix[a, b] -= matrix[a, k] * np.conj(matrix[b, k])
            if b < a:
                matrix[a, b] /= matrix[b, b].real
        matrix[a, a] = np.sqrt(matrix[a, a].real)
        for k in range(a):
            values[a] -= matrix[a, k] * values[k]
        values[a] /= matrix[a, a].real
    for a in range(n - 1, -1, -1):
        for k in range(a + 1, n):
            values[a] -= np.conj(matrix[k, a]) * values[k]
        values[a] /= matrix[a, a].real
