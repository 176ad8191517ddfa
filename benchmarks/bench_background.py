"""Every removal of the background on five objects of unlike shape, with two masks each.

    python benchmarks/bench_background.py [PHANTOMS] [--anatomy 31] [--grain 1] [--only WORDS]

PHANTOMS holds the folder const of ``textured_head.py``; without it the egg head is left out. The
tight mask is the true brain, the found one the product's own. Each local field is compared with
the true one where it is kept, a constant aside, and inverted by the standard preset; slope and
error are those of the means of deep nuclei, white and grey matter. A second table says what the
slope is made of. ``--anatomy`` takes other heads: nothing was chosen on those of the default.
``--grain`` [mm] makes heads of other grains: the coarser they are, the less of what is small is in
their field.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from _geometries import FEWEST_VOXELS, Known, geometries
from bench_qsm import head, row

from streamrecon.machine.threads import set_budget
from streamrecon.qsm.background.pdf import remove_pdf
from streamrecon.qsm.inversion.gradient_cost import find_strength
from streamrecon.qsm.inversion.total_variation import invert_tv
from streamrecon.qsm.pipeline import Background, invert, local_field
from streamrecon.qsm.total_field import TotalField, total_field

_FEWEST_REGIONS = 4


def removals(known: Known, total: TotalField, mask: str) -> None:
    """A row for each removal."""
    for background in Background:
        if background is Background.PDF:
            continue  # the preset's
        start = time.process_time()
        local = local_field(total, known.grid, background=background)
        spent = time.process_time() - start
        found = invert(total, local, known.grid)
        kept = local.mask & known.brain
        row(
            known.name, mask, local.method, error_percent(local.field_ppm, known.local, kept),
            error_percent(found.map.chi_ppm, known.chi, kept),
            *of_regions(found.map.chi_ppm, known, kept),
            float(kept.sum() / known.brain.sum()), spent,
        )  # fmt: skip


def causes(known: Known) -> tuple[object, ...]:
    """Slopes from the true local field, from what PDF leaves of it, and from the echoes."""
    brain, true = known.brain, known.local.astype(np.float32)
    total = total_field(known.echoes, known.te_s, known.b0_t, known.grid, mask=brain)
    local = local_field(total, known.grid)
    strength = find_strength(local.field_ppm, total.fit.sd_ppm, brain, known.grid).value
    kept = remove_pdf(true, brain, known.grid).field_ppm
    slopes = []
    for field, weight, outside in (
        (true, None, 1.0), (true, None, 0.0), (kept, None, 0.0),
        (local.field_ppm, total.weight, 0.0),
    ):  # fmt: skip
        chi = invert_tv(
            field, brain, known.grid, strength=strength, weight=weight,
            magnitude=total.magnitude, outside=outside, iterations=(20, 20),
        ).unknown  # fmt: skip
        slopes.append(of_regions(chi, known, brain)[0])
    return known.name, *slopes


def error_percent(found: np.ndarray, true: np.ndarray, where: np.ndarray) -> float:
    """Root mean square of the difference in parts of the truth's own spread."""
    return 100 * float((found - true)[where].std() / true[where].std())


def of_regions(
    chi: np.ndarray, known: Known, kept: np.ndarray
) -> tuple[float, float] | tuple[str, str]:
    """Slope of region means over the true ones, and their error free of a constant [ppb]."""
    means = [
        (known.chi[here].mean(), chi[here].mean())
        for region in known.regions.values()
        if (here := region & kept).sum() >= FEWEST_VOXELS
    ]
    if len(means) < _FEWEST_REGIONS:  # the rim that was lost held the others
        return "-", "-"
    true, found = np.array(means).T
    error = (found - found.mean()) - (true - true.mean())
    return float(np.polyfit(true, found, 1)[0]), 1e3 * float(np.sqrt((error**2).mean()))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("phantoms", type=Path, nargs="?")
    parser.add_argument("--anatomy", type=int, default=31)
    parser.add_argument("--grain", type=float, default=1.0)
    parser.add_argument("--only", default="")
    chosen = parser.parse_args()
    set_budget(1)
    head(
        "Background removal on five geometries",
        "object", "mask", "method", "local field NRMSE %", "χ NRMSE %", "slope", "regions ppb",
        "coverage", "CPU s",
    )  # fmt: skip
    why = []
    for known in geometries(chosen.phantoms, anatomy=chosen.anatomy, grain_mm=chosen.grain):
        if chosen.only not in known.name:
            continue
        why.append(causes(known))
        for label, mask in (("tight", known.brain), ("found", None)):
            total = total_field(known.echoes, known.te_s, known.b0_t, known.grid, mask=mask)
            removals(known, total, label)
    head(
        "What the slope of region means is made of, tight mask",
        "object", "true local field", "gradients outside free", "what PDF leaves of it", "echoes",
    )  # fmt: skip
    for line in why:
        row(*line)


if __name__ == "__main__":
    main()
