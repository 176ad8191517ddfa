"""Whether the simulator's images have the field of the susceptibility that images can show.

    python benchmarks/bench_simulated_field.py [--head 41]

A noiseless whole head at 1.5 and 1 mm: the turn from the first echo to the second against the
dipole field of the band-limited χ, well inside the brain, in structures of two sizes. Slope of the
one on the other, and their correlation. What air and the neck add is slow and leaves by the
difference of two blurs.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from bench_qsm import head, row
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, gaussian_filter
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scene import Scene
from streamrecon_simulator.truth import truth
from streamrecon_simulator.whole_head.head import WholeHead

from streamrecon.qsm.dipole import field_from_chi
from streamrecon.units import hz_per_ppm

Real = NDArray[np.floating]

_TE_S = (0.004, 0.008)
_WITHIN_MM = 9.0
_VOXELS: dict[str, tuple[float, float]] = {"one to two voxels": (0.7, 1.5), "finer": (0.0, 0.7)}
_GRIDS: dict[float, tuple[int, int, int]] = {1.5: (120, 160, 128), 1.0: (180, 240, 192)}


def scene_of(number: int, voxel_mm: float) -> Scene:
    """Its head on a grid that holds all of it."""
    return replace(
        SCENES["whole-head"], phantom=WholeHead(number), matrix=_GRIDS[voxel_mm],
        voxel_mm=(voxel_mm,) * 3, te_s=_TE_S,
    )  # fmt: skip


def seen_and_made(scene: Scene) -> tuple[Real, Real, NDArray[np.bool_]]:
    """The field by the images and that by χ [Z, Y, X, ppm], 0 outside the brain, and its inside."""
    known = truth(scene)
    assert known.brain is not None
    assert known.band_limited_chi_ppm is not None
    brain, chi = known.brain, known.band_limited_chi_ppm
    turn = np.angle(known.echoes[1] * known.echoes[0].conj())
    seen = turn / (2 * np.pi * hz_per_ppm(scene.b0_t) * (_TE_S[1] - _TE_S[0]))
    made = field_from_chi(np.where(brain, chi - chi[brain].mean(), 0), scene.geometry)
    deep = binary_erosion(brain, iterations=round(_WITHIN_MM / scene.voxel_mm[0]))
    return np.where(brain, seen, 0), np.where(brain, made, 0), deep


def between(narrow: float, wide: float) -> Callable[[Real], Real]:
    """What a blur of ``narrow`` voxels leaves and one of ``wide`` voxels takes away."""
    return lambda field: gaussian_filter(field, narrow) - gaussian_filter(field, wide)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--head", type=int, default=41)
    number = parser.parse_args().head
    head("The field of the simulator's images", "head", "voxel mm", "structures", "slope", "r")
    for voxel_mm in _GRIDS:
        seen, made, deep = seen_and_made(scene_of(number, voxel_mm))
        for structures, widths in _VOXELS.items():
            one, other = (between(*widths)(field)[deep] for field in (made, seen))
            slope, r = (one @ other) / (one @ one), np.corrcoef(one, other)[0, 1]
            row(number, voxel_mm, structures, f"{slope:.3f}", f"{r:.3f}")


if __name__ == "__main__":
    main()
