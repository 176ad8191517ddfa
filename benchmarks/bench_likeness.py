"""How alike two registered scans are: of one head, of two, and of one that lies wrongly.

python benchmarks/bench_likeness.py [ANATOMY ...]

Whole heads of the simulator, echoes with its noise and the true χ, on two grids of unlike voxels;
limits were chosen on head 41. `detail` is `Motion.likeness`, `all` the same without taking off
what is coarse, `common` the part of the first mask that both have.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from streamrecon_simulator.images import noisy_images
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.truth import receive, truth
from streamrecon_simulator.whole_head.head import WholeHead

from streamrecon.analysis.positions.likeness import FINE_MM, correlation
from streamrecon.analysis.positions.registration import register, registration_image, resample
from streamrecon.model.geometry import Geometry

GRAIN_MM = 1.4
FIRST, SECOND = ((61, 85, 71), (3.0, 2.2, 2.4)), ((67, 73, 81), (2.6, 2.6, 2.1))
TILT_DEG = (18.0, -9.0)
OTHERS = (44, 45, 46, 47)
TURNS = {"z": (1, 2), "y": (0, 2), "x": (0, 1)}
Real = NDArray[np.float32]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """Magnitudes of two echoes, χ, brain and grid of a head."""

    magnitude: Real
    chi_ppm: Real
    brain: Flags
    grid: Geometry

    def image(self, *, noise: float = 0.0, late: bool = False, slab: bool = False) -> Real:
        """Registration image; with more noise [of the signal], late echo, or a slab alone."""
        mask, echo = self.brain.copy(), self.magnitude[int(late)]
        if slab:
            mask[: len(mask) // 3] = mask[2 * len(mask) // 3 :] = False
        random = np.random.default_rng(1).normal(0, 1, (2, *echo.shape))
        level = noise * float(np.median(echo[mask]))
        noisy = np.hypot(echo + level * random[0], level * random[1]).astype(np.float32)
        return registration_image(noisy, self.chi_ppm, mask, self.grid)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("anatomy", nargs="*", type=int, default=[41, 42, 43])
    print("| first | second | detail | all | common |\n|---|---|---|---|---|")
    for anatomy in parser.parse_args().anatomy:
        first = scan(anatomy, FIRST, (0.0, 0.0))
        for name, image, grid in seconds(anatomy):
            print(f"| {anatomy} | {name} | {measured(first, image, grid)} |", flush=True)


def seconds(anatomy: int) -> Iterator[tuple[str, Real, Geometry]]:
    """All that the second scan may be."""
    same = scan(anatomy, SECOND, TILT_DEG)
    image, grid = same.image(), same.grid
    yield "same", image, grid
    for noise in (0.1, 0.2):
        yield f"same, noise {noise:.1f} of the signal", same.image(noise=noise), grid
    yield "same, a third of it", same.image(slab=True), grid
    yield "same, late echo", same.image(late=True), grid
    yield "same, slices of 5.2 mm", *thick(image, grid)
    for other in OTHERS:
        if other != anatomy:
            another = scan(other, SECOND, TILT_DEG)
            yield f"head {other}", another.image(), another.grid
    for axis, both in TURNS.items():
        yield f"turned by half about {axis}", np.ascontiguousarray(np.flip(image, both)), grid
    yield "mirrored, left for right", np.ascontiguousarray(image[:, :, ::-1]), grid


def scan(
    anatomy: int,
    voxels: tuple[tuple[int, int, int], tuple[float, float, float]],
    tilt_deg: tuple[float, float],
) -> Scan:
    """A head on a grid."""
    scene = replace(
        SCENES["whole-head"],
        matrix=voxels[0],
        voxel_mm=voxels[1],
        tilt_deg=tilt_deg,
        te_s=(0.004, 0.0164),
    )
    assert isinstance(scene.phantom, WholeHead)
    scene = replace(
        scene, phantom=replace(scene.phantom, anatomy=anatomy, grain_mm=GRAIN_MM), seed=anatomy
    )
    known = truth(scene)
    assert known.brain is not None
    echoes = np.abs(noisy_images(scene, known, receive(scene))).astype(np.float32)
    chi = np.where(known.brain, known.chi_ppm, 0).astype(np.float32)
    return Scan(echoes, chi, known.brain, scene.geometry)


def thick(image: Real, grid: Geometry) -> tuple[Real, Geometry]:
    """Two slices in one."""
    pairs = image[: len(image) // 2 * 2].reshape(-1, 2, *image.shape[1:])
    both = (pairs != 0).all(axis=1)
    z, y, x = grid.voxel_mm
    shape = (pairs.shape[0], *image.shape[1:])
    there = replace(grid, shape=shape, voxel_mm=(2 * z, y, x))
    return np.where(both, pairs.mean(axis=1), 0).astype(np.float32), there


def measured(first: Scan, second: Real, grid: Geometry) -> str:
    """Likeness after registration, as cells."""
    image = first.image()
    motion = register(image, first.brain, first.grid, second, grid)
    moved = resample(second, grid, first.grid, motion.matrix)
    both = first.brain & (moved != 0)
    sigma = [FINE_MM / mm for mm in first.grid.voxel_mm]
    coarse = (gaussian_filter(each, sigma)[both] for each in (image, moved))
    return f"{motion.likeness:.2f} | {correlation(*coarse):.2f} | {motion.common:.2f}"


if __name__ == "__main__":
    main()
