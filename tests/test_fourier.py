"""The transforms against plain sums, at sizes where a wrong centre shows."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pyfftw
import pytest

from streamrecon import fourier
from streamrecon.machine import fft_plans


def centred_dft(n: int, sign: int) -> np.ndarray:
    """Matrix of the centred unitary transform, written out."""
    k = np.arange(n) - n // 2
    return np.asarray(np.exp(sign * 2j * np.pi * np.outer(k, k) / n) / np.sqrt(n))


@pytest.mark.parametrize("n", [1, 2, 5, 7, 8, 12, 15])
@pytest.mark.parametrize(("transform", "sign"), [(fourier.fft, -1), (fourier.ifft, +1)])
def test_the_centred_transform_is_the_plain_sum(
    transform: Callable[..., np.ndarray], sign: int, n: int
) -> None:
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


def test_a_plan_transforms_and_keeps_its_source() -> None:
    block = np.random.default_rng(4).normal(size=(4, 3, 64)).astype(np.complex64)

    for axis in (1, 2):  # columns that would share cache sets, and rows
        plan = fft_plans.Plan(block.shape, (axis,), inverse=True)
        plan.source[...] = block
        found = plan.run()

        expected = np.fft.ifft(block, axis=axis) * block.shape[axis]
        np.testing.assert_allclose(found, expected, atol=1e-5)
        np.testing.assert_array_equal(plan.source, block)


@pytest.mark.parametrize("channels", [1, 2, 3, 8, 20])
@pytest.mark.parametrize("length", [22, 64, 94, 128, 224, 320])
def test_a_row_is_transformed_the_same_wherever_it_stands(channels: int, length: int) -> None:
    # as many rows as the transform of lines takes at once, for it is what must not depend on place
    plan = fft_plans.Plan(((1 << 16) // (channels * length), channels, length), (2,), inverse=True)
    plan.source[...] = np.random.default_rng(3).normal(size=(channels, length))

    found = plan.run()

    assert (found == found[0]).all()


SAME_PLANS = """
import hashlib, sys
import numpy as np
from streamrecon.machine.fft_plans import Plan
from streamrecon.fourier import fft, rfftn
from streamrecon.machine.threads import set_budget
set_budget(int(sys.argv[1]))
image = np.random.default_rng(1).normal(size=(70, 68, 64)).astype(np.complex64)
parts = [fft(image, (0, 1, 2)), fft(image, (1,)), rfftn(image.real.copy())]
print([hashlib.sha256(part.tobytes()).hexdigest() for part in parts])
"""


def test_other_processes_and_threads_round_alike() -> None:
    found = {
        subprocess.run(
            [sys.executable, "-c", SAME_PLANS, threads], capture_output=True, text=True, check=True
        ).stdout
        for threads in ("1", "1", "2", "3")
    }

    assert len(found) == 1


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("shape", [(65, 70, 72), (68, 63, 75)])
def test_a_large_volume_in_slices_is_the_plain_transform(
    shape: tuple[int, int, int], threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamrecon.machine.threads._budget", [threads])
    values = np.random.default_rng(5).normal(size=shape).astype(np.float32)
    pair = fft_plans.RealPlan(shape)
    expected = np.fft.rfftn(values)

    pair.real[...] = values
    spectrum = pair.forward().copy()
    back = pair.inverse().copy() / values.size

    np.testing.assert_allclose(spectrum, expected, atol=2e-6 * np.abs(expected).max())
    np.testing.assert_allclose(back, values, atol=1e-5)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("shape", [(5, 7, 9), (70, 64, 63), (64, 70, 66)])
def test_plans_in_turn_transform_as_if_each_had_its_own_memory(
    shape: tuple[int, ...], threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("streamrecon.machine.threads._budget", [threads])
    values = np.random.default_rng(6).normal(size=(2, *shape)).astype(np.float32)
    first, second = fft_plans.plans_in_turn(shape)

    first.real[...], second.real[...] = values
    spectra = first.forward().copy(), second.forward().copy()
    backs = second.inverse() / second.real.size, first.inverse() / first.real.size

    for spectrum, back, wanted in zip(spectra, backs[::-1], values, strict=True):
        expected = np.fft.rfftn(wanted)
        np.testing.assert_allclose(spectrum, expected, atol=2e-6 * np.abs(expected).max())
        np.testing.assert_allclose(back, wanted, atol=1e-5)


@pytest.mark.parametrize("inverse", [True, False])
@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 2), (0, 2), (1,)])
def test_complex_slices_are_the_plain_transform(axes: tuple[int, ...], inverse: bool) -> None:
    rng = np.random.default_rng(6)
    shape = (67, 66, 65)
    values = (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)
    plan = fft_plans.Plan(shape, axes, inverse=inverse)

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

    monkeypatch.setattr("streamrecon.machine.threads._budget", [4])
    monkeypatch.setattr(pyfftw, "FFTW", noted)
    fft_plans.RealPlan((70, 68, 72)).forward()
    fft_plans.Plan((70, 68, 72), (0, 1, 2), inverse=True).run()
    fft_plans.Plan((70, 4, 6), (2,), inverse=True, shared=False).run()

    assert set(threads) == {1}


@pytest.mark.parametrize("shape", [(160, 160, 160), (160, 176, 176), (126, 70, 90), (320, 300, 98)])
def test_volumes_of_maps_are_transformed_in_vector_units(
    shape: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """All shapes that `padded_shape` has are even; unaligned slices take twice the time."""
    flags: list[str] = []
    made = pyfftw.FFTW

    def noted(*arrays: np.ndarray, **options: Any) -> object:
        flags.extend(options["flags"])
        return made(*arrays, **options)

    monkeypatch.setattr(pyfftw, "FFTW", noted)
    first, second = fft_plans.plans_in_turn(shape)

    for plan in (first, second):
        plan.real[...] = 0
        plan.real[1, 2, 3] = 1
    first.forward(), second.forward(), second.inverse(), first.inverse()

    assert "FFTW_UNALIGNED" not in flags
    for plan in (first, second):
        assert plan.real[1, 2, 3] == pytest.approx(np.prod(shape), rel=1e-5)
