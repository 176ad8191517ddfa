r"""Estimates and removes the phase offset at TE = 0: of receivers and transmitter, smooth in space.

.. math:: \varphi_{0,c} = \angle S_{1,c} - U\,\frac{TE_1}{TE_2 - TE_1}, \quad
          U = \mathrm{unwrap}\,\angle \sum_c \overline{S_{1,c}} S_{2,c}

smoothed as a phasor (MCPC-3D-S). Taken from coils one by one it is a way to combine them; on
combined echoes it leaves the field alone. Smoothing is over the whole head, in mm, weighted by
magnitude and carried on beyond: inside a brain mask it would bend at the edge.

References
----------
Eckstein et al. (2018) Magn Reson Med 79:2996. doi:10.1002/mrm.26963
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from streamrecon.errors import ReconError
from streamrecon.machine.memory import give_back_freed
from streamrecon.machine.threads import at_once
from streamrecon.model.geometry import Geometry
from streamrecon.phase.magnitude import signal_mask
from streamrecon.phase.unwrap import unwrap_volume

Complex = NDArray[np.complex64]
Real = NDArray[np.float32]

SMOOTHING_MM = 8.0
"""Standard deviation of the Gaussian."""


def echo_pair(te_s: Sequence[float], readout_polarity: Sequence[int] = ()) -> tuple[int, int]:
    """First two echoes that were read in the same direction.

    >>> echo_pair((0.004, 0.008, 0.012), (1, -1, 1))
    (0, 2)

    Raises
    ------
    ReconError
        If there are no two.
    """
    signs = tuple(readout_polarity) or (1,) * len(te_s)
    for second in range(1, len(te_s)):
        if signs[second] == signs[0]:
            return 0, second
    which = ", ".join(f"{sign:+d}" for sign in signs)
    found = "one echo" if len(te_s) == 1 else f"echoes of readout polarities {which}"
    raise ReconError(f"phase offset: found {found}, needed two of the same readout polarity")


def coil_offsets(
    first: Complex,
    second: Complex,
    te_s: tuple[float, float],
    geometry: Geometry,
    *,
    smoothing_mm: float = SMOOTHING_MM,
) -> Real:
    """Phase offset of each coil [C, Z, Y, X, rad] from two of its echoes, the earlier first.

    One unwrapping, then about two FFTs per coil. A whole turn that the unwrapping misses adds
    TE1 / (TE2 - TE1) turns to every offset alike: fit the field with an intercept. Wrong for
    flow-compensated first echoes and for opposite readouts, where phase is not linear in TE.

    Parameters
    ----------
    first, second
        Echoes of every coil [C, Z, Y, X], complex.
    te_s
        Their echo times [s].
    geometry
        Their grid.
    smoothing_mm
        Standard deviation of the Gaussian [mm].

    Raises
    ------
    ReconError
        If there is no signal.
    """
    product = np.einsum("czyx,czyx->zyx", np.conj(first), second)
    weight = np.sqrt(np.abs(product)).astype(np.float32)
    head = signal_mask(weight)
    grown = unwrap_volume(np.angle(product), weight, head).phase_rad[0]
    before = np.exp(-1j * grown * np.float32(te_s[0] / (te_s[1] - te_s[0]))) * (weight * head)
    return np.stack(
        [np.angle(smooth_phasor(coil * before, geometry, smoothing_mm)) for coil in first]
    ).astype(np.float32)


def phase_without_offset(
    echoes: Complex,
    te_s: Sequence[float],
    geometry: Geometry,
    *,
    readout_polarity: Sequence[int] = (),
    smoothing_mm: float = SMOOTHING_MM,
) -> tuple[Real, Real]:
    """Wrapped phase of combined echoes without its offset [E, Z, Y, X], and that [Z, Y, X, rad].

    Echoes read backwards also lose the smooth phase by which they miss the line through their
    neighbours, where there are three echoes to tell it. Cost and errors are those of
    `coil_offsets`.
    """
    one, two = echo_pair(te_s, readout_polarity)
    times = (te_s[one], te_s[two])
    offset = coil_offsets(
        echoes[one][None], echoes[two][None], times, geometry, smoothing_mm=smoothing_mm
    )[0]
    give_back_freed()
    backward = [e for e, sign in enumerate(readout_polarity) if sign != readout_polarity[0]]
    offsets = {False: offset}
    if backward:
        triple = one, backward[0], two
        offsets[True] = offset + _backward_offset(echoes, te_s, triple, geometry, smoothing_mm)
    phase = np.empty(echoes.shape, np.float32)

    def planes(z: range) -> None:
        of = slice(z.start, z.stop)
        turns = {way: np.exp(-1j * each[of]).astype(np.complex64) for way, each in offsets.items()}
        for e, echo in enumerate(echoes):
            phase[e, of] = np.angle(echo[of] * turns[e in backward])

    at_once(planes, echoes.shape[1])
    return phase, offset


def combine_by_offsets(echo: Complex, offset_rad: Real) -> Complex:
    """One echo of all coils [C, Z, Y, X] in one image, each weighted by its own magnitude.

    The magnitude of the result is that of the root of the sum of squares where phases agree.
    """
    total = np.einsum(
        "czyx,czyx,czyx->zyx", np.abs(echo), echo, np.exp(-1j * offset_rad), optimize=True
    )
    return np.asarray(total / np.sqrt(np.maximum(np.abs(total), 1e-30)), np.complex64)


def smooth_phasor(phasor: Complex, geometry: Geometry, sigma_mm: float) -> Complex:
    """Unit phasor smoothed by a Gaussian, weighted by its magnitude, on [Z, Y, X].

    Where there is no magnitude it is carried on from where there is. A linear phase passes
    unchanged, edges included. Works on blocks of about half ``sigma_mm``; cost of about one FFT.
    """
    blocks = [max(1, int(sigma_mm / 2 / voxel)) for voxel in geometry.voxel_mm]
    coarse = _block_sums(phasor, blocks)
    coarse /= np.abs(coarse).max() or 1.0
    ramp = _ramp(coarse)
    sigma = [
        sigma_mm / voxel / block for voxel, block in zip(geometry.voxel_mm, blocks, strict=True)
    ]
    level = coarse * np.conj(ramp)
    smooth = _gauss(level, sigma) + 1e-3 * _gauss(level, [4 * s for s in sigma])
    smooth = (smooth + 1e-9 * level.mean()) * ramp
    return _fine(smooth / np.maximum(np.abs(smooth), 1e-30), blocks, phasor.shape)


def _backward_offset(
    echoes: Complex,
    te_s: Sequence[float],
    triple: tuple[int, int, int],
    geometry: Geometry,
    smoothing_mm: float,
) -> Real:
    """Smooth phase by which the middle echo of three misses the line through the outer two."""
    one, middle, two = triple
    product = np.conj(echoes[one]) * echoes[two]
    weight = np.sqrt(np.abs(product))
    head = signal_mask(weight)
    grown = unwrap_volume(np.angle(product), weight, head).phase_rad[0]
    fraction = (te_s[middle] - te_s[one]) / (te_s[two] - te_s[one])
    missed = (
        echoes[middle] * np.conj(echoes[one]) * np.exp(-1j * grown * np.float32(fraction)) * head
    )
    if missed.sum().real < 0 and abs(fraction - 0.5) < 0.25:
        missed = -missed  # a whole turn missed by the unwrapping is half a turn here
    return np.angle(smooth_phasor(missed, geometry, smoothing_mm)).astype(np.float32)


def _block_sums(values: Complex, blocks: Sequence[int]) -> Complex:
    for axis, block in enumerate(blocks):
        starts = np.arange(0, values.shape[axis], block)
        values = np.add.reduceat(values, starts, axis=axis)
    return np.array(values, np.complex64)


def _ramp(coarse: Complex) -> Complex:
    """Plane wave that takes out the mean phase step along each axis."""
    ramp = np.ones((1, 1, 1), np.complex64)
    for axis, n in enumerate(coarse.shape):
        ahead, here = (np.take(coarse, range(s, n - 1 + s), axis) for s in (1, 0))
        step = np.angle(np.vdot(here, ahead))
        wave = np.exp(1j * step * (np.arange(n) - n // 2)).astype(np.complex64)
        ramp = ramp * wave.reshape([-1 if a == axis else 1 for a in range(3)])
    return np.asarray(ramp)


def _gauss(values: Complex, sigma: Sequence[float]) -> Complex:
    real, imag = (
        gaussian_filter(part, sigma, mode="constant") for part in (values.real, values.imag)
    )
    return np.asarray(real + 1j * imag, np.complex64)


def _fine(coarse: Complex, blocks: Sequence[int], shape: Sequence[int]) -> Complex:
    """Linear interpolation between block centres, constant beyond the outer ones."""
    values = coarse
    for axis, (block, n) in enumerate(zip(blocks, shape, strict=True)):
        at = np.clip((np.arange(n) - (block - 1) / 2) / block, 0, coarse.shape[axis] - 1)
        low = np.minimum(at.astype(int), max(coarse.shape[axis] - 2, 0))
        high = np.minimum(low + 1, coarse.shape[axis] - 1)
        fraction = (at - low).astype(np.float32).reshape([-1 if a == axis else 1 for a in range(3)])
        values = values.take(low, axis) * (1 - fraction) + values.take(high, axis) * fraction
    return values
