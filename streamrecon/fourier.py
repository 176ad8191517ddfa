"""The only room that transforms: centred unitary FFTs and real convolutions on pyFFTW.

Two families. `fft` and `ifft` are centred (index ``n // 2`` is the origin in both spaces) and
unitary: ``ifft(fft(a)) == a`` and energies agree, at odd sizes too. `rfftn` and `irfftn` are
the plain pair for convolutions of real arrays: origin at index 0, and the inverse carries 1/N.

Everything is single precision. A plan is made once per shape and shared: it owns aligned
buffers, and a lock makes its use safe from any thread. `Plan` itself is for the loops that feed
many blocks of one shape, `RealPlan` for iterations.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Lock
from typing import Generic, TypeVar

import numpy as np
import pyfftw
from numpy.typing import NDArray

from streamrecon.fft_plans import BACKWARD, FORWARD, LARGE, planned, run

Complex = NDArray[np.complex64]
Real = NDArray[np.float32]

_PLANS_KEPT = 24  # shapes in use at once in one scan: about ten
_SHARING = 32  # columns of rows that are multiples of this share cache sets: up to 15 times slower
_APART = 8  # samples that part them: one line of the cache


class Plan:
    """One transform of one shape, with its own aligned buffers.

    Fill ``source``, which begins as zeros; call `run`; read ``result``. Not normalised and not
    centred. A run may destroy the source where its work is shared, and keeps it where it is not. A
    plan belongs to one thread at a time.

    Parameters
    ----------
    shape
        Shape of the source.
    axes
        Axes to transform.
    inverse
        Whether the exponent is positive.
    shared
        Whether threads share the work of a large array; else the caller does it alone.
    """

    def __init__(
        self,
        shape: Sequence[int],
        axes: Sequence[int],
        *,
        inverse: bool,
        shared: bool = True,
    ) -> None:
        self.source: Complex = _buffer(shape, axes)
        self.result: Complex = _buffer(shape, axes)
        direction = BACKWARD if inverse else FORWARD
        self._stages = planned(self.source, self.result, tuple(axes), direction, shared=shared)

    def run(self) -> Complex:
        """Transform the source; releases the GIL."""
        run(self._stages)
        return self.result


class RealPlan:
    """One real array, its half spectrum, and both transforms between them.

    Fill ``real``, call `forward`, change ``spectrum``, call `inverse`, read ``real``: a loop of
    convolutions without a copy. Origin at index 0; not normalised, so that a round trip multiplies
    by the number of voxels; each transform destroys what it read. A plan belongs to one thread at
    a time.

    Parameters
    ----------
    shape
        Shape of the real array; the spectrum's last axis is ``n // 2 + 1`` long.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        half = (*shape[:-1], shape[-1] // 2 + 1)
        axes = tuple(range(len(shape)))
        self.real: Real = pyfftw.empty_aligned(shape, np.float32)
        self.spectrum: Complex = pyfftw.empty_aligned(half, np.complex64)
        self._forward = planned(self.real, self.spectrum, axes, FORWARD)
        self._inverse = planned(self.spectrum, self.real, axes, BACKWARD)

    def forward(self) -> Complex:
        """Spectrum of ``real``; releases the GIL."""
        run(self._forward)
        return self.spectrum

    def inverse(self) -> Real:
        """Real array of ``spectrum``, times the number of voxels; releases the GIL."""
        run(self._inverse)
        return self.real


def row_length(n: int) -> int:
    """Samples that a row of ``n`` should take where columns are transformed: no shared cache sets.

    >>> row_length(256), row_length(230)
    (264, 230)
    """
    return n if n % _SHARING else n + _APART


def _buffer(shape: Sequence[int], axes: Sequence[int]) -> Complex:
    *outer, n = shape
    only_rows = all(axis % len(shape) == len(shape) - 1 for axis in axes)
    width = n if only_rows else row_length(n)
    buffer: Complex = pyfftw.zeros_aligned((*outer, width), np.complex64)[..., :n]
    return buffer


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


def fast_length(n: int) -> int:
    """Smallest length of at least ``n`` that FFTW does quickly, even.

    >>> fast_length(97), fast_length(128)
    (98, 128)
    """
    length: int = pyfftw.next_fast_len(n)
    while length % 2:
        length = pyfftw.next_fast_len(length + 1)
    return length
