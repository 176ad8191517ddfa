"""Every removal of the background on five objects of unlike shape, with two masks each.

    python benchmarks/bench_background.py [PHANTOMS] [--anatomy 31] [--grain 0.7] [--only WORDS]

PHANTOMS holds the folder const of ``textured_head.py``; without it the egg head is left out. The
tight mask is the true brain, the found one the product's own. Each local field is compared with
the true one where it is kept, a constant aside, and inverted by the standard preset; slope and
error are those of the means of deep nuclei, white and grey matter, against a truth that is cut off
in k-space as the images are. A second table says what the slope is made of, a third what becomes of
it against means over voxels. ``--anatomy`` takes other heads: nothing was chosen on those of the
default. ``--grain`` [mm] makes heads of other grains.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from _geometries import FEWEST_VOXELS, GRAIN_MM, Known, geometries
from bench_qsm import head, row

from streamrecon.machine.threads import set_budget
from streamrecon.qsm.background.pdf import remove_pdf
from streamrecon.qsm.inversion.gradient_cost import find_strength
from streamrecon.qsm.inversion.total_variation import invert_tv
from streamrecon.qsm.pipeline import Background, invert, local_field
from streamrecon.qsm.total_field import TotalField, total_field

_FEWEST_REGIONS = 4


def removals(known: Known, total: TotalField, mask: str) -> np.ndarray:
    """A row for each removal; returns the map of the first, which is the preset's."""
    preset = None
    for background in Background:
        if background is Background.PDF:
            continue  # the preset's
        start = time.process_time()
        local = local_field(total, known.grid, background=background)
        spent = time.process_time() - start
        found = invert(total, local, known.grid)
        preset = found.map.chi_ppm if preset is None else preset
        kept = local.mask & known.brain
        row(
            known.name, mask, local.method, error_percent(local.field_ppm, known.local, kept),
            error_percent(found.map.chi_ppm, known.chi, kept),
            *of_regions(found.map.chi_ppm, known, kept),
            float(kept.sum() / known.brain.sum()), spent,
        )  # fmt: skip
    assert preset is not None
    return preset


def against_means(known: Known, maps: dict[str, np.ndarray]) -> Iterator[tuple[object, ...]]:
    """Rows of slope, error of regions and NRMSE against means over voxels, of heads."""
    if known.means is None:
        return
    there = replace(known, chi=known.means)
    for words, chi in (maps | {"without any error": known.chi}).items():
        error = error_percent(chi, there.chi, known.brain)
        yield known.name, words, *of_regions(chi, there, known.brain), error


def causes(known: Known) -> tuple[object, ...]:
    """Slopes from the true local field, from what PDF leaves of it, and from the echoes.

    True fields of heads are means over voxels, and so is the truth that their maps have.
    """
    brain, true = known.brain, known.local.astype(np.float32)
    total = total_field(known.echoes, known.te_s, known.b0_t, known.grid, mask=brain)
    local = local_field(total, known.grid)
    strength = find_strength(local.field_ppm, total.fit.sd_ppm, brain, known.grid).value
    kept = remove_pdf(true, brain, known.grid).field_ppm
    slopes, as_given = [], known if known.means is None else replace(known, chi=known.means)
    for field, weight, outside, truth in (
        (true, None, 1.0, as_given), (true, None, 0.0, as_given), (kept, None, 0.0, as_given),
        (local.field_ppm, total.weight, 0.0, known),
    ):  # fmt: skip
        chi = invert_tv(
            field, brain, known.grid, strength=strength, weight=weight,
            magnitude=total.magnitude, outside=outside, iterations=(20, 20),
        ).unknown  # fmt: skip
        slopes.append(of_regions(chi, truth, brain)[0])
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


def rows_of(lines: list[tuple[object, ...]]) -> None:
    """Print them."""
    for line in lines:
        row(*line)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("phantoms", type=Path, nargs="?")
    parser.add_argument("--anatomy", type=int, default=31)
    parser.add_argument("--grain", type=float, default=GRAIN_MM)
    parser.add_argument("--only", default="")
    chosen = parser.parse_args()
    set_budget(1)
    head(
        "Background removal on five geometries",
        "object", "mask", "method", "local field NRMSE %", "χ NRMSE %", "slope", "regions ppb",
        "coverage", "CPU s",
    )  # fmt: skip
    why: list[tuple[object, ...]] = []
    means: list[tuple[object, ...]] = []
    for known in geometries(chosen.phantoms, anatomy=chosen.anatomy, grain_mm=chosen.grain):
        if chosen.only not in known.name:
            continue
        why.append(causes(known))
        maps = {}
        for label, mask in (("tight", known.brain), ("found", None)):
            total = total_field(known.echoes, known.te_s, known.b0_t, known.grid, mask=mask)
            maps[f"preset, {label} mask"] = removals(known, total, label)
        means += against_means(known, maps)
    head(
        "What the slope of region means is made of, tight mask",
        "object", "true local field", "gradients outside free", "what PDF leaves of it", "echoes",
    )  # fmt: skip
    rows_of(why)
    head(
        "Maps of whole heads against means over voxels",
        "object", "map", "slope", "regions ppb", "χ NRMSE %",
    )  # fmt: skip
    rows_of(means)


if __name__ == "__main__":
    main()
