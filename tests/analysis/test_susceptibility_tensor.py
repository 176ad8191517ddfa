"""Mean susceptibility and anisotropy of balls whose tensors are known."""

from __future__ import annotations

import numpy as np
import pytest
from tilted_head import AXIAL, Ball, Tilt, places, tilted, turn

from streamrecon.analysis.positions.susceptibility_tensor import guided_tensor
from streamrecon.analysis.positions.tilted_fields import Position, moved_fields
from streamrecon.errors import ReconError
from streamrecon.model.geometry import Geometry

GRID = Geometry((49, 51, 47), (1.4, 1.3, 1.4), AXIAL)
MMS, MSA, IRON = -0.045, 0.020, 0.12
FIBRES: list[tuple[tuple[float, float, float], float, tuple[float, float, float]]] = [
    ((-12.0, 6, 4), 7.0, (1.0, 0, 0)), ((12.0, 7, -3), 7.0, (0, 0, 1.0)),
    ((0.0, -13, 6), 7.0, (1.0, 1, 1)),
]  # fmt: skip
TILTS: list[Tilt] = [("x", 0), ("x", 25), ("y", -25), ("xy", (-18, 20))]


def tensor(direction: tuple[float, float, float]) -> np.ndarray:
    v = np.array(direction) / np.linalg.norm(direction)
    return MMS * np.eye(3) + MSA * (np.outer(v, v) - np.eye(3) / 3)


def scans(noise: float = 0.0005, tilts: list[Tilt] = TILTS) -> tuple[list[Position], list[Ball]]:
    balls: list[Ball] = [(c, r, tensor(v)) for c, r, v in FIBRES]
    balls.append(((2.0, 2, -17), 5.0, IRON * np.eye(3)))
    return [tilted(balls, turn(*tilt), GRID, noise=noise) for tilt in tilts], balls


def guides(balls: list[Ball]) -> tuple[np.ndarray, np.ndarray]:
    at = places(GRID)
    directions, fibres = np.zeros((*GRID.shape, 3)), np.zeros(GRID.shape, bool)
    for (centre, radius, _), (_, _, v) in zip(balls, FIBRES, strict=False):
        inside = np.linalg.norm(at - centre, axis=-1) < radius
        directions[inside] = -3 * np.array(v)  # neither sign nor length counts
        fibres |= inside
    return directions, fibres


def test_four_tilts_give_anisotropy_and_iron() -> None:
    positions, balls = scans()
    directions, fibres = guides(balls)

    found = guided_tensor(moved_fields(positions), directions, fibres)

    at = places(GRID)
    depth = [r - np.linalg.norm(at - c, axis=-1) for c, r, _ in balls]
    between = (np.max(depth, axis=0) < -3) & (np.linalg.norm(at, axis=-1) < 26)
    zero = found.mms_ppm[between].mean()
    msa = [found.msa_ppm[inside > 1.5].mean() for inside in depth[:3]]
    assert np.mean(msa) == pytest.approx(MSA, rel=0.15)
    assert msa == pytest.approx([MSA] * 3, rel=0.2)  # half-filled voxels are taken for whole ones
    for inside in depth[:3]:
        assert found.mms_ppm[inside > 1.5].mean() - zero == pytest.approx(MMS, rel=0.1)
    assert found.mms_ppm[depth[3] > 1.5].mean() - zero == pytest.approx(IRON, rel=0.03)
    assert (found.msa_ppm[~fibres] == 0).all()


def test_three_orientations_are_too_few() -> None:
    positions, balls = scans()
    directions, fibres = guides(balls)

    with pytest.raises(ReconError, match="found 3 orientations, needed at least 4"):
        guided_tensor(moved_fields(positions[:3]), directions, fibres)


def test_fibres_outside_the_head_are_refused() -> None:
    positions, balls = scans()
    directions, _ = guides(balls)

    with pytest.raises(ReconError, match="no fibre voxel"):
        guided_tensor(moved_fields(positions), directions, np.zeros(GRID.shape, bool))
