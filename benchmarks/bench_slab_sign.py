"""Whether slabs of heads tell the sign of the phase: by their outline, and by iron and veins.

    python benchmarks/bench_slab_sign.py [--heads 11 12 14 16 21 22]

Whole heads of the simulator in slabs of four thicknesses at three heights above the middle of the
brain; the truth is +1. A row for each thickness: how many slabs are told rightly, not at all and
wrongly. Iron and veins are those of a fast map in voxels of 2 mm.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import replace
from itertools import product

import numpy as np
from bench_qsm import head, row
from streamrecon_gadgets.maps.phase_sign import check_object
from streamrecon_simulator.images import noisy_images
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scene import Scene
from streamrecon_simulator.truth import receive, truth
from streamrecon_simulator.whole_head.head import WholeHead

from streamrecon.machine.threads import set_budget
from streamrecon.qsm.pipeline import Quality, susceptibility
from streamrecon.recon.images.downsample import downsampled

_SLICES, _HEIGHTS_MM, _SLICE_MM = (14, 20, 26, 44), (20.0, 30.0, 40.0), 2.8
_COARSE_MM = 2.0
_SAYS = {1: "right", 0: "undecided", -1: "wrong"}


def slab(anatomy: int, slices: int, height_mm: float) -> Scene:
    """One of them."""
    return replace(
        SCENES["whole-head"], phantom=WholeHead(anatomy, grain_mm=2.0), matrix=(slices, 92, 76),
        voxel_mm=(_SLICE_MM, 2.4, 2.4), centre_lps_mm=(0.0, -4.0, height_mm), n_coils=4, snr=35.0,
        te_s=(0.005, 0.012, 0.019), supersampling=1,
    )  # fmt: skip


def votes(scene: Scene) -> tuple[int, int]:
    """The sign that the outline tells, and that of iron and veins."""
    echoes = noisy_images(scene, truth(scene), receive(scene)).astype(np.complex64)
    small, grid = downsampled(echoes, scene.geometry, _COARSE_MM)
    found = susceptibility(small, scene.te_s, scene.b0_t, grid, quality=Quality.FAST)
    told = check_object(small, scene.te_s, scene.b0_t, grid, found)
    return told.outline.sign, told.iron_and_veins.vote


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--heads", type=int, nargs="+", default=(11, 12, 14, 16, 21, 22))
    chosen = parser.parse_args()
    set_budget(1)
    head("The phase sign in slabs of heads", "slab, mm", "by", *_SAYS.values())
    for slices in _SLICES:
        told = [votes(slab(n, slices, mm)) for n, mm in product(chosen.heads, _HEIGHTS_MM)]
        for who, signs in zip(("outline", "iron and veins"), zip(*told, strict=True), strict=True):
            counts = Counter(signs)
            row(f"{_SLICE_MM * slices:.0f}", who, *(counts[sign] for sign in _SAYS))


if __name__ == "__main__":
    main()
