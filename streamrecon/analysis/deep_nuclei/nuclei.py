"""Which deep nucleus of which side the name of a region means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum


class Side(Enum):
    """Half of the brain."""

    LEFT = "left"
    RIGHT = "right"


class Nucleus(Enum):
    """Deep grey nuclei in which iron was measured against χ, and white matter apart."""

    CAUDATE = "caudate"
    PUTAMEN = "putamen"
    PALLIDUM = "pallidum"
    THALAMUS = "thalamus"
    SUBTHALAMIC = "subthalamic nucleus"
    RED = "red nucleus"
    NIGRA = "substantia nigra"
    DENTATE = "dentate nucleus"


_SIDES = {
    **dict.fromkeys(("left", "l", "lh", "sinister"), Side.LEFT),
    **dict.fromkeys(("right", "r", "rh", "dexter"), Side.RIGHT),
}
_WORDS = {  # in the order in which they are tried
    Nucleus.SUBTHALAMIC: ("subthalamic", "subthalamicus", "stn"),
    Nucleus.CAUDATE: ("caudate", "caudatus", "caud"),
    Nucleus.PUTAMEN: ("putamen", "put"),
    Nucleus.PALLIDUM: ("pallidum", "pallidus", "gp", "gpe", "gpi"),
    Nucleus.THALAMUS: ("thalamus",),
    Nucleus.RED: ("ruber", "rubra", "red", "rn"),
    Nucleus.NIGRA: ("nigra", "sn", "snc", "snpc", "snr", "snpr"),
    Nucleus.DENTATE: ("dentate", "dentatus", "dn"),
}
_NOT = frozenset({"gyrus"})  # the dentate gyrus is cortex


@dataclass(frozen=True, slots=True)
class Place:
    """What a region's name says: the nucleus, if it is one of the list, and the side."""

    nucleus: Nucleus | None
    side: Side | None


def place_of(name: str) -> Place:
    """Nucleus and side that a region's name means, in the usual ways of writing them.

    A part of a nucleus counts as it: iron of the outer pallidum is iron of the pallidum.

    >>> place_of("Left-Pallidum")
    Place(nucleus=<Nucleus.PALLIDUM: 'pallidum'>, side=<Side.LEFT: 'left'>)
    >>> place_of("SNpc_R").nucleus
    <Nucleus.NIGRA: 'substantia nigra'>
    >>> place_of("dentate gyrus")
    Place(nucleus=None, side=None)
    """
    words = re.findall(r"[a-z]+", name.lower())
    side = next((_SIDES[word] for word in words if word in _SIDES), None)
    if _NOT.intersection(words):
        return Place(None, side)
    found = (nucleus for nucleus, those in _WORDS.items() if set(those).intersection(words))
    return Place(next(found, None), side)


def without_side(name: str) -> str:
    """The name less its side, in small letters: what the two of a pair share.

    >>> without_side("Left-Pallidum"), without_side("pallidum_R")
    ('pallidum', 'pallidum')
    """
    words = re.findall(r"[a-z0-9]+", name.lower())
    return " ".join(word for word in words if word not in _SIDES)
