"""The whole head: anatomy, signals and truths, on a coarse grid."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.fft
from narrowing import given
from scipy import ndimage
from streamrecon_simulator.__main__ import main
from streamrecon_simulator.lines.encode import magnetisation
from streamrecon_simulator.phantoms.phantom import Properties
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.truth import Truth, receive, truth
from streamrecon_simulator.whole_head.grid import Grid, isotropic_field
from streamrecon_simulator.whole_head.head import HeadMaps, WholeHead, anatomy, head_maps
from streamrecon_simulator.whole_head.inclusions import Inclusion
from streamrecon_simulator.whole_head.sampling import head_at, labels_at
from streamrecon_simulator.whole_head.tissues import BRAIN, FAT_SHIFT_PPM, Label

from streamrecon.errors import ConfigError
from streamrecon.units import hz_per_ppm

HEAD = WholeHead(grain_mm=2.0, calcification=True, bleed=True)
SCENE = replace(
    SCENES["whole-head"],
    phantom=HEAD,
    matrix=(45, 58, 49),
    voxel_mm=(4.0, 4.0, 4.0),
    te_s=(0.004, 0.012),
    snr=float("inf"),
)


@pytest.fixture(scope="module")
def maps() -> HeadMaps:
    return head_maps(HEAD)


@pytest.fixture(scope="module")
def known() -> Truth:
    return truth(SCENE)


def _litres(labels: np.ndarray, wanted: tuple[Label, ...], grain_mm: float) -> float:
    return float(np.isin(labels, wanted).sum() * grain_mm**3 / 1e6)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_brain_and_its_parts_have_human_sizes(seed: int) -> None:
    labels = anatomy(WholeHead(seed, grain_mm=2.5), Grid(2.5))

    sizes = {label: _litres(labels, (label,), 2.5) for label in Label}

    assert 1.15 < _litres(labels, BRAIN, 2.5) < 1.6
    assert 0.8 < sizes[Label.GREY] / sizes[Label.WHITE] < 1.6
    assert 0.01 < sizes[Label.VENTRICLE] < 0.04
    assert 0.004 < sizes[Label.THALAMUS] < 0.016
    assert 0.004 < sizes[Label.PUTAMEN] < 0.014
    assert 0.01 < sizes[Label.EYE] < 0.02
    assert 0.04 < sizes[Label.TONGUE] < 0.12


def test_sides_of_the_head_differ(maps: HeadMaps) -> None:
    brain = np.isin(maps.labels, BRAIN)
    middle = round(ndimage.center_of_mass(brain)[2])
    width = min(middle, brain.shape[2] - 1 - middle)
    left, right = brain[..., middle : middle + width], brain[..., middle - width + 1 : middle + 1]

    overlap = 2 * (left & right[..., ::-1]).sum() / (left.sum() + right.sum())

    assert 0.8 < overlap < 0.985


def test_inclusions_are_as_exact_as_their_closed_form_wherever_the_grains_lie(
    maps: HeadMaps,
) -> None:
    bleed = Inclusion((31.3, -20.4, 26.1), 5.0, 0.8)
    stone = Inclusion((-30.2, 18.7, 25.3), 3.0, -1.1)
    head = replace(HEAD, inclusions=(bleed, stone))
    above = np.array([[31.3, -20.4, 26.1 + 5.0], [-30.2 + 3.0, 18.7, 25.3]]).T
    middles = np.array([bleed.centre_mm, stone.centre_mm]).T

    added = head_at(head, above).field_ppm - head_at(HEAD, above).field_ppm
    steps = head_at(head, middles).chi_ppm - head_at(HEAD, middles).chi_ppm

    # (a/r)^3 (3cos^2 - 1) / 3 at r = 2a: on the axis 1/12, on the equator -1/24
    assert np.allclose(added, [0.8 / 12, 1.1 / 24], atol=2e-5)  # the other, far off: 1e-5
    assert np.allclose(steps, [0.8, -1.1], atol=1e-5)
    assert labels_at(head, middles).tolist() == [Label.BLEED, Label.CALCIFICATION]
    assert bleed.moment_ppm_mm3 == pytest.approx(0.8 * 4 / 3 * np.pi * 2.5**3)
    assert head_maps(head) is head_maps(HEAD)  # the grid is made once


def test_another_seed_is_another_head() -> None:
    first, second = (anatomy(WholeHead(seed, grain_mm=3.0), Grid(3.0)) for seed in (1, 2))

    brains = [np.isin(each, BRAIN) for each in (first, second)]
    veins = [each == Label.VEIN for each in (first, second)]

    assert 0.7 < 2 * (brains[0] & brains[1]).sum() / sum(b.sum() for b in brains) < 0.985
    assert (veins[0] & veins[1]).sum() < 0.6 * veins[0].sum()


def test_same_seed_is_the_same_head_on_another_grid() -> None:
    coarse, fine = Grid(3.0), Grid(1.5)

    first = isotropic_field(coarse, (4, 5), 9.0)
    second = isotropic_field(fine, (4, 5), 9.0)
    means = ndimage.uniform_filter(second, 2, origin=-1)[::2, ::2, ::2]
    shape = tuple(min(a, b) for a, b in zip(first.shape, means.shape, strict=True))
    block = tuple(slice(1, n - 1) for n in shape)

    # the mean of eight fine voxels is nearly the value in their middle
    np.testing.assert_allclose(means[block], first[block], atol=0.15)
    assert second.std() == pytest.approx(1.0, abs=0.1)


def test_only_thin_strands_bridge_brain_and_orbit() -> None:
    base = slice(round(124 / 1.2), round(187 / 1.2))  # above the foramen magnum, which is wide
    labels = anatomy(WholeHead(grain_mm=1.2), Grid(1.2))[base]
    seen = ~np.isin(labels, [Label.AIR, Label.CAVITY, Label.BONE, Label.MARROW])
    thick = ndimage.maximum_filter(ndimage.minimum_filter(seen, 3), 3)  # without all below 3.6 mm
    brain, eye = np.isin(labels, BRAIN), labels == Label.EYE

    bridged, _ = ndimage.label(seen, np.ones((3, 3, 3)))
    parted, _ = ndimage.label(thick)

    assert set(bridged[eye]) == {np.bincount(bridged[brain]).argmax()}
    assert np.bincount(parted[brain & thick]).argmax() not in set(parted[eye & thick])


def test_brain_muscle_and_fat_overlap_in_the_images(known: Truth) -> None:
    image, labels = np.abs(known.echoes[0] * receive(SCENE)), given(known.labels)
    ranges = {
        name: np.percentile(image[np.isin(labels, wanted)], [10, 90])
        for name, wanted in (
            ("brain", [Label.WHITE, Label.GREY]),
            ("muscle", [Label.MUSCLE]),
            ("fat", [Label.FAT]),
        )
    }

    for other in ("muscle", "fat"):
        low = max(ranges["brain"][0], ranges[other][0])
        high = min(ranges["brain"][1], ranges[other][1])
        assert high - low > 0.4 * (ranges["brain"][1] - ranges["brain"][0])


def test_receivers_see_the_surface_three_times_as_bright(known: Truth) -> None:
    bias = np.abs(receive(SCENE))[known.mask & (given(known.labels) > Label.CAVITY)]

    low, high = np.percentile(bias, [1, 99])

    assert high / low > 3


def test_fat_and_water_that_are_in_phase_keep_their_signal() -> None:
    """Two turns after excitation: cells with both have no frequency between the two."""
    te_s = 2 / (3.5 * hz_per_ppm(3.0))
    known = truth(replace(SCENE, te_s=(te_s,)))
    expected = known.density * np.exp(-known.r2_star_hz * te_s)

    for label, least in ((Label.MUSCLE, 0.95), (Label.FAT, 0.8), (Label.WHITE, 0.98)):
        here = known.labels == label
        assert least < np.median(np.abs(known.echoes[0])[here] / expected[here]) < 1.03


@pytest.mark.parametrize(("b0_t", "sign"), [(3.0, 1), (1.5, 1), (3.0, -1)])
def test_fat_turns_back_by_its_shift_times_b0(b0_t: float, sign: int) -> None:
    fat = Properties(*(np.full((1, 1, 1), value, np.float32) for value in (1, 0, 0.6, 0.2, 1)))
    scene = replace(SCENE, b0_t=b0_t, phase_sign=sign)

    turned = np.angle(magnetisation(scene, fat, 5e-4, 1))

    expected = sign * 2 * np.pi * (0.2 - 3.5) * 42.577 * b0_t * 5e-4
    np.testing.assert_allclose(turned, expected, rtol=1e-4)


def test_subcutaneous_fat_is_lower_in_frequency_and_brain_is_not(maps: HeadMaps) -> None:
    fat = maps.textures.fat

    assert FAT_SHIFT_PPM == -3.5
    assert np.mean(fat[maps.labels == Label.FAT]) == pytest.approx(0.93, abs=0.04)
    assert not fat[np.isin(maps.labels, BRAIN)].any()


def test_true_field_has_no_chemical_shift_but_the_images_have() -> None:
    """Within fat: a voxel at its border has water, skin or skull beside it."""
    fine = replace(
        SCENE, phantom=WholeHead(grain_mm=1.4), matrix=(90, 116, 98), voxel_mm=(2.0, 2.0, 2.0)
    )
    known = truth(fine)
    fat = ndimage.binary_erosion(np.asarray(known.labels) == Label.FAT)
    fat &= np.abs(known.echoes[0]) > 0.3
    first, second = known.echoes

    turns = np.angle(second * first.conj())
    field_turns = 2 * np.pi * hz_per_ppm(3.0) * known.field_ppm * (SCENE.te_s[1] - SCENE.te_s[0])
    beyond = np.angle(np.mean(np.exp(1j * (turns - field_turns))[fat]))

    # 447 Hz × 8 ms are 3.57 turns back, which is 0.43 turns forward
    expected = np.angle(np.exp(-2j * np.pi * 3.5 * hz_per_ppm(3.0) * 0.008))
    assert beyond == pytest.approx(expected, abs=0.2)


def test_phase_in_the_brain_is_that_of_the_true_field(known: Truth) -> None:
    deep = ndimage.binary_erosion(given(known.brain), iterations=3)
    first, second = known.echoes

    turns = np.angle(second * first.conj())
    expected = 2 * np.pi * hz_per_ppm(3.0) * known.field_ppm * (SCENE.te_s[1] - SCENE.te_s[0])
    error = np.angle(np.exp(1j * (turns - expected)))[deep]

    assert np.abs(np.median(error)) < 0.01
    assert np.percentile(np.abs(error), 90) < 0.1  # voxels of 4 mm are not uniform
    assert expected[deep].std() > 0.1


def test_local_field_is_that_of_the_brain_and_the_rest_is_harmonic_there(maps: HeadMaps) -> None:
    brain = np.isin(maps.labels, BRAIN)
    deep = ndimage.binary_erosion(brain, iterations=3)
    outside = maps.field_ppm - maps.local_field_ppm

    curvature = [ndimage.laplace(field)[deep].std() for field in (outside, maps.local_field_ppm)]

    assert curvature[0] < 0.05 * curvature[1]


def test_lesions_have_their_signs_and_sizes(maps: HeadMaps) -> None:
    chi, local = maps.textures.chi_ppm, maps.local_field_ppm
    for label, low, high in ((Label.CALCIFICATION, -2.2, -1.4), (Label.BLEED, 0.7, 1.3)):
        lesion = maps.labels == label
        assert 20 < lesion.sum() * 8 < 500  # mm³: 3 to 9 mm across
        assert low < chi[lesion].mean() < high
        z, y, x = (round(c) for c in ndimage.center_of_mass(lesion))
        above = local[z + 3 : z + 5, y, x].mean()  # along B0 the field has the sign of χ
        assert np.sign(above) == np.sign(chi[lesion].mean())


def test_head_has_no_lesions_unless_they_are_wanted() -> None:
    labels = anatomy(WholeHead(grain_mm=3.0), Grid(3.0))

    assert not np.isin(labels, [Label.CALCIFICATION, Label.BLEED]).any()


def test_tilted_slab_sees_the_same_head_at_the_same_places(known: Truth) -> None:
    tilted = replace(
        SCENE, matrix=(31, 45, 41), tilt_deg=(20.0, -9.0), centre_lps_mm=(3.0, 2.0, 15.0)
    )
    other = truth(tilted)

    to_index = np.linalg.inv(SCENE.geometry.affine_lps()) @ tilted.geometry.affine_lps()
    brain = given(other.brain)
    index = np.indices(brain.shape).reshape(3, -1)
    places = (to_index @ np.vstack([index, np.ones(index.shape[1])]))[:3]
    there = ndimage.map_coordinates(known.field_ppm, places, order=1).reshape(brain.shape)
    deep = ndimage.binary_erosion(brain, iterations=2)

    error = (there - other.field_ppm)[deep]
    assert error.std() < 0.15 * other.field_ppm[deep].std()
    assert other.affine_lps[:3, :3].T @ other.affine_lps[:3, :3] == pytest.approx(16 * np.eye(3))


def test_lines_of_a_scan_hold_the_same_head(known: Truth) -> None:
    simulation = simulate(replace(SCENE, n_coils=4))
    shifted = scipy.fft.ifftshift(simulation.kspace, axes=(2, 3, 4))
    images = scipy.fft.fftshift(scipy.fft.ifftn(shifted, axes=(2, 3, 4), norm="ortho"), (2, 3, 4))

    combined = np.sqrt((np.abs(images) ** 2).sum(1))
    expected = np.abs(known.echoes) * np.abs(receive(simulation.scene))

    deep = ndimage.binary_erosion(given(known.brain), iterations=2)
    ratio = combined[:, deep] / expected[:, deep]
    assert np.median(ratio) == pytest.approx(1, abs=0.01)
    assert np.percentile(np.abs(ratio - 1), 90) < 0.1  # sensitivities vary within 4 mm


def test_truth_file_of_a_scan_has_labels_and_local_field(tmp_path: Path) -> None:
    options = ["--matrix", "13,15,12", "--voxel", "14,14,14", "--grain", "4", "--coils", "2"]

    status = main(["write", "whole-head", "-o", str(tmp_path / "head.h5"), *options])

    with np.load(tmp_path / "head.truth.npz") as arrays:
        assert arrays["brain"].shape == arrays["labels"].shape == (13, 15, 12)
        assert np.isin(Label.WHITE, arrays["labels"])
        assert arrays["local_field_ppm"].std() < arrays["field_ppm"].std()
    assert status == 0


@pytest.mark.parametrize("grain_mm", [0.1, 9.0])
def test_grain_beyond_reason_is_refused(grain_mm: float) -> None:
    with pytest.raises(ConfigError, match="grain"):
        WholeHead(grain_mm=grain_mm)
