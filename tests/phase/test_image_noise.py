"""Noise of images: found where it is, whatever was done to the air."""

import numpy as np
import pytest

from streamrecon.errors import ReconError
from streamrecon.phase.image_noise import NoiseSource, measure_noise

SHAPE = (23, 30, 27)
SD = 4.0


def textured_head(*, sd: float = SD, echoes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """A ball of varying brightness, phase ramps of a shimmed head in it, noise everywhere."""
    z, y, x = np.meshgrid(*(np.arange(n) - n // 2 for n in SHAPE), indexing="ij", sparse=True)
    head = (z / 9) ** 2 + (y / 12) ** 2 + (x / 11) ** 2 < 1
    bright = head * (100 + 15 * np.sin(z / 3) * np.cos(y / 4) + 10 * np.sin(x / 2.5))
    phase = 0.25 * x - 0.2 * y + 0.1 * z
    rng = np.random.default_rng(3)
    noise = rng.normal(0, sd, (2, echoes, *SHAPE))
    decay = np.exp(-0.3 * np.arange(echoes))[:, None, None, None]
    turns = np.exp(1j * phase * np.arange(1, echoes + 1)[:, None, None, None])
    return bright * decay * turns + noise[0] + 1j * noise[1], head


def test_plain_air_gives_the_noise_that_was_added() -> None:
    echoes, head = textured_head()

    found = measure_noise(echoes, head)

    assert found.source is NoiseSource.AIR
    assert found.sd == pytest.approx(SD, rel=0.05)  # some 10,000 voxels of air
    assert found.notices == ()


def test_echoes_of_unequal_noise_give_their_root_mean_square_and_say_so() -> None:
    echoes, head = textured_head(sd=0.0)
    rng = np.random.default_rng(8)
    sds = np.array([SD, 0.75 * SD, 0.5 * SD])
    noise = sds[:, None, None, None] * rng.standard_normal((2, *echoes.shape))

    found = measure_noise(echoes + noise[0] + 1j * noise[1], head)

    assert found.source is NoiseSource.AIR
    assert found.sd == pytest.approx(np.sqrt(np.mean(sds**2)), rel=0.05)
    (told,) = found.notices
    assert told.startswith("noise differs from echo to echo, ")


def test_ghosts_of_one_echo_are_no_unequal_noise() -> None:
    echoes, head = textured_head()
    echoes[0] += np.where(head, 0, 0.3 * np.roll(echoes[0], 13, axis=1))

    found = measure_noise(echoes, head)

    assert found.sd == pytest.approx(SD, rel=0.05)
    assert found.notices == ()


@pytest.mark.parametrize("sd", [1.0, SD, 12.0])
@pytest.mark.parametrize("scale", [0.0, 0.05], ids=["stripped", "filtered"])
def test_air_that_was_taken_away_leaves_the_noise_of_the_object(sd: float, scale: float) -> None:
    echoes, head = textured_head(sd=sd)

    found = measure_noise(np.where(head, echoes, scale * echoes), head)

    assert found.source is NoiseSource.OBJECT
    # the texture of the last, darkest echo is what the tightest of these still sees
    assert found.sd == pytest.approx(sd, rel=0.2)
    assert len(found.notices) == 1


def test_ghosts_in_the_air_are_no_noise() -> None:
    echoes, head = textured_head()

    found = measure_noise(echoes + np.where(head, 0, 0.3 * np.roll(echoes, 13, axis=2)), head)

    assert found.sd == pytest.approx(SD, rel=0.2)


@pytest.mark.parametrize("stripped", [False, True])
@pytest.mark.parametrize("shape", [(60, 64, 62), (1, 190, 185)], ids=["volume", "slice"])
def test_a_rough_scalp_that_is_most_of_a_head_is_no_noise(
    shape: tuple[int, int, int], stripped: bool
) -> None:
    """It had made the noise of whole heads four times too large, and their air "filtered"."""
    middle = np.reshape([n // 2 for n in shape], (3, 1, 1, 1))
    away = np.linalg.norm(np.indices(shape) - middle, axis=0) / (shape[1] / 2)
    head, brain = away < 0.9, away < 0.62
    rng = np.random.default_rng(5)
    bright = np.where(brain, 100, 200 * rng.random(shape)) * head
    noise = rng.normal(0, SD, (2, 2, *shape))
    echoes = bright + noise[0] + 1j * noise[1]

    found = measure_noise(np.where(head, echoes, 0) if stripped else echoes, head)

    assert found.source is (NoiseSource.OBJECT if stripped else NoiseSource.AIR)
    assert found.sd == pytest.approx(SD, rel=0.15)


@pytest.mark.parametrize("given", ["head", "brain"])
def test_ringing_of_the_scalp_and_the_scalp_itself_are_no_noise_of_air(given: str) -> None:
    """They had made the noise of whole heads 1.3 and, by the brain alone, 1.6 times too large."""
    shape = (56, 64, 60)
    middle = np.reshape([n // 2 for n in shape], (3, 1, 1, 1))
    away = np.linalg.norm(np.indices(shape) - middle, axis=0) / (shape[1] / 2)
    head, brain = away < 0.8, away < 0.55
    rng = np.random.default_rng(6)
    ringing = 2 * SD * np.exp(-(away - 0.8) / 0.25) * np.cos(3.0 * np.indices(shape)[1])
    bright = np.where(brain, 100, 200 * rng.random(shape))
    noise = rng.normal(0, SD, (2, 4, *shape))
    echoes = np.where(head, bright, ringing) + noise[0] + 1j * noise[1]

    found = measure_noise(echoes, {"head": head, "brain": brain}[given])

    assert found.source is NoiseSource.AIR
    assert found.sd == pytest.approx(SD, rel=0.06)


@pytest.mark.parametrize("filtered", ["magnitude", "phase"])
def test_of_magnitude_and_phase_the_one_that_was_not_filtered_has_the_noise(filtered: str) -> None:
    shape = (48, 50, 52)
    rng = np.random.default_rng(7)
    noise = rng.normal(0, SD, (2, 1, *shape))
    noisy = 100 + noise[0] + 1j * noise[1]
    head = np.ones(shape, bool)

    found = measure_noise(100 * noisy / abs(noisy) if filtered == "magnitude" else abs(noisy), head)

    assert found.source is NoiseSource.OBJECT
    assert found.sd == pytest.approx(SD, rel=0.15)


def test_noise_that_differs_over_the_air_is_told() -> None:
    shape = (64, 66, 68)
    middle = np.reshape([n // 2 for n in shape], (3, 1, 1, 1))
    head = np.linalg.norm(np.indices(shape) - middle, axis=0) < 22
    rng = np.random.default_rng(8)
    sd = SD * np.linspace(0.7, 1.3, shape[2])
    noise = rng.normal(0, 1, (2, 1, *shape)) * sd

    found = measure_noise(100 * head + noise[0] + 1j * noise[1], head)

    assert found.source is NoiseSource.AIR
    assert found.sd == pytest.approx(SD, rel=0.3)
    (told,) = found.notices
    assert told.startswith("noise differs over the air: half of it has ")


@pytest.mark.parametrize("nothing", [0, np.nan, np.inf])
def test_voxels_without_a_value_say_nothing(nothing: float) -> None:
    echoes, head = textured_head()
    echoes[:, 11:, 12, 13] = nothing
    echoes[0, :, :4] = nothing

    assert measure_noise(echoes, head).sd == pytest.approx(SD, rel=0.05)


def test_one_slice_is_enough() -> None:
    echoes, head = textured_head()

    found = measure_noise(np.where(head, echoes, 0)[:, 11:12], head[11:12])

    assert found.sd == pytest.approx(SD, rel=0.2)


def test_nothing_to_measure_in_is_refused() -> None:
    with pytest.raises(ReconError, match="noise: found 0 voxels of object and 27000 of air"):
        measure_noise(np.zeros((1, 30, 30, 30), np.complex64), np.zeros((30, 30, 30), bool))
