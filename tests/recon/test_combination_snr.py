"""The combination's signal-to-noise ratio is that of the true sensitivities."""

import numpy as np
import pytest
from undersampling import simulated

from streamrecon.model.lattice import ALL_LINES
from streamrecon.recon.parallel.coil_sensitivities import estimate_sensitivities

pytestmark = pytest.mark.slow

SNR = 40.0
RNG = np.random.default_rng(3)


@pytest.mark.parametrize("n_coils", [2, 8, 16])
def test_snr_is_within_3_percent_of_the_optimal_combination(n_coils: int) -> None:
    # of white noise, weights u give |u s| / |u|, at most |s|: Roemer's, with true sensitivities
    coils = simulated((24, 45, 40), n_coils)
    noise = RNG.standard_normal((*coils.hybrid.shape, 2), np.float32) @ np.array([1, 1j]) / SNR

    found = estimate_sensitivities(coils.calibration(ALL_LINES, noise), coils.grid)

    weights = np.stack([found.at_z(z) for z in range(24)], axis=1)
    true = coils.sensitivities
    reached = np.abs((weights * true).sum(axis=0)) / np.linalg.norm(weights, axis=0)
    share = (reached / np.linalg.norm(true, axis=0))[np.abs(coils.truth[0]) > 0]
    assert share.max() <= 1 + 1e-5
    assert share.mean() > 0.997
    assert share.min() > 0.97
    # in the first coil alone, of which there are n, it is far lower
    alone = np.abs(true[0]) / np.linalg.norm(true, axis=0)
    assert alone[np.abs(coils.truth[0]) > 0].mean() < 0.9
