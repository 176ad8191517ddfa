r"""Measures the noise of complex images where the object varies slowly, or in air.

Within the object from differences along all axes at once,

.. math:: d = (1 - S_z)(1 - S_y)(1 - S_x)\, c, \quad \operatorname{var} d = 2^3 \operatorname{var} c

with shifts S by one voxel: of what is smooth, phase ramps included, little is left. Along the
signal of its eight voxels d has texture of the brightness, across it that of the phase, noise in
both alike: the part with less of it counts, unless it has next to none, as where the magnitude or
the phase was filtered. The blocks of some 500 voxels that hold least count: skull and scalp would
else make three times the noise of a whole head. Where noise differs over the image this is its
lower end; of noise alone it is .91. In the air from magnitudes that follow Rayleigh's distribution,
by the darkest of such blocks: ringing of the scalp reaches far, and had made the noise of whole
heads a third too large. Where noise differs over the air that, too, is its lower end: by ±15 %
along an axis a tenth too little, by ±25 % a fifth, which is told; by more, a quarter of all air
decides. Air is what is far from anything bright: to a brain's mask scalp and neck are no air. The
air is better where it is as it was measured; skull stripping, filters of the vendor and zeros
outside the field of view spoil it, and then the object decides. The misfit of a line through the
phase is no noise: flow, fat, breathing and eddy currents make it several times larger.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation

from streamrecon.errors import ReconError
from streamrecon.phase.magnitude import signal_mask

Complex = NDArray[np.complexfloating]
Real = NDArray[np.floating]
Flags = NDArray[np.bool_]
Noise = float | NDArray[np.float32]

_MAD_OF_NORMAL = 0.6744898
_MEDIAN_OF_RAYLEIGH = np.sqrt(2 * np.log(2))
_LEAST_VOXELS = 200  # a median of fewer is off by more than 10 %
_BLOCK_VOXELS = 512  # the median of a block is off by 4 %, that of magnitudes by 3 %
_FEWEST_BLOCKS = 10  # of object or air; else all of it counts as one
_SMOOTHEST = 0.1  # quantile of blocks: scalp, skull and folds are rough in most of a head
_DARKEST = 0.1, 0.25, 0.5  # of the air, of which ringing and ghosts are most, the first counts
_LEVEL = 1.08  # the second over the first: beyond, the noise itself differs over the air
_UNEVEN = 1.2  # the third over the first that is told; ringing makes 1.16 in whole heads
_PROCESSED = 0.5  # of the noise along the signal or across: with less, one was filtered
_OF_NOISE_ALONE = 0.96  # that quantile of medians of 512 magnitudes, in parts of their mean
_FAR_VOXELS = 3  # from the object; nearer air holds its ringing
_QUANTILES = (0.1, 0.25)  # of the air: low, where ghosts and vessels outside are few
_ALIKE = 1.35  # both quantiles give one deviation within this factor where the air is plain
_AIR_OVER_OBJECT = (0.35, 1.25)  # texture raises the object's figure, a filter lowers the air's
_BOTH_ALIKE = (0.7, 1.25)  # the same where neither does: what both say of an echo is its noise
_UNEQUAL = 1.2  # of the echoes' noise, largest over smallest; bands of one scan are alike


class NoiseSource(Enum):
    """Where the noise of an image was measured."""

    SCAN = "noise scan"
    AIR = "air"
    OBJECT = "differences within the object"


@dataclass(frozen=True, slots=True)
class ImageNoise:
    """Noise of complex images.

    Parameters
    ----------
    sd
        Standard deviation of the real part, in units of the images; of every voxel [Z, Y, X] where
        the chain knows it.
    source
        Where it was measured.
    notices
        What a reader must know of it, each a short sentence.
    """

    sd: Noise
    source: NoiseSource
    notices: tuple[str, ...] = ()


def noise_of_scan(sd: NDArray[np.float32] | None) -> ImageNoise | None:
    """Noise that the chain knows from whitening; ``None`` where it does not."""
    return None if sd is None else ImageNoise(sd, NoiseSource.SCAN)


def typical(noise: Noise) -> float:
    """One figure for noise that may differ from voxel to voxel: its median.

    >>> typical(0.5), typical(np.float32([1, 2, 9]))
    (0.5, 2.0)
    """
    return float(np.median(noise))


def in_units_of(values: NDArray[np.floating], noise: Noise) -> tuple[NDArray[np.floating], float]:
    """Values [..., Z, Y, X] and the noise in their unit, which is one number for all of them.

    What has a noise of every voxel is divided by it and has noise 1; where that is 0 there is no
    signal either.
    """
    if isinstance(noise, int | float):
        return values, float(noise)
    return np.divide(values, noise, out=np.zeros_like(values), where=noise > 0), 1.0


def measure_noise(echoes: Complex, head: Flags, *, signal: Flags | None = None) -> ImageNoise:
    """Noise of images whose noise nobody knows; a few passes over the volumes.

    The smallest figure of all echoes counts: structure adds to it, nothing takes away. Where air
    and object say of every echo that its noise is another one, as where echoes have bandwidths or
    scales of their own, it is their root mean square, and that is told. Interpolated images have
    correlated noise, of which differences hold less than there is; air has all of it.

    Parameters
    ----------
    echoes
        [E, Z, Y, X], any unit; 0 or not finite where there is nothing.
    head
        Where the object is, or the part of it that is looked at [Z, Y, X].
    signal
        Where anything else is, such as the scalp around a brain [Z, Y, X]; None: where
        `streamrecon.phase.magnitude.signal_mask` finds it.

    Raises
    ------
    ReconError
        If neither the object nor the air has voxels enough.
    """
    inside = [noise_of_object(echo, head) for echo in echoes]
    known = [sd for sd in inside if sd is not None and sd > 0]
    bright = _bright(echoes) if signal is None else signal
    far = ~binary_dilation(head | bright, iterations=_FAR_VOXELS)
    outside = [noise_of_air(echo, far) for echo in echoes]
    plain = {sd: echo for sd, echo in zip(outside, echoes, strict=True) if sd is not None}
    air = min(plain, default=None)
    if (unequal := _unequal(outside, inside)) is not None:
        return unequal
    if not known:
        if air is None:
            raise ReconError(
                f"noise: found {int(head.sum())} voxels of object and {int(far.sum())} of air, "
                f"needed {_LEAST_VOXELS} of either that are smooth or as measured"
            )
        return ImageNoise(air, NoiseSource.AIR, _unevenness(plain[air], far))
    of_object = min(known)
    low, high = (factor * of_object for factor in _AIR_OVER_OBJECT)
    if air is not None and low <= air <= high:
        return ImageNoise(air, NoiseSource.AIR, _unevenness(plain[air], far))
    return ImageNoise(of_object, NoiseSource.OBJECT, _why_not_air(air, of_object))


def _bright(echoes: Complex) -> Flags:
    together = np.zeros(echoes.shape[1:], np.float32)
    for echo in echoes:
        size = np.abs(echo)
        np.hypot(together, size, where=np.isfinite(size), out=together, casting="same_kind")
    return signal_mask(together) if np.any(together > 0) else together > 0


def noise_of_object(echo: Complex, head: Flags, *, part: float = _SMOOTHEST) -> float | None:
    """Robust deviation of what differences along all axes leave where the object is smoothest.

    Parameters
    ----------
    echo
        One image [Z, Y, X], complex, any unit; 0 or not finite where there is nothing.
    head
        Where the object is [Z, Y, X].
    part
        Quantile of its blocks that counts; fewer than ten of them count as one.

    Returns
    -------
    Of the real part, in the image's unit; ``None`` where there are too few voxels.
    """
    if echo.size < _LEAST_VOXELS:
        return None
    edges = depth, *_ = _block_edges([max(n - 1, 1) for n in echo.shape])
    over = int(len(echo) > 1)
    slabs = [slice(z, z + depth + over) for z in range(0, len(echo) - over - depth + 1, depth)]
    sizes = np.concatenate([_sizes(echo[slab], head[slab], edges) for slab in slabs], axis=1)
    if sizes.shape[1] < _FEWEST_BLOCKS:
        differences, whole = _differences(echo, head)
        if np.count_nonzero(whole) < _LEAST_VOXELS:
            return None
        sizes = _medians(differences[whole][None])
    less, more = sorted(float(np.quantile(each, part)) for each in sizes)
    size = more if less < _PROCESSED * more else less
    return float(size / _MAD_OF_NORMAL / 2 ** (sum(n > 1 for n in echo.shape) / 2))


def _sizes(echo: Complex, head: Flags, edges: Sequence[int]) -> Real:
    """Medians along the signal and across it of each full block of a slab [2, N]."""
    differences, whole = (_blocks(each, edges) for each in _differences(echo, head))
    return _medians(differences[whole.all(axis=1)])


def _medians(rows: Complex) -> Real:
    return np.array([np.median(np.abs(part), axis=1) for part in (rows.real, rows.imag)])


def _differences(echo: Complex, head: Flags) -> tuple[Complex, Flags]:
    """Along all axes at once, turned to the signal of their voxels; and where all of these are."""
    differences = signal = np.where(np.isfinite(echo), echo, 0)
    whole = head & (signal != 0)
    for axis in (axis for axis, size in enumerate(echo.shape) if size > 1):
        ahead, here = ((*(slice(None),) * axis, each) for each in (slice(1, None), slice(-1)))
        differences, signal = differences[ahead] - differences[here], signal[ahead] + signal[here]
        whole = whole[ahead] & whole[here]
    differences *= np.conj(signal, out=signal)
    differences /= np.maximum(np.abs(signal), np.float32(1e-30))
    return differences, whole


def _block_edges(shape: Sequence[int]) -> list[int]:
    """Edges of blocks of some 500 voxels, as near to cubes as the shape has room for.

    >>> _block_edges((127, 127, 127)), _block_edges((1, 255, 255))
    ([8, 8, 8], [1, 23, 22])
    """
    edges, voxels = [1, 1, 1], float(_BLOCK_VOXELS)
    for done, axis in enumerate(np.argsort(shape, kind="stable")):
        edges[axis] = min(shape[axis], round(voxels ** (1 / (3 - done))))
        voxels /= edges[axis]
    return edges


def _blocks(values: NDArray[Any], edges: Sequence[int]) -> NDArray[Any]:
    """A row for each block; what is left at the ends of axes is left out."""
    counts = [n // edge for n, edge in zip(values.shape, edges, strict=True)]
    kept = values[tuple(slice(n * edge) for n, edge in zip(counts, edges, strict=True))]
    split = kept.reshape([each for pair in zip(counts, edges, strict=True) for each in pair])
    return split.transpose(0, 2, 4, 1, 3, 5).reshape(-1, int(np.prod(edges)))


def noise_of_air(echo: Complex, far: Flags) -> float | None:
    """Deviation of the real part by Rayleigh's distribution, where the air follows it.

    Parameters
    ----------
    echo
        One image [Z, Y, X], complex, any unit.
    far
        Air that is far from the object [Z, Y, X].

    Returns
    -------
    In the image's unit; ``None`` where the air is little, or not as it was measured.
    """
    size = np.abs(echo)
    known = far & np.isfinite(size) & (size > 0)
    values = size[known]
    if values.size < _LEAST_VOXELS:
        return None
    one, two = np.quantile(values, _QUANTILES) / np.sqrt(-2 * np.log(1 - np.array(_QUANTILES)))
    if max(one, two) >= _ALIKE * min(one, two):
        return None
    darkest, dark, _ = _darkest(size, known)
    if not darkest or dark > _LEVEL * darkest:
        return float(two)
    return float(darkest / _OF_NOISE_ALONE / _MEDIAN_OF_RAYLEIGH)


def _darkest(size: Real, known: Flags) -> tuple[float, float, float]:
    """Tenth, quarter and half of the medians of blocks; zeros where blocks are few."""
    edges = _block_edges(known.shape)
    full = _blocks(known, edges).all(axis=1)
    if np.count_nonzero(full) < _FEWEST_BLOCKS:
        return 0.0, 0.0, 0.0
    low, next_, half = np.quantile(np.median(_blocks(size, edges)[full], axis=1), _DARKEST)
    return float(low), float(next_), float(half)


def _unevenness(echo: Complex, far: Flags) -> tuple[str, ...]:
    """Whether its darkest parts are much darker than half of it."""
    size = np.abs(echo)
    darkest, _, half = _darkest(size, far & np.isfinite(size) & (size > 0))
    if half <= _UNEVEN * darkest:
        return ()
    found = f"half of it has {half / darkest - 1:.0%} more than its darkest tenth"
    return (f"noise differs over the air: {found}",)


def _unequal(air: Sequence[float | None], inside: Sequence[float | None]) -> ImageNoise | None:
    """Noise of echoes that each have their own, by air and object alike; else ``None``."""
    low, high = _BOTH_ALIKE
    sure = [
        one
        for one, other in zip(air, inside, strict=True)
        if one is not None and other is not None and low * other <= one <= high * other
    ]
    if len(sure) < len(air) or max(sure) <= _UNEQUAL * min(sure):
        return None
    found = f"noise differs from echo to echo, {min(sure):.3g} to {max(sure):.3g}"
    notices = (f"{found}: taken for equal, their root mean square",)
    return ImageNoise(float(np.sqrt(np.mean(np.square(sure)))), NoiseSource.AIR, notices)


def _why_not_air(air: float | None, of_object: float) -> tuple[str, ...]:
    if air is None:
        return ("noise measured within the object: there is no air as it was measured",)
    seems = "seems filtered or masked" if air < of_object else "seems to hold ghosts"
    found = f"noise measured within the object, {of_object:.3g}"
    return (f"{found}: the air says {air:.3g} and {seems}",)
