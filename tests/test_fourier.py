"""The transforms against plain sums, at sizes where a wrong centre shows."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyfftw
import pytest

from streamrecon import fourier


def centred_dft(n: int, sign: int) -> np.ndarray:
    """Matrix of the centred unitary transform, written out."""
    k = np.arange(n) - n // 2
    return np.exp(sign * 2j * np.pi * np.outer(k, k) / n) / np.sqrt(n)


@pytest.mark.parametrize("n", [1, 2, 5, 7, 8, 12, 15])
@pytest.mark.parametrize(("transform", "sign"), [(fourier.fft, -1), (fourier.ifft, +1)])
def test_the_centred_transform_is_the_plain_sum(transform, sign: int, n: int) -> None:
    rng = np.random.default_rng(n)
    data = (rng.normal(size=(3, n)) + 1j * rng.normal(size=(3, n))).astype(np.complex64)

    found = transform(data, (1,))

    np.testing.assert_allclose(found, data @ centred_dft(n, sign), atol=2e-6 * n)
    assert found.dtype == np.complex64


def test_the_inverse_undoes_the_transform_on_odd_anisotropic_grids() -> None:
    rng = np.random.default_rng(1)
    data = (rng.normal(size=(2, 7, 6, 9)) + 1j).astype(np.complex64)

    back = fourier.ifft(fourier.fft(data, (1, 2, 3)), (1, 2, 3))

    np.testing.assert_allclose(back, data, atol=1e-5)


def test_energy_is_kept() -> None:
    rng = np.random.default_rng(2)
    data = rng.normal(size=(9, 10)).astype(np.complex64)

    spectrum = fourier.fft(data, (0, 1))

    assert np.linalg.norm(spectrum) == pytest.approx(np.linalg.norm(data), rel=1e-6)


@pytest.mark.parametrize("shape", [(5, 4, 7), (6, 5, 8)])
def test_a_real_convolution_is_the_cyclic_sum(shape: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(3)
    a, b = rng.normal(size=(2, *shape)).astype(np.float32)

    found = fourier.irfftn(fourier.rfftn(a) * fourier.rfftn(b), shape)

    expected = np.zeros(shape)
    for shift in np.ndindex(shape):
        expected += b[shift] * np.roll(a, shift, axis=(0, 1, 2))
    np.testing.assert_allclose(found, expected, atol=2e-4)


def test_a_plan_in_place_and_one_out_of_place_agree() -> None:
    rng = np.random.default_rng(4)
    block = rng.normal(size=(4, 3, 10)).astype(np.complex64)
    plans = [
        fourier.Plan(block.shape, (2,), inverse=True, in_place=in_place) for in_place in (0, 1)
    ]

    for plan in plans:
        plan.source[...] = block
    first, second = (plan.run() for plan in plans)

    np.testing.assert_allclose(first, second, atol=1e-5)
    np.testing.assert_allclose(first, np.fft.ifft(block, axis=2) * 10, atol=1e-5)


def test_plans_that_a_thread_guesses_transform_the_same() -> None:
    image = np.random.default_rng(3).standard_normal((2, 18, 35)).astype(np.complex64)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(fourier.plan_without_measuring).result()
        guessed = pool.submit(fourier.fft, image, (1, 2)).result()

    np.testing.assert_allclose(guessed, fourier.fft(image, (1, 2)), atol=1e-5)


def test_wisdom_survives_the_disk(tmp_path: Path) -> None:
    fourier.fft(np.ones((6, 6), np.complex64), (0, 1))
    path = tmp_path / "deep" / "wisdom"

    fourier.save_wisdom(path)

    assert fourier.load_wisdom(path)
    assert not fourier.load_wisdom(tmp_path / "absent")


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("shape", [(65, 70, 72), (68, 63, 75)])
def test_a_large_volume_in_slices_is_the_plain_transform(
    shape: tuple[int, int, int], threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamrecon.threads._budget", [threads])
    values = np.random.default_rng(5).normal(size=shape).astype(np.float32)
    pair = fourier.RealPlan(shape, measured=False)
    expected = np.fft.rfftn(values)

    pair.real[...] = values
    spectrum = pair.forward().copy()
    back = pair.inverse().copy() / values.size

    np.testing.assert_allclose(spectrum, expected, atol=2e-6 * np.abs(expected).max())
    np.testing.assert_allclose(back, values, atol=1e-5)


@pytest.mark.parametrize("in_place", [True, False])
@pytest.mark.parametrize("inverse", [True, False])
@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 2), (0, 2), (1,)])
def test_complex_slices_are_the_plain_transform(
    axes: tuple[int, ...], inverse: bool, in_place: bool
) -> None:
    rng = np.random.default_rng(6)
    shape = (67, 66, 65)
    values = (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)
    plan = fourier.Plan(shape, axes, inverse=inverse, in_place=in_place)

    plan.source[...] = values
    found = plan.run()

    plain = np.fft.ifftn(values, axes=axes, norm="forward") if inverse else None
    expected = np.fft.fftn(values, axes=axes) if plain is None else plain
    np.testing.assert_allclose(found, expected, atol=2e-6 * np.abs(expected).max())


def test_no_plan_has_threads_that_wait_by_spinning(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = []
    made = pyfftw.FFTW

    def noted(*arrays: np.ndarray, **options: object) -> object:
        threads.append(options["threads"])
        return made(*arrays, **options)

    monkeypatch.setattr("streamrecon.threads._budget", [4])
    monkeypatch.setattr(pyfftw, "FFTW", noted)
    fourier.RealPlan((70, 68, 72), measured=False).forward()
    fourier.Plan((70, 68, 72), (0, 1, 2), inverse=True).run()
    fourier.Plan((70, 4, 6), (2,), inverse=True, shared=False).run()

    assert set(threads) == {1}
