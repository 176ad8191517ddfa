"""The hanging of slices: where the patient's sides come to lie."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from streamrecon.model.geometry import Geometry
from streamrecon.output.preview.planes import View, planes_of

_AXIAL = np.eye(3)[::-1]  # z up to S, y to P, x to L
_SAGITTAL = np.array([[1.0, 0, 0], [0, 0, -1.0], [0, 1.0, 0]])  # z to L, y to I, x to P
_SLIGHT = Rotation.from_euler("zyx", [14, -9, 11], degrees=True).as_matrix()
_MIRROR = np.diag([1.0, -1.0, 1.0])


def ball_at(geometry: Geometry, lps_mm: tuple[float, float, float]) -> np.ndarray:
    """Closed form: ones within 14 mm of a point, everywhere else zero."""
    index = np.indices(geometry.shape).reshape(3, -1)
    place = (geometry.affine_lps() @ np.vstack([index, np.ones(index.shape[1])]))[:3]
    near = np.linalg.norm(place - np.array(lps_mm)[:, None], axis=0) < 14
    return np.asarray(near.reshape(geometry.shape).astype(np.float32))


def quarter(pixels: np.ndarray) -> str:
    """Which quarter of a picture holds the bright spot."""
    row, column = np.argwhere(pixels > 0).mean(axis=0) / pixels.shape
    return ("top" if row < 0.5 else "bottom") + (" left" if column < 0.5 else " right")


@pytest.mark.parametrize("axes", [_AXIAL, _SAGITTAL], ids=["axial", "sagittal"])
@pytest.mark.parametrize("mirror", [np.eye(3), _MIRROR], ids=["given", "mirrored"])
@pytest.mark.parametrize("tilt", [np.eye(3), _SLIGHT], ids=["straight", "oblique"])
@pytest.mark.parametrize(
    ("name", "lps_mm", "where"),
    [
        ("axial", (-20.0, -20.0, 0.0), "top left"),  # right and anterior
        ("axial", (20.0, 20.0, 0.0), "bottom right"),
        ("coronal", (-20.0, 0.0, 20.0), "top left"),  # right and superior
        ("sagittal", (0.0, -20.0, -20.0), "bottom left"),  # anterior and inferior
    ],
)
def test_right_and_anterior_hang_on_the_left_and_the_head_on_top(
    axes: np.ndarray,
    mirror: np.ndarray,
    tilt: np.ndarray,
    name: str,
    lps_mm: tuple[float, float, float],
    where: str,
) -> None:
    geometry = Geometry((31, 40, 29), (2.5, 2.0, 2.6), mirror @ axes @ tilt)

    planes = {p.name: p for p in planes_of(ball_at(geometry, lps_mm), geometry, View())}

    assert quarter(planes[name].pixels) == where


def test_a_pixel_has_the_size_of_its_voxel_on_each_side() -> None:
    geometry = Geometry((31, 40, 29), (2.5, 2.0, 2.6), _SAGITTAL)  # z to L, y to I, x to P

    planes = {p.name: p for p in planes_of(np.zeros(geometry.shape, np.float32), geometry, View())}

    assert planes["axial"].pixel_mm == (2.6, 2.5)
    assert planes["coronal"].pixel_mm == (2.0, 2.5)
    assert planes["sagittal"].pixel_mm == (2.0, 2.6)
    assert planes["sagittal"].pixels.shape == (40, 29)


def test_a_thin_stack_is_shown_in_its_own_plane_only() -> None:
    geometry = Geometry((3, 40, 29), (3.0, 2.0, 2.0), _SAGITTAL)

    (plane,) = planes_of(np.zeros(geometry.shape, np.float32), geometry, View())

    assert plane.name == "sagittal"


def test_a_tiny_volume_is_still_shown() -> None:
    geometry = Geometry((1, 5, 4), (3.0, 2.0, 2.0), _AXIAL)

    (plane,) = planes_of(np.zeros(geometry.shape, np.float32), geometry, View())

    assert plane.pixels.shape == (5, 4)
