"""The picture of docs/howto/does-my-map-look-right.md: one map with each of the usual faults.

    python scripts/make_fault_figures.py

Maps by the preset standard of simulated images of a whole head, 2.5 mm. Look at the picture before
it is committed.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from PIL import Image
from streamrecon_simulator.presets import SCENES
from streamrecon_simulator.whole_head.head import WholeHead

from streamrecon.analysis.quality.quality_maps import QualityMaps
from streamrecon.output.preview.colours import Window
from streamrecon.output.readings.drawings.figures import Outline, below, beside, outlined_planes
from streamrecon.qsm.pipeline import Quality

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "analysis"))
from quality_faults import FAULTS, images_of, maps_of  # noqa: E402

PICTURE = ROOT / "docs" / "images" / "map_faults.png"
WINDOW = Window(-0.15, 0.15)
RED = (255, 90, 60)
SIDE, COLOURS, COLUMNS = 170, 128, 2


def main() -> int:
    """Make every map and draw them in two columns."""
    scene = replace(
        SCENES["whole-head"], phantom=WholeHead(1, grain_mm=1.6, bleed=True), n_coils=4, snr=50.0,
        matrix=(72, 90, 76), voxel_mm=(2.4, 2.4, 2.4), supersampling=1,
    )  # fmt: skip
    images = images_of(scene)
    rows = []
    for name, fault in FAULTS.items():
        maps = maps_of(fault(images), quality=Quality.STANDARD)
        rows.append((name if name != "none" else "as it should look", drawn(maps)))
        print(name, flush=True)
    half = -(-len(rows) // COLUMNS)
    sheet = beside([below(rows[:half]), below(rows[half:])])
    sheet.quantize(COLOURS, dither=Image.Dither.NONE).save(PICTURE, optimize=True)
    print(PICTURE, f"{PICTURE.stat().st_size / 1000:.0f} kB")
    return 0


def drawn(maps: QualityMaps) -> Image.Image:
    """Three cuts through the middle of the map, its mask outlined."""
    outlines = (Outline(maps.mask, RED),)
    return outlined_planes(maps.chi_ppm, maps.geometry, WINDOW, outlines, side=SIDE)


if __name__ == "__main__":
    sys.exit(main())
