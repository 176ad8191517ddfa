"""Tissue about a vessel: smooth complex functions of place, one for each echo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]
Complex = NDArray[np.complexfloating]


@dataclass(frozen=True, slots=True, eq=False)
class TissueBasis:
    """Smooth functions [N, Q], and twice side by side for pairs of real and imaginary part.

    A complex matrix times a real one is then one real product, in the precision of the former.
    """

    plain: Real
    onto: Real
    double: Real
    single: NDArray[np.float32]

    @classmethod
    def of(cls, plain: Real) -> TissueBasis:
        """That of functions [N, Q]."""
        pairs = np.kron(plain, np.eye(2))
        onto = np.asarray(np.linalg.pinv(plain), np.float64)
        return cls(plain, onto, np.asarray(pairs, np.float64), pairs.astype(np.float32))

    def normal(self, signal: Complex) -> Real:
        """Normal matrix of the tissue's coefficients at each echo [E, Q, Q]."""
        weighted = self.plain.T * (signal.real**2 + signal.imag**2)[:, None, :]
        return np.asarray(weighted @ self.plain)

    def sums(self, numbers: Complex) -> Complex:
        """Products with each function, summed over the voxels [..., N] to [..., Q]."""
        if numbers.dtype == np.complex64:
            return np.asarray((numbers.view(np.float32) @ self.single).view(np.complex64))
        return np.asarray((numbers.view(np.float64) @ self.double).view(np.complex128))

    def field(self, coefficients: Complex) -> Complex:
        """Values [..., N] of the functions with coefficients [..., Q]."""
        return np.asarray((coefficients.view(np.float64) @ self.double.T).view(np.complex128))
