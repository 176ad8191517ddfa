"""Plans of FFTW, which threads share slice by slice.

FFTW never has threads of its own: those wait for each other by spinning, and where other programs
have the processors too a transform of 15 ms takes 2 s. Large arrays are cut into slices, which
`threads.at_once` shares out: all of one plan, so that results do not hang on the number of threads.

Plans are estimated, never measured: a measured plan depends on the clock, and two plans of one
shape round differently, so that one scan would give two images. An estimated plan depends on the
shape alone. It is as fast where rows are contiguous, source and result are apart, and columns do
not share a cache set; see docs/adr/0028-same-bytes-same-images.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import pyfftw
from numpy.typing import NDArray

from streamrecon.machine.threads import at_once

Array = NDArray[np.generic]
Complex = NDArray[np.complex64]
Real = NDArray[np.float32]
Axes = tuple[int, ...]

FORWARD, BACKWARD = "FFTW_FORWARD", "FFTW_BACKWARD"
LARGE = 1 << 18  # samples, 2 MB: up to here one thread is as fast, and caches are kind
_ENOUGH = 1 << 15  # samples of one call
_SHARING = 32  # columns of rows that are multiples of this share cache sets: up to 15 times slower
_APART = 8  # samples that part them: one line of the cache
_VECTOR = 16  # bytes, at multiples of which the vector units read
_ESTIMATE, _DESTROY, _UNALIGNED = "FFTW_ESTIMATE", "FFTW_DESTROY_INPUT", "FFTW_UNALIGNED"


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
    real, spectrum
        Memory to use, as `plans_in_turn` shares it; None: its own.
    """

    def __init__(
        self, shape: tuple[int, ...], *, real: Real | None = None, spectrum: Complex | None = None
    ) -> None:
        axes = tuple(range(len(shape)))
        self.real: Real = pyfftw.empty_aligned(shape, np.float32) if real is None else real
        self.spectrum: Complex = _half(shape) if spectrum is None else spectrum
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


def plans_in_turn(shape: tuple[int, ...]) -> tuple[RealPlan, RealPlan]:
    """Two plans of one shape: the spectrum of the second is where the first's real array was.

    So the first goes forward before the second, and comes back after it.

    >>> first, second = plans_in_turn((4, 4))
    >>> np.shares_memory(first.real, second.spectrum)
    True
    """
    room = _half(shape)
    real = room.reshape(-1).view(np.float32)[: int(np.prod(shape))].reshape(shape)
    return RealPlan(shape, real=real), RealPlan(shape, spectrum=room)


def fast_length(n: int) -> int:
    """Smallest length of at least ``n`` that FFTW does quickly, even.

    >>> fast_length(97), fast_length(128)
    (98, 128)
    """
    length: int = pyfftw.next_fast_len(n)
    while length % 2:
        length = pyfftw.next_fast_len(length + 1)
    return length


def row_length(n: int) -> int:
    """Samples that a row of ``n`` should take where columns are transformed: no shared cache sets.

    >>> row_length(256), row_length(230)
    (264, 230)
    """
    return n if n % _SHARING else n + _APART


def _half(shape: tuple[int, ...]) -> Complex:
    spectrum: Complex = pyfftw.empty_aligned((*shape[:-1], shape[-1] // 2 + 1), np.complex64)
    return spectrum


def _buffer(shape: Sequence[int], axes: Sequence[int]) -> Complex:
    *outer, n = shape
    only_rows = all(axis % len(shape) == len(shape) - 1 for axis in axes)
    width = n if only_rows else row_length(n)
    buffer: Complex = pyfftw.zeros_aligned((*outer, width), np.complex64)[..., :n]
    return buffer


class Stage(Protocol):
    """What can be run."""

    def execute(self) -> None:
        """Transform once more."""


def planned(
    source: Array,
    result: Array,
    axes: Axes,
    direction: str,
    *,
    shared: bool = True,
) -> list[Stage]:
    """Stages of a transform: a small array as it is, a large one slice by slice.

    Where all axes are transformed the first one goes by itself: behind the others on the way to
    the spectrum, before them on the way back. What is in ``source`` is lost, but of a complex array
    that is not shared, or has another axis.

    Parameters
    ----------
    source, result
        Arrays that each run reads and writes; the same one for a transform in place.
    axes
        Axes to transform, the last one being the halved one of real arrays.
    direction
        `FORWARD` or `BACKWARD`.
    shared
        Whether threads share the work; else the caller does it alone.
    """
    others = [n for n in range(source.ndim) if n not in axes and source.shape[n] > 1]
    small = max(source.size, result.size) <= LARGE
    if small or not shared or not (others or len(axes) > 1):
        return [_plan(source, result, axes, direction)]
    if others:
        return [_Slices(source, result, axes, direction, across=others[0])]
    first, *rest = sorted(axes)
    spectrum = source if direction == BACKWARD else result
    alone = _Slices(spectrum, spectrum, (first,), direction, across=rest[0])
    within = _Slices(source, result, tuple(rest), direction, across=first)
    return [alone, within] if direction == BACKWARD else [within, alone]


def run(stages: Sequence[Stage]) -> None:
    """Run one stage after another; releases the GIL."""
    for stage in stages:
        stage.execute()


class _Slices:
    """One transform of every slice across an axis, by as many threads as the budget has.

    Small slices go some at a time, as many in each turn: a call costs as much as 2,000 samples.
    """

    def __init__(
        self, source: Array, result: Array, axes: Axes, direction: str, *, across: int
    ) -> None:
        sources, results = (np.moveaxis(array, across, 0) for array in (source, result))
        size, self._flags = _together(sources, results)
        starts = range(0, len(results), size)
        self._pairs = [(sources[n : n + size], results[n : n + size]) for n in starts]
        self._axes = tuple(axis + (axis < across) for axis in axes)
        self._direction = direction
        self._idle = [self._made()]

    def _made(self) -> pyfftw.FFTW:
        return _plan(*self._pairs[0], self._axes, self._direction, *self._flags)

    def execute(self) -> None:
        """Transform all slices."""
        at_once(self._transform, len(self._pairs))

    def _transform(self, which: range) -> None:
        try:
            plan = self._idle.pop()
        except IndexError:  # others have them
            plan = self._made()
        for number in which:
            plan.update_arrays(*self._pairs[number])
            plan.execute()
        self._idle.append(plan)


def _together(sources: Array, results: Array) -> tuple[int, tuple[str, ...]]:
    """How many slices to transform in one call, and what FFTW must know of where they begin.

    It uses the vector units where all of them begin at multiples of 16 bytes, in half of the time:
    two go together where one alone would not.

    >>> volume = pyfftw.zeros_aligned((160, 160, 81), np.complex64)
    >>> across_y = np.moveaxis(volume, 1, 0)
    >>> _together(volume, volume), _together(across_y, across_y)
    ((2, ()), (2, ()))
    >>> _together(volume[:, :79], volume[:, :79])[1], _together(across_y[:79], across_y[:79])
    ((), (1, ('FFTW_UNALIGNED',)))
    """
    count, most = len(results), max(1, _ENOUGH // results[0].size)
    parts = [n for n in range(1, max(2, most) + 1) if count % n == 0]
    steps = [array.strides[0] for array in (sources, results)]
    aligned = [n for n in parts if not any(n * step % _VECTOR for step in steps)]
    if aligned and all(pyfftw.is_byte_aligned(each, _VECTOR) for each in (sources, results)):
        return max([n for n in aligned if n <= most] or aligned[:1]), ()
    return max(n for n in parts if n <= most), (_UNALIGNED,)


def _plan(source: Array, result: Array, axes: Axes, direction: str, *flags: str) -> pyfftw.FFTW:
    is_real = source.dtype != result.dtype
    return pyfftw.FFTW(
        source,
        result,
        axes=axes,
        direction=direction,
        flags=(_ESTIMATE, *([_DESTROY] if is_real else []), *flags),
        threads=1,
    )
