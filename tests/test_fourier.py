"""The transforms against plain sums, at sizes where a wrong centre shows."""

import subprocess
import sys

import numpy as np
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


def test_a_plan_transforms_and_keeps_its_source() -> None:
    block = np.random.default_rng(4).normal(size=(4, 3, 64)).astype(np.complex64)

    for axis in (1, 2):  # columns that would share cache sets, and rows
        plan = fourier.Plan(block.shape, (axis,), inverse=True)
        plan.source[...] = block
        found = plan.run()

        expected = np.fft.ifft(block, axis=axis) * block.shape[axis]
        np.testing.assert_allclose(found, expected, atol=1e-5)
        np.testing.assert_array_equal(plan.source, block)


@pytest.mark.parametrize("channels", [1, 2, 3, 8, 20])
@pytest.mark.parametrize("length", [22, 64, 94, 128, 224, 320])
def test_a_row_is_transformed_the_same_wherever_it_stands(channels: int, length: int) -> None:
    # as many rows as the transform of lines takes at once, for it is what must not depend on place
    plan = fourier.Plan(((1 << 16) // (channels * length), channels, length), (2,), inverse=True)
    plan.source[...] = np.random.default_rng(3).normal(size=(channels, length))

    found = plan.run()

    assert (found == found[0]).all()


SAME_PLANS = """
import hashlib, sys
import numpy as np
from streamrecon.fourier import Plan, fft, rfftn
from streamrecon.threads import set_budget
set_budget(int(sys.argv[1]))
image = np.random.default_rng(1).normal(size=(16, 48, 64)).astype(np.complex64)
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
