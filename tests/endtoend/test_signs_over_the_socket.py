"""Bleed or calcification: the sign of χ from MRD bytes to the image and to the file."""

from dataclasses import replace

import nibabel
import numpy as np
import pytest
from streamrecon_simulator.phantoms.phantom import SPHERES
from streamrecon_simulator.scene import Orientation, Scene
from wire_images import PHASE, all_places_lps_mm, file_places_lps_mm, of_type, volume
from wire_service import Answer, answer_in_files

from streamrecon.client import Server

# One point of the object in each voxel: the phase of a voxel is that of the field at its centre.
SCENE = Scene(
    "spheres", phantom=SPHERES, matrix=(55, 58, 60), voxel_mm=(3.0, 3.0, 3.0),
    te_s=(0.005, 0.008), n_coils=1, snr=float("inf"), noise_lines=0,
)  # fmt: skip
SLABS = {
    "axial": SCENE,
    "sagittal": replace(SCENE, orientation=Orientation.SAGITTAL, left_handed=True),
    "coronal": replace(SCENE, orientation=Orientation.CORONAL),
    "doubly oblique": replace(SCENE, tilt_deg=(35.0, -25.0)),
}
SCANS = {
    f"{name}, scanner's sign {sign:+d}": replace(scene, phase_sign=sign)
    for name, scene in SLABS.items()
    for sign in (1, -1)
}
BALLS = {
    "paramagnetic": ((-35.0, 0.0, 0.0), 8.0, +1.0),
    "diamagnetic": ((35.0, 0.0, 0.0), 8.0, -1.0),
}
"""Centre (L, P, S) [mm], radius [mm] and χ [ppm], as the scene `spheres` has them."""


@pytest.fixture(scope="module", params=list(SCANS.values()), ids=list(SCANS))
def answer(
    server: Server, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Answer:
    """What came back, and the files of it."""
    return answer_in_files(request.param, server, tmp_path_factory.mktemp("spheres"))


def field_ppm(first: np.ndarray, second: np.ndarray, scene: Scene) -> np.ndarray:
    """Field from the turn of the phase between two echoes, φ = 2π γ̄ B0 ΔB ΔTE."""
    turn = np.angle(np.exp(1j * (second.astype(np.float64) - first)))
    return np.asarray(
        turn / (2 * np.pi * 42.577478518 * scene.b0_t * (scene.te_s[1] - scene.te_s[0]))
    )


def check_the_ball(field: np.ndarray, places_lps_mm: np.ndarray, ball: str) -> None:
    """Field of a ball against the textbook: ⅔χ at its poles, -⅓χ on its equator, none inside."""
    centre, radius, chi = BALLS[ball]
    away = places_lps_mm - np.array(centre)
    distance = np.linalg.norm(away, axis=-1)
    cosine = away[..., 2] / np.maximum(distance, 1e-9)
    near = (distance > radius) & (distance < 1.6 * radius)
    dipole = chi / 3 * (radius / np.maximum(distance, radius)) ** 3 * (3 * cosine**2 - 1)
    poles, equator = near & (np.abs(cosine) > 0.85), near & (np.abs(cosine) < 0.3)

    # the other balls add less than 0.02 ppm here: each is 40 mm away or more
    for where in (poles, equator):
        assert where.sum() > 20
        np.testing.assert_allclose(field[where], dipole[where], atol=0.02)
    assert np.sign(field[poles].mean()) == np.sign(chi)
    assert np.sign(field[equator].mean()) == -np.sign(chi)
    assert abs(field[distance < 0.8 * radius].mean()) < 0.01


@pytest.mark.parametrize("ball", BALLS)
def test_the_field_on_the_wire_has_the_sign_of_the_ball(answer: Answer, ball: str) -> None:
    first, second = (of_type(answer.images, PHASE, echo) for echo in (0, 1))

    field = field_ppm(volume(first), volume(second), answer.scene)

    check_the_ball(field, all_places_lps_mm(first), ball)


@pytest.mark.parametrize("ball", BALLS)
def test_the_field_in_the_file_has_the_sign_of_the_ball(answer: Answer, ball: str) -> None:
    first, second = (
        nibabel.load(answer.folder / f"simulated-gre_echo-{echo}_part-phase_MEGRE.nii.gz")
        for echo in (1, 2)
    )

    field = field_ppm(first.get_fdata(), second.get_fdata(), answer.scene)

    check_the_ball(field, file_places_lps_mm(first), ball)


def test_the_images_say_which_sign_was_taken_off(answer: Answer) -> None:
    told = {image.meta["STREAMRECON_PhaseSign"] for image in answer.images}

    assert told == {(f"{answer.scene.phase_sign:+d} (header)",)}
