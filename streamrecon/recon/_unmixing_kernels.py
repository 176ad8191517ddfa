"""Compiled loops over unmixing weights; the front doors are in `unmixing` and `grappa`."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

Complex = NDArray[np.complex64]
Index = NDArray[np.int64]
Real = NDArray[np.float32]


@njit(cache=True, nogil=True, fastmath=True)
def interpolate_rows(coarse: Real, cells: Index, taps: Real, rows: Real) -> None:
    """Rows between coarse rows: [C, Rc, X] -> [C, R, X], real arrays or pairs of parts on X.

    ``cells`` and ``taps`` [R, 4] are the four coarse rows of each row and their shares.
    """
    n_coils, n_rows, n_parts = rows.shape
    for r in range(n_rows):
        k0, k1, k2, k3 = cells[r]
        t0, t1, t2, t3 = taps[r]
        for c in range(n_coils):
            for p in range(n_parts):
                near = t1 * coarse[c, k1, p] + t2 * coarse[c, k2, p]
                rows[c, r, p] = near + t0 * coarse[c, k0, p] + t3 * coarse[c, k3, p]
