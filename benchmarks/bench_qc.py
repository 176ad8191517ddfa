"""Faults by the light that `streamrecon analyze qc` gives them, on heads that are unlike.

    python benchmarks/bench_qc.py [--chosen]

``--chosen`` shows the heads on which the limits were chosen; without it those that were held out,
for docs/explanation/readings-quality.md. Images are closed forms and voxel sums with noise and coil
phase, maps by the preset standard.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from streamrecon_simulator.phantoms.phantom import HEAD
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.scene import Scene
from streamrecon_simulator.whole_head.head import WholeHead

from streamrecon.analysis.quality.quality_limits import LIMITS
from streamrecon.analysis.quality.quality_maps import measures_of
from streamrecon.analysis.quality.quality_reading import reading_of_measures
from streamrecon.errors import ReconError
from streamrecon.machine.threads import set_budget
from streamrecon.qsm.pipeline import Quality

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "analysis"))
from quality_faults import FAULTS, images_of, maps_of

_WHOLE = replace(SCENES["whole-head"], supersampling=1, n_coils=4, snr=50.0)


def _whole(anatomy: int) -> Scene:
    return replace(
        _WHOLE, phantom=WholeHead(anatomy, grain_mm=1.6), matrix=(66, 84, 72),
        voxel_mm=(2.8, 2.7, 2.5),
    )  # fmt: skip


def _slab(anatomy: int, height_mm: float) -> Scene:
    return replace(
        _WHOLE, phantom=WholeHead(anatomy, grain_mm=1.6), matrix=(32, 92, 76),
        voxel_mm=(2.8, 2.4, 2.4), centre_lps_mm=(0.0, -4.0, height_mm), te_s=(0.005, 0.012, 0.019),
        snr=35.0,
    )  # fmt: skip


CHOSEN = {
    **{f"whole head {anatomy}": _whole(anatomy) for anatomy in (1, 11, 12, 13)},
    **{f"head {n}, slab": _slab(n, height) for n, height in ((11, 20.0), (12, 10.0), (13, 30.0))},
    "ellipsoids, oblique": Scene(
        "", phantom=HEAD, matrix=(60, 78, 72), voxel_mm=(3.0, 2.8, 2.5), tilt_deg=(20.0, -10.0),
        n_coils=4, snr=50.0, supersampling=1,
    ),
}  # fmt: skip
ASIDE = {
    "whole head 5, oblique": replace(
        _WHOLE, phantom=WholeHead(5, grain_mm=1.6), matrix=(60, 96, 76), voxel_mm=(3.2, 2.4, 2.4),
        tilt_deg=(-18.0, 8.0), te_s=(0.0036, 0.0092, 0.0148, 0.0204, 0.026),
    ),
    "whole head 8, slab": replace(
        _WHOLE, phantom=WholeHead(8, grain_mm=1.6), matrix=(32, 92, 76), voxel_mm=(2.8, 2.4, 2.4),
        centre_lps_mm=(0.0, -4.0, 20.0), te_s=(0.005, 0.012, 0.019), snr=35.0,
    ),
}  # fmt: skip


def main() -> None:
    """Print one table: faults by heads, each with its light and the measures that are lit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chosen", action="store_true")
    parser.add_argument("--fast", action="store_true", help="maps by the preset fast")
    parser.add_argument("--numbers", action="store_true", help="every measure as well")
    options = parser.parse_args()
    set_budget(1)
    quality = Quality.FAST if options.fast else Quality.STANDARD
    heads = CHOSEN if options.chosen else ASIDE
    cells: dict[str, list[str]] = {name: [] for name in FAULTS}
    for title, scene in heads.items():
        images = images_of(scene)
        for name, fault in FAULTS.items():
            try:
                measures = measures_of(maps_of(fault(images), quality=quality))
            except ReconError:
                cells[name].append("no map")
                continue
            cells[name].append(_in_words(measures))
            if options.numbers:
                print(title, name, {each: f"{n:.3g}" for each, n in measures.items()}, flush=True)
    print(f"| fault | {' | '.join(heads)} |\n|---|{'---|' * len(heads)}")
    for name, row in cells.items():
        print(f"| {name} | {' | '.join(row)} |")


def _in_words(measures: dict[str, float]) -> str:
    """The light, and which measures made it so."""
    light = reading_of_measures(measures, angle_deg=0.0, worked_s={}).light
    assert light is not None
    lit = [name for name, n in measures.items() if LIMITS[name].light(n).value != "green"]
    return ": ".join([light.value, *([", ".join(lit).replace("_", " ")] if lit else [])])


if __name__ == "__main__":
    main()
