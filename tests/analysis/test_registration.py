"""A rigid motion that is known is found, on grids that are oblique, anisotropic and left-handed."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from narrowing import given
from streamrecon_simulator.images import noisy_images
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.truth import receive, truth
from streamrecon_simulator.whole_head.head import WholeHead

from streamrecon.analysis.positions import registration
from streamrecon.analysis.positions.likeness import doubts
from streamrecon.analysis.positions.registration import (
    move_labels,
    register,
    registration_image,
    resample,
)
from streamrecon.errors import ConfigError
from streamrecon.model.geometry import Geometry

BLOBS = np.random.default_rng(5).uniform(-26, 26, (60, 3))
SIZES = np.random.default_rng(6).uniform(3.0, 7.0, 60)
HEIGHTS = np.random.default_rng(7).uniform(-0.5, 0.5, 60)
MOVED_MM = np.array([2.0, -1.5, 1.7])  # 3 mm


def turn(degrees: float, axis: tuple[float, float, float] = (1.0, 2.0, -0.5)) -> np.ndarray:
    """Rotation about an axis, by Rodrigues' formula."""
    x, y, z = np.array(axis) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = math.radians(degrees)
    return np.asarray(np.eye(3) + math.sin(angle) * cross + (1 - math.cos(angle)) * cross @ cross)


def places(grid: Geometry) -> np.ndarray:
    """Position of each voxel (L, P, S) [Z, Y, X, 3]."""
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    affine = grid.affine_lps()
    return index @ affine[:3, :3].T + affine[:3, 3]


def head(at: np.ndarray, blobs: np.ndarray = BLOBS, sizes: np.ndarray = SIZES) -> np.ndarray:
    """An egg of magnitude 1 with smooth blobs in it, at places in the head's own frame."""
    egg = (at / (30.0, 36.0, 28.0)) ** 2
    image = np.ones(at.shape[:-1])
    for centre, size, height in zip(blobs, sizes, HEIGHTS, strict=True):
        image += height * np.exp(-((at - centre) ** 2).sum(-1) / (2 * size**2))
    return np.where(egg.sum(-1) < 1, image, 0).astype(np.float32)


FIRST = Geometry((41, 56, 48), (1.5, 1.4, 1.4), turn(9.0) @ np.eye(3)[::-1], (1.0, 2.0, -3.0))
FLIPPED = np.diag([-1.0, 1, 1]) @ np.eye(3)[::-1]
SECOND = Geometry((33, 57, 51), (2.0, 1.4, 1.3), FLIPPED, (0.0, -1.0, 2.0))
ROTATION = turn(5.0)


def second_head() -> np.ndarray:
    """The head after it has moved: a place p of it now lies at ROTATION p + MOVED_MM."""
    return head((places(SECOND) - MOVED_MM) @ ROTATION)


def test_five_degrees_and_three_millimetres_are_found() -> None:
    first = head(places(FIRST))
    noise = np.random.default_rng(0).normal(0, 0.03, SECOND.shape).astype(np.float32)

    motion = register(first, first > 0, FIRST, second_head() + noise, SECOND)

    error = motion.matrix[:3, :3] @ ROTATION.T
    assert math.degrees(math.acos(min(1, (np.trace(error) - 1) / 2))) < 0.3
    corners = np.array([[20.0, 20, 15], [-20, 10, -15], [0, -30, 5]])
    away = corners @ (motion.matrix[:3, :3] - ROTATION).T + motion.matrix[:3, 3] - MOVED_MM
    assert np.abs(away).max() < 0.15  # a tenth of a voxel
    assert motion.likeness > 0.9
    assert math.degrees(motion.angle_rad) == pytest.approx(5.0, abs=0.3)
    assert motion.shift_mm(np.zeros(3)) == pytest.approx(3.0, abs=0.15)


def test_a_scan_that_covers_less_is_as_much_alike_where_it_is() -> None:
    first, second = head(places(FIRST)), second_head()
    second[: SECOND.shape[0] // 3] = 0  # a slab that ends within the head

    motion = register(first, first > 0, FIRST, second, SECOND)

    assert motion.likeness > 0.95  # 0.71 when what the second does not have counted as 0
    covered = (second != 0).sum() / (second_head() != 0).sum()
    assert motion.common == pytest.approx(covered, abs=0.03)


def test_noise_and_thick_slices_do_not_make_one_head_two() -> None:
    first, second = head(places(FIRST)), second_head()
    noise = np.random.default_rng(2).normal(0, 0.1, SECOND.shape).astype(np.float32)
    pairs = np.where(second > 0, second + noise, 0)[:32].reshape(16, 2, 57, 51)
    grid = replace(SECOND, shape=(16, 57, 51), voxel_mm=(4.0, 1.4, 1.3))

    motion = register(first, first > 0, FIRST, pairs.mean(axis=1, dtype=np.float32), grid)

    assert motion.doubts == []


FOLDS = 0.6 * SIZES  # as fine as a brain's
UNLIKE = {
    "another head": np.random.default_rng(15).uniform(-26, 26, (60, 3)),
    "turned by half about z": BLOBS * (-1, -1, 1),
    "turned by half about y": BLOBS * (-1, 1, -1),
    "turned by half about x": BLOBS * (1, -1, -1),
    "mirrored": BLOBS * (-1, 1, 1),
}


@pytest.mark.parametrize("blobs", UNLIKE.values(), ids=UNLIKE.keys())
def test_what_has_the_same_outline_alone_is_doubted(blobs: np.ndarray) -> None:
    first = head(places(FIRST), sizes=FOLDS)
    second = head((places(SECOND) - MOVED_MM) @ ROTATION, blobs, FOLDS)

    motion = register(first, first > 0, FIRST, second, SECOND)

    assert motion.common > 0.7
    assert len(motion.doubts) == 1
    assert f"alike by {motion.likeness:.2f} alone" in motion.doubts[0]


def test_little_in_common_is_doubted() -> None:
    assert doubts(0.9, 0.6) == []
    assert doubts(0.9, 0.4) == ["has 40% of the first scan's mask alone"]


@pytest.mark.long
def test_two_patients_are_told_from_one() -> None:
    """Whole heads of the simulator: their folds and veins differ, their outlines hardly."""
    first, alike, other = (
        whole_head(41, (49, 67, 57), (3.5, 2.8, 3.0), 0.0),
        whole_head(41, (55, 61, 69), (3.1, 3.1, 2.5), 15.0),
        whole_head(44, (55, 61, 69), (3.1, 3.1, 2.5), 15.0),
    )

    same, unlike = (register(first[0], first[0] != 0, first[1], *each) for each in (alike, other))

    assert same.doubts == []
    assert "another head" in unlike.doubts[0]


def whole_head(
    anatomy: int, shape: tuple[int, int, int], voxel_mm: tuple[float, float, float], tilt: float
) -> tuple[np.ndarray, Geometry]:
    """Registration image of a head with noise, and its grid."""
    scene = replace(
        SCENES["whole-head"],
        phantom=WholeHead(anatomy=anatomy, grain_mm=2.0),
        matrix=shape,
        voxel_mm=voxel_mm,
        tilt_deg=(tilt, -7.0),
        te_s=(0.008,),
        seed=anatomy,
    )
    known = truth(scene)
    brain = given(known.brain)
    echo = np.abs(noisy_images(scene, known, receive(scene))[0])
    chi = np.where(brain, known.chi_ppm, 0)
    return registration_image(echo, chi, brain, scene.geometry), scene.geometry


def test_the_same_images_give_the_same_motion_twice() -> None:
    first, second = head(places(FIRST)), second_head()

    one, two = (register(first, first > 0, FIRST, second, SECOND) for _ in range(2))

    assert np.allclose(one.matrix, two.matrix, rtol=0, atol=1e-5)  # mm; threads add in any order


def nearly_a_ball(at: np.ndarray) -> np.ndarray:
    """Small balls of any brightness in a large one, at places in the head's own frame."""
    random = np.random.default_rng(7)
    image = np.where(np.linalg.norm(at, axis=-1) < 34, 0.8, 0.0)
    for centre, size, value in zip(
        random.uniform(-19, 19, (16, 3)),
        random.uniform(2.5, 5, 16),
        random.uniform(0.4, 1.2, 16),
        strict=True,
    ):
        image = np.where(np.linalg.norm(at - centre, axis=-1) < size, value, image)
    return image.astype(np.float32)


@pytest.mark.parametrize("degrees", [25.0, -25.0])
def test_a_head_that_is_nearly_a_ball_is_found_at_the_tilt_of_a_neck(degrees: float) -> None:
    grid = Geometry((37, 39, 37), (2.0, 2.0, 2.0), np.eye(3)[::-1])
    first, rotation = nearly_a_ball(places(grid)), turn(degrees, (1.0, 0.0, 0.0))

    motion = register(first, first > 0, grid, nearly_a_ball(places(grid) @ rotation), grid)

    error = motion.matrix[:3, :3] @ rotation.T
    assert math.degrees(math.acos(min(1, (np.trace(error) - 1) / 2))) < 1.5  # of voxels of 2 mm


def test_labels_land_where_their_places_moved_to() -> None:
    ball = np.array([8.0, -10.0, 5.0])
    numbers = np.where(((places(FIRST) - ball) ** 2).sum(-1) < 7.0**2, 5, 0).astype(np.int32)
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = ROTATION, MOVED_MM

    moved = move_labels(numbers, FIRST, registration.Motion(matrix, 1.0), SECOND)

    centre = places(SECOND)[moved == 5].mean(axis=0)
    assert np.abs(centre - (ROTATION @ ball + MOVED_MM)).max() < 0.2  # a seventh of a voxel
    volume = (moved == 5).sum() * np.prod(SECOND.voxel_mm)
    assert volume == pytest.approx(4 / 3 * np.pi * 7.0**3, rel=0.01)


def test_a_grid_onto_itself_changes_nothing() -> None:
    image = head(places(FIRST))

    assert np.allclose(resample(image, FIRST, FIRST, np.eye(4)), image, atol=1e-6)


def test_the_registration_image_forgets_the_coils_and_shows_iron() -> None:
    image = head(places(FIRST)) * 400
    mask = image > 0
    shading = np.exp(places(FIRST)[..., 0] / 60).astype(np.float32)
    chi = np.zeros(FIRST.shape, np.float32)
    chi[15:20, 20:25, 20:25] = 0.2

    plain = registration_image(
        np.where(mask, 400, 0).astype(np.float32) * shading, chi, mask, FIRST
    )

    middle = plain[18, 27, 10:38]
    assert np.ptp(middle) < 0.2  # of shading by a factor of 1.9
    assert plain[17, 22, 22] - plain[17, 30, 22] == pytest.approx(-0.32, abs=0.05)
    assert not plain[~mask].any()


def test_without_simpleitk_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registration, "_itk", None)
    first = head(places(FIRST))

    with pytest.raises(ConfigError, match=r"streamrecon\[analysis\]"):
        register(first, first > 0, FIRST, first, replace(FIRST))
