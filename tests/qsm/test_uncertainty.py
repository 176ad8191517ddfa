"""The predicted noise of a map against many maps with noise."""

from __future__ import annotations

import numpy as np
import pytest
from closed_forms import ORIENTATIONS, positions_mm, sphere
from scipy.stats import chi2

from streamrecon.errors import ReconError
from streamrecon.model.geometry import Geometry
from streamrecon.qsm.inversion.closed_form import invert_tikhonov
from streamrecon.qsm.pipeline import susceptibility
from streamrecon.qsm.susceptibility_map import Susceptibility
from streamrecon.qsm.uncertainty import noise_of_map, susceptibility_sd

GRID = Geometry((30, 33, 36), (1.5, 1.0, 1.2), ORIENTATIONS["tilted"])


def test_it_is_what_many_repetitions_show() -> None:
    _, field, distance = sphere(GRID, 6.0, 0.3, fine=1)
    mask = distance < 15
    sd = np.where(np.arange(36) < 18, 0.004, 0.012) * mask

    def invert(values: np.ndarray) -> np.ndarray:
        return invert_tikhonov(values, mask, GRID)

    found = noise_of_map(invert, field, sd, invert(field), mask)

    rng = np.random.default_rng(9)
    maps = np.stack([invert(field + sd * rng.standard_normal(GRID.shape)) for _ in range(40)])
    true = maps.std(axis=0)
    for half in (slice(0, 15), slice(21, 36)):
        predicted, seen = (v[..., half][mask[..., half]].mean() for v in (found, true))
        assert predicted == pytest.approx(seen, rel=0.15)
    assert (found[~mask] == 0).all()


def test_the_default_map_scatters_as_it_predicts() -> None:
    te_s, repetitions = (0.004, 0.009, 0.016), 8
    distance = np.linalg.norm(positions_mm(GRID), axis=0)
    mask = distance < 16
    _, field, _ = sphere(GRID, 5.0, 0.2, fine=1)
    times = np.array(te_s)[:, None, None, None]
    clean = mask * np.exp(2j * np.pi * 127.732 * field * times - 20 * times)
    rng = np.random.default_rng(3)

    def measured() -> Susceptibility:
        noise = rng.standard_normal((2, *clean.shape)) * 0.02
        echoes = (clean + noise[0] + 1j * noise[1]).astype(np.complex64)
        return susceptibility(echoes, te_s, 3.0, GRID, mask=mask)

    maps = [measured() for _ in range(repetitions)]

    predicted = susceptibility_sd(maps[0], GRID)[mask]
    seen = np.std([m.map.chi_ppm[mask] for m in maps], axis=0, ddof=1)
    freedom = repetitions - 1  # the median of so few scatters less than the truth
    true = np.median(seen) / np.sqrt(chi2.median(freedom) / freedom)
    assert np.median(predicted) == pytest.approx(true, rel=0.25)


def test_voxels_without_signal_do_not_spread_infinity() -> None:
    _, field, distance = sphere(GRID, 6.0, 0.3, fine=1)
    mask = distance < 15
    sd = np.full(GRID.shape, 0.003)
    sd[15, 16, 18] = np.inf

    found = noise_of_map(lambda f: f, field, sd, field, mask)

    assert found[mask].mean() == pytest.approx(0.003, rel=0.1)
    with pytest.raises(ReconError, match="mask is empty"):
        noise_of_map(lambda f: f, field, sd, field, mask & False)
