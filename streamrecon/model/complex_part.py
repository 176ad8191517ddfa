"""What an image is of the complex signal, by the words of its maker."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum


class Part(Enum):
    """What is given as ``--phase``, ``--mag``, ``--real`` and ``--imag``; the value is its name."""

    MAGNITUDE = "magnitude"
    PHASE = "phase"
    REAL = "real"
    IMAGINARY = "imaginary"


_WORDS = {
    # Siemens, and what converters write: M, P, R, I; Philips: M_FFE, PHASE MAP, R_FFE, I_FFE
    "M": Part.MAGNITUDE, "MAG": Part.MAGNITUDE, "MAGNITUDE": Part.MAGNITUDE,
    "P": Part.PHASE, "PHASE": Part.PHASE,
    "R": Part.REAL, "REAL": Part.REAL,
    "I": Part.IMAGINARY, "IMAG": Part.IMAGINARY, "IMAGINARY": Part.IMAGINARY,
}  # fmt: skip
_OF_GE = (Part.MAGNITUDE, Part.PHASE, Part.REAL, Part.IMAGINARY)  # (0043,102F)
_OF_NAMES = {
    "mag": Part.MAGNITUDE, "phase": Part.PHASE, "real": Part.REAL, "imag": Part.IMAGINARY,
    "ph": Part.PHASE, "imaginary": Part.IMAGINARY,
}  # fmt: skip


def part_by_words(words: Iterable[object]) -> Part | None:
    """Part that the words of an ImageType name; ``None`` where they name none, or two.

    >>> part_by_words(["ORIGINAL", "PRIMARY", "PHASE MAP", "P", "FFE"])
    <Part.PHASE: 'phase'>
    """
    firsts = (str(word).upper().removesuffix(" MAP").partition("_")[0] for word in words)
    found = {_WORDS[word] for word in firsts if word in _WORDS}
    return found.pop() if len(found) == 1 else None


def part_by_number(number: object) -> Part | None:
    """Part that GE's private number (0043,102F) stands for."""
    text = str(number).strip("[]").partition(",")[0]
    return _OF_GE[int(text)] if text in {"0", "1", "2", "3"} else None


def part_by_name(name: str) -> Part | None:
    """Part that a file's name states: BIDS' entity, or the suffix of a converter.

    >>> part_by_name("sub-1_echo-2_part-imag_MEGRE.nii.gz"), part_by_name("gre_e1_ph.nii")
    (<Part.IMAGINARY: 'imaginary'>, <Part.PHASE: 'phase'>)
    """
    stem = name.removesuffix(".gz").removesuffix(".nii")
    for word in stem.split("_"):
        if word.startswith("part-"):
            return _OF_NAMES.get(word.removeprefix("part-"))
    return _OF_NAMES.get(stem.rpartition("_")[2]) if "_" in stem else None
