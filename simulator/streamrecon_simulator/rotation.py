"""Rotations about the axes of the patient."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def rotation(
    about_l_deg: float, about_p_deg: float, about_s_deg: float = 0.0
) -> NDArray[np.float64]:
    """Matrix [3, 3] of positions (L, P, S): right-handed about L, then P, then S, axes that stay.

    More degrees about L bring the chin to the chest, about P the top of the head to the patient's
    left, about S the nose to the left.

    >>> (rotation(90, 0) @ (0, -1, 0)).round().astype(int).tolist()  # the nose, towards the feet
    [0, 0, -1]
    >>> (rotation(0, 90) @ (0, 0, 1)).round().astype(int).tolist()  # the top, to the left
    [1, 0, 0]
    """
    found = np.eye(3)
    for axis, degrees in enumerate((about_l_deg, about_p_deg, about_s_deg)):
        cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
        one, two = (axis + 1) % 3, (axis + 2) % 3
        turn = np.eye(3)
        turn[one, one] = turn[two, two] = cosine
        turn[one, two], turn[two, one] = -sine, sine
        found = turn @ found
    return found
