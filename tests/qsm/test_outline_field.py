"""The sign of the phase from the object's outline: two balls of water in air have a closed form."""

from dataclasses import replace

import numpy as np
import pytest
from streamrecon_simulator.images import noisy_images
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.truth import receive, truth
from streamrecon_simulator.whole_head.head import WholeHead

from streamrecon.errors import ReconError
from streamrecon.model.geometry import Geometry
from streamrecon.qsm.outline.field import OutlineCheck, check_outline
from streamrecon.units import hz_per_ppm

B0_T = 3.0
WATER_IN_AIR_PPM = -9.41
VOXEL_MM = (4.0, 3.0, 3.5)
SHAPE = (45, 62, 51)


def grid_tilted(degrees: float, *, left_handed: bool = False) -> Geometry:
    """A slab turned about x; the y axis reversed where it is to be left-handed."""
    turn = np.deg2rad(degrees)
    z = np.array([0, -np.sin(turn), np.cos(turn)])
    y = np.array([0, np.cos(turn), np.sin(turn)])
    return Geometry(SHAPE, VOXEL_MM, np.stack([z, -y if left_handed else y, [1.0, 0, 0]]))


def two_balls(grid: Geometry, te_s: tuple[float, ...], *, sign: int, snr: float = 40) -> np.ndarray:
    """Echoes of two balls side by side, each in the dipole field of the other, and noise."""
    index = np.stack(np.meshgrid(*(np.arange(n) - n // 2 for n in SHAPE), indexing="ij"), -1)
    place = (index * VOXEL_MM) @ grid.axes_lps  # (L, P, S) [mm]
    field = np.zeros(SHAPE)
    signal = np.zeros(SHAPE)
    for centre, radius in (((0.0, -38.0, 6.0), 46.0), ((22.0, 48.0, 0.0), 34.0)):
        away = place - centre
        r = np.linalg.norm(away, axis=-1)
        outside = r > radius
        cosine = away[..., 2] / np.maximum(r, 1e-9)
        dipole = (radius / np.maximum(r, radius)) ** 3 * (3 * cosine**2 - 1) / 3
        field += outside * WATER_IN_AIR_PPM * dipole
        signal += ~outside
    times = np.array(te_s)[:, None, None, None]
    echoes = signal * np.exp(sign * 2j * np.pi * hz_per_ppm(B0_T) * field * times)
    noise = np.random.default_rng(2).normal(0, 1 / snr, (2, *echoes.shape))
    return np.asarray((echoes + noise[0] + 1j * noise[1]).astype(np.complex64))


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("degrees", [0, 35, 90])
@pytest.mark.parametrize("left_handed", [False, True], ids=["right", "left-handed"])
def test_two_balls_in_air_tell_the_sign(sign: int, degrees: float, left_handed: bool) -> None:
    grid = grid_tilted(degrees, left_handed=left_handed)

    found = check_outline(two_balls(grid, (0.004, 0.0065), sign=sign), (0.004, 0.0065), B0_T, grid)

    assert found.sign == sign
    assert sum(r is not None and sign * r > 0.5 for r in found.correlation) >= 2


def test_one_echo_is_enough_where_no_coil_adds_to_its_phase() -> None:
    grid = grid_tilted(20)

    assert check_outline(two_balls(grid, (0.003,), sign=-1), (0.003,), B0_T, grid).sign == -1


@pytest.mark.parametrize("sign", [1, -1])
def test_a_thin_slab_stays_undecided(sign: int) -> None:
    grid = grid_tilted(0)
    slab = Geometry((7, *SHAPE[1:]), VOXEL_MM, grid.axes_lps)
    echoes = two_balls(grid, (0.004, 0.0065), sign=sign)[:, 19:26]

    assert check_outline(echoes, (0.004, 0.0065), B0_T, slab).sign == 0


@pytest.mark.parametrize("height_mm", [36.0, 40.0, 44.0])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_slab_below_the_top_of_a_head_does_not_tell_the_wrong_sign(
    height_mm: float, sign: int
) -> None:
    """What lies beyond it, dome and sinuses, turns the gradients in it round."""
    scene = replace(
        SCENES["whole-head"], phantom=WholeHead(16, grain_mm=3.0), matrix=(20, 92, 76),
        voxel_mm=(2.8, 2.4, 2.4), centre_lps_mm=(0.0, -4.0, height_mm), te_s=(0.005, 0.012),
        n_coils=1, snr=50.0, supersampling=1,
    )  # fmt: skip
    echoes = noisy_images(scene, truth(scene), receive(scene))

    found = check_outline(
        echoes if sign > 0 else echoes.conj(), scene.te_s, scene.b0_t, scene.geometry
    )

    assert found.sign == 0
    assert "40 mm from where the field of view cuts it" in str(found)


@pytest.mark.parametrize(
    ("shape", "half_mm", "turn_rad", "why"),
    [
        (
            (6, 9, 8),
            (99, 99, 99),
            0.0,
            "too little of the object lies 40 mm from where the field of view cuts it",
        ),
        ((18, 26, 24), (8, 26, 26), 0.0, "too little of the object lies 15 mm below its surface"),
        ((18, 26, 24), (25, 33, 33), 9.0, "the phase turns too fast to be averaged over 12 mm"),
    ],
    ids=["crop", "plate", "turning"],
)
def test_where_no_axis_can_be_judged_it_says_why(
    shape: tuple[int, int, int], half_mm: tuple[float, float, float], turn_rad: float, why: str
) -> None:
    grid = Geometry(shape, VOXEL_MM, np.eye(3)[::-1])
    index = np.stack(np.meshgrid(*(np.arange(n) - n // 2 for n in shape), indexing="ij"), -1)
    inside = (abs(index * VOXEL_MM) < half_mm).all(-1)
    random = np.random.default_rng(4)
    noise = random.normal(0, 0.02, (2, 2, *shape))
    turns = np.exp(1j * turn_rad * random.random((2, *shape)))

    echoes = inside * turns + noise[0] + 1j * noise[1]
    found = check_outline(echoes, (0.004, 0.006), B0_T, grid)

    assert found.correlation == (None, None, None)
    assert str(found).startswith(f"judged along no axis: {why}")


def test_an_axis_that_cannot_be_judged_is_named() -> None:
    assert str(OutlineCheck((0.61, None, 0.7), 1)) == "r = +0.61, +0.70 along z, x; y not judged"


def test_noise_alone_stays_undecided() -> None:
    noise = np.random.default_rng(3).normal(size=(2, 2, *SHAPE))

    found = check_outline(noise[0] + 1j * noise[1], (0.004, 0.006), B0_T, grid_tilted(0))

    assert found.sign == 0


def test_an_echo_without_a_time_is_refused() -> None:
    with pytest.raises(ReconError, match="found 1 echo times for 2 images"):
        check_outline(np.ones((2, *SHAPE), np.complex64), (0.004,), B0_T, grid_tilted(0))
