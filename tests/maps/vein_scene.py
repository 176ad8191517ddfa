"""A tree of veins, its measured field and what is truly vein, on any grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft
from streamrecon_simulator.phantoms.shapes import Sphere, Tube, contains
from streamrecon_simulator.phantoms.vein_tree import vein_tree

from streamrecon.model.geometry import Geometry
from streamrecon.units import hz_per_ppm

TREES = {
    "the tree of the defaults": vein_tree(),  # find_veins was made on this one
    "few and wide": vein_tree(branches=25, radii_mm=(0.5, 2.0), tubes=5, tube_mm=5.0, seed=11),
    "many and thin": vein_tree(branches=60, radii_mm=(0.3, 1.2), tubes=2, tube_mm=8.0, seed=23),
}
NUCLEI = (Sphere((12.0, 10.0, -8.0), 5.0), Sphere((-12.0, 12.0, -4.0), 5.0))
BLEED = Sphere((14.0, -14.0, 10.0), 2.5)
VEIN_PPM, NUCLEUS_PPM, BLEED_PPM = 0.45, 0.12, 0.6
FIELD_OF_VIEW_MM = 64.0
TE_S = (0.005, 0.010, 0.015, 0.020)
SNR = 40.0  # of tissue at TE = 0


@dataclass
class Measured:
    grid: Geometry
    head: np.ndarray  # the ball in which χ is reconstructed
    field_ppm: np.ndarray  # local field with noise
    share: np.ndarray  # how much of each voxel is vein
    radius_mm: np.ndarray  # of the thickest vein in the voxel
    bleed: np.ndarray


def measure(
    voxel_mm: tuple[float, float, float], tree: Sequence[Tube], *, fine: int = 3, seed: int = 1
) -> Measured:
    """Echoes of voxels that are means of ``fine``³ points, and the field they give."""
    nz, ny, nx = (2 * round(FIELD_OF_VIEW_MM / mm / 2) for mm in voxel_mm)
    shape = (nz, ny, nx)
    axes = [
        ((np.arange(n * fine) + 0.5) / fine - 0.5 - n // 2) * mm
        for n, mm in zip(shape, voxel_mm, strict=True)
    ]
    radius = np.zeros([axis.size for axis in axes], np.float32)
    for tube in tree:  # the thickest come first and stay
        _paint(radius, axes, tube, tube.radius_mm)
    chi = np.where(radius > 0, np.float32(VEIN_PPM), 0)
    for shape_, ppm in (*((n, NUCLEUS_PPM) for n in NUCLEI), (BLEED, BLEED_PPM)):
        _paint(chi, axes, shape_, ppm)
    spacing = [mm / fine for mm in voxel_mm]
    field = _dipole_field(chi, spacing)

    def mean(values: np.ndarray) -> np.ndarray:
        z, y, x = shape
        return np.asarray(values.reshape(z, fine, y, fine, x, fine).mean((1, 3, 5)))

    decay = np.where(radius > 0, 45.0, 18.0).astype(np.float32)
    random = np.random.default_rng(seed)
    above = below = np.zeros(shape)
    for te in TE_S:
        turn = np.float32(2 * np.pi * hz_per_ppm(3.0) * te)
        signal = mean(np.exp(-decay * np.float32(te) + 1j * turn * field))
        noise = random.standard_normal((2, *shape)) / SNR
        signal = signal + noise[0] + 1j * noise[1]
        weight = np.abs(signal) ** 2
        above, below = above + weight * te * np.angle(signal), below + weight * te**2
    z, y, x = np.meshgrid(
        *[(np.arange(n) - n // 2) * mm for n, mm in zip(shape, voxel_mm, strict=True)],
        indexing="ij", sparse=True,
    )  # fmt: skip
    blocks = radius.reshape(shape[0], fine, shape[1], fine, shape[2], fine)
    return Measured(
        grid=Geometry(shape, voxel_mm, np.eye(3)[::-1]),
        head=z**2 + y**2 + x**2 < 30.0**2,
        field_ppm=(above / below / (2 * np.pi * hz_per_ppm(3.0))).astype(np.float32),
        share=mean((radius > 0).astype(np.float32)),
        radius_mm=blocks.max((1, 3, 5)),
        bleed=mean((chi == np.float32(BLEED_PPM)).astype(np.float32)) > 0,
    )


def _paint(values: np.ndarray, axes: list[np.ndarray], shape: Sphere | Tube, value: float) -> None:
    """Set what is still 0 in a shape, within its surroundings only."""
    middle, reach = np.array(shape.centre_mm)[::-1], shape.radius_mm
    reach += getattr(shape, "length_mm", 0.0) / 2
    block = tuple(
        slice(*np.searchsorted(axis, (at - reach, at + reach)))
        for axis, at in zip(axes, middle, strict=True)
    )
    z, y, x = np.meshgrid(*[a[b] for a, b in zip(axes, block, strict=True)], indexing="ij")
    part = values[block]
    part[contains(shape, np.stack([x, y, z])) & (part == 0)] = value


def _dipole_field(chi: np.ndarray, spacing_mm: list[float]) -> np.ndarray:
    """Field of χ along z on a padded grid; far copies are half a grid away."""
    padded = [scipy.fft.next_fast_len(n * 3 // 2) for n in chi.shape]
    k = [scipy.fft.fftfreq(n, mm) for n, mm in zip(padded, spacing_mm, strict=True)]
    k[2] = scipy.fft.rfftfreq(padded[2], spacing_mm[2])
    z, y, x = np.meshgrid(*[axis.astype(np.float32) for axis in k], indexing="ij", sparse=True)
    square = z**2 + y**2 + x**2
    square[0, 0, 0] = 1
    kernel = np.float32(1 / 3) - z**2 / square
    kernel[0, 0, 0] = 0
    spectrum = scipy.fft.rfftn(chi, padded, workers=2) * kernel
    return scipy.fft.irfftn(spectrum, padded, workers=2)[tuple(map(slice, chi.shape))]
