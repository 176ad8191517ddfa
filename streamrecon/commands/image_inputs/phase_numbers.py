"""What the numbers of stored echoes mean, and what of them is in doubt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from streamrecon.commands.image_inputs.image_parts import ImagePart
from streamrecon.errors import DataError
from streamrecon.phase.phase_scaling import PhaseScale, recognise_phase

_BEYOND, _FILLED = 0.05, 0.1  # of the range between ends
_UNLIKE = 0.02  # of the widest echo's range: early phase without offset is a tenth of late phase


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
        _refuse_other_ends(part.values, ends)
        return part.values, scale, f"{scale}, as given"
    low, high = _extremes(part.values)
    _refuse_unlike_echoes(part.values)
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
        scale = replace(scale, is_assumed=True)
        return stored, scale, f"{scale}, by the stored range {low:.6g} … {high:.6g}: {over}"
    return part.values, scale, f"{scale}, {found}"


def _refuse_other_ends(values: NDArray[np.generic], ends: tuple[float, float]) -> None:
    low, high = _extremes(values)
    reach = ends[1] - ends[0]
    beyond = max(ends[0] - low, high - ends[1])
    if beyond > _BEYOND * reach or high - low < _FILLED * reach:
        raise DataError(
            f"--phase-ends: found {ends[0]:g} and {ends[1]:g} for ±π, and a phase of {low:.6g} … "
            f"{high:.6g}, which does not fill them"
        )


def _refuse_unlike_echoes(values: NDArray[np.generic]) -> None:
    """Refuse echoes in several units: their ranges are taken together."""
    ranges = [_extremes(echo) for echo in values]
    spans = [high - low for low, high in ranges]
    if min(spans) < _UNLIKE * max(spans):
        shown = "; ".join(f"{low:.4g} … {high:.4g}" for low, high in ranges)
        raise DataError(
            f"phase: found echoes of {shown}, needed all in one unit; where they are, say which "
            "numbers are ±π by --phase-ends"
        )


def _extremes(values: NDArray[np.generic]) -> tuple[float, float]:
    return float(np.nanmin(values)), float(np.nanmax(values))


def doubts_of_scale(scale: PhaseScale) -> Iterator[str]:
    """A phase whose scale is assumed."""
    if scale.is_assumed:
        yield f"phase: taken for {scale}; say which numbers are ±π by --phase-ends if it is not"
