"""How many files one reads to follow a volume from its echoes to its susceptibility."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_head import drawn_head
from modules_run import ModulesRun

from streamrecon.model.geometry import Geometry
from streamrecon.qsm.pipeline import susceptibility

GRID = Geometry((38, 50, 42), (5.0, 4.5, 4.5), np.eye(3)[::-1])
TE_S = (0.004, 0.010, 0.016)
NUMBERS = ("fourier", "maps", "phase", "qsm", "recon")
PLANS = "streamrecon.machine.fft_plans"
MOST = 22


def echoes_of_a_head() -> np.ndarray[tuple[int, ...], np.dtype[np.complex64]]:
    """Brain, skull and scalp [E, Z, Y, X] with a smooth field and noise in the air."""
    head = drawn_head(GRID)
    field_rad_per_s = 40 * np.cos(np.linspace(0, 3, GRID.shape[1]))[None, :, None]
    random = np.random.default_rng(1)
    te = np.array(TE_S)[:, None, None, None]
    signal = head.magnitude * np.exp((1j * field_rad_per_s - 20) * te)
    noise = random.standard_normal((2, *signal.shape)) * 0.01
    return np.asarray(signal + noise[0] + 1j * noise[1], np.complex64)


def test_a_volume_passes_few_files_on_its_way_to_susceptibility(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("streamrecon.machine.threads._budget", [1])  # older threads are not seen
    echoes = echoes_of_a_head()

    with ModulesRun() as run, run.recording():
        found = susceptibility(echoes, TE_S, 3.0, GRID)

    passed = [name for name in run.names() if name.split(".")[1] in NUMBERS or name == PLANS]
    assert found.total.is_brain, found.notices
    assert "streamrecon.qsm._surface_kernels" in passed  # compiled loops are seen
    assert len(passed) <= MOST, "\n".join(passed)
