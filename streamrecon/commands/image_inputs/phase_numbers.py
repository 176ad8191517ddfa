"""What the numbers of a stored phase mean: as given, by their range, or by the unscaled range."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from streamrecon.commands.image_inputs.image_parts import ImagePart
from streamrecon.errors import DataError
from streamrecon.phase.phase_scaling import PhaseScale, recognise_phase


def scaled_phase(
    part: ImagePart, ends: tuple[float, float] | None
) -> tuple[NDArray[np.generic], PhaseScale, str]:
    """Values of the phase, what they mean, and how that was found.

    Raises
    ------
    DataError
        If their range is nobody's habit and no ends are given.
    """
    if ends is not None:
        scale = PhaseScale.between(*ends)
        return part.values, scale, f"{scale}, as given"
    low, high = _extremes(part.values)
    found = f"recognised by its range {low:.6g} … {high:.6g}"
    try:
        scale = recognise_phase(low, high)
    except DataError as unknown:
        stored = part.as_stored()
        low, high = _extremes(stored)
        try:
            scale = recognise_phase(low, high)
        except DataError:
            raise DataError(f"{unknown}; or say which numbers are ±π by --phase-ends") from unknown
        over = "the file's own scale makes no phase of it and was passed over"
        return stored, scale, f"{scale}, by the stored range {low:.6g} … {high:.6g}: {over}"
    return part.values, scale, f"{scale}, {found}"


def _extremes(values: NDArray[np.generic]) -> tuple[float, float]:
    return float(np.nanmin(values)), float(np.nanmax(values))
