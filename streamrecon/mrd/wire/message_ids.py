"""The numbers of the messages on the wire, and the two dialects of its texts."""

from __future__ import annotations

from enum import Enum, IntEnum


class Id(IntEnum):
    """What the first two bytes of a message can be."""

    CONFIG_FILE = 1
    CONFIG_TEXT = 2
    HEADER = 3
    CLOSE = 4
    TEXT = 5
    QUERY = 6
    RESPONSE = 7
    ERROR = 8
    ACQUISITION = 1008
    DICOM = 1018
    DEPENDENCY = 1019
    IMAGE = 1022
    RECON_DATA = 1023
    IMAGE_ARRAY = 1024
    WAVEFORM = 1026
    BUCKET = 1050

    def __str__(self) -> str:
        return f"{self.name} ({self.value})"


class Dialect(Enum):
    """Who reads what we write.

    Gadgetron's texts end with their length, FIRE's with a NUL that is counted. Both are read
    without being told which.
    """

    GADGETRON = "gadgetron"
    FIRE = "fire"
