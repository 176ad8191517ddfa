"""Fewer channels with nearly all of the signal: the principal components of some lines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import DataError

Complex = NDArray[np.complex64]


def compression_matrix(lines: Complex, *, loss: float = 0.01, most: int | None = None) -> Complex:
    r"""Orthonormal rows [C', C] that keep the signal of ``lines`` but for a share ``loss``.

    The channels are those of whitened lines: orthonormal rows keep the noise white, and each
    channel's own noise counts for the same. C' is the smallest number of principal components
    whose remainder :math:`\sqrt{\sum_{c>C'} \lambda_c / \sum_c \lambda_c}` is at most ``loss``.

    Parameters
    ----------
    lines
        Whitened samples [N, C, X], best those around the centre of k-space: lines from its edge
        hold mostly noise, which cannot be compressed.
    loss
        Largest relative error (root mean square) of the lines that is allowed, in 0…1.
    most
        Largest C', whatever is lost.

    Raises
    ------
    DataError
        If the lines hold nothing.

    References
    ----------
    Buehrer et al. (2007) Magn Reson Med 57:1131. doi:10.1002/mrm.21237
    """
    samples = np.moveaxis(lines, 1, 0).reshape(lines.shape[1], -1).astype(np.complex128)
    power, vectors = np.linalg.eigh(samples @ samples.conj().T)
    power, vectors = power[::-1].clip(min=0), vectors[:, ::-1]
    if not power.sum() > 0:
        raise DataError("coil compression: the lines to learn from hold nothing")
    left_out = np.sqrt((1 - np.cumsum(power) / power.sum()).clip(min=0))
    left_out[-1] = 0.0  # all components together leave nothing out
    enough = int(np.argmax(left_out <= loss)) + 1
    kept = min(enough, most or enough)
    return np.ascontiguousarray(vectors[:, :kept].conj().T, np.complex64)


def strongest(runs: Sequence[Complex], count: int) -> Complex:
    """The ``count`` lines of most power out of runs [N, C, X], in their order, or all there are.

    Memory: the lines that are chosen.

    >>> one, other = np.array([[[1j]], [[3]]], np.complex64), np.array([[[2]]], np.complex64)
    >>> strongest([one, other], 2)[:, 0, 0]
    array([3.+0.j, 2.+0.j], dtype=complex64)
    """
    power = [np.square(np.linalg.norm(run, axis=(1, 2))) for run in runs]
    everyone = np.sort(np.concatenate(power))
    least = everyone[max(0, len(everyone) - count)]
    return np.concatenate([run[of >= least] for run, of in zip(runs, power, strict=True)])
