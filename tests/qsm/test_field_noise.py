"""What no susceptibility can have made of a local field: its noise, and its slow misfit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from closed_forms import ORIENTATIONS, positions_mm, spheres
from scipy.ndimage import gaussian_filter

from streamrecon.errors import ReconError
from streamrecon.model.geometry import Geometry
from streamrecon.qsm.inversion import tv_problem
from streamrecon.qsm.inversion.field_noise import noise_of_field, without_misfit
from streamrecon.qsm.inversion.gradient_cost import strength_from_field
from streamrecon.qsm.inversion.total_variation import invert_tv

Spread = Callable[[np.ndarray], np.ndarray]
SPHERES = ((9, 3, 4), 7, 0.2), ((-9, -6, -5), 6, -0.14)
SMALL = tuple(
    (centre, 4, 0.1 * (-1) ** n)
    for n, centre in enumerate(
        [(12, 3, 4), (-13, -6, -5), (2, -13, 8), (0, 12, -10), (-8, 8, 12), (9, -6, -15)]
    )
)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_noise_is_read_from_the_cone_on_which_no_source_has_a_field(orientation: str) -> None:
    grid = Geometry((45, 49, 51), (1.2, 1.0, 1.0), ORIENTATIONS[orientation])
    _, field = spheres(grid, *SPHERES)
    mask = np.linalg.norm(positions_mm(grid), axis=0) < 22
    rng = np.random.default_rng(5)
    noisy = field + 0.004 * rng.standard_normal(grid.shape)

    assert noise_of_field(field, mask, grid) < 0.002
    # a median of some hundred frequencies, and what the edges of the spheres add
    assert noise_of_field(np.where(mask, noisy, np.nan), mask, grid) == pytest.approx(4e-3, rel=0.2)
    assert "magic-angle cone" in str(strength_from_field(noisy, mask, grid))
    with pytest.raises(ReconError, match="mask is empty"):
        noise_of_field(noisy, mask & False, grid)


def smoothed(noise: np.ndarray) -> np.ndarray:
    return gaussian_filter(noise, 1.0)


def interpolated(noise: np.ndarray) -> np.ndarray:
    """As of images whose k-space was twice as large with zeros, in the plane."""
    spectrum = np.fft.fftn(noise)
    for axis in (1, 2):
        wave = np.abs(np.fft.fftfreq(noise.shape[axis]))
        spectrum *= np.moveaxis(np.broadcast_to(wave < 0.25, (1, 1, wave.size)), 2, axis)
    return np.fft.ifftn(spectrum).real


@pytest.mark.parametrize("correlated", [smoothed, interpolated])
@pytest.mark.parametrize("orientation", ["axial", "tilted"])
def test_noise_that_is_smooth_over_voxels_is_seen(orientation: str, correlated: Spread) -> None:
    """At high frequencies, where alone it was looked for, there is a sixth of it or nothing."""
    grid = Geometry((64, 66, 65), (1.2, 1.0, 1.0), ORIENTATIONS[orientation])
    _, field = spheres(grid, *SMALL)
    mask = np.linalg.norm(positions_mm(grid), axis=0) < 27
    noise = correlated(np.random.default_rng(3).standard_normal(grid.shape))

    told = noise_of_field(field + 0.003 * noise / noise.std(), mask, grid)

    assert 0.65 < told / 0.003 < 1.1  # what is slower than a quarter of the grid is not seen


def test_a_field_of_nothing_has_some_noise_to_go_by() -> None:
    grid = Geometry((44, 46, 45), (1.2, 1.0, 1.0), ORIENTATIONS["axial"])

    assert noise_of_field(np.zeros(grid.shape), np.ones(grid.shape, bool), grid) == 5e-5


def test_a_thin_slab_shows_its_noise() -> None:
    grid = Geometry((4, 96, 97), (2.0, 1.0, 1.0), ORIENTATIONS["axial"])
    noise = 0.003 * np.random.default_rng(3).standard_normal(grid.shape)

    told = noise_of_field(noise, np.ones(grid.shape, bool), grid)

    assert told == pytest.approx(0.003, rel=0.2)


def field_across(grid: Geometry, centre: tuple[float, ...], chi_ppm: float) -> np.ndarray:
    """Field of a ball of 11 mm that B0 magnetises across itself, by an off-diagonal χ."""
    r = positions_mm(grid) - np.array(centre)[:, None, None, None]
    far = np.linalg.norm(r, axis=0)
    return np.where(far < 11, 0, chi_ppm * 11**3 * r[2] * r[0] / np.maximum(far, 1) ** 5)


@pytest.mark.parametrize("orientation", ["axial", "tilted"])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_slow_field_that_no_susceptibility_explains_is_not_asked_twice(
    orientation: str, sign: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = Geometry((64, 66, 65), (1.2, 1.0, 1.0), ORIENTATIONS[orientation])
    chi, field = spheres(grid, *SMALL)
    mask = np.linalg.norm(positions_mm(grid), axis=0) < 27
    field = sign * field + 0.002 * np.random.default_rng(3).standard_normal(grid.shape)
    wrong = field + field_across(grid, (3, 2, 1), 0.15)

    def inverted(field: np.ndarray) -> tuple[float, int]:
        """Error, and the percentage that the notice tells to be no χ's."""
        found = invert_tv(field, mask, grid, strength=3e-4, outside=1.0, iterations=(60, 60))
        told = int(found.comment.split("%")[0].split()[-1])
        return float((found.unknown - sign * chi)[mask].std()), told

    here = inverted(wrong), inverted(field)
    monkeypatch.setattr(tv_problem, "without_misfit", lambda field, mask, grid: field)
    asked_in_full = inverted(wrong), inverted(field)

    assert here[0][0] < 0.9 * asked_in_full[0][0]
    assert here[1][0] < 1.03 * asked_in_full[1][0]  # a field that is all of sources loses nothing
    assert here[0][1] > 30
    assert here[1][1] < 10
    assert asked_in_full[0][1] == 0


def test_what_sources_made_is_kept_whole() -> None:
    grid = Geometry((64, 66, 65), (1.2, 1.0, 1.0), ORIENTATIONS["tilted"])
    _, field = spheres(grid, *SMALL)
    mask = np.linalg.norm(positions_mm(grid), axis=0) < 27

    kept = without_misfit(field, mask, grid)

    assert np.polyfit(field[mask], kept[mask], 1)[0] == pytest.approx(1, abs=0.02)
    assert (kept - field)[mask].std() < 0.05 * field[mask].std()
    assert not kept[~mask].any()
