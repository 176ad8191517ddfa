"""Limits of `analyze bold` by seeds that no test uses: veins left, tissue kept, masks after a warp.

    python benchmarks/bench_bold.py [SEEDS]

Series of irregular events, 240 volumes of 1.5 s, 1 % noise of the magnitude: what is left of a
vein's response of 4 % (limit 8 %), how much one of tissue of 2 % changes (2 %), at three noises of
phase. Straight veins of 1.2 to 2.2 mm at random places and directions, put into an oblique grid of
EPI: Dice of voxels that are filled by 0.3 or more (0.8).
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from streamrecon.analysis.bold.partial_veins import vein_fraction
from streamrecon.analysis.bold.phase_regression import regress_phase
from streamrecon.analysis.bold.task import expected_responses, task_model
from streamrecon.model.geometry import Geometry

VOLUMES, TR_S = 240, 1.5
NOISES_RAD = (0.01, 0.03, 0.06)
VEINS, TISSUE, SILENT = 100, 100, 1500
FILLED, FINER = 0.3, 8
AXES = np.eye(3)[::-1]
FINE = Geometry((54, 80, 80), (1.2, 0.8, 0.8), AXES)
Series = NDArray[np.float64]
Events = dict[str, list[tuple[float, float]]]


def main() -> None:
    """Print the mean and the worst of all seeds."""
    seeds = range(1000, 1000 + int(sys.argv[1] if len(sys.argv) > 1 else 10))
    for noise_rad in NOISES_RAD:
        found = np.array([regressed(seed, noise_rad) for seed in seeds])
        left, changed = abs(found).T
        print(
            f"phase noise {noise_rad} rad: vein left {told(left)}, tissue changed {told(changed)}"
        )
    dice = [overlap(seed) for seed in seeds]
    print(f"Dice after the warp: mean {np.mean(dice):.3f}, least {min(dice):.3f}")


def told(parts: NDArray[np.float64]) -> str:
    """In per cent."""
    return f"{100 * parts.mean():.2f} % (worst {100 * parts.max():.2f} %)"


def regressed(seed: int, noise_rad: float) -> tuple[float, float]:
    """What is left of a vein's response, and what tissue's changes by, as parts."""
    random = np.random.default_rng(seed)
    onsets = np.cumsum(random.uniform(14, 34, 40))
    events: Events = {"task": [(t, 8.0) for t in onsets[onsets < VOLUMES * TR_S - 20].tolist()]}
    response = expected_responses(events, VOLUMES, TR_S)["task"][:, None]
    vein = np.repeat([4.0, 0.0, 0.0], [VEINS, TISSUE, SILENT])
    tissue = np.repeat([0.0, 2.0, 0.0], [VEINS, TISSUE, SILENT])
    drift = np.linspace(-1, 1, VOLUMES)[:, None] * random.uniform(0.5, 1.5, vein.size)
    magnitude = 800 + 8 * (vein + tissue) * response + 6 * drift
    magnitude = magnitude + random.normal(0, 8, magnitude.shape)
    phase = random.uniform(-3, 3, vein.size) - 0.015 * vein * response + 0.3 * drift
    phase = phase + random.normal(0, noise_rad, phase.shape)
    before = effects(magnitude, events)
    after = effects(regress_phase(magnitude, np.angle(np.exp(1j * phase)), TR_S).corrected, events)
    change = after[1] / before[1] - 1
    return after[0] / before[0], change


def effects(magnitude: Series, events: Events) -> tuple[float, float]:
    """Mean response of veins and of tissue [per cent]."""
    found = task_model(magnitude, expected_responses(events, VOLUMES, TR_S)).effect_percent
    return float(found[:VEINS].mean()), float(found[VEINS : VEINS + TISSUE].mean())


def overlap(seed: int) -> float:
    """Dice of vein voxels of the EPI with those of a picture that is eight times finer a side."""
    random = np.random.default_rng(seed)
    turn = Rotation.from_rotvec(random.normal(0, 0.15, 3)).as_matrix()
    epi = Geometry((14, 20, 20), (3.0, 2.2, 2.2), AXES @ turn.T)
    sides = tuple(n * FINER for n in epi.shape)
    voxels_mm = tuple(mm / FINER for mm in epi.voxel_mm)
    first_mm = -(FINER - 1) / 2 * np.array(voxels_mm)  # of the middle voxel, in that of the EPI
    finer = Geometry(
        (sides[0], sides[1], sides[2]),
        (voxels_mm[0], voxels_mm[1], voxels_mm[2]),
        epi.axes_lps,
        tuple((first_mm @ epi.axes_lps).tolist()),
    )
    motion = np.eye(4)
    motion[:3, :3] = Rotation.from_rotvec(random.normal(0, 0.05, 3)).as_matrix()
    motion[:3, 3] = random.normal(0, 2, 3)
    veins = [
        (random.uniform(-14, 14, 3), unit(random.normal(size=3)), random.uniform(1.2, 2.2))
        for _ in range(4)
    ]
    seen = inside(places(FINE), veins).astype(np.float32)
    found = vein_fraction(seen, FINE, epi, motion) >= FILLED
    there = places(finer) @ motion[:3, :3].T + motion[:3, 3]
    z, y, x = epi.shape
    parts = inside(there, veins).reshape(z, FINER, y, FINER, x, FINER).mean(axis=(1, 3, 5))
    true = parts >= FILLED
    return float(2 * (true & found).sum() / (true.sum() + found.sum()))


def unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of length 1."""
    return np.asarray(vector / np.linalg.norm(vector), np.float64)


def places(grid: Geometry) -> NDArray[np.float32]:
    """Position of every voxel [Z, Y, X, 3] (L, P, S)."""
    affine = grid.affine_lps()
    index = np.moveaxis(np.indices(grid.shape, np.float32), 0, -1)
    return np.asarray(index @ affine[:3, :3].T + affine[:3, 3], np.float32)


def inside(
    at: NDArray[np.floating],
    veins: list[tuple[NDArray[np.float64], NDArray[np.float64], float]],
) -> NDArray[np.bool_]:
    """Which places lie in a vein (a point of its axis, its direction, its radius)."""
    found = np.zeros(at.shape[:-1], np.bool_)
    for point, along, radius_mm in veins:
        away = at - point
        across = away - (away @ along)[..., None] * along
        found |= np.linalg.norm(across, axis=-1) < radius_mm
    return found


if __name__ == "__main__":
    main()
