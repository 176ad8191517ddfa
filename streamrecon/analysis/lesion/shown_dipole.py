"""What a scan shows of the field of a small source: bounded k-space, turning phase, a fit of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from streamrecon.analysis.lesion.dipole_moment import Dipole, dipole_field
from streamrecon.fourier import fft, ifft
from streamrecon.machine.fft_plans import fast_length
from streamrecon.model.geometry import Geometry, Triple
from streamrecon.phase.field_fit import fit_field
from streamrecon.units import hz_per_ppm

Real = NDArray[np.float64]

_FINE = 2  # points along each edge of a voxel
_ROOM = 16  # voxels to the next copy of the source, on both sides together
_NOISE = 0.02  # of the first echo: how loosely a voxel's phase at TE = 0 is held, no more


@dataclass(frozen=True, slots=True, eq=False)
class Protocol:
    """How the echoes around a source were measured.

    Parameters
    ----------
    te_s
        Echo times [s].
    b0_t
        Field strength [T].
    signal
        Of the tissue around, one number for each echo, any unit.
    resolution_mm
        Acquired voxel (z, y, x), larger than the grid's where zeros were filled in [mm].
    """

    te_s: tuple[float, ...]
    b0_t: float
    signal: tuple[float, ...]
    resolution_mm: Triple


def shown_field(
    dipole: Dipole,
    radius_mm: float,
    voxels: NDArray[np.integer],
    geometry: Geometry,
    protocol: Protocol,
) -> Real:
    r"""Field that a fit of the echoes finds around a ball in even tissue [N, ppm].

    .. math:: S_n = h * e^{2\pi i \bar\gamma B_0 f\, TE_n}

    with the point spread h of a box in k-space: an encoded voxel is a sinc, no box. Next to a small
    source the two differ by a tenth and more of its field, and the difference changes with TE,
    since the signal where the phase turns fast leaves k-space. `fit_field` makes a field of S.

    The ball is as bright as tissue: what it looks like inside changes little outside. Along z too
    the scan is taken to be encoded; slices that were excited one by one have other profiles.

    Parameters
    ----------
    dipole
        The source; its centre counts from the middle of voxel 0 [mm].
    radius_mm
        Of the ball [mm].
    voxels
        Indices (z, y, x) of the voxels that are wanted [N, 3].
    geometry
        Their grid.
    protocol
        The scan.
    """
    middle = np.rint(np.array(dipole.centre_mm) / geometry.voxel_mm).astype(int)
    steps = voxels - middle
    z, y, x = (fast_length(2 * int(n) + _ROOM) for n in np.abs(steps).max(axis=0))
    patch = replace(geometry, shape=(z, y, x))
    field = dipole.moment_ppm_mm3 * _ball_field(
        np.array(dipole.centre_mm) - middle * geometry.voxel_mm, radius_mm, patch
    )
    shown = _fitted(field, patch, protocol)
    return np.asarray(shown[tuple((steps + np.array(patch.shape) // 2).T)], np.float64)


def _fitted(field: Real, grid: Geometry, protocol: Protocol) -> NDArray[np.float32]:
    """What the fit makes of the echoes that a field on the fine grid gives [Z, Y, X, ppm]."""
    about = field[tuple(_middles(n) for n in grid.shape)]
    phases, magnitudes = [], []
    for te_s, signal in zip(protocol.te_s, protocol.signal, strict=True):
        turn = 2 * np.pi * hz_per_ppm(protocol.b0_t) * te_s
        echo = _band_limited(np.exp(1j * turn * field), grid, protocol.resolution_mm)
        phases.append(np.angle(echo * np.exp(-1j * turn * about)) + turn * about)
        magnitudes.append(signal * np.abs(echo))
    return fit_field(
        np.stack(phases), np.stack(magnitudes), np.ones(grid.shape, bool),
        protocol.te_s, protocol.b0_t, noise=_NOISE * max(protocol.signal),
    ).field_ppm  # fmt: skip


def _ball_field(centre_mm: Real, radius_mm: float, grid: Geometry) -> Real:
    """Field of a ball of unit moment at the points of the fine grid [1/mm³], 0 inside."""
    axes = [
        (np.arange(_FINE * n) - _FINE * (n // 2)) * mm / _FINE - at
        for n, mm, at in zip(grid.shape, grid.voxel_mm, centre_mm, strict=True)
    ]
    away = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    outside = np.einsum("ni,ni->n", away, away) > radius_mm**2
    field = np.zeros(len(away))
    field[outside] = dipole_field(away[outside], grid.b0_axis())
    return field.reshape([_FINE * n for n in grid.shape])


def _middles(n: int) -> slice:
    """The fine points at the middles of n voxels."""
    return slice(0, _FINE * n, _FINE)


def _band_limited(
    fine: NDArray[np.complexfloating], grid: Geometry, resolution_mm: Triple
) -> NDArray[np.complex64]:
    """A fine image [Z, Y, X] as voxels show it, of whose k-space so much was measured."""
    kspace = fft(fine.astype(np.complex64), (0, 1, 2))
    low = [(_FINE - 1) * n // 2 for n in grid.shape]
    kspace = kspace[tuple(slice(at, at + n) for at, n in zip(low, grid.shape, strict=True))].copy()
    for axis, (n, mm, acquired) in enumerate(
        zip(grid.shape, grid.voxel_mm, resolution_mm, strict=True)
    ):
        far = np.abs(np.arange(n) - n // 2) > n * mm / acquired / 2
        kspace[tuple(far if each == axis else slice(None) for each in range(3))] = 0
    return np.asarray(ifft(kspace, (0, 1, 2)) * np.float32(_FINE**-1.5))
