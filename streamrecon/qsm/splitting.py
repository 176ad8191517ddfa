"""The steps between two transforms of a split inversion, shared out among the threads.

Every one works in place on arrays that the solver owns; arithmetic is in the compiled loops.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon.qsm._kernels import (
    mix_spectra,
    shrink_gradients,
    shrink_row,
    split_data,
    split_data_absolute,
    split_harmonic,
    split_phase,
)
from streamrecon.threads import at_once

Real = NDArray[np.float32]
Spectrum = NDArray[np.complex64]
Loop = Callable[[Real, Real, Real, Real, float, int, int], None]
Split = Callable[[Real, Real, Real, Real, float], None]


@dataclass(frozen=True, slots=True, eq=False)
class Gradients:
    """The split of the gradients: what is clipped, where, and its dual.

    Parameters
    ----------
    voxel
        Sides of a voxel (z, y, x) [mm].
    limit
        Largest dual, where ``share`` is 1.
    share
        How much each gradient counts [3, Z, Y, X].
    dual
        Scaled dual [3, Z, Y, X].
    """

    voxel: Real
    limit: float
    share: Real
    dual: Real

    def renew(self, chi: Real, divergence: Real) -> None:
        """Shrink the gradients of ``chi``; ``divergence`` [Z, Y, X] may be the same memory.

        One pass over six volumes. Each thread first looks at the planes beside its own, which
        others are about to change.
        """
        per_mm, limit = 1 / self.voxel, np.float32(self.limit)
        beside: dict[int, tuple[Real, Real]] = {}

        def look(z: range) -> None:
            below, flow = z.start - 1, np.empty_like(chi[0])
            edge = (self.dual[0, below].copy(), self.share[0, below])
            rows = [plane.ravel() for plane in (chi[z.start], chi[below], *edge)]
            shrink_row(*rows, limit, per_mm[0], flow.ravel())
            beside[z.start] = flow, chi[z.stop % len(chi)].copy()

        def shrink(z: range) -> None:
            shrink_gradients(
                chi, self.dual, self.share, limit, per_mm, *beside[z.start], divergence,
                z.start, z.stop,
            )  # fmt: skip

        at_once(look, len(chi))
        at_once(shrink, len(chi))


def gradients(voxel_mm: tuple[float, ...], limit: float, share: Real) -> Gradients:
    """A split of gradients with its duals at zero."""
    return Gradients(np.array(voxel_mm, np.float32), limit, share, np.zeros_like(share))


def squares(model: Real, dual: Real, field: Real, weight: Real, rho: float) -> None:
    """Least squares: ``model`` becomes z - u, where z is nearest to the field and to the model."""
    _shared(split_data, (model, dual, field, weight), rho)


def absolutes(model: Real, dual: Real, field: Real, weight: Real, rho: float) -> None:
    """As `squares`, for weight |z - field|."""
    _shared(split_data_absolute, (model, dual, field, weight), rho)


def phases(model: Real, dual: Real, phase: Real, weight: Real, rho: float) -> None:
    """As `squares`, for weight |exp(iz) - exp(i phase)|² / 2 [rad]."""
    _shared(split_phase, (model, dual, phase, weight), rho)


def harmonics(bend: Real, dual: Real, weight: Real, rho: float) -> None:
    """As `squares`, for weight z² / 2."""
    flat = [a.reshape(-1) for a in (bend, dual, weight)]
    at_once(lambda v: split_harmonic(*flat, rho, v.start, v.stop), bend.size)


def mix(data: Spectrum, flow: Spectrum, kernels: tuple[Real, Real, Real]) -> None:
    """``data`` becomes the spectrum of χ's field, ``flow`` that of χ.

    ``kernels`` are the shares of data and flow in χ, and the dipole.
    """
    flat = [a.reshape(-1) for a in (data, flow, *kernels)]
    at_once(lambda k: mix_spectra(*flat, k.start, k.stop), data.size)


def _shared(loop: Loop, arrays: tuple[Real, Real, Real, Real], rho: float) -> None:
    model, dual, field, weight = (a.reshape(-1) for a in arrays)
    at_once(lambda v: loop(model, dual, field, weight, rho, v.start, v.stop), model.size)
