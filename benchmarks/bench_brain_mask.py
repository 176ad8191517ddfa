"""How well the brain is found in simulated whole heads, and in how many transforms of the volume.

Heads of several seeds with scalp, marrow, muscle and neck at 2 mm: axial, oblique, in a slab. The
unit is one complex single-precision FFT of the volume, out of place, on two threads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from _cost import cost_in
from streamrecon_simulator.images import noisy_images
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scene import Scene
from streamrecon_simulator.truth import receive, truth

from streamrecon.fourier import Plan
from streamrecon.phase.phase_offset import remove_offset
from streamrecon.phase.signal_mask import signal_mask
from streamrecon.phase.unwrap import unwrap_by_template
from streamrecon.qsm.mask import FoundMask, find_mask, object_mask
from streamrecon.threads import set_budget

_GRAIN_MM = 1.3


def scenes() -> Iterator[tuple[str, Scene]]:
    """Scenes that differ in head, angle and coverage."""
    whole = replace(SCENES["whole-head"], matrix=(90, 120, 96), voxel_mm=(2.0, 2.0, 2.0))
    for seed, words, changes in (
        (11, "axial", {}),
        (12, "oblique 20, -10", {"tilt_deg": (20.0, -10.0)}),
        (13, "slab of 100 mm", {"matrix": (50, 120, 96), "centre_lps_mm": (0.0, -4.0, 25.0)}),
    ):
        scene = replace(whole, **changes)
        head = replace(scene.phantom, anatomy=seed, grain_mm=_GRAIN_MM)
        yield f"head {seed}, {words}", replace(scene, phantom=head)


def dice(found: np.ndarray, true: np.ndarray) -> float:
    """Twice what they share over what they hold."""
    return float(2 * (found & true).sum() / (found.sum() + true.sum()))


def main() -> None:
    """Print a row for each scene."""
    set_budget(2)
    print("scene | Dice | by thresholds | recognised | cost in FFTs")
    for name, scene in scenes():
        known = truth(scene)
        echoes = noisy_images(scene, known, receive(scene)).astype(np.complex64)
        magnitude = np.abs(echoes)
        together = np.sqrt((magnitude**2).sum(axis=0))
        clean = remove_offset(echoes, scene.te_s, scene.geometry)[0]
        phase, region = np.angle(clean), signal_mask(together)
        quality = unwrap_by_template(phase, magnitude, region, scene.te_s).quality
        plan = Plan(together.shape, (0, 1, 2), inverse=False, threads=2)

        def work(
            together: np.ndarray = together, quality: np.ndarray = quality, scene: Scene = scene
        ) -> FoundMask:
            return find_mask(together, quality, scene.geometry)

        found = work()
        plain = object_mask(together, quality, scene.geometry)
        cost = cost_in(plan.run, work, pairs=3)
        print(
            f"{name} | {dice(found.mask, known.brain):.3f} | {dice(plain, known.brain):.3f} |"
            f" {'yes' if found.is_brain else 'no'} | {cost:.0f}"
        )


if __name__ == "__main__":
    main()
