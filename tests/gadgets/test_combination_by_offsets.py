"""Coils combined by their own phase offsets: the phase starts at zero and grows as it should."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from chains import complex_echoes, run_chain
from streamrecon_simulator.lines.sampling import Sampling
from streamrecon_simulator.phantoms.phantom import SPHERES
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene

from streamrecon.errors import ReconError

SCENE = Scene(
    "spheres", phantom=SPHERES, matrix=(27, 40, 38), voxel_mm=(5.0, 4.5, 4.5), n_coils=4, snr=80.0,
    te_s=(0.004, 0.008, 0.012), oversampling=(1.0, 1.0, 1.0), phase_sign=-1,
)  # fmt: skip


def combined(scene: Scene, **choice: str) -> np.ndarray:
    """Echoes [E, Z, Y, X] of a simulated scan."""
    (echoes,) = complex_echoes(run_chain("gre_recon.xml", simulate(scene).messages(), **choice))
    return echoes.data


@pytest.mark.parametrize("phase_sign", [1, -1])
def test_phase_between_echoes_is_that_of_the_other_combination(phase_sign: int) -> None:
    scene = replace(SCENE, phase_sign=phase_sign)
    ours, usual = combined(scene, combination="mcpc-3d-s"), combined(scene)
    signal = abs(usual[0]) > 0.3 * abs(usual[0]).max()

    for data in (ours, usual):
        assert data.shape == (3, 27, 40, 38)
    grown = ours[2] * np.conj(ours[0]) * np.conj(usual[2] * np.conj(usual[0]))
    assert np.sqrt(np.mean(np.angle(grown[signal]) ** 2)) < 0.03
    assert abs(np.angle(grown[signal].sum())) < 2e-3


def test_the_phase_starts_at_zero() -> None:
    ours = combined(SCENE, combination="mcpc-3d-s")
    signal = abs(ours[0]) > 0.3 * abs(ours[0]).max()

    start = (ours[0] ** 2 * np.conj(ours[1]))[signal]  # phase at twice TE 1 less that at TE 2

    assert abs(np.angle(start.sum())) < 0.05
    assert np.sqrt(np.mean(np.angle(start) ** 2)) < 0.2


def test_an_accelerated_scan_is_refused() -> None:
    scene = replace(SCENE, n_coils=8, sampling=Sampling((1, 2), calibration_lines=16))

    with pytest.raises(ReconError, match="accelerated 2-fold, needed all lines"):
        combined(scene, combination="mcpc-3d-s")
