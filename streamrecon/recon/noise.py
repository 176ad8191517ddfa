"""Receiver noise: its covariance, and the matrix that makes it white."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import DataError

_CONDITION = 1e6  # of Ψ in float32: beyond it a channel is dead or a copy of another


def noise_covariance(lines: NDArray[np.complex64]) -> NDArray[np.complex128]:
    r"""Covariance of the receiver noise, ⟨n nᴴ⟩ of complex samples.

    .. math:: \Psi = \frac{1}{M - 1} \sum_m (n_m - \bar n)(n_m - \bar n)^H

    White noise of standard deviation σ in real and in imaginary part has 2σ² on the diagonal.

    Parameters
    ----------
    lines
        Samples of noise lines [N, C, X].

    Returns
    -------
        [C, C], Hermitian.

    Raises
    ------
    DataError
        If there are fewer samples than twice the channels: Ψ would be singular or near it.
    """
    samples = np.moveaxis(lines, 1, 0).reshape(lines.shape[1], -1).astype(np.complex128)
    n_channels, n_samples = samples.shape
    if n_samples < 2 * n_channels:
        raise DataError(
            f"noise scan: found {n_samples} samples for {n_channels} channels, "
            f"needed at least {2 * n_channels}"
        )
    samples -= samples.mean(axis=1, keepdims=True)
    return samples @ samples.conj().T / (n_samples - 1)


def noise_scale(dwell_s: float, noise_dwell_s: float, noise_bandwidth: float) -> float:
    r"""Factor from the covariance of the noise scan to that of the imaging lines.

    .. math:: \Psi_{image} = \Psi_{noise} \, \frac{\tau_{noise}}{\tau_{image}} \, \frac{1}{b}

    Noise power grows with the sampling rate. ``noise_bandwidth`` b is the header's
    ``relativeReceiverNoiseBandwidth``: the receiver's filter falls off towards the edges of the
    noise scan's band, so that its samples hold only b of the power that its density and sampling
    rate give, while the cropped centre of an imaging line has the full density.

    References
    ----------
    Kellman & McVeigh (2005) Magn Reson Med 54:1439. doi:10.1002/mrm.20713
    """
    return noise_dwell_s / dwell_s / noise_bandwidth


def whitening_matrix(covariance: NDArray[np.complexfloating]) -> NDArray[np.complex64]:
    r"""Matrix W with :math:`W \Psi W^H = 2 I`: standard deviation 1 in real and imaginary part.

    The inverse Cholesky factor: channel c becomes a sum of the channels up to c.

    Raises
    ------
    DataError
        If a channel has no noise, or the covariance is singular (a channel is a copy of others).
    """
    power = covariance.diagonal().real
    if power.min() <= power.max() / _CONDITION:
        raise DataError(f"noise scan: channel {int(power.argmin())} is dead: it has no noise")
    try:
        factor = np.linalg.cholesky(covariance / 2)
    except np.linalg.LinAlgError as error:
        raise DataError("noise scan: found channels that are sums of others") from error
    inverse: NDArray[np.complex64] = np.linalg.inv(factor).astype(np.complex64)
    return inverse


def in_order_of(
    labels: Sequence[str], found: Sequence[str], covariance: NDArray[np.complex128]
) -> NDArray[np.complex128]:
    """Covariance [C, C] of the channels named ``found``, in the order of ``labels``.

    Where one side has no names the order is taken as it is.

    Raises
    ------
    DataError
        If a channel of the scan is not in the noise scan.
    """
    if not labels or not found:
        return covariance
    absent = [label for label in labels if label not in found]
    if absent:
        raise DataError(f"noise scan: found no channel {absent[0]!r}; it has {', '.join(found)}")
    order = [list(found).index(label) for label in labels]
    return covariance[np.ix_(order, order)]
