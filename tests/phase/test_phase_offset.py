"""Phase offsets and the combination of coils, against coils that were made."""

from __future__ import annotations

import numpy as np
import pytest

from streamrecon.errors import ReconError
from streamrecon.model.geometry import Geometry
from streamrecon.phase.magnitude import signal_mask
from streamrecon.phase.phase_offset import (
    coil_offsets,
    combine_by_offsets,
    echo_pair,
    phase_without_offset,
    smooth_phasor,
)

GRID = Geometry((25, 48, 51), (3.0, 2.0, 2.0), np.eye(3)[::-1])
TE_S = (0.005, 0.011, 0.017)


def grid() -> tuple[np.ndarray, ...]:
    return np.meshgrid(*[np.linspace(-1, 1, n) for n in GRID.shape], indexing="ij")


def head() -> np.ndarray:
    z, y, x = grid()
    return np.asarray((z**2 + y**2 + x**2) < 0.7)


def field_hz() -> np.ndarray:
    z, y, x = grid()
    return np.asarray(60 * x - 80 * y * z + 40 * x**2)


def offset_rad() -> np.ndarray:
    z, y, x = grid()
    return np.asarray(0.5 + 1.5 * x - 1.1 * y + 0.8 * z - 0.4 * (x**2 + y**2))


def echoes(
    offset: np.ndarray | float, te_s: tuple[float, ...] = TE_S, noise: float = 0.003
) -> np.ndarray:
    phase = 2 * np.pi * field_hz() * np.array(te_s)[:, None, None, None] + offset
    rng = np.random.default_rng(0)
    dirt = rng.standard_normal((2, *phase.shape)) * noise
    return np.asarray((head() * np.exp(1j * phase) + dirt[0] + 1j * dirt[1]).astype(np.complex64))


def off_by(found: np.ndarray, truth: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Phase error, free of one common constant."""
    error = np.exp(1j * (found - truth))[where]
    return np.asarray(np.angle(error / error.mean()))


def test_an_offset_comes_off_in_the_whole_head_and_at_its_rim() -> None:
    phase, found = phase_without_offset(echoes(offset_rad()), TE_S, GRID)

    error = off_by(found, offset_rad(), head())
    assert abs(error).max() < 0.15
    assert error.std() < 0.04
    np.testing.assert_allclose(
        abs(off_by(phase[2], 2 * np.pi * field_hz() * TE_S[2], head())).mean(),
        0,
        atol=0.04,
    )


def test_coils_combine_without_loss() -> None:
    _, y, x = grid()
    sensitivities = [
        np.exp(-((x - a) ** 2) - (y - b) ** 2) * np.exp(1j * (3 * a * x + 2 * b * y + c))
        for a, b, c in [(-1, 0, 0.3), (1, 0, 2.9), (0, 1, -2.0), (0, -1, 1.0)]
    ]
    coils = np.stack([echoes(0.0) * s for s in sensitivities], axis=1).astype(np.complex64)

    offsets = coil_offsets(coils[0], coils[1], TE_S[:2], GRID)
    combined = np.stack([combine_by_offsets(echo, offsets) for echo in coils])

    rss = np.sqrt((abs(coils[2]) ** 2).sum(axis=0))
    where = head()
    assert (abs(combined[2]) / rss)[where].min() > 0.98
    assert abs(off_by(np.angle(combined[2]), 2 * np.pi * field_hz() * TE_S[2], where)).max() < 0.15


def test_echoes_read_backwards_lose_their_own_phase() -> None:
    _, _, x = grid()
    signal = echoes(offset_rad())
    signal[1] *= np.exp(1j * (0.7 + 0.9 * x)).astype(np.complex64)

    phase, _ = phase_without_offset(signal, TE_S, GRID, readout_polarity=(1, -1, 1))

    where = head()
    for echo, te in enumerate(TE_S):
        error = np.exp(1j * (phase[echo] - 2 * np.pi * field_hz() * te))[where]
        assert abs(np.angle(error)).mean() < 0.06


def test_a_plane_wave_passes_the_smoother_unchanged_and_is_carried_on() -> None:
    z, y, x = grid()
    wave = np.exp(1j * (2.0 * x - 3.0 * y + z)).astype(np.complex64)

    found = smooth_phasor(wave * head(), GRID, 8.0)

    np.testing.assert_allclose(np.angle(found / wave)[head()], 0, atol=0.05)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(abs(found[~head()]), 1, atol=0.1)


def test_the_pair_has_one_polarity() -> None:
    assert echo_pair((1, 2, 3)) == (0, 1)
    assert echo_pair((1, 2, 3), (1, -1, 1)) == (0, 2)
    with pytest.raises(ReconError, match="needed two of the same readout polarity"):
        echo_pair((1, 2), (1, -1))
    with pytest.raises(ReconError, match="phase offset: found one echo, needed two"):
        echo_pair((1,))


def test_signal_is_told_from_noise_and_closed() -> None:
    rng = np.random.default_rng(1)
    magnitude = abs(echoes(0.0)[0]) + 0.02 * rng.random(GRID.shape)
    magnitude[10:13, 22:26, 22:26] = 0.0

    found = signal_mask(magnitude)

    assert (found ^ head()).mean() < 0.02
    assert found[11, 24, 24]
    assert not found[0, 0, 0]
    with pytest.raises(ReconError, match="no voxel above zero"):
        signal_mask(np.zeros((3, 3, 3)))
