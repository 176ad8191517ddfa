"""Susceptibility-weighted images of veins whose phase is known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from vein_of_blood import (
    B0_T,
    HZ_PER_PPM,
    SHAPE,
    distances_mm,
    echoes_of_vein,
    field_of_vein,
    geometry_of,
)

from streamrecon.errors import ReconError
from streamrecon.maps.clear_swi import decay_weighted, swi_clear
from streamrecon.maps.phase_mask import Darkens
from streamrecon.maps.swi import (
    highpass_phase,
    root_sum_squares,
    swi_classic,
    swi_from_field,
    true_swi,
)
from streamrecon.model.geometry import Geometry
from streamrecon.phase.field_fit import fit_field, trust_from_noise
from streamrecon.qsm.inversion.gradient_cost import strength_from_noise
from streamrecon.qsm.inversion.total_variation import invert_tv

TE_S = (0.005, 0.010, 0.015, 0.020, 0.025)
AXIAL = np.eye(3)[::-1]


def test_a_vein_along_b0_has_the_analytic_phase_and_weight() -> None:
    # 0.57 ppm along B0: a third of it, 3.05 rad after 20 ms at 3 T
    field, inside = field_of_vein(0, 2.0, 0.57, fine=1)
    local = np.broadcast_to(field, SHAPE)
    magnitude = np.random.default_rng(0).uniform(50, 100, SHAPE).astype(np.float32)

    found = swi_from_field(magnitude, local, B0_T, 0.02)
    half_way = swi_from_field(magnitude, local, B0_T, 0.01)
    inverse = swi_from_field(magnitude, -local, B0_T, 0.01, darkens=Darkens.DIAMAGNETIC)

    phase = 2 * np.pi * HZ_PER_PPM * 0.19 * 0.02
    assert phase == pytest.approx(3.05, abs=0.005)
    scale = magnitude[:, inside]
    np.testing.assert_allclose(found[:, inside] / scale, (1 - phase / np.pi) ** 4, atol=1e-6)
    np.testing.assert_allclose(half_way[:, inside] / scale, (1 - phase / 2 / np.pi) ** 4, atol=1e-6)
    np.testing.assert_array_equal(found[:, ~inside], magnitude[:, ~inside])
    np.testing.assert_array_equal(inverse, half_way)


def test_a_field_beyond_half_a_turn_is_black_and_not_an_island() -> None:
    local = np.full((1, 2, 2), 0.5)  # 8 rad after 20 ms
    assert not swi_from_field(np.ones((1, 2, 2)), local, B0_T, 0.02).any()


def contrast_to_noise(image: np.ndarray, blood: np.ndarray) -> float:
    """Tissue less vein over the spread of tissue, in the middle slices."""
    y, x = distances_mm()
    tissue = (np.hypot(y, x) > 12) & (np.hypot(y, x) < 20)
    middle = image[5:11]
    core = blood > 0.9 * blood.max()
    return float((middle[:, tissue].mean() - middle[:, core].mean()) / middle[:, tissue].std())


def images_of_vein(angle_deg: float, radius_mm: float) -> dict[str, float]:
    """Contrast-to-noise ratios at TE 20 ms; susceptibility from all echoes."""
    echoes, blood = echoes_of_vein(angle_deg, radius_mm, TE_S, snr=40)
    grid = geometry_of(angle_deg)
    mask = np.zeros(SHAPE, bool)
    mask[:, 2:-2, 2:-2] = True
    phase = np.unwrap(np.angle(np.concatenate([np.ones_like(echoes[:1]), echoes])), axis=0)[1:]
    fit = fit_field(phase, np.abs(echoes), mask, TE_S, B0_T, noise=1 / 40)
    chi = invert_tv(
        fit.field_ppm,
        mask,
        grid,
        strength=strength_from_noise(fit.sd_ppm, mask, is_clean=True).value,
        iterations=(10, 25),
        weight=trust_from_noise(fit.sd_ppm, mask),
        magnitude=root_sum_squares(echoes),
    ).unknown
    chi = (chi - np.median(chi[mask])) * mask
    magnitude = np.abs(echoes[3])
    images = {
        "magnitude": magnitude,
        "classic": swi_classic(echoes[3:4], grid),
        "field": swi_from_field(magnitude, fit.field_ppm, B0_T, 0.02),
        "true": true_swi(magnitude, chi),
    }
    return {name: contrast_to_noise(image, blood) for name, image in images.items()}


@pytest.mark.parametrize("radius_mm", [1.0, 2.0])
def test_true_swi_sees_a_vein_across_the_bore_and_classic_swi_does_not(radius_mm: float) -> None:
    along, across = images_of_vein(0, radius_mm), images_of_vein(90, radius_mm)

    ratio = {name: across[name] / along[name] for name in along}
    for name in along:
        print(f"radius {radius_mm:g}: {name} {along[name]:.1f} → {across[name]:.1f}")
    assert ratio["true"] >= 0.9
    assert ratio["classic"] < 0.4
    assert ratio["field"] < 0.4  # no phase image does better
    assert along["classic"] > 1.3 * along["magnitude"]
    assert across["true"] > 1.3 * across["magnitude"]
    assert across["classic"] < across["magnitude"]


def test_the_high_pass_takes_off_what_is_smooth_and_keeps_what_is_small() -> None:
    grid = Geometry((3, 96, 81), (2.0, 0.8, 1.1), AXIAL)
    y, x = np.meshgrid(*(np.linspace(-1, 1, n) for n in grid.shape[1:]), indexing="ij")
    smooth = 2.5 * y**2 + 1.5 * x  # wraps: up to 4 rad
    small = np.zeros((96, 81))
    small[40:42, 30:32] = 1.2

    phase = highpass_phase(
        np.broadcast_to(np.exp(1j * (smooth + small)), grid.shape).astype(np.complex64), grid
    )

    far = np.ones((96, 81), bool)
    far[30:52, 20:42] = far[:8] = far[-8:] = far[:, :8] = far[:, -8:] = False
    assert np.abs(phase[:, far]).max() < 0.1
    # four voxels of the area of 13 of the reference's points: it takes 1 of 4 parts of their phase
    assert 0.7 < phase[:, small > 0].mean() / 1.2 < 0.95


@pytest.mark.parametrize("n_echoes", [1, 5])
@pytest.mark.parametrize("n_slices", [1, 16])
def test_one_echo_or_many_one_slice_or_many_veins_are_dark_in_their_polarity(
    n_echoes: int, n_slices: int
) -> None:
    echoes, blood = echoes_of_vein(0, 1.5, TE_S, snr=60)
    echoes, te_s = echoes[-n_echoes:, :n_slices], TE_S[-n_echoes:]
    grid = geometry_of(0).crop((0, 0, 0), (n_slices, *SHAPE[1:]))
    plain = np.abs(echoes).mean(axis=0)
    vein = blood > 0.9
    tissue = np.hypot(*np.broadcast_arrays(*distances_mm())) > 10

    def darkening(image: np.ndarray) -> float:
        found = image[:, vein].mean() / image[:, tissue].mean()
        return float(found / (plain[:, vein].mean() / plain[:, tissue].mean()))

    assert darkening(swi_classic(echoes, grid)) < 0.55
    assert darkening(swi_clear(echoes, te_s, grid)) < 0.55
    opposite = Darkens.DIAMAGNETIC
    assert darkening(swi_classic(echoes, grid, darkens=opposite)) > 0.9
    assert darkening(swi_clear(echoes, te_s, grid, darkens=opposite)) > 0.9


@pytest.mark.parametrize("radius_mm", [0.8, 1.5])
@pytest.mark.parametrize("angle_deg", [0, 30, 54.7, 90])
def test_clear_swi_shows_a_vein_better_than_with_the_soft_mask_of_its_paper(
    angle_deg: float, radius_mm: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    echoes, blood = echoes_of_vein(angle_deg, radius_mm, TE_S, snr=40)
    vein = blood > 0.9
    tissue = np.hypot(*np.broadcast_arrays(*distances_mm())) > 10

    def soft(
        phase: np.ndarray, mask: np.ndarray, _: np.ndarray, *, power: int, darkens: bool
    ) -> np.ndarray:
        scale = np.median(phase[mask & (phase > 0)]) * 10 / power
        return np.where(mask, (1 - np.tanh(phase / scale - 1)) / 2, 1).astype(np.float32)

    def contrast(image: np.ndarray) -> float:
        return float((image[:, tissue].mean() - image[:, vein].mean()) / image[:, tissue].std())

    found = contrast(swi_clear(echoes, TE_S, geometry_of(angle_deg)))
    monkeypatch.setattr("streamrecon.maps.clear_swi.positive_weight", soft)
    assert found > 1.15 * contrast(swi_clear(echoes, TE_S, geometry_of(angle_deg)))


@pytest.mark.parametrize("angle_deg", [0.0, 30.0, 54.7, 90.0])
def test_clear_swi_shows_a_vein_no_worse_than_the_magnitude_at_any_angle(angle_deg: float) -> None:
    """Across the bore the phase of a vein turns backwards: what is left is its decay."""
    echoes, blood = echoes_of_vein(angle_deg, 1.0, TE_S, snr=40)

    found = contrast_to_noise(swi_clear(echoes, TE_S, geometry_of(angle_deg)), blood)

    assert found > contrast_to_noise(root_sum_squares(echoes), blood)


def test_clear_swi_shows_a_faint_vein_among_tissue_that_turns_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Half a voxel of radius: its phase is that of tissue, and many times its noise."""
    echoes, blood = echoes_of_vein(0, 0.5, TE_S, snr=80)
    random = np.random.default_rng(5).standard_normal(SHAPE)
    ppm = gaussian_filter(random, 3.0, mode="wrap")
    ppm *= 0.03 / ppm.std()  # as far as the mean of the vein's voxels
    turn = 2 * np.pi * HZ_PER_PPM * np.array(TE_S)[:, None, None, None]
    echoes = (echoes * np.exp(1j * turn * ppm)).astype(np.complex64)
    vein, far = blood == blood.max(), np.hypot(*np.broadcast_arrays(*distances_mm())) > 6

    def darkness() -> float:
        image = swi_clear(echoes, TE_S, geometry_of(0))
        return float(1 - image[:, vein].mean() / np.median(image[:, far]))

    found = darkness()
    monkeypatch.setattr("streamrecon.maps.clear_swi._QUIET", 0.0)
    assert found > 0.85 * darkness()


def test_noise_that_is_known_counts_as_what_is_measured() -> None:
    echoes, _ = echoes_of_vein(30, 1.0, TE_S, snr=40)
    sd = np.exp(-20 * 0.02) / 40
    grid = geometry_of(30)

    measured = swi_clear(echoes, TE_S, grid)
    known = swi_clear(echoes, TE_S, grid, noise=sd)
    everywhere = swi_clear(echoes, TE_S, grid, noise=np.full(SHAPE, sd, np.float32))

    np.testing.assert_allclose(known, everywhere, rtol=1e-5)
    assert np.abs(known - measured).mean() < 0.01 * known.mean()


def test_weights_of_echoes_are_matched_to_the_decay() -> None:
    """The head decays; beside it each echo in turn has signal alone, which shows its weight."""
    te_s, r2_star = (0.004, 0.013, 0.03), 25.0
    decay = np.exp(-np.array(te_s) * r2_star)
    echoes = np.concatenate([decay[:, None], np.eye(3)], axis=1).astype(np.complex64)
    head = np.array([[[True, False, False, False]]])

    found = decay_weighted(echoes[:, None, None], te_s, head)[0, 0]

    changes = np.array(te_s) * decay  # of each echo by R2*; noise is alike in all
    assert found[1:] == pytest.approx(changes / changes.sum(), rel=1e-5)
    assert found[0] == pytest.approx((changes * decay).sum() / changes.sum(), rel=1e-5)


def test_clear_swi_is_even_under_an_uneven_coil() -> None:
    echoes, _ = echoes_of_vein(0, 1.5, TE_S, snr=60)
    coil: np.ndarray = np.exp(np.linspace(0, 0.6, SHAPE[1]))[:, None].astype(np.float32)
    image = swi_clear(echoes * coil, TE_S, geometry_of(0))
    rows = image[:, :, :12].mean(axis=(0, 2))
    assert rows.max() / rows.min() < 1.3  # the coil alone: 1.8


def test_echoes_add_up_to_the_image_with_least_noise() -> None:
    echoes = np.array([3 + 0j, 4j], np.complex64)[:, None, None, None] * np.ones((1, 3, 2, 2))
    np.testing.assert_allclose(root_sum_squares(echoes.astype(np.complex64)), 5, rtol=1e-6)


def test_shapes_that_differ_and_views_too_small_are_refused() -> None:
    with pytest.raises(ReconError, match="magnitude"):
        swi_from_field(np.ones((2, 2, 2)), np.ones((1, 2, 2)), B0_T, 0.02)
    tiny = Geometry((1, 4, 4), (1, 1, 1), AXIAL)
    with pytest.raises(ReconError, match="field of view"):
        highpass_phase(np.ones(tiny.shape, np.complex64), tiny)
