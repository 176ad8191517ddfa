"""The pictures of docs/explanation/swi.md: SWI and R2* of a crop in vivo.

Three echoes of a brain at 0.47 × 0.47 × 1 mm (ROMEO.jl, MIT). Echo times and orientation are not
in the files: 4, 8 and 12 ms at 3 T, axial, are taken. Run it after a change of what the maps look
like, and look at the pictures before they are committed.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nibabel
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from streamrecon.maps.clear_swi import swi_clear
from streamrecon.maps.dephasing import Dephasing, field_gradient
from streamrecon.maps.projection import project_slabs
from streamrecon.maps.r2star import fit_decay
from streamrecon.maps.swi import root_sum_squares, swi_classic, swi_from_field, true_swi
from streamrecon.model.geometry import Geometry
from streamrecon.qsm.pipeline import susceptibility
from streamrecon.units import hz_per_ppm

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
SHARED = Path(os.environ.get("STREAMRECON_SHARED", ROOT.parent / "shared" / "data"))
TE_S, B0_T = (0.004, 0.008, 0.012), 3.0
LONG_S = 0.020  # the phase of SWI is that of 20 ms, whatever was measured
SCALE = 4  # pixels a voxel


def main() -> int:
    """Draw both pictures."""
    folder = SHARED / "romeo-crop"
    if not folder.is_dir():
        print("romeo-crop is not here: its pictures stay as they are")
        return 0
    echoes, grid = crop(folder)
    whole = np.ones(grid.shape, bool)  # the crop is brain throughout
    found = susceptibility(echoes, TE_S, B0_T, grid, mask=whole)
    together, middle = root_sum_squares(echoes), grid.shape[0] // 2
    local = swi_from_field(together, found.local.field_ppm, B0_T, LONG_S)
    true = true_swi(together, found.map.chi_ppm)
    row(
        "swi_in_vivo.png",
        together[middle],
        swi_classic(echoes, grid)[middle],
        swi_clear(echoes, TE_S, grid)[middle],
        local[middle],
        true[middle],
        project_slabs(local, grid).values[middle - 4],
    )
    field = found.total.fit
    slopes = field_gradient(field.field_ppm * hz_per_ppm(B0_T), whole, grid)
    dephasing = Dephasing(slopes, grid.voxel_mm, (False, False, False))
    decay = fit_decay(np.abs(echoes), TE_S, whole, noise=field.noise, dephasing=dephasing)
    rate, spread = decay.r2_star_per_s, decay.sd_per_s
    print(f"R2*: median {np.median(rate):.1f} /s, uncertainty {np.median(spread):.1f} /s, "
          f"misfit {np.median(decay.residual):.2f} of the noise")  # fmt: skip
    row(
        "r2star_in_vivo.png",
        np.clip(rate[middle], 0, 80),
        np.clip(spread[middle], 0, 20),
        found.map.chi_ppm[middle].clip(-0.15, 0.25),
    )
    return 0


def crop(folder: Path) -> tuple[NDArray[np.complex64], Geometry]:
    """Complex echoes [E, Z, Y, X], and their grid."""
    files = [nibabel.load(folder / name) for name in ("Mag.nii", "Phase.nii")]
    magnitude, phase = (np.asarray(file.dataobj, np.float32).T for file in files)
    phase *= np.pi / np.abs(phase).max()
    _, nz, ny, nx = magnitude.shape
    dx, dy, dz = (float(size) for size in files[0].header.get_zooms()[:3])
    grid = Geometry((nz, ny, nx), (dz, dy, dx), np.eye(3)[::-1])
    return (magnitude * np.exp(1j * phase)).astype(np.complex64), grid


def row(name: str, *slices: NDArray[np.floating]) -> None:
    """Slices side by side, each with a window of its own."""
    tiles = []
    for values in slices:
        low, high = np.quantile(values, (0.005, 0.995))
        grey = (255 * np.clip((values - low) / (high - low), 0, 1)).astype(np.uint8)
        tiles.append(np.pad(grey.repeat(SCALE, 0).repeat(SCALE, 1), 2))
    Image.fromarray(np.concatenate(tiles, axis=1)).save(IMAGES / name, optimize=True)
    print(f"docs/images/{name}")


if __name__ == "__main__":
    sys.exit(main())
