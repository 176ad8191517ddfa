"""Susceptibility of simulated whole heads: what the layer near the mask and true edges are worth.

Heads that no setting was chosen on, true mask, standard steps; NRMSE [%] and slope of region means,
of a truth that is cut off in k-space as images are.
"As published" lets sources of PDF and free gradients come up to the mask. The other rows replace
the magnitude by images whose edges are not those of χ. The last is the whole chain, with classes of
tissue.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from bench_qsm import head, row
from streamrecon_simulator.images import noisy_images
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scene import Scene
from streamrecon_simulator.truth import receive, truth
from streamrecon_simulator.whole_head.head import WholeHead
from streamrecon_simulator.whole_head.tissues import Label

from streamrecon.qsm.background.pdf import NEAR_MM, filled_from_neighbours, remove_pdf
from streamrecon.qsm.inversion.gradient_cost import strength_from_noise
from streamrecon.qsm.inversion.total_variation import RIM_MM, invert_tv
from streamrecon.qsm.pipeline import invert, local_field
from streamrecon.qsm.total_field import total_field

HEADS: tuple[tuple[int, tuple[float, float]], ...] = (
    (41, (0.0, 0.0)),
    (42, (20.0, -10.0)),
    (44, (0.0, 0.0)),
)
REGIONS = (Label.WHITE, Label.GREY, *range(Label.CAUDATE, Label.STEM))
CHEQUERS_VOXELS = 7
STEPS = (20, 20)


def scene_of(seed: int, tilt_deg: tuple[float, float]) -> Scene:
    """A head at 2 mm."""
    scene = replace(
        SCENES["whole-head"], matrix=(90, 120, 96), voxel_mm=(2.0, 2.0, 2.0), tilt_deg=tilt_deg
    )
    assert isinstance(scene.phantom, WholeHead)
    return replace(scene, phantom=replace(scene.phantom, anatomy=seed))


def score(
    found: np.ndarray, chi: np.ndarray, mask: np.ndarray, labels: np.ndarray
) -> tuple[float, float]:
    """NRMSE [%] without the constant, and the slope of region means."""
    one, other = (values[mask].astype(np.float64) for values in (found, chi))
    one, other = one - one.mean(), other - other.mean()
    nrmse = 100 * np.linalg.norm(one - other) / np.linalg.norm(other)
    here = [mask & (labels == region) for region in REGIONS]
    true, seen = ([v[region].mean() for region in here if region.any()] for v in (chi, found))
    return float(nrmse), float(np.polyfit(true, seen, 1)[0])


def rows(seed: int, tilt_deg: tuple[float, float]) -> None:
    """All maps of one head."""
    scene = scene_of(seed, tilt_deg)
    known = truth(scene)
    assert known.brain is not None
    assert known.labels is not None
    chi_true = known.band_limited_chi_ppm
    assert chi_true is not None
    name = f"head {seed}, {tilt_deg[0]:.0f}°"
    echoes = noisy_images(scene, known, receive(scene)).astype(np.complex64)
    total = total_field(echoes, scene.te_s, scene.b0_t, scene.geometry, mask=known.brain)
    strength = strength_from_noise(total.fit.sd_ppm, total.mask).value
    chequered = 1 + 0.5 * ((np.indices(total.mask.shape) // CHEQUERS_VOXELS).sum(axis=0) % 2)
    for words, near_mm, rim_mm, image in (
        ("as published", 0.0, 0.0, total.magnitude),
        ("default", NEAR_MM, RIM_MM, total.magnitude),
        ("default, no edges", NEAR_MM, RIM_MM, np.ones_like(chequered)),
        ("default, chequered", NEAR_MM, RIM_MM, chequered),
        ("default, left for right", NEAR_MM, RIM_MM, total.magnitude[:, :, ::-1]),
    ):
        local = filled_from_neighbours(
            remove_pdf(
                total.fit.field_ppm, total.mask, scene.geometry, weight=total.weight,
                near_mm=near_mm,
            ),
            total.weight,
        )  # fmt: skip
        found = invert_tv(
            local.field_ppm, total.mask, scene.geometry, strength=strength, weight=total.weight,
            magnitude=image, rim_mm=rim_mm, iterations=STEPS,
        )  # fmt: skip
        cells = score(found.unknown, chi_true, total.mask, known.labels)
        row(name, words, *cells, found.comment)
    chi = invert(total, local_field(total, scene.geometry), scene.geometry).map.chi_ppm
    row(name, "whole chain", *score(chi, chi_true, total.mask, known.labels), "")


def main() -> None:
    """Print the table."""
    head(
        "What weak near sources, true edges and classes are worth, whole heads of 2 mm",
        "head", "setting", "NRMSE %", "slope", "told",
    )  # fmt: skip
    for seed, tilt_deg in HEADS:
        rows(seed, tilt_deg)


if __name__ == "__main__":
    main()
