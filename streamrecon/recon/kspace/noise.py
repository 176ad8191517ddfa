"""Measures receiver noise, its covariance, and the matrix that whitens it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import DataError
from streamrecon.recon.kspace.scan_quality import LARGEST_SAMPLE

WHITE_POWER = 2.0
"""Noise power of a whitened complex sample: deviation 1 in real and in imaginary part."""

_SINGULAR = 1e-4  # least part of a channel that is no sum of others, amplitudes in float32
_DEAD = 1e-4  # of the median noise power: less is a channel that is not connected
_EDGE_FRACTION = 8  # a line's outer eighths are its edges
_POWER_RATIO = 2.0  # to the weakest quarter: keeps 97 % of edges of 12 samples of one channel
_SIGNAL_CORRELATION = 0.3  # between neighbouring samples; a receiver's filter makes up to 0.2
_LAGS = (1, 2, 3)
_SUMS = "noise: found channels that are sums of others"


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
        If there are fewer samples than twice the channels: Ψ would be singular or near it; or
        a sample is no measurement.
    """
    samples = np.moveaxis(lines, 1, 0).reshape(lines.shape[1], -1).astype(np.complex128)
    n_channels, n_samples = samples.shape
    if n_samples < 2 * n_channels:
        raise DataError(
            f"noise scan: found {n_samples} samples for {n_channels} channels, "
            f"needed at least {2 * n_channels}"
        )
    if not np.abs(samples).max() <= LARGEST_SAMPLE:
        raise DataError(
            f"noise scan: found samples that are no numbers or beyond {LARGEST_SAMPLE:g}"
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


def edge_noise(lines: Sequence[NDArray[np.complex64]]) -> NDArray[np.complex64] | None:
    """Samples [C, M] of what is mere noise at the edges of k-space, or ``None`` if nothing is.

    The outer eighths of each readout, less those of more than twice the power of weak ones: so
    one-sided echoes and central lines drop out. Noise has samples that know nothing of their
    neighbours; where the edges' do, there is signal in them, and whitening with it would turn down
    the coils that see most. What signal is left makes the noise some percent too large; a
    receiver's filter, which a noise scan tells, is not seen here.

    Parameters
    ----------
    lines
        Imaging lines [N, C, X], runs of equal length each.
    """
    pieces = [edge for run in lines if run.size for line in run for edge in _edges(line)]
    if not pieces:
        return None
    power = np.array([np.vdot(piece, piece).real / piece.size for piece in pieces])
    weak = power <= _POWER_RATIO * np.quantile(power, 0.25)
    chosen = [piece for piece, is_weak in zip(pieces, weak, strict=True) if is_weak]
    if not chosen or max(_correlation(chosen, lag) for lag in _LAGS) > _SIGNAL_CORRELATION:
        return None
    return np.concatenate(chosen, axis=1)


def _edges(line: NDArray[np.complex64]) -> tuple[NDArray[np.complex64], NDArray[np.complex64]]:
    count = max(1, line.shape[1] // _EDGE_FRACTION)
    return line[:, :count], line[:, -count:]


def _correlation(pieces: Sequence[NDArray[np.complex64]], lag: int) -> float:
    """Size of the correlation of samples ``lag`` apart, 0 to 1; 1 where there is nothing."""
    here = np.concatenate([piece[:, :-lag].ravel() for piece in pieces])
    there = np.concatenate([piece[:, lag:].ravel() for piece in pieces])
    shifted, power = np.vdot(here, there), np.vdot(there, there).real
    return float(abs(shifted) / power) if 0 < power < np.inf else 1.0


def dead_channels(covariance: NDArray[np.complexfloating]) -> tuple[int, ...]:
    """Numbers of the channels that have practically no noise: nothing is connected to them.

    >>> dead_channels(np.diag([1.0, 0.0, 2.0]).astype(complex))
    (1,)
    """
    power = covariance.diagonal().real
    return tuple(np.flatnonzero(power <= _DEAD * np.median(power)).tolist())


def whitening_matrix(covariance: NDArray[np.complexfloating]) -> NDArray[np.complex64]:
    r"""Matrix W with :math:`W \Psi W^H = 2 I`: standard deviation 1 in real and imaginary part.

    The inverse Cholesky factor: channel c becomes a sum of the channels up to c. Dead channels are
    left out: W is [C', C], and has zeros in their columns.

    Raises
    ------
    DataError
        If all channels are dead, or one is a sum of others.
    """
    alive = np.ones(len(covariance), bool)
    alive[list(dead_channels(covariance))] = False
    if not alive.any():
        raise DataError(f"noise: all {len(alive)} channels are dead: they have no noise")
    kept = covariance[np.ix_(alive, alive)] / 2
    try:
        factor = np.linalg.cholesky(kept)
    except np.linalg.LinAlgError as error:
        raise DataError(_SUMS) from error
    if (factor.diagonal().real < _SINGULAR * np.sqrt(kept.diagonal().real)).any():
        raise DataError(_SUMS)
    matrix = np.zeros((int(alive.sum()), len(alive)), np.complex64)
    matrix[:, alive] = np.linalg.inv(factor)
    return matrix


def in_order_of(
    labels: Sequence[str], found: Sequence[str], covariance: NDArray[np.complex128]
) -> NDArray[np.complex128] | None:
    """Covariance [C, C] of the channels named ``found``, in the order of ``labels``.

    Where one side has no names the order is taken as it is. ``None`` where a channel of the scan is
    not in the noise scan: it was made with another coil.

    >>> in_order_of(["b"], ["a", "b"], np.diag([1.0, 4.0]).astype(complex)).real
    array([[4.]])
    """
    if not labels or not found:
        return covariance
    if not set(labels) <= set(found):
        return None
    order = [list(found).index(label) for label in labels]
    return covariance[np.ix_(order, order)]
