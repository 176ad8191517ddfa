from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from narrowing import all_of, as_a
from streamrecon_simulator import Scene
from streamrecon_simulator.lines.coils import correlated_noise, noise_covariance, sensitivity
from streamrecon_simulator.phantoms.phantom import Phantom
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scan import simulate

from streamrecon.mrd.wire.layout import NOISE
from streamrecon.mrd.wire.messages import Acquisitions


def covariance_of(data: np.ndarray) -> np.ndarray:
    """E[n nᴴ] / 2 over lines and samples of [N, C, X]."""
    samples = np.moveaxis(data, 1, 0).reshape(data.shape[1], -1)
    return np.asarray(samples @ samples.conj().T / samples.shape[1] / 2)


def silent(**changes: Any) -> Scene:
    """A scan with nothing in it but noise."""
    scene = SCENES["tiny"]
    phantom = as_a(Phantom, scene.phantom)
    parts = tuple(
        replace(part, tissue=replace(part.tissue, density=1e-9)) for part in phantom.parts
    )
    return replace(scene, phantom=replace(phantom, parts=parts), snr=1e-9, **changes)


def noise_and_lines(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    lines = [m for m in simulate(scene).messages() if isinstance(m, Acquisitions)]
    noise = [m.data for m in lines if m.header["flags"][0] & np.uint64(NOISE)]
    return noise[0], np.concatenate([m.data for m in lines[1:]])


@pytest.mark.parametrize("n_coils", [1, 2, 8, 33])
def test_covariance_is_hermitian_positive_and_of_mean_one(n_coils: int) -> None:
    covariance = noise_covariance(n_coils)

    np.testing.assert_allclose(covariance, covariance.conj().T)
    assert np.linalg.eigvalsh(covariance).min() > 0.2
    assert np.trace(covariance).real == pytest.approx(n_coils)


def test_noise_has_the_covariance_it_is_made_with() -> None:
    wanted = noise_covariance(4)

    noise = correlated_noise(
        np.random.default_rng(0), (400, 4, 256), np.linalg.cholesky(wanted).astype(np.complex64)
    )

    # 1e5 samples: the standard error of a covariance of one is 1/sqrt(2e5) = 0.002; five of them.
    np.testing.assert_allclose(covariance_of(noise), wanted, atol=0.012)


def test_real_and_imaginary_part_carry_the_same_noise() -> None:
    noise = correlated_noise(np.random.default_rng(0), (200, 1, 500), np.ones((1, 1), np.complex64))

    assert noise.real.std() == pytest.approx(1, abs=0.012)
    assert noise.imag.std() == pytest.approx(1, abs=0.012)
    assert np.mean(noise.real * noise.imag) == pytest.approx(0, abs=0.012)


def test_imaging_lines_carry_noise_of_the_scene_s_level_and_covariance() -> None:
    scene = silent(n_coils=3, averages=8)
    level = simulate(scene).noise_level

    _, lines = noise_and_lines(scene)

    assert level == pytest.approx(1)
    # 6.5e4 samples a channel: 0.003 standard error
    np.testing.assert_allclose(covariance_of(lines), noise_covariance(3), atol=0.015)


def test_noise_scan_grows_with_sampling_rate_and_bandwidth() -> None:
    scene = silent(
        n_coils=3,
        noise_lines=256,
        dwell_s=1e-5,
        noise_dwell_s=2.5e-6,
        noise_bandwidth=0.8,
    )

    noise, _ = noise_and_lines(scene)

    np.testing.assert_allclose(covariance_of(noise), noise_covariance(3) * 4 * 0.8, atol=0.05)


def test_no_noise_scan_without_noise() -> None:
    scene = replace(SCENES["tiny"], snr=float("inf"))

    lines = [m for m in simulate(scene).messages() if isinstance(m, Acquisitions)]

    assert not any((m.header["flags"] & np.uint64(NOISE)).any() for m in lines)


def test_messages_can_be_made_twice() -> None:
    simulation = simulate(SCENES["tiny"])

    first, again = list(simulation.messages()), list(simulation.messages())

    last, second = all_of(Acquisitions, (first[-1], again[-1]))
    np.testing.assert_array_equal(last.data, second.data)


def test_noise_only_scan_has_the_level_of_the_scan_it_is_for() -> None:
    scan = simulate(SCENES["head"].__class__("same", n_coils=2, matrix=(2, 4, 4)))
    noise = simulate(replace(scan.scene, noise_only=True))

    lines = [m for m in noise.messages() if isinstance(m, Acquisitions)]

    assert noise.noise_level == scan.noise_level > 0
    assert len(lines) == 1


def test_sensitivities_are_smooth_and_of_rss_one_at_the_isocentre() -> None:
    along = np.linspace(-80, 80, 161)
    points = np.stack([along, 0 * along, 0 * along])

    coils = np.stack([sensitivity(8, coil, points) for coil in range(8)])

    assert np.linalg.norm(coils[:, 80]) == pytest.approx(1, abs=1e-6)
    # A tenth in amplitude over 5 mm is what a loop of 140 mm distance can do at most.
    assert np.abs(np.diff(coils, axis=1)).max() < 0.02
    assert np.abs(np.angle(coils[:, 1:] * coils[:, :-1].conj())).max() < 0.02
    assert np.linalg.norm(coils, axis=0).min() > 0.4


def test_coils_see_different_places() -> None:
    points = np.array([[60.0, -60.0], [0.0, 0.0], [0.0, 0.0]])

    coils = np.abs(np.stack([sensitivity(8, coil, points) for coil in range(8)]))

    assert (coils[:, 0] / coils[:, 1]).max() > 2
    assert (coils[:, 0] / coils[:, 1]).min() < 0.5
