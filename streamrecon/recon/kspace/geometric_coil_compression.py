"""Compresses coils by position along the readout, into channels that vary smoothly along it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from streamrecon.errors import DataError
from streamrecon.model.kspace import ChannelTransform
from streamrecon.recon.kspace.coil_compression import enough_channels, known_noise

Complex = NDArray[np.complex64]
Double = NDArray[np.complex128]

_FLOOR = (
    1e-3  # fraction of all positions' mean that counts everywhere: it decides where all is noise
)


def compressed_along_x(
    rows: Complex,
    voxel_mm: float,
    mix: ChannelTransform | None,
    *,
    loss: float = 0.01,
    most: int | None = None,
) -> ChannelTransform:
    """The mix that compresses behind another one, at each place along X by itself.

    Parameters
    ----------
    rows
        Lines to learn from behind ``mix``, an image along X [N, C, X].
    voxel_mm
        Size of its voxels along X.
    mix
        What is owed to the channels already, whitening if anything.
    loss, most
        As of `matrices_along_x`.
    """
    matrices = matrices_along_x(rows, voxel_mm, loss=loss, most=most, noise=known_noise(mix))
    if mix is None:
        mix = ChannelTransform(np.eye(rows.shape[1], dtype=np.complex64))
    return replace(mix, along_x=matrices)


def matrices_along_x(
    rows: Complex,
    voxel_mm: float,
    *,
    window_mm: float = 5.0,
    loss: float = 0.01,
    most: int | None = None,
    noise: float = 0.0,
) -> Complex:
    r"""A matrix with orthonormal rows for each position along X [X, C', C].

    At one place along X the coils see a plane, and not a volume: fewer of them are independent.
    The rows of A are the principal components there, within a Gaussian window, and C' is the
    smallest number that leaves at most ``loss`` of the signal of all positions out:

    .. math:: \sum_x \lVert d_x - A_x^H A_x d_x \rVert^2 \le
              \mathrm{loss}^2 \sum_x \lVert d_x \rVert^2

    What fits the noise of its own samples fits no others, so C' is that at which components of
    one half of the lines suffice for the other half, less the noise in it: ``noise``, or the
    power of the weakest component where that is less.

    Principal components are free to turn among themselves from place to place, and virtual coils
    would jump. From the brightest place outwards each set is turned by the unitary matrix that
    brings it nearest to its neighbour's. White noise stays white.

    Lines that see one direction alone (a single partition, a single slice) say nothing of what
    the coils do along the other: 5 to 20 % of the signal is then left out, as by
    `compression_matrix`.

    Parameters
    ----------
    rows
        Whitened lines of the calibration [N, C, X], an image along X and on its voxels; two or
        more.
    voxel_mm
        Size of the voxels along X.
    window_mm
        Standard deviation of the window. A narrow one needs fewer channels, and more lines to
        find them in noise.
    loss
        Largest relative error (root mean square) of the rows' signal that is allowed, in 0…1.
    most
        Largest C', whatever is lost.
    noise
        Power of the noise of a complex sample in each channel; 0 where that is not known.

    Raises
    ------
    DataError
        If the rows hold nothing.

    Notes
    -----
    Three eigenvalue problems of C and a singular one of C' for each place along X.

    References
    ----------
    Zhang et al. (2013) Magn Reson Med 69:571. doi:10.1002/mrm.24267
    """
    window = window_mm / voxel_mm
    halves = [_covariance(half) for half in _halves(rows)]
    whole = halves[0] + halves[1]
    power = np.einsum("xcc->x", whole).real
    if not power.sum() > 0:
        raise DataError("coil compression: the lines to learn from hold nothing")
    held = _held(halves[0], halves[1], window) + _held(halves[1], halves[0], window)
    known = noise * rows.shape[0] * rows.shape[2]
    count = enough_channels(held, loss=loss, noise=min(known, float(held.min())))
    vectors = _components(whole, window)[:, :, : min(count, most or count)]
    return _aligned(vectors.conj().swapaxes(1, 2), int(power.argmax())).astype(np.complex64)


def _halves(rows: Complex) -> tuple[Complex, Complex]:
    """The lines in two halves, each of all kinds: echoes and slices come in turns of any length."""
    mixed = np.random.default_rng(1).permutation(len(rows))
    return rows[np.sort(mixed[::2])], rows[np.sort(mixed[1::2])]


def _covariance(rows: Complex) -> Double:
    """Sums over the lines of the products of channels [X, C, C]."""
    samples = np.ascontiguousarray(rows.transpose(2, 1, 0))
    return (samples @ samples.conj().swapaxes(1, 2)).astype(np.complex128)


def _components(covariance: Double, window: float) -> Double:
    """Principal components of each place within its window, strongest first [X, C, C]."""
    near = gaussian_filter1d(covariance.real, window, axis=0, mode="nearest").astype(np.complex128)
    near.imag = gaussian_filter1d(covariance.imag, window, axis=0, mode="nearest")
    _, vectors = np.linalg.eigh(near + _FLOOR * covariance.mean(axis=0))
    return np.asarray(vectors[:, :, ::-1])


def _held(learnt: Double, seen: Double, window: float) -> NDArray[np.float64]:
    """Power of ``seen`` in each component of ``learnt``, over all places [C]."""
    vectors = _components(learnt, window)
    return np.asarray(np.einsum("xck,xck->k", vectors.conj(), seen @ vectors).real)


def _aligned(matrices: Double, start: int) -> Double:
    """Each set of rows turned towards its neighbour's, from ``start`` outwards [X, C', C]."""
    aligned = matrices.copy()
    steps = [(x, x - 1) for x in range(start + 1, len(aligned))]
    steps += [(x, x + 1) for x in range(start - 1, -1, -1)]
    for x, before in steps:
        u, _, vh = np.linalg.svd(aligned[before] @ aligned[x].conj().T)
        aligned[x] = u @ vh @ aligned[x]
    return aligned
