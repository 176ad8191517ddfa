"""Compresses coils to the principal components of some lines, with nearly all of the signal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import DataError
from streamrecon.model.kspace import ChannelTransform
from streamrecon.recon.kspace.noise import WHITE_POWER

Complex = NDArray[np.complex64]
Double = NDArray[np.float64]

_SMALL = 0.1  # of the bound of eigenvalues: fewer samples than channels have none


def compression_matrix(
    lines: Complex, *, loss: float = 0.01, most: int | None = None, noise: float = 0.0
) -> Complex:
    r"""Orthonormal rows [C', C] that keep the signal of ``lines`` but for a fraction ``loss``.

    The channels are those of whitened lines: orthonormal rows keep the noise white, and each
    channel's own noise counts for the same. C' is the smallest number of principal components
    whose remainder :math:`\sqrt{\sum_{c>C'} \lambda_c / \sum_c \lambda_c}` is at most ``loss``,
    where each λ has lost what ``noise`` gave it. Without that, noise is signal to be kept, and
    lines of less than a hundred times their noise are not compressed at all.

    Parameters
    ----------
    lines
        Whitened samples [N, C, X], best those around the centre of k-space: lines from its edge
        hold mostly noise, which cannot be compressed.
    loss
        Largest relative error (root mean square) of the lines' signal that is allowed, in 0…1.
    most
        Largest C', whatever is lost.
    noise
        Power of the noise of a complex sample in each channel; 0 where that is not known. Where
        the weakest component has less, that counts: eigenvalues of M samples of C channels begin
        at :math:`(1 - \sqrt{C / M})^2` of the noise.

    Raises
    ------
    DataError
        If the lines hold nothing.

    References
    ----------
    Buehrer et al. (2007) Magn Reson Med 57:1131. doi:10.1002/mrm.21237
    Marchenko & Pastur (1967) Math USSR Sb 1:457. doi:10.1070/SM1967v001n04ABEH001994
    """
    samples = np.moveaxis(lines, 1, 0).reshape(lines.shape[1], -1).astype(np.complex128)
    power, vectors = np.linalg.eigh(samples @ samples.conj().T)
    power, vectors = power[::-1].clip(min=0), vectors[:, ::-1]
    if not power.sum() > 0:
        raise DataError("coil compression: the lines to learn from hold nothing")
    n_channels, n_samples = samples.shape
    least = power[-1] / max(1 - np.sqrt(n_channels / n_samples), _SMALL) ** 2
    count = enough_channels(power, loss=loss, noise=min(noise * n_samples, least))
    return np.ascontiguousarray(vectors[:, : min(count, most or count)].conj().T, np.complex64)


def enough_channels(power: Double, *, loss: float, noise: float) -> int:
    """Smallest number of channels that leaves at most ``loss`` of the signal out.

    Parameters
    ----------
    power
        Power in each channel, strongest first [C].
    loss
        Relative error (root mean square) that is allowed, in 0…1.
    noise
        Power of the noise in each channel.

    Examples
    --------
    >>> power = np.array([970.0, 18.0, 5.0, 5.0])  # the last two hold noise alone
    >>> [enough_channels(power, loss=0.1, noise=noise) for noise in (0.0, 5.0)]
    [3, 2]
    """
    signal = power - noise
    enough = signal.sum() - np.cumsum(signal) <= loss**2 * signal.sum()
    enough[-1] = True  # all channels together leave nothing out
    return int(np.argmax(enough)) + 1


def compressed(
    rows: Complex, mix: ChannelTransform | None, *, loss: float = 0.01, most: int | None = None
) -> ChannelTransform:
    """The mix that compresses behind another one, all samples alike.

    Parameters
    ----------
    rows
        Lines to learn from behind ``mix`` [N, C, X].
    mix
        What is owed to the channels already, whitening if anything.
    loss, most
        As of `compression_matrix`.
    """
    matrix = compression_matrix(rows, loss=loss, most=most, noise=known_noise(mix))
    if mix is None:
        return ChannelTransform(matrix)
    return replace(mix, matrix=matrix @ mix.matrix)


def known_noise(mix: ChannelTransform | None) -> float:
    """Power of the noise of a complex sample behind a mix; 0 where it is not known."""
    return WHITE_POWER if mix is not None and mix.is_white else 0.0
