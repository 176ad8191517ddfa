"""Fully known coil images, their k-space, and what is left of it when lines are skipped."""

from dataclasses import dataclass

import numpy as np
from streamrecon_simulator.lines.coils import sensitivity

from streamrecon.fourier import fft, ifft
from streamrecon.model.lattice import Lattice
from streamrecon.model.scan import CounterRange
from streamrecon.recon.kspace.encoding_grid import Grid, axis
from streamrecon.recon.parallel.coil_sensitivities import Sensitivities
from streamrecon.recon.parallel.unmixing_weights import Unmixing

CALIBRATION = 24


@dataclass(frozen=True)
class Coils:
    """Coil images [E, C, Z, Y, X] with their grid; for slices Z is not transformed."""

    images: np.ndarray
    truth: np.ndarray  # of a coil of sensitivity 1 [E, Z, Y, X]
    sensitivities: np.ndarray  # [C, Z, Y, X]
    grid: Grid

    @property
    def hybrid(self) -> np.ndarray:
        """An image along X, k-space along the encoded axes."""
        return fft(self.images.copy(), (3,) if self.grid.is_2d else (2, 3))

    def calibration(self, lattice: Lattice, noise: np.ndarray | float = 0.0) -> np.ndarray:
        """Central lines along the accelerated axes, all along the others."""
        z, y = (
            slice(max(0, n // 2 - CALIBRATION // 2), n // 2 + CALIBRATION // 2)
            for n in self.images.shape[2:4]
        )
        if lattice.every_z == 1:
            z = slice(None)
        return np.ascontiguousarray((self.hybrid + noise)[:, :, z, y])

    def folded(self, lattice: Lattice, noise: np.ndarray | float = 0.0) -> np.ndarray:
        """Coil images of the lattice's lines, all others zero; the centre is taken."""
        n_z, n_y = self.images.shape[2:4]
        taken = lattice.mask((n_z, n_y), (0 if self.grid.is_2d else n_z // 2, n_y // 2))
        lines = (self.hybrid + noise) * taken[:, :, None]
        return ifft(lines.astype(np.complex64), (3,) if self.grid.is_2d else (2, 3))


def simulated(shape: tuple[int, int, int], n_coils: int, *, slices: bool = False) -> Coils:
    """Two echoes of an ellipsoid with texture and a field, in coils around it; 4 x 3 x 3 mm."""
    voxel = (4.0, 3.0, 3.0)
    z, y, x = np.meshgrid(
        *[(np.arange(n) - n // 2) * size for n, size in zip(shape, voxel, strict=True)],
        indexing="ij",
    )
    half = [0.42 * n * size for n, size in zip(shape, voxel, strict=True)]
    inside = (z / half[0] / (9 if slices else 1)) ** 2 + (y / half[1]) ** 2 + (x / half[2]) ** 2 < 1
    texture = 1 + 0.3 * np.cos(x / 7) * np.cos(y / 5 + z / 9)
    field = 6 * np.exp(-((y + 30) ** 2 + x**2 + z**2) / 1200)  # rad of the second echo
    truth = np.stack([inside * texture, inside * texture * 0.8 * np.exp(1j * field)])
    coils = np.stack([sensitivity(n_coils, c, np.stack([x, y, z])) for c in range(n_coils)])
    fov = [n * size for n, size in zip(shape, voxel, strict=True)]
    n_z = 1 if slices else shape[0]
    grid = Grid(
        axis(n_z, fov[0] / shape[0] * n_z, n_z, fov[0] / shape[0] * n_z),
        axis(shape[1], fov[1], shape[1], fov[1]),
        axis(shape[2], fov[2], shape[2], fov[2]),
        ky=CounterRange(0, shape[1] - 1, shape[1] // 2),
        kz=CounterRange(0, n_z - 1, n_z // 2),
        n_slices=shape[0] if slices else 1,
    )
    images = (truth[:, None] * coils).astype(np.complex64)
    return Coils(images, truth.astype(np.complex64), coils, grid)


def combined(weights: Unmixing | Sensitivities, images: np.ndarray) -> np.ndarray:
    return np.stack(
        [(weights.at_z(z) * images[:, :, z]).sum(axis=1) for z in range(images.shape[2])], axis=1
    )
