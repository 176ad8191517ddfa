"""The pictures of docs/explanation/qsm.md: fields and χ of a head phantom and of a crop in vivo.

    PYTHONPATH=benchmarks python scripts/make_qsm_figures.py [PHANTOMS]

PHANTOMS are the folders that `make bench-qsm` makes. The crop is three echoes of a brain at
0.47 × 0.47 × 1 mm (ROMEO.jl, MIT) that lie beside the repository; echo times and orientation are
not in its files: 4, 8 and 12 ms at 3 T, axial, are taken. What is not here keeps its picture. Look
at the pictures before they are committed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from bench_qsm import load
from make_map_figures import B0_T, ROOT, SHARED, TE_S, crop
from numpy.typing import NDArray
from PIL import Image

from streamrecon.qsm.pipeline import Quality, susceptibility

IMAGES = ROOT / "docs" / "images"
NUCLEI = range(1, 7)  # labels of the phantom
WINDOW_PPM = 0.1
TOTAL_PPM = 0.3
HEAD_SCALE, CROP_SCALE = 2, 6  # pixels a voxel

Tile = tuple[NDArray[np.floating], float]


def main() -> int:
    """Draw what there are data for."""
    phantoms = Path(sys.argv[1]) if sys.argv[1:] else ROOT / "build" / "phantoms"
    if (phantoms / "p3x").is_dir():
        draw_head(phantoms / "p3x")
    if (SHARED / "romeo-crop").is_dir():
        draw_crop(SHARED / "romeo-crop")
    return 0


def draw_head(folder: Path) -> None:
    """Total field, local field, true χ, fast and standard map, through the nuclei."""
    p = load(folder)
    z = round(float(np.mean(np.nonzero(np.isin(p.regions, NUCLEI) & p.mask)[0])))
    fast, standard = (
        susceptibility(p.echoes, p.te_s, p.b0_t, p.grid, quality=quality, mask=p.mask)
        for quality in (Quality.FAST, Quality.STANDARD)
    )
    truth = np.where(p.mask, p.chi - p.chi[p.mask].mean(), 0)
    save(
        "qsm_phantom.png",
        HEAD_SCALE,
        (standard.total.fit.field_ppm[z] * p.mask[z], TOTAL_PPM),
        (standard.local.field_ppm[z], WINDOW_PPM),
        (truth[z], WINDOW_PPM),
        (fast.map.chi_ppm[z], WINDOW_PPM),
        (standard.map.chi_ppm[z], WINDOW_PPM),
    )


def draw_crop(folder: Path) -> None:
    """Last echo's phase, the same unwrapped (as fitted), total and local field, χ of the crop."""
    echoes, grid = crop(folder)
    found = susceptibility(echoes, TE_S, B0_T, grid, mask=np.ones(grid.shape, bool))
    fit, middle = found.total.fit, grid.shape[0] // 2
    phase = fit.field_ppm * np.float32(found.total.rad_per_ppm) + fit.offset_rad
    centred = fit.field_ppm - np.median(fit.field_ppm)
    save(
        "qsm_in_vivo.png",
        CROP_SCALE,
        (np.angle(echoes[-1, middle]), np.pi),
        (phase[middle] - np.median(phase[middle]), 2 * np.pi),
        (centred[middle], TOTAL_PPM),
        (found.local.field_ppm[middle], WINDOW_PPM),
        (found.map.chi_ppm[middle], WINDOW_PPM),
    )


def save(name: str, scale: int, *tiles: Tile) -> None:
    """Slices side by side, each from minus to plus its window."""
    shown = []
    for values, window in tiles:
        grey = (255 * np.clip(values / (2 * window) + 0.5, 0, 1)).astype(np.uint8)
        shown.append(np.pad(grey.repeat(scale, 0).repeat(scale, 1), 2))
    Image.fromarray(np.concatenate(shown, axis=1)).save(IMAGES / name, optimize=True)
    print(f"docs/images/{name}: {(IMAGES / name).stat().st_size // 1000} kB")


if __name__ == "__main__":
    sys.exit(main())
