"""Pairs the magnitude and phase images of a scan by echo, whoever made them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import DataError, HeaderError
from streamrecon.model.scan import PhaseSign, Scan, ScanProtocol
from streamrecon.mrd.axes import vector
from streamrecon.mrd.header.phase_sign import stated_sign
from streamrecon.mrd.images import meta_keys as names
from streamrecon.mrd.images.meta import first_value
from streamrecon.mrd.images.volumes_from_images import Stack, meta_number, stacks_of
from streamrecon.mrd.wire.messages import Image

_COUNTERS = ("image_type", "image_series_index", "contrast", "repetition", "set", "phase")


@dataclass(frozen=True, slots=True, eq=False)
class EchoPair:
    """Magnitude and phase of all echoes of one repetition.

    Parameters
    ----------
    magnitude
        [E, Z, Y, X], in the maker's unit.
    phase
        [E, Z, Y, X], in the maker's numbers, with the rescaling that the images name.
    unit
        Unit of ``phase`` where the images name one.
    sign
        Sign that the maker says it has taken off already; ``None`` where nothing is said.
    scan
        The scan, at the images' place and with their echo times.
    repetition
        Number of the volume, from 0.
    """

    magnitude: NDArray[np.generic]
    phase: NDArray[np.generic]
    unit: str
    sign: PhaseSign | None
    scan: Scan
    repetition: int


def echo_pairs(images: Iterable[Image], protocol: ScanProtocol) -> list[EchoPair]:
    """One pair for each repetition.

    Echoes are told apart by their counter, or by their times where all have the same counter;
    slices by theirs, or by their places. Echo times are those of the images, else the header's.

    Raises
    ------
    DataError
        If an echo lacks its magnitude or its phase, has two, or they lie at different places.
    HeaderError
        If there are no echo times, or the images' directions contradict each other.
    """
    stacks = [s for s in stacks_of(_numbered(images)) if s.label in {"magnitude", "phase"}]
    repetitions = sorted({stack.repetition for stack in stacks})
    return [_pair([s for s in stacks if s.repetition == r], protocol) for r in repetitions]


def _numbered(images: Iterable[Image]) -> list[Image]:
    """Images of single slices whose counter stands still, counted along their normal instead."""
    ordered = sorted(images, key=_counters)
    numbered: list[Image] = []
    for _, members in groupby(ordered, key=_counters):
        group = list(members)
        slices = {int(image.header["slice"]) for image in group}
        if len(slices) == 1 and all(image.data.shape[1] == 1 for image in group):
            group = _by_place(group)
        numbered += group
    return numbered


def _counters(image: Image) -> tuple[float, ...]:
    given = next((name for name in (names.TE_S, names.FIRE_TE_MS) if image.meta.get(name)), None)
    time = meta_number(image.meta, given) if given else 0.0
    return (*(int(image.header[name]) for name in _COUNTERS), time)


def _by_place(group: Sequence[Image]) -> list[Image]:
    normal = vector(group[0].header, "slice_dir")
    heights = [float(vector(image.header, "position") @ normal) for image in group]
    if len(set(heights)) < len(group):
        return list(group)
    counted = []
    for number, at in enumerate(np.argsort(heights)):
        header = group[at].header.copy()
        header["slice"] = number
        counted.append(replace(group[at], header=header))
    return counted


def _pair(stacks: Sequence[Stack], protocol: ScanProtocol) -> EchoPair:
    magnitudes, phases = (_echoes(stacks, label) for label in ("magnitude", "phase"))
    if len(magnitudes) != len(phases) or not phases:
        raise DataError(
            f"images: found {len(magnitudes)} echoes of magnitude and {len(phases)} of phase,"
            " needed both of every echo"
        )
    first = phases[0]
    for stack in (*magnitudes, *phases):
        if not stack.geometry.same_as(first.geometry, tolerance_mm=0.1):
            raise DataError(f"images: {stack.label} of echo {stack.echo} lies at another place")
    times_s = _times_s(phases, protocol)
    echoes = replace(protocol.echoes, te_s=times_s, readout_polarity=())
    return EchoPair(
        np.stack([stack.values for stack in magnitudes]),
        np.stack([stack.values for stack in phases]),
        first.unit,
        stated_sign(first_value(first.meta, names.PHASE_SIGN)),
        Scan(
            geometry=first.geometry,
            protocol=replace(protocol, echoes=echoes),
            slice_thickness_mm=first.thickness_mm,
            comments=first.comments,
            measurement_uid=int(first.header["measurement_uid"]),
            time_stamps=first.time_stamps,
        ),
        first.repetition,
    )


def _echoes(stacks: Sequence[Stack], label: str) -> list[Stack]:
    """Stacks of one kind in the order of their echoes."""
    found = [stack for stack in stacks if stack.label == label]
    found.sort(key=lambda stack: (stack.echo, stack.te_s or 0.0))
    for one, next_one in pairwise(found):
        if (one.echo, one.te_s) == (next_one.echo, next_one.te_s):
            raise DataError(
                f"images: found two volumes of {label} that say they are echo {one.echo},"
                " needed one, or echo times that differ"
            )
    return found


def _times_s(stacks: Sequence[Stack], protocol: ScanProtocol) -> tuple[float, ...]:
    own = [stack.te_s for stack in stacks if stack.te_s is not None]
    if len(own) == len(stacks):
        return tuple(own)
    times_s = protocol.echoes.te_s
    if len(times_s) != len(stacks):
        raise HeaderError(f"TE: found {len(times_s)} in the header for {len(stacks)} echoes")
    return times_s
