"""The only room that transforms arrays: centred unitary FFTs and real convolutions.

Two families. `fft` and `ifft` are centred (index ``n // 2`` is the origin in both spaces) and
unitary: ``ifft(fft(a)) == a`` and energies agree, at odd sizes too. `rfftn` and `irfftn` are
the plain pair for convolutions of real arrays: origin at index 0, and the inverse carries 1/N.

Everything is single precision. A plan is made once per shape and shared: it owns aligned buffers,
and a lock makes its use safe from any thread. Loops that feed many blocks of one shape, and
iterations, have plans of their own: `streamrecon.machine.fft_plans`.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from streamrecon.machine.fft_plans import LARGE, Plan, RealPlan

Complex = NDArray[np.complex64]
Real = NDArray[np.float32]

_PLANS_KEPT = 24  # shapes in use at once in one scan: about ten

P = TypeVar("P")


class _Shelf(Generic[P]):
    """The plans most recently used, each with the lock of its buffers."""

    def __init__(self) -> None:
        self._plans: OrderedDict[object, tuple[P, Lock]] = OrderedDict()
        self._lock = Lock()

    def take(self, shape: object, make: Callable[[], P]) -> tuple[P, Lock]:
        with self._lock:
            if shape not in self._plans:
                self._plans[shape] = (make(), Lock())
                while len(self._plans) > _PLANS_KEPT:
                    self._plans.popitem(last=False)
            self._plans.move_to_end(shape)
            return self._plans[shape]


_complex_plans: _Shelf[Plan] = _Shelf()
_real_plans: _Shelf[RealPlan] = _Shelf()


def fft(image: Complex, axes: Sequence[int]) -> Complex:
    """Centred unitary transform from image to k-space, exp(-i…), along ``axes``.

    One FFT, one copy of the volume.

    >>> point = np.zeros((5, 4), np.complex64)
    >>> point[2, 2] = 1
    >>> bool(np.allclose(fft(point, (0, 1)), 1 / np.sqrt(20)))
    True
    """
    return _centred(image, axes, inverse=False)


def ifft(kspace: Complex, axes: Sequence[int]) -> Complex:
    """Centred unitary transform from k-space to image, exp(+i…), along ``axes``.

    One FFT, one copy of the volume.

    >>> a = np.arange(7, dtype=np.complex64)
    >>> bool(np.allclose(ifft(fft(a, (0,)), (0,)), a, atol=1e-5))
    True
    """
    return _centred(kspace, axes, inverse=True)


def _centred(data: Complex, axes: Sequence[int], *, inverse: bool) -> Complex:
    """Transform block after block of the axes in front, so that a plan stays in the cache."""
    axes = tuple(sorted(axis % data.ndim for axis in axes))
    inner = data.shape[axes[0] :]
    blocks = data.reshape(-1, *inner)
    at_once = max(1, min(len(blocks), LARGE // max(1, math.prod(inner))))
    inside = tuple(axis - axes[0] + 1 for axis in axes)
    shape = (at_once, *inner)
    plan, lock = _complex_plans.take(
        (shape, inside, inverse),
        lambda: Plan(shape, inside, inverse=inverse),
    )
    scale = np.float32(1 / np.sqrt(math.prod(data.shape[axis] for axis in axes)))
    result = np.empty_like(blocks)
    with lock:
        for start in range(0, len(blocks), at_once):
            block = blocks[start : start + at_once]
            plan.source[: len(block)] = np.fft.ifftshift(block, axes=inside)
            spectrum = plan.run()[: len(block)]
            result[start : start + at_once] = np.fft.fftshift(spectrum, axes=inside)
    result *= scale
    return result.reshape(data.shape)


def rfftn(real: Real, shape: Sequence[int] | None = None) -> Complex:
    """Spectrum of a real array, zero-padded at the end to ``shape``; not normalised.

    Origin at index 0; the last axis holds its non-negative half, ``n // 2 + 1``. One real FFT.
    """
    full = tuple(shape) if shape is not None else real.shape
    pair, lock = _real_plans.take(full, lambda: RealPlan(full))
    with lock:
        if full != real.shape:
            pair.real[...] = 0
        pair.real[tuple(slice(n) for n in real.shape)] = real
        pair.forward()
        return pair.spectrum.copy()


def irfftn(spectrum: Complex, shape: Sequence[int], *, crop: Sequence[int] | None = None) -> Real:
    """Real array of ``shape`` from its half spectrum, divided by N; ``irfftn(rfftn(a)) == a``.

    ``crop`` keeps only the first so many elements of each axis. One real FFT; the spectrum is
    left as it is.

    >>> a = np.arange(15, dtype=np.float32).reshape(3, 5)
    >>> bool(np.allclose(irfftn(rfftn(a, (4, 6)), (4, 6), crop=(3, 5)), a, atol=1e-5))
    True
    """
    full = tuple(shape)
    pair, lock = _real_plans.take(full, lambda: RealPlan(full))
    kept = tuple(slice(n) for n in (crop if crop is not None else full))
    with lock:
        pair.spectrum[...] = spectrum
        pair.inverse()
        return pair.real[kept] * np.float32(1 / np.prod(full))
