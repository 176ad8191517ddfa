"""Echoes in, susceptibility out: sign, scale, orientation, what is refused and what is told."""

from __future__ import annotations

import numpy as np
import pytest
from closed_forms import ORIENTATIONS, positions_mm, spheres

from streamrecon.errors import ReconError
from streamrecon.model.geometry import Geometry
from streamrecon.qsm.pipeline import Background, Quality, susceptibility
from streamrecon.qsm.reference import Reference

TE_S = (0.004, 0.010, 0.016, 0.022)
B0_T = 3.0


def head(
    axes: np.ndarray, sign: int = 1, noise: float = 0.01, te_s: tuple[float, ...] = TE_S
) -> tuple[Geometry, np.ndarray, np.ndarray, np.ndarray]:
    """A head with two nuclei of +0.15 and -0.1 ppm, air outside, an offset in the phase."""
    grid = Geometry((38, 63, 60), (3.2, 2.2, 2.2), axes)
    r = positions_mm(grid)
    brain = np.linalg.norm(r, axis=0) < 52
    chi, of_nuclei = spheres(grid, ((14, 5, 8), 9, 0.15), ((-16, -8, 2), 9, -0.1))
    _, of_air = spheres(grid, ((0, 48, -40), 7, 6.0), ((60, 0, 10), 5, -3.0))
    field = sign * (of_nuclei + of_air)
    te = np.array(te_s)[:, None, None, None]
    phase = 2 * np.pi * 42.577478518 * B0_T * field * te + 0.4 + 0.01 * r[0] - 0.008 * r[1]
    rng = np.random.default_rng(0)
    signal = (brain * (1 + 0.3 * (chi != 0))) * np.exp(-25 * te + 1j * phase)
    signal = signal + noise * (
        rng.standard_normal(phase.shape) + 1j * rng.standard_normal(phase.shape)
    )
    return grid, brain, sign * chi, signal.astype(np.complex64)


def nuclei(found: np.ndarray, chi: np.ndarray) -> list[float]:
    base = found[(chi == 0) & (found != 0)].mean()
    return [found[np.isclose(chi, level)].mean() - base for level in (chi.max(), chi.min())]


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("orientation", ["axial", "coronal", "doubly_oblique"])
def test_nuclei_have_their_susceptibility(orientation: str, sign: int) -> None:
    grid, brain, chi, echoes = head(ORIENTATIONS[orientation], sign)

    found = susceptibility(echoes, TE_S, B0_T, grid)

    assert 0.75 < found.mask.sum() / brain.sum() <= 1.02
    np.testing.assert_allclose(nuclei(found.map.chi_ppm, chi), [chi.max(), chi.min()], atol=0.012)
    assert (found.map.chi_ppm[~found.mask] == 0).all()
    assert any(n.startswith("zero: whole mask") for n in found.notices)  # no brain: nothing around
    assert any("without weight" in n for n in found.notices)


@pytest.mark.parametrize(
    ("quality", "tolerance"),
    [(Quality.FAST, 0.05), (Quality.BEST, 0.012), (Quality.CONSENSUS, 0.04)],
)
def test_every_preset_has_sign_and_scale(quality: Quality, tolerance: float) -> None:
    grid, _, chi, echoes = head(ORIENTATIONS["tilted"])

    found = susceptibility(echoes, TE_S, B0_T, grid, quality=quality)

    np.testing.assert_allclose(
        nuclei(found.map.chi_ppm, chi), [chi.max(), chi.min()], atol=tolerance
    )


@pytest.mark.parametrize("background", [b for b in Background if b is not Background.PRESET])
def test_every_removal_of_the_background_has_sign_and_scale_and_is_told(
    background: Background,
) -> None:
    grid, brain, chi, echoes = head(ORIENTATIONS["tilted"], sign=-1)

    found = susceptibility(echoes, TE_S, B0_T, grid, background=background, mask=brain)

    np.testing.assert_allclose(nuclei(found.map.chi_ppm, chi), [chi.max(), chi.min()], atol=0.02)
    (told,) = (n for n in found.notices if n.startswith("background: "))
    assert told.split()[1].strip(",") == found.local.method.split()[0]
    assert ("lost as rim" in told) == (background is not Background.PDF)


@pytest.mark.parametrize("n_echoes", [1, 2])
def test_fewer_echoes_do(n_echoes: int) -> None:
    te_s = (0.010, 0.020)[:n_echoes]
    grid, brain, chi, echoes = head(ORIENTATIONS["axial"], te_s=te_s)

    found = susceptibility(echoes, te_s, B0_T, grid, mask=brain)

    np.testing.assert_allclose(nuclei(found.map.chi_ppm, chi), [chi.max(), chi.min()], atol=0.02)
    stays = "phase offset: found one echo, needed two of the same readout polarity: it stays in"
    assert (stays in found.notices) == (n_echoes == 1)


def test_a_mask_and_a_region_of_ones_own_are_taken() -> None:
    grid, brain, chi, echoes = head(ORIENTATIONS["axial"])

    found = susceptibility(
        echoes, TE_S, B0_T, grid, mask=brain, reference=Reference.REGION, region=chi > 0
    )

    assert (found.mask == brain).all()
    assert found.map.chi_ppm[chi > 0].mean() == pytest.approx(0, abs=1e-5)


def test_an_image_of_nothing_is_refused() -> None:
    grid, _, _, echoes = head(ORIENTATIONS["axial"])

    with pytest.raises(ReconError, match="no voxel above zero"):
        susceptibility(echoes * 0, TE_S, B0_T, grid)
