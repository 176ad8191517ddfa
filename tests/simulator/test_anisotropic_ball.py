"""The simulator's tensor model, against the dipole written out, and turned with its object."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from streamrecon_simulator.phantoms.anisotropy import Anisotropy, anisotropic_field
from streamrecon_simulator.phantoms.phantom import SPHERES, TISSUE, Part, Phantom, field_at, turned
from streamrecon_simulator.phantoms.shapes import Cylinder, Sphere

from streamrecon.errors import ConfigError

BALL = Sphere((3.0, -2.0, 5.0), 4.0)
FIBRES = Anisotropy(0.02, (1.0, 2.0, -0.5))


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
