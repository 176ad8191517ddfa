"""The two dialects of the texts on the wire."""

from __future__ import annotations

from enum import Enum


class Dialect(Enum):
    """Who reads what we write.

    Gadgetron's texts end with their length, FIRE's with a NUL that is counted. Both are read
    without being told which.
    """

    GADGETRON = "gadgetron"
    FIRE = "fire"
