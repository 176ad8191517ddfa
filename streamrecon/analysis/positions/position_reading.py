"""Whether the positions of a head so far are enough, and which tilt is still needed.

Magnitudes are registered, since how a head lies cannot be read from where its slab lies: the
operator may have turned the slab with the head, or not. A position is kept small for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import atan2, degrees, hypot

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from streamrecon.analysis.positions.orientations import adequacy
from streamrecon.analysis.positions.registration import (
    Motion,
    register,
    registration_image,
    resample,
)
from streamrecon.analysis.positions.tilted_fields import b0_after
from streamrecon.analysis.reading import Outcome, Reading, Value
from streamrecon.model.geometry import Geometry

Real = NDArray[np.float32]
Flags = NDArray[np.bool_]

KIND = "orientations"
METHOD = "rigid registration of magnitudes; ratio of the largest and least weight of a direction"
DOI = "10.1002/mrm.21828"

_COARSE_MM = 2.5
_INSIDE = 0.5  # of a coarse voxel's place in the mask


@dataclass(frozen=True, slots=True, eq=False)
class HeadPosition:
    """A head as it lies in one scan, in few voxels.

    Parameters
    ----------
    image
        Its registration image [Z, Y, X], 0 outside the brain.
    geometry
        Of that, in the scanner's frame.
    """

    image: Real
    geometry: Geometry


def head_position(
    magnitude: NDArray[np.floating],
    chi_ppm: NDArray[np.floating],
    mask: Flags,
    geometry: Geometry,
) -> HeadPosition:
    """How the head lies, from the first echo and what was made of the scan, all [Z, Y, X]."""
    image = registration_image(magnitude, chi_ppm, mask, geometry)
    dz, dy, dx = (max(_COARSE_MM, mm) for mm in geometry.voxel_mm)
    ratio = np.array((dz, dy, dx)) / geometry.voxel_mm
    z, y, x = (max(1, round(n / r)) for n, r in zip(geometry.shape, ratio, strict=True))
    grid = replace(geometry, shape=(z, y, x), voxel_mm=(dz, dy, dx))
    smooth = gaussian_filter(image, np.where(ratio > 1, ratio / 2, 0))
    few = resample(smooth, geometry, grid, np.eye(4))
    inside = resample(mask.astype(np.float32), geometry, grid, np.eye(4)) > _INSIDE
    return HeadPosition(np.where(inside, few, 0).astype(np.float32), grid)


def read_orientations(positions: Sequence[HeadPosition]) -> Reading:
    """Judge the positions of a head, the first of them first; at least one.

    Raises
    ------
    ConfigError, ReconError
        As `register`.
    """
    first = positions[0]
    motions = [_motion(first, each) for each in positions[1:]]
    seen = [b0_after(motion.matrix) for motion in (Motion(np.eye(4), 1.0), *motions)]
    found = adequacy(seen)
    values = [Value(subject=KIND, name="condition", number=found.condition, unit="1")]
    reasons = []
    for number, motion in enumerate(motions, start=2):
        subject = f"position {number}"
        values += values_of_position(subject, motion)
        reasons += [f"{subject}: {doubt}" for doubt in motion.doubts]
    if found.doubt:
        reasons.append(found.doubt)
    return Reading(
        kind=KIND,
        outcome=Outcome.FLAGGED if reasons else Outcome.GIVEN,
        method=METHOD,
        values=tuple(values),
        reasons=tuple(reasons),
        parameters={"positions": len(positions)},
        dois=(DOI,),
    )


def values_of_position(subject: str, motion: Motion) -> list[Value]:
    """How far a head is tilted against the first scan [°], and how alike both are.

    ``tilt`` is the angle between both directions of B0 in the head; the two others are its parts
    as `adequacy` names them in its advice, with their signs. A turn about B0 is no tilt.
    """
    left, posterior, superior = b0_after(motion.matrix).tolist()
    angles = {
        "tilt": atan2(hypot(left, posterior), superior),
        "tilt_left_right": atan2(posterior, superior),
        "tilt_anterior_posterior": atan2(-left, superior),
    }
    return [
        *(
            Value(subject=subject, name=name, number=degrees(angle), unit="deg")
            for name, angle in angles.items()
        ),
        Value(subject=subject, name="likeness", number=motion.likeness, unit="1"),
    ]


def clause_of_positions(reading: Reading) -> str:
    """The last position's tilt and the condition number of all, as a clause."""
    condition, *others = reading.values
    count = reading.parameters["positions"]
    clause = f"condition {condition.number:.1f} of {count}"
    last = {each.name: each.number for each in others if each.subject == f"position {count}"}
    if not last:
        return clause
    parts = f"{last['tilt_left_right']:+.0f}° about left-right"
    parts += f", {last['tilt_anterior_posterior']:+.0f}° about anterior-posterior"
    return f"position {count} {last['tilt']:.1f}° from the first ({parts}); {clause}"


def _motion(first: HeadPosition, other: HeadPosition) -> Motion:
    mask = first.image != 0
    return register(first.image, mask, first.geometry, other.image, other.geometry)
