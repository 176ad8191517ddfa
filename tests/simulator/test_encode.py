"""K-space against a plain sum over the points, term by term."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.fft
from narrowing import as_a
from streamrecon_simulator.lines.coils import sensitivity
from streamrecon_simulator.lines.encode import encode, sample_object
from streamrecon_simulator.phantoms.phantom import HEAD, Phantom, properties_at
from streamrecon_simulator.scan import simulate
from streamrecon_simulator.scene import Scene
from streamrecon_simulator.truth import truth, voxel_centres

from streamrecon.errors import ConfigError
from streamrecon.units import GAMMA_BAR_HZ_PER_T

ODD = Scene(
    "odd, anisotropic, doubly oblique, off centre",
    matrix=(5, 7, 6),
    voxel_mm=(24.0, 20.0, 18.0),
    oversampling=(1.0, 1.0, 1.5),
    tilt_deg=(20.0, -35.0),
    centre_lps_mm=(7.0, -4.0, 9.0),
    te_s=(0.004, 0.011),
    n_coils=2,
    snr=float("inf"),
)


def plain_sum(scene: Scene, echo: int, coil: int, *, fine: int = 1) -> np.ndarray:
    """S(k) = Σ_r ρ c exp(−2πi k·(r − centre)) with everything spelt out."""
    nz, ny, nx = (n * fine for n in scene.encoded_matrix)
    dz, dy, dx = (v / fine for v in scene.encoded_geometry.voxel_mm)
    grid = replace(scene.encoded_geometry, shape=(nz, ny, nx), voxel_mm=(dz, dy, dx))
    points = voxel_centres(grid)
    tissue = properties_at(as_a(Phantom, scene.phantom), points)
    te_s = scene.te_s[echo]
    turns = GAMMA_BAR_HZ_PER_T * scene.b0_t * tissue.field_ppm.astype(float) * 1e-6 * te_s
    image: np.ndarray = tissue.density * np.exp(-tissue.r2_star_hz * te_s + 2j * np.pi * turns)
    image = image * sensitivity(scene.n_coils, coil, points)
    from_centre = np.einsum(
        "ai,izyx->azyx",
        scene.geometry.axes_lps,
        points - np.array(scene.centre_lps_mm)[:, None, None, None],
    )
    kspace = np.zeros(scene.encoded_matrix, complex)
    for index in np.ndindex(*scene.encoded_matrix):
        cycles_mm = [
            (i - n // 2) / fov
            for i, n, fov in zip(index, scene.encoded_matrix, scene.encoded_fov_mm, strict=True)
        ]
        wave = np.exp(-2j * np.pi * np.tensordot(cycles_mm, from_centre, axes=1))
        kspace[index] = (image * wave).sum()
    return np.asarray(kspace / np.sqrt(np.prod(scene.encoded_matrix)) / fine**3)


@pytest.mark.parametrize("fine", [1, 2, 3])
def test_kspace_is_the_plain_sum_of_waves(fine: int) -> None:
    scene = replace(ODD, supersampling=fine)

    kspace = encode(scene, sample_object(scene))

    wanted = plain_sum(scene, 1, 1, fine=fine)
    # float32 in the object and in the transform
    np.testing.assert_allclose(kspace[1, 1], wanted, atol=3e-6 * np.abs(wanted).max())


def test_a_delay_reads_every_line_at_an_earlier_k() -> None:
    scene = replace(ODD, n_coils=1)
    late = replace(scene, delay_samples=1.0)

    on_time, delayed = (encode(each, sample_object(each))[0, 0] for each in (scene, late))

    # a whole sample: the same samples, one later in the line
    np.testing.assert_allclose(delayed[..., 1:], on_time[..., :-1], atol=1e-5)


def test_a_delay_moves_polarities_apart_in_k() -> None:
    scene = replace(ODD, n_coils=1, te_s=(0.004, 0.004 + 1e-9), bipolar=True, delay_samples=1.0)

    forward, backward = encode(scene, sample_object(scene))[:, 0]

    np.testing.assert_allclose(forward[..., 2:], backward[..., :-2], atol=1e-5)


def test_other_sign_conjugates_the_image_and_not_the_kspace() -> None:
    rises, falls = replace(ODD, n_coils=1), replace(ODD, n_coils=1, phase_sign=-1)

    up, down = (encode(each, sample_object(each))[0, 0] for each in (rises, falls))

    # Conjugating an image turns its k-space round: S*(−k); the grid's axes are all odd.
    np.testing.assert_allclose(down, up.conj()[::-1, ::-1, ::-1], atol=1e-5)
    assert not np.allclose(down, up.conj(), atol=1e-2)


@pytest.mark.parametrize("phase_sign", [1, -1])
def test_true_phase_grows_with_the_field_whatever_the_scanner_s_sign(phase_sign: int) -> None:
    scene = replace(ODD, phase_sign=phase_sign, n_coils=1)

    found = truth(scene)

    slope = np.angle(found.echoes[1] * found.echoes[0].conj())[found.mask]
    turns = GAMMA_BAR_HZ_PER_T * 3.0 * found.field_ppm[found.mask] * 1e-6 * (0.011 - 0.004)
    wrapped = np.angle(np.exp(1j * (slope - 2 * np.pi * turns)))
    np.testing.assert_allclose(wrapped, 0, atol=1e-3)
    assert np.ptp(turns) > 0.01


def test_true_magnitude_decays_with_r2_star() -> None:
    found = truth(replace(ODD, n_coils=1))

    ratio = np.abs(found.echoes[1] / np.where(found.mask, found.echoes[0], 1))[found.mask]

    np.testing.assert_allclose(ratio, np.exp(-0.007 * found.r2_star_hz[found.mask]), rtol=1e-3)


def test_a_delay_stays_in_the_truth_only_where_no_polarity_tells_it() -> None:
    scene = replace(ODD, n_coils=1)

    known = truth(scene)
    on_time = known.echoes
    bipolar = truth(replace(scene, bipolar=True, delay_samples=0.5)).echoes
    monopolar = truth(replace(scene, delay_samples=0.5)).echoes

    along_x = np.angle((monopolar / on_time)[:, known.mask])
    np.testing.assert_array_equal(bipolar, on_time)
    # Half a sample of 9: 2π·0.5/9 from voxel to voxel, voxels −3 … 2 of the image.
    assert np.ptp(along_x) == pytest.approx(2 * np.pi * 0.5 / 9 * 5, rel=1e-3)


def test_coil_images_combine_to_the_truth_times_the_sensitivities() -> None:
    scene = replace(ODD, n_coils=3, oversampling=(1.0, 1.0, 1.0))
    axes = (-3, -2, -1)

    kspace = scipy.fft.ifftshift(simulate(scene).kspace, axes=axes)
    images = scipy.fft.fftshift(scipy.fft.ifftn(kspace, axes=axes, norm="ortho"), axes=axes)

    found = truth(scene)
    combined = np.sqrt((np.abs(images) ** 2).sum(axis=1))
    np.testing.assert_allclose(combined, np.abs(found.echoes) * found.coil_rss, atol=3e-6)
    assert 0.3 < combined.max() < 2


def test_lost_lines_are_zero_in_the_truth() -> None:
    scene = replace(ODD, n_coils=1, te_s=(0.004,), dropped=(0, 8))

    spectrum = np.fft.fftshift(
        np.fft.fftn(np.fft.ifftshift(truth(scene).echoes[0]), axes=(0, 1)), axes=(0, 1)
    )

    energy = np.abs(spectrum).sum(axis=-1)
    np.testing.assert_allclose(energy[[0, 1], [0, 1]], 0, atol=1e-4)
    assert (energy > 1e-3).sum() == 5 * 7 - 2


def test_zero_filled_truth_keeps_the_amplitude_and_the_places() -> None:
    coarse = truth(replace(ODD, n_coils=1))
    fine = truth(replace(ODD, n_coils=1, recon_matrix=(15, 21, 18)))

    # Every third voxel of a centred odd enlargement is a voxel of the coarse grid.
    np.testing.assert_allclose(fine.echoes[:, 1::3, 1::3, 0::3], coarse.echoes, atol=2e-6)
    np.testing.assert_allclose(
        fine.affine_lps @ (1, 1, 0, 1), coarse.affine_lps @ (0, 0, 0, 1), atol=1e-9
    )


def test_slices_are_independent_and_averaged_over_their_thickness() -> None:
    scene = replace(ODD, slices=True, gap_mm=5.0, supersampling=2, n_coils=1)
    middle = replace(
        scene,
        matrix=(1, 7, 6),
        centre_lps_mm=tuple(scene.geometry.affine_lps()[:3] @ (3, 3, 3, 1)),
    )

    stack, alone = (encode(each, sample_object(each)) for each in (scene, middle))

    np.testing.assert_allclose(stack[:, :, 3], alone[:, :, 0], atol=1e-5)
    assert scene.geometry.voxel_mm[0] == 29.0


def test_missing_samples_are_missing_in_the_truth() -> None:
    scene = replace(ODD, oversampling=(1.0, 1.0, 1.0), matrix=(5, 7, 9), n_coils=1)

    whole, cut = (truth(replace(scene, skipped_samples=n)).echoes for n in (0, 3))

    def along_k(image: np.ndarray) -> np.ndarray:
        return np.fft.fftshift(np.fft.fft(np.fft.ifftshift(image, axes=-1), axis=-1), axes=-1)

    np.testing.assert_allclose(along_k(cut)[..., :3], 0, atol=1e-5)
    np.testing.assert_allclose(along_k(cut)[..., 3:], along_k(whole)[..., 3:], atol=1e-5)


@pytest.mark.parametrize(
    "change",
    [
        {"phase_sign": 0},
        {"n_coils": 0},
        {"snr": 0.0},
        {"te_s": ()},
        {"oversampling": (1.0, 1.0, 0.5)},
        {"slices": True, "oversampling": (1.2, 1.0, 1.0)},
        {"skipped_samples": 99},
        {"slices": True, "recon_matrix": (10, 7, 6)},
    ],
)
def test_an_impossible_scene_is_refused(
    change: dict[str, int]
    | dict[str, float]
    | dict[str, tuple[()]]
    | dict[str, tuple[float, float, float]]
    | dict[str, tuple[float, float, float] | bool]
    | dict[str, tuple[int, int, int] | bool],
) -> None:
    with pytest.raises(ConfigError):
        replace(ODD, **change)


def test_default_phantom_is_the_head() -> None:
    assert ODD.phantom is HEAD
    assert simulate(ODD).kspace.shape == (2, 2, 5, 7, 9)
