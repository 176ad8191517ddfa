"""What goes wrong while a scan is measured, beyond noise and lost lines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Faults:
    """Disturbances; none by default.

    Parameters
    ----------
    breathing_hz, breathing_s
        Amplitude [Hz] and period [s] of a uniform field that swings with the breath.
    polarity_rad
        Phase of readouts under the positive gradient, and its opposite under the negative one.
    polarity_slow_rad
        The same for a part that varies over the encoded field of view with x² and y, from about
        −1 to 1.
    dead_coils
        Channels that receive nothing, not even noise.
    """

    breathing_hz: float = 0.0
    breathing_s: float = 4.0
    polarity_rad: float = 0.0
    polarity_slow_rad: float = 0.0
    dead_coils: tuple[int, ...] = ()

    def breath_hz(self, time_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Field at a time [Hz]: ``A sin(2π t / T)``."""
        return np.asarray(self.breathing_hz * np.sin(2 * np.pi * time_s / self.breathing_s))

    def polarity_phase(self, y: NDArray[np.float64], x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Phase of a positive readout [Y, X, rad] at shares of the field of view from its centre.

        >>> Faults(polarity_rad=0.5).polarity_phase(np.zeros(1), np.zeros(1))
        array([[0.5]])
        """
        slow = 4 * x**2 - 0.5 + y[:, None]
        return np.asarray(self.polarity_rad + self.polarity_slow_rad * slow)
