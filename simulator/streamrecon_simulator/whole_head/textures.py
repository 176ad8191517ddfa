"""Values for labels: no tissue is uniform."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamrecon_simulator.whole_head.grid import Grid, Volume, isotropic_field, random_field
from streamrecon_simulator.whole_head.tissues import SUBSTANCES, Label


@dataclass(frozen=True, slots=True, eq=False)
class Textures:
    """Maps [Z, Y, X] float32: signal at TE = 0, R2* [1/s], χ [ppm] and fat's part of it."""

    density: Volume
    r2_star_hz: Volume
    chi_ppm: Volume
    fat: Volume


def textures(grid: Grid, labels: NDArray[np.uint8], seed: int) -> Textures:
    """Give each voxel its tissue's mean and a texture; that of χ is another than the signal's."""
    fine = isotropic_field(grid, (seed, 45), 1.0)
    uniform = np.float32(0.5) + np.float32(0.5) * np.tanh(np.float32(0.85) * fine)  # nearly uniform
    fat = (uniform < _table("fat")[labels]).astype(np.float32)
    del uniform
    fine = isotropic_field(grid, (seed, 40), 1.5)
    fine += isotropic_field(grid, (seed, 41), 4.0)
    fine *= np.float32(0.7)
    density = np.maximum(_varied(labels, "density", fine), 0)
    r2_star_hz = np.maximum(_varied(labels, "r2_star_hz", fine), 0)
    fine = np.float32(0.6) * isotropic_field(grid, (seed, 42), 1.8)
    fine += np.float32(0.6) * random_field(grid, (seed, 43), (2.0, 9.0, 2.0))  # fibres
    fine += np.float32(0.5) * isotropic_field(grid, (seed, 44), 12.0)
    return Textures(density, r2_star_hz, _varied(labels, "chi_ppm", fine), fat)


def _varied(labels: NDArray[np.uint8], name: str, texture: Volume) -> Volume:
    deviation = {"density": "density_sd", "r2_star_hz": "r2_star_sd_hz", "chi_ppm": "chi_sd_ppm"}
    value = _table(deviation[name])[labels]
    value *= texture
    value += _table(name)[labels]
    return value


def _table(name: str) -> Volume:
    """A property of every label, by number."""
    table = np.zeros(max(Label) + 1, np.float32)
    for label, substance in SUBSTANCES.items():
        table[label] = getattr(substance, name)
    return table
