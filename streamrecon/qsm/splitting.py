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
    negative_divergence,
    shrink_gradients,
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
    """The split of the gradients: what is clipped, where, and the room for it.

    Parameters
    ----------
    voxel
        Sides of a voxel (z, y, x) [mm].
    limit
        Largest dual, where ``share`` is 1.
    share
        How much each gradient counts [3, Z, Y, X].
    dual, flow
        Scaled dual and a buffer [3, Z, Y, X].
    """

    voxel: Real
    limit: float
    share: Real
    dual: Real
    flow: Real

    def renew(self, chi: Real, divergence: Real) -> None:
        """Shrink the gradients of ``chi``; ``divergence`` [Z, Y, X] may be the same memory."""

        def shrink(z: range) -> None:
            shrink_gradients(
                chi, self.dual, self.voxel, self.limit, self.share, self.flow, z.start, z.stop
            )

        at_once(shrink, len(chi))
        at_once(
            lambda z: negative_divergence(self.flow, self.voxel, divergence, z.start, z.stop),
            len(chi),
        )


def gradients(voxel_mm: tuple[float, ...], limit: float, share: Real) -> Gradients:
    """A split of gradients with its duals at zero."""
    dual, flow = np.zeros((2, *share.shape), np.float32)
    return Gradients(np.array(voxel_mm, np.float32), limit, share, dual, flow)


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
