"""Estimates the smooth phase between echoes of opposite readout polarity, as a polynomial."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import NDArray

Complex = NDArray[np.complex64]
Real = NDArray[np.float32]

_ORDER = 4  # of the polynomial, all axes together
_BLOCKS = 24  # along an axis: the polynomial varies by far less within one
_SIGNAL = 0.1  # of the brightest block: weaker ones say little
_SPACING = 0.01  # by which echo spacings may differ: headers are rounded
_ROUNDS = 4  # of the fit without outliers
_OUTLIER_RAD = 0.5  # of fourfold phase


def smooth_bipolar_phase(
    images: Complex, te_s: Sequence[float], readout_polarity: Sequence[int]
) -> Real | None:
    r"""Smooth phase :math:`\beta` of positive readouts, negative ones having :math:`-\beta`.

    Three evenly spaced echoes of alternating readout polarity tell it from the object:

    .. math:: \angle\, m_e\,\bar m_{e+1}^2\,m_{e+2} = 4\,p_e\,\beta

    since phase offset and field cancel. All such triples are summed over blocks, and a polynomial
    of fourth order is fitted to their phase: first to its steps from block to block, which have no
    wraps, then to what is left. It follows eddy currents and filters, and leaves veins alone.

    The constant is known up to a quarter turn, and taken nearest 0; a quarter turn missed is
    a uniform change of the field by 1 / (4 ΔTE). Phase that is not linear in TE for other
    reasons (flow, several compartments, voxels with strong gradients) is taken along as far
    as it is smooth.

    Cost: a few passes over the images, and a fit of 35 unknowns.

    Parameters
    ----------
    images
        Combined complex images [E, Z, Y, X], without the steep ramp along X.
    te_s
        Echo times [E, s].
    readout_polarity
        +1 or -1 per echo.

    Returns
    -------
        Phase [Z, Y, X, rad], or ``None`` where no three echoes can tell it.
    """
    triples = [
        e for e in range(len(te_s) - 2) if _tells(te_s[e : e + 3], readout_polarity[e : e + 3])
    ]
    if not triples:
        return None
    shape = images.shape[1:]
    edges = [_edges(n) for n in shape]
    sums = [_fourfold(images[e : e + 3], readout_polarity[e], edges) for e in triples]
    fourfold = np.sum(sums, axis=0, dtype=np.complex128)
    strength = np.abs(fourfold)
    if not strength.any():
        return None
    fourfold = np.where(strength > _SIGNAL * strength.max(), fourfold, 0)
    middles = [
        _position((edge[:-1] + edge[1:] - 1) / 2, n) for edge, n in zip(edges, shape, strict=True)
    ]
    powers = _powers(shape)
    fitted = _fit(fourfold, _terms(powers, middles))
    fitted[0] -= 2 * np.pi * np.round(fitted[0] / (2 * np.pi))
    voxels = [_position(np.arange(n), n) for n in shape]
    return _evaluated(fitted / 4, powers, voxels)


def _tells(te_s: Sequence[float], readout_polarity: Sequence[int]) -> bool:
    """Whether three echoes alternate in readout polarity and are evenly spaced."""
    before, after = te_s[1] - te_s[0], te_s[2] - te_s[1]
    alternate = readout_polarity[0] == readout_polarity[2] == -readout_polarity[1]
    return alternate and abs(after - before) <= _SPACING * before


def _edges(n: int) -> NDArray[np.intp]:
    """Where blocks along an axis of ``n`` voxels begin, and the end of the last one."""
    return np.linspace(0, n, min(n, _BLOCKS) + 1).astype(np.intp)


def _fourfold(
    three: Complex, readout_polarity: int, edges: Sequence[NDArray[np.intp]]
) -> NDArray[np.complex128]:
    """Sums over blocks of phasors that turn with four times the phase of readout polarity."""
    one, two, last = three
    size = np.minimum(np.minimum(np.abs(one), np.abs(two)), np.abs(last))
    turned = one * two.conj() ** 2 * last
    turned *= size**2 / np.maximum(np.abs(turned), np.finfo(np.float32).tiny)
    sums = turned if readout_polarity > 0 else turned.conj()
    for axis, edge in enumerate(edges):
        sums = np.add.reduceat(sums, edge[:-1], axis=axis)
    return np.asarray(sums, np.complex128)


def _position(voxel: NDArray[np.floating] | NDArray[np.intp], n: int) -> NDArray[np.float64]:
    """Places along an axis, from -1 to 1."""
    return np.asarray((voxel - n // 2) * 2 / n)


def _powers(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Powers of (z, y, x) of each term; the constant is the first."""
    ranges = [range(min(_ORDER, (n - 1) // 2) + 1) for n in shape]
    return [powers for powers in product(*ranges) if sum(powers) <= _ORDER]


def _terms(
    powers: list[tuple[int, ...]], places: Sequence[NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Every term at every block [T, Z, Y, X]."""
    z, y, x = places
    return np.stack(
        [(z**i)[:, None, None] * (y**j)[:, None] * x**k for i, j, k in powers], dtype=np.float64
    )


def _fit(phasor: NDArray[np.complex128], terms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coefficients of the phase of ``phasor``."""
    steps, strengths, slopes = [], [], []
    for axis in range(3):
        n = phasor.shape[axis]
        here, there = (np.take(phasor, range(s, n - 1 + s), axis) for s in (0, 1))
        steps.append(np.angle(there * here.conj()).ravel())
        strengths.append(np.sqrt(np.abs(there * here)).ravel())
        slopes.append(np.diff(terms, axis=axis + 1).reshape(len(terms), -1))
    slopes_of_all, weight = np.concatenate(slopes, axis=1), np.concatenate(strengths)
    fitted = np.zeros(len(terms))
    fitted[1:] = _solved(slopes_of_all[1:], np.concatenate(steps), weight)
    fitted[0] = np.angle(np.vdot(_phasor(fitted, terms), phasor))
    for _ in range(_ROUNDS):
        rest = np.angle(phasor * _phasor(-fitted, terms))
        weight = np.where(np.abs(rest) < _OUTLIER_RAD, np.abs(phasor), 0)
        fitted += _solved(terms.reshape(len(terms), -1), rest.ravel(), weight.ravel())
    return fitted


def _phasor(fitted: NDArray[np.float64], terms: NDArray[np.float64]) -> NDArray[np.complex128]:
    return np.asarray(np.exp(1j * np.tensordot(fitted, terms, axes=1)))


def _solved(
    terms: NDArray[np.float64], values: NDArray[np.float64], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Weighted least squares; what the data do not tell stays small."""
    root = np.sqrt(weight / max(float(weight.max(initial=0.0)), np.finfo(float).tiny))
    solution = np.linalg.lstsq((terms * root).T, values * root, rcond=1e-4)[0]
    return np.asarray(solution)


def _evaluated(
    fitted: NDArray[np.float64],
    powers: list[tuple[int, ...]],
    places: Sequence[NDArray[np.float64]],
) -> Real:
    cube = np.zeros((_ORDER + 1,) * 3)
    for coefficient, at in zip(fitted, powers, strict=True):
        cube[at] = coefficient
    z, y, x = (np.vander(place, _ORDER + 1, increasing=True) for place in places)
    surface = np.einsum("ijk,zi,yj,xk->zyx", cube, z, y, x, optimize=True)
    return np.asarray(surface, np.float32)
