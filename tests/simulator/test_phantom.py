"""Objects of closed forms: their parts, their fields and how they turn."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from streamrecon_simulator.phantoms.anisotropy import Anisotropy, anisotropic_field
from streamrecon_simulator.phantoms.phantom import (
    AIR,
    HEAD,
    SPHERES,
    TISSUE,
    Part,
    Phantom,
    Tissue,
    field_at,
    properties_at,
    sources,
    turned,
)
from streamrecon_simulator.phantoms.shapes import Cylinder, Sphere, contains

from streamrecon.errors import ConfigError

BALL = Sphere((3.0, -2.0, 5.0), 4.0)
FIBRES = Anisotropy(0.02, (1.0, 2.0, -0.5))


def test_inner_part_is_a_step_against_the_part_that_holds_it() -> None:
    inner, outer = Tissue(1.0, 0.0, 0.5), Tissue(1.0, 0.0, -0.2)
    phantom = Phantom(
        (Part(Sphere((0.0, 0.0, 0.0), 20.0), outer), Part(Sphere((5.0, 0.0, 0.0), 5.0), inner)),
        environment=AIR,
    )

    steps = [step for _, step in sources(phantom)]

    np.testing.assert_allclose(steps, [-0.2 - 9.4, 0.5 + 0.2])


def test_no_two_parts_of_the_head_overlap_but_with_the_head_itself() -> None:
    points = np.random.default_rng(5).uniform(-90, 90, (3, 200_000))
    inside_head = contains(HEAD.parts[0].shape, points)

    inner = np.sum([contains(part.shape, points) for part in HEAD.parts[1:]], axis=0)

    assert (inner[inside_head] == 1).sum() > 500
    assert inner[inside_head].max() == 1


def test_background_is_a_solution_of_laplace_in_ppm_per_metre() -> None:
    phantom = Phantom((), background_ppm=(0.5, 1.0, -2.0, 3.0, 4.0))
    points = np.array([[100.0, 0.0, 0.0], [0.0, 100.0, 0.0], [0.0, 0.0, 100.0]])

    found = field_at(phantom, points)

    np.testing.assert_allclose(
        found, [0.5 + 0.1 - 0.04, 0.5 - 0.2 - 0.04, 0.5 + 0.3 + 0.08], rtol=1e-12
    )


def test_without_signal_the_field_is_left_out_unless_asked_for() -> None:
    points = np.array([[0.0, 100.0], [0.0, 0.0], [0.0, 0.0]])

    where_signal = properties_at(HEAD, points)
    everywhere = properties_at(HEAD, points, field_everywhere=True)

    assert where_signal.field_ppm[1] == 0
    assert abs(everywhere.field_ppm[1]) > 0.1
    assert where_signal.field_ppm[0] == everywhere.field_ppm[0] != 0


@pytest.mark.parametrize("chi_ppm", [1.0, -1.0])
def test_phantom_field_has_the_sign_of_chi_on_the_axis(chi_ppm: float) -> None:
    phantom = Phantom(
        (Part(Sphere((0.0, 0.0, 0.0), 5.0), Tissue(1.0, 0.0, chi_ppm)),),
        environment=Tissue(1.0, 0.0, 0.0),
    )

    found = field_at(phantom, np.array([[0.0], [0.0], [10.0]]))

    np.testing.assert_allclose(found, [chi_ppm / 12])


def test_a_part_ends_where_its_host_ends() -> None:
    vein = Part(Cylinder((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), 2.0), Tissue(1.0, 0.0, 0.3))
    phantom = Phantom((Part(Sphere((0.0, 0.0, 0.0), 10.0), Tissue(0.5, 0.0, 0.0)), vein))
    points = np.array([[5.0, 20.0, 5.0], [0.0, 0.0, 5.0], [0.0, 0.0, 0.0]])

    found = properties_at(phantom, points)

    np.testing.assert_allclose(found.density, [1.0, 0.0, 0.5])
    np.testing.assert_allclose(found.chi_ppm, [0.3, 9.4, 0.0])


def test_the_head_is_as_large_as_its_first_part() -> None:
    points = np.random.default_rng(6).uniform(-120, 120, (3, 100_000))

    density = properties_at(HEAD, points).density

    assert (density[~contains(HEAD.parts[0].shape, points)] == 0).all()
    assert (density > 0).sum() > 10_000


def test_a_ball_of_fibres_is_the_dipole_of_its_tensor() -> None:
    at = np.random.default_rng(1).uniform(-20, 20, (3, 200))
    v = np.array(FIBRES.direction) / np.linalg.norm(FIBRES.direction)
    tensor = FIBRES.msa_ppm * (np.outer(v, v) - np.eye(3) / 3)
    moment = tensor[:, 2] * 4 / 3 * np.pi * BALL.radius_mm**3  # χ b, times the volume

    found = anisotropic_field(BALL, FIBRES, at)

    for place, value in zip(at.T, found, strict=True):
        away = place - BALL.centre_mm
        r = np.linalg.norm(away)
        dipole = (3 * (away @ moment) * away[2] / r**5 - moment[2] / r**3) / (4 * np.pi)
        assert value == pytest.approx(dipole if r > BALL.radius_mm else 0.0, abs=1e-12)


def test_an_object_that_is_turned_has_the_field_of_a_turned_b0() -> None:
    rotation = Rotation.from_euler("xy", (25, -15), degrees=True).as_matrix()
    at = np.random.default_rng(2).uniform(-20, 20, (3, 50))
    phantom = Phantom((Part(BALL, TISSUE, FIBRES),), environment=TISSUE)

    found = field_at(turned(phantom, rotation), rotation @ at)

    b = rotation.T @ np.array([0, 0, 1.0])
    np.testing.assert_allclose(
        found, anisotropic_field(BALL, FIBRES, at, (b[0], b[1], b[2])), atol=1e-12
    )


def test_what_cannot_be_turned_is_refused() -> None:
    tube = Part(Cylinder((0.0, 0.0, 0.0), (0.0, 1.0, 0.0), 2.0), TISSUE)

    with pytest.raises(ConfigError, match="found Cylinder"):
        turned(Phantom((*SPHERES.parts, tube)), np.eye(3))
