"""Which phase-encoding steps a scan measures: acceleration, partial Fourier, ellipses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import ConfigError

Steps = NDArray[np.bool_]
"""Steps of the encoded grid [Z, Y]."""


class Measured(NamedTuple):
    """Steps of the image's lattice, and those that calibrate it; embedded ones are in both."""

    imaging: Steps
    calibration: Steps


@dataclass(frozen=True, slots=True)
class Sampling:
    """Which steps are measured. Pairs are (z, y); z is left alone where it holds slices.

    Parameters
    ----------
    acceleration
        Every how manyth step is measured. The centre always is.
    caipi_shift
        Steps of z by which the lattice moves from one measured y to the next.
    calibration_lines
        So many central steps are measured in full along each accelerated axis.
    separate_calibration
        The calibration is a scan of its own before the first line, not embedded.
    partial
        Part of the steps that is measured; the first ones are left out, and counters begin
        at the first one measured.
    elliptical
        Steps in the corners of k-space are left out.
    segments
        Interleaved groups in which the steps are played out.
    centre_repeats
        So many times the central step is measured again, evenly spread over the scan.
    navigators
        A line without phase encoding after each echo train, at the time of its last echo.
    """

    acceleration: tuple[int, int] = (1, 1)
    caipi_shift: int = 0
    calibration_lines: int = 24
    separate_calibration: bool = False
    partial: tuple[float, float] = (1.0, 1.0)
    elliptical: bool = False
    segments: int = 1
    centre_repeats: int = 0
    navigators: bool = False

    def __post_init__(self) -> None:
        if min(*self.acceleration, self.segments) < 1 or self.calibration_lines < 0:
            raise ConfigError(f"sampling: found {self.acceleration}, {self.segments} segments")
        if not all(0.5 < part <= 1 for part in self.partial):
            raise ConfigError(f"partial Fourier: found {self.partial}, needed more than a half")

    @property
    def accelerated(self) -> bool:
        """Whether steps within the measured part are skipped."""
        return max(self.acceleration) > 1

    def first(self, nz: int, ny: int) -> tuple[int, int]:
        """First step (z, y) that partial Fourier leaves."""
        return nz - round(nz * self.partial[0]), ny - round(ny * self.partial[1])

    def extent(self, nz: int, ny: int, *, slices: bool) -> Steps:
        """Steps that would be measured without acceleration [Z, Y]."""
        kz, ky = np.ogrid[:nz, :ny]
        first_z, first_y = self.first(nz, ny)
        inside = (kz >= first_z) & (ky >= first_y)
        if self.elliptical and not slices:
            inside &= ((kz - nz // 2) / (nz / 2)) ** 2 + ((ky - ny // 2) / (ny / 2)) ** 2 <= 1
        return inside

    def measured(self, nz: int, ny: int, *, slices: bool) -> Measured:
        """Steps of the image and of the calibration [Z, Y].

        >>> Sampling((1, 2), calibration_lines=2).measured(1, 8, slices=True).imaging.astype(int)
        array([[1, 0, 1, 0, 1, 0, 1, 0]])
        """
        kz, ky = (np.arange(n) - n // 2 for n in (nz, ny))
        every_z, every_y = self.acceleration
        shifted = kz[:, None] - self.caipi_shift * (ky // every_y)
        lattice = (ky % every_y == 0) & (slices | (shifted % every_z == 0))
        extent = self.extent(nz, ny, slices=slices)
        if not self.accelerated:
            return Measured(extent, np.zeros_like(extent))
        central = self._central(ky, every_y) & (slices | self._central(kz, every_z)[:, None])
        return Measured(lattice & extent, central & extent)

    def _central(self, k: NDArray[np.int64], every: int) -> Steps:
        half = self.calibration_lines // 2
        return (every == 1) | ((k >= -half) & (k < self.calibration_lines - half))
