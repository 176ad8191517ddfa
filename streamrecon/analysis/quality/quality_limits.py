"""What counts as good: the limits of every measure of quality, and which must be known."""

from __future__ import annotations

import math
from dataclasses import dataclass

from streamrecon.analysis.reading import Light


@dataclass(frozen=True, slots=True)
class Limit:
    """From where on a measure is doubtful, and from where on bad.

    Parameters
    ----------
    amber, red
        The values; where ``amber > red`` a small number is the bad one.
    unit
        Of both.
    says
        What a person reads where the light is not green.
    """

    amber: float
    red: float
    unit: str
    says: str

    def light(self, number: float) -> Light:
        """The light of a value; nothing is said of what is not a number.

        >>> Limit(10.0, 5.0, "1", "low").light(7.0).value
        'amber'
        """
        if math.isnan(number):
            return Light.GREEN
        turn = -1 if self.amber > self.red else 1
        if turn * number > turn * self.red:
            return Light.RED
        return Light.AMBER if turn * number > turn * self.amber else Light.GREEN


LIMITS: dict[str, Limit] = {
    "snr": Limit(10.0, 5.0, "1", "the signal is low"),
    "phase_misfit": Limit(0.15, 0.3, "rad", "the phase is no line over the echo times"),
    "ghosts": Limit(0.045, 0.1, "1", "copies of the object lie beside it: motion or aliases"),
    "mask_lost": Limit(0.15, 0.3, "1", "the mask lacks part of what was expected"),
    "mask_beyond": Limit(0.15, 0.3, "1", "the mask reaches beyond what was expected"),
    "zero_spread": Limit(15.0, 30.0, "ppb", "the zero of the map drifts across the head"),
    "streaks": Limit(1.5, 2.0, "1", "streaks along the magic angle"),
    "jumps": Limit(1e-3, 3e-3, "1", "the field jumps: wraps were left in it"),
    "filtered": Limit(0.3, 0.15, "1", "the phase lacks the outline's field: it was filtered"),
    "outline": Limit(0.4, 0.7, "1", "the outline's field contradicts B0's direction or the sign"),
    "sign": Limit(0.5, -0.5, "1", "the object contradicts the phase sign"),
}
"""Limits by the name of the measure; see docs/explanation/readings-quality.md for their choice."""

ESSENTIAL: dict[str, str] = {
    "sign": "whether the phase sign is right",
    "outline": "whether B0 points where the header says",
    "phase_misfit": "whether the phase is a line over the echo times",
    "mask_lost": "whether the mask is complete",
    "mask_beyond": "whether the mask is too large",
}
"""Measures without which no light is green, and what then cannot be told."""
