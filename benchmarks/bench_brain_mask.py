"""How well the brain is found in simulated whole heads, and what that costs.

Heads of several seeds with scalp, marrow, muscle and neck at 2 mm: axial, oblique, in slabs, cut by
the field of view; ``--fine`` adds grids down to 0.8 mm, which take a quarter of an hour to make.
Time is the process's CPU.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from _cost import time_of
from streamrecon_simulator.images import noisy_images
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scene import Scene
from streamrecon_simulator.truth import receive, truth
from streamrecon_simulator.whole_head.head import WholeHead

from streamrecon.machine.threads import set_budget
from streamrecon.phase.magnitude import signal_mask
from streamrecon.phase.phase_offset import phase_without_offset
from streamrecon.phase.unwrap import unwrap_by_template
from streamrecon.qsm.mask import find_mask, object_mask

_GRAIN_MM = 1.3
_WHOLE = replace(SCENES["whole-head"], matrix=(90, 120, 96), voxel_mm=(2.0, 2.0, 2.0))

USUAL: tuple[tuple[int, str, dict[str, Any]], ...] = (
    (11, "2 mm, axial", {}),
    (12, "2 mm, oblique 20°, -10°", {"tilt_deg": (20.0, -10.0)}),
    (13, "slab of 100 mm", {"matrix": (50, 120, 96), "centre_lps_mm": (0.0, -4.0, 25.0)}),
    (14, "slab of 40 mm", {"matrix": (20, 120, 96), "centre_lps_mm": (0.0, -4.0, 30.0)}),
    (15, "slab of 80 mm, low", {"matrix": (40, 120, 96), "centre_lps_mm": (0.0, -4.0, -20.0)}),
    (
        16,
        "slab of 80 mm, oblique -30°, 15°",
        {
            "matrix": (40, 120, 96),
            "centre_lps_mm": (0.0, -4.0, 15.0),
            "tilt_deg": (-30.0, 15.0),
        },
    ),
    (17, "face and vertex cut off", {"matrix": (70, 70, 96), "centre_lps_mm": (0.0, 20.0, 15.0)}),
)
FINE: tuple[tuple[int, str, dict[str, Any]], ...] = (
    (
        18,
        "1.5 mm, oblique 20°",
        {"matrix": (120, 160, 128), "voxel_mm": (1.5, 1.5, 1.5), "tilt_deg": (20.0, 0.0)},
    ),
    (
        19,
        "3 × 0.9 × 1.1 mm, oblique 10°, 5°",
        {
            "matrix": (60, 213, 171),
            "voxel_mm": (3.0, 0.9, 1.1),
            "tilt_deg": (10.0, 5.0),
            "supersampling": 1,
        },
    ),
    (
        20,
        "1 mm, axial",
        {"matrix": (180, 240, 192), "voxel_mm": (1.0, 1.0, 1.0), "supersampling": 1},
    ),
    (
        21,
        "0.8 mm, slab of 96 mm, oblique 15°",
        {
            "matrix": (120, 290, 236),
            "voxel_mm": (0.8, 0.8, 0.8),
            "centre_lps_mm": (0.0, -4.0, 20.0),
            "tilt_deg": (15.0, 0.0),
            "supersampling": 1,
        },
    ),
)


def scenes(*, fine: bool) -> Iterator[tuple[str, Scene]]:
    """Scenes that differ in head, angle, coverage and voxel."""
    for seed, words, changes in (*USUAL, *(FINE if fine else ())):
        scene = replace(_WHOLE, **changes)
        assert isinstance(scene.phantom, WholeHead)
        head = replace(scene.phantom, anatomy=seed, grain_mm=_GRAIN_MM)
        yield f"head {seed}, {words}", replace(scene, phantom=head)


def slabs(count: int, seed: int = 11) -> Iterator[tuple[str, Scene]]:
    """Slabs of 32 to 64 mm in slices of 2 to 4 mm at any height, up to 35 degrees oblique."""
    random = np.random.default_rng(seed)
    for number in range(51, 51 + count):
        thick = float(random.choice([32, 40, 48, 64]))
        slice_mm = float(random.choice([2.0, 3.0, 4.0]))
        about_x, about_y = np.round(random.uniform(-35, 35, 2)).tolist()
        height = float(np.round(random.uniform(-20, 50)))
        scene = replace(
            _WHOLE,
            matrix=(max(8, round(thick / slice_mm)), 120, 96),
            voxel_mm=(slice_mm, 2.0, 2.0),
            centre_lps_mm=(0.0, -4.0, height),
            tilt_deg=(about_x, about_y),
        )
        assert isinstance(scene.phantom, WholeHead)
        head = replace(scene.phantom, anatomy=number, grain_mm=_GRAIN_MM)
        words = f"{thick:.0f} mm of {slice_mm:g} at {height:.0f}, {about_x:.0f}° {about_y:.0f}°"
        yield f"head {number}, {words}", replace(scene, phantom=head)


def images(scene: Scene) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Magnitude of all echoes, quality of the phase, and the true brain [Z, Y, X]."""
    known = truth(scene)
    assert known.brain is not None
    echoes = noisy_images(scene, known, receive(scene)).astype(np.complex64)
    magnitude = np.abs(echoes)
    together = np.sqrt((magnitude**2).sum(axis=0))
    phase = phase_without_offset(echoes, scene.te_s, scene.geometry)[0]
    unwrapped = unwrap_by_template(phase, magnitude, signal_mask(together), scene.te_s)
    return together, unwrapped.quality, known.brain


def dice(found: np.ndarray, true: np.ndarray) -> float:
    """Twice what they share over what they hold."""
    return float(2 * (found & true).sum() / (found.sum() + true.sum()))


def row(name: str, scene: Scene) -> str:
    """One scene's line of the table."""
    together, quality, true = images(scene)
    work = partial(find_mask, together, quality, scene.geometry)
    found = work()
    more, less = (found.mask & ~true).sum(), (true & ~found.mask).sum()
    return (
        f"| {name} | {dice(found.mask, true):.3f} | {more / true.sum():.1%} |"
        f" {less / true.sum():.1%} |"
        f" {dice(object_mask(together, quality, scene.geometry), true):.3f} |"
        f" {'yes' if found.is_brain else 'no'} | {time_of(work, time.process_time):.1f} |"
    )


def main() -> None:
    """Print a row for each scene."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fine", action="store_true", help="grids down to 0.8 mm too")
    parser.add_argument("--slabs", type=int, default=0, help="that many slabs at random instead")
    given = parser.parse_args()
    set_budget(2)
    print("| scene | Dice | too much | too little | thresholds | recognised | CPU s |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, scene in slabs(given.slabs) if given.slabs else scenes(fine=given.fine):
        print(row(name, scene), flush=True)


if __name__ == "__main__":
    main()
