"""A head with large sources of known susceptibility, and how much of it a map gives back."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import binary_dilation, binary_erosion
from streamrecon_simulator.phantoms.phantom import AIR, TISSUE, WATER, Part, Phantom, Tissue
from streamrecon_simulator.phantoms.shapes import Ellipsoid, Sphere
from streamrecon_simulator.scene import Scene
from streamrecon_simulator.truth import truth

NUCLEI = Phantom(
    parts=(
        Part(Ellipsoid((0.0, 0.0, 0.0), (70.0, 88.0, 78.0)), TISSUE),
        Part(Ellipsoid((0.0, 0.0, 12.0), (12.0, 24.0, 12.0)), WATER),
        Part(Sphere((-34.0, -12.0, 0.0), 14.0), Tissue(0.7, 35.0, 0.20)),
        Part(Sphere((34.0, -12.0, 0.0), 14.0), Tissue(0.7, 30.0, 0.10)),
        Part(Sphere((0.0, 46.0, 8.0), 14.0), Tissue(0.7, 20.0, -0.15)),
        Part(Sphere((0.0, -58.0, -34.0), 10.0), AIR),
    ),
    background_ppm=(0.0, 0.2, -0.3, 0.4, 1.0),
)
"""Three balls of both signs of χ, large enough for the voxels of a quick test; a sinus of air."""

HEAD = Scene(
    "head of a quick test", phantom=NUCLEI, matrix=(56, 68, 60), voxel_mm=(3.0, 3.0, 3.0),
    oversampling=(1.0, 1.0, 1.0), n_coils=2, supersampling=2, snr=80.0,
    te_s=(0.004, 0.0085, 0.013, 0.0175),
)  # fmt: skip


def slope(chi_ppm: np.ndarray, scene: Scene) -> tuple[float, float, str]:
    """Slope of found over true χ, RMSE of the regions in ppb, and a line for each of them.

    A region is what holds in every neighbour; its χ is that above the tissue around it.
    """
    true = truth(scene).chi_ppm
    tissue = (true == 0) & (chi_ppm != 0)
    found, expected, lines = [], [], []
    for level in (0.20, 0.10, -0.15):
        ball = np.isclose(true, level)
        core = binary_erosion(ball, np.ones((3, 3, 3), bool))
        around = binary_dilation(ball, iterations=4) & ~binary_dilation(ball, iterations=2) & tissue
        found.append(float(chi_ppm[core].mean() - chi_ppm[around].mean()))
        expected.append(level)
        lines.append(f"{level:+.2f} ppm: {found[-1]:+.4f}")
    ratio = float(np.dot(found, expected) / np.dot(expected, expected))
    rmse_ppb = 1e3 * float(np.sqrt(np.mean(np.subtract(found, expected) ** 2)))
    return ratio, rmse_ppb, "; ".join(lines)
