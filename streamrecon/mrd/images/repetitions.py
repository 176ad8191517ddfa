"""Tells the volumes of a scan apart, by counters or time stamps; unfinished ones are left out."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

import numpy as np

from streamrecon.errors import DataError
from streamrecon.mrd.images.volumes_from_images import Stack
from streamrecon.mrd.wire.messages import Image

VOLUME_COUNTERS = ("repetition", "average", "set", "phase")
"""Counters of which each value is a volume of its own."""

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


def whole_volumes(images: Iterable[Image]) -> tuple[list[Image], tuple[str, ...]]:
    """Images of the volumes of which most came, and how many are left out for being fewer.

    The last repetition of a scan that was stopped lacks slices, echoes or phase.
    """
    volumes = _grouped((_volume(image.header), image) for image in images)
    kept, comments = _longest(list(volumes.values()))
    return [image for volume in kept for image in volume], comments


def separated(stacks: Sequence[Stack]) -> tuple[list[list[Stack]], tuple[str, ...]]:
    """The echoes of each volume, in the order of counters and times, and what was left out.

    Volumes that say they are the same echo of the same repetition are repetitions whose counter
    stands still, if their time stamps differ.

    Raises
    ------
    DataError
        If their time stamps are the same.
    """
    echoes = _grouped(
        ((s.label, _volume(s.header), int(s.header["contrast"]), s.te_s), s) for s in stacks
    )
    numbered = [
        ((_volume(stack.header), number), stack)
        for members in echoes.values()
        for number, stack in enumerate(_by_time(members))
    ]
    numbered.sort(key=lambda each: each[0])
    return _longest(list(_grouped(numbered).values()))


def _by_time(members: Sequence[Stack]) -> list[Stack]:
    stamps = [int(stack.header["acquisition_time_stamp"]) for stack in members]
    if len(set(stamps)) < len(members):
        numbers = sorted({stack.series for stack in members})
        raise DataError(
            f"images: found {len(members)} volumes of {members[0].label} that say they are echo"
            f" {members[0].echo} (series {numbers}), needed one, or echo times or time stamps"
            " that differ; AssembleImages.series chooses"
        )
    return [members[n] for n in np.argsort(stamps)]


def _volume(header: np.void) -> tuple[int, ...]:
    return tuple(int(header[name]) for name in VOLUME_COUNTERS)


def _grouped(items: Iterable[tuple[K, T]]) -> dict[K, list[T]]:
    groups: dict[K, list[T]] = {}
    for key, item in items:
        groups.setdefault(key, []).append(item)
    return groups


def _longest(volumes: Sequence[list[T]]) -> tuple[list[list[T]], tuple[str, ...]]:
    most = max(map(len, volumes), default=0)
    whole = [each for each in volumes if len(each) == most]
    lost = len(volumes) - len(whole)
    comments = f"images: {lost} of {len(volumes)} repetitions are not whole, and left out"
    return whole, (comments,) if lost else ()
