"""Pairs the magnitude and phase images of a scan by echo, whoever made them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import DataError, HeaderError
from streamrecon.model.scan import PhaseSign, Scan, ScanProtocol
from streamrecon.model.stored_parts import centred
from streamrecon.mrd.header.phase_sign import stated_sign
from streamrecon.mrd.images import meta_keys as names
from streamrecon.mrd.images.meta import first_value
from streamrecon.mrd.images.repetitions import VOLUME_COUNTERS, separated, whole_volumes
from streamrecon.mrd.images.slice_places import height_mm
from streamrecon.mrd.images.volumes_from_images import PARTS, Stack, meta_number, stacks_of
from streamrecon.mrd.wire.messages import Image

_COUNTERS = ("image_type", "image_series_index", "contrast", *VOLUME_COUNTERS)

Array = NDArray[np.generic]
Polar = tuple[Array, Array, str]
AsPolar = Callable[[Array, Array, str], Polar]


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


def echo_pairs(
    images: Iterable[Image], protocol: ScanProtocol
) -> tuple[list[EchoPair], tuple[str, ...]]:
    """One pair for each repetition, and what was left out.

    Echoes are told apart by their counter, or by their times where all have the same counter;
    slices by theirs, or by their places; repetitions by theirs, by those of averages and sets, or
    by their time stamps. Echo times are those of the images, else the header's. A repetition
    without all images that others have is left out and told.

    Raises
    ------
    DataError
        If an echo lacks its magnitude or its phase, has two, or they lie at different places.
    HeaderError
        If there are no echo times, or the images' directions contradict each other.
    """
    whole, of_counters = whole_volumes(images)
    stacks = [stack for stack in stacks_of(_numbered(whole)) if stack.label in PARTS]
    if not stacks:
        raise DataError("images: found no image of an echo, needed magnitude and phase of each")
    volumes, of_stamps = separated(stacks)
    pairs = [_pair(volume, protocol, number) for number, volume in enumerate(volumes)]
    return pairs, (*of_counters, *of_stamps)


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
    given = next((name for name in names.TIMES if image.meta.get(name)), None)
    time = meta_number(image.meta, given) if given else 0.0
    return (*(int(image.header[name]) for name in _COUNTERS), time)


def _by_place(group: Sequence[Image]) -> list[Image]:
    heights = [height_mm(image) for image in group]
    if len(set(heights)) < len(group):
        return list(group)
    counted = []
    for number, at in enumerate(np.argsort(heights)):
        header = group[at].header.copy()
        header["slice"] = number
        counted.append(replace(group[at], header=header))
    return counted


def _pair(stacks: Sequence[Stack], protocol: ScanProtocol, repetition: int) -> EchoPair:
    echoes = {label: _echoes(stacks, label) for label in PARTS}
    first_part, second_part, as_polar = _form(echoes)
    one, other = echoes[first_part], echoes[second_part]
    first = other[0]
    for stack in (*one, *other):
        if not stack.geometry.same_as(first.geometry, tolerance_mm=0.1):
            raise DataError(f"images: {stack.label} of echo {stack.echo} lies at another place")
    train = replace(protocol.echoes, te_s=_times_s(other, protocol), readout_polarity=())
    values = [np.stack([stack.values for stack in part]) for part in (one, other)]
    magnitude, phase, unit = as_polar(values[0], values[1], first.unit)
    return EchoPair(
        magnitude,
        phase,
        unit,
        stated_sign(first_value(first.meta, names.PHASE_SIGN)),
        Scan(
            geometry=first.geometry,
            protocol=replace(protocol, echoes=train),
            slice_thickness_mm=first.thickness_mm,
            comments=first.comments,
            measurement_uid=int(first.header["measurement_uid"]),
            time_stamps=first.time_stamps,
        ),
        repetition,
    )


def _as_given(magnitude: Array, phase: Array, unit: str) -> Polar:
    return magnitude, phase, unit


def _of_parts(real: Array, imaginary: Array, _: str) -> Polar:
    """Magnitude and phase of real and imaginary parts, whose zero may stand in the middle."""
    if np.iscomplexobj(real) or np.iscomplexobj(imaginary):
        raise DataError("images: found complex pixels in real or imaginary parts, needed real ones")
    (r, zero), (i, zero_of_i) = centred(real), centred(imaginary)
    if zero != zero_of_i or min(r.min(), i.min()) >= 0:
        raise DataError(
            f"images: found real parts of {real.min():g} … {real.max():g} and imaginary ones of"
            f" {imaginary.min():g} … {imaginary.max():g}, needed both with their sign"
        )
    r, i = np.asarray(r, np.float32), np.asarray(i, np.float32)
    return np.hypot(r, i), np.arctan2(i, r), "rad"


def _of_complex(values: Array, _: Array, __: str) -> Polar:
    image = np.asarray(values, np.complex64)
    return np.abs(image), np.angle(image), "rad"


_FORMS: tuple[tuple[str, str, AsPolar], ...] = (
    ("magnitude", "phase", _as_given),
    ("real", "imaginary", _of_parts),
    ("complex", "complex", _of_complex),
)


def _form(echoes: dict[str, list[Stack]]) -> tuple[str, str, AsPolar]:
    """The two parts that are there of every echo, the best form first, and their conversion."""
    for first, second, as_polar in _FORMS:
        if echoes[first] and len(echoes[first]) == len(echoes[second]):
            return first, second, as_polar
    found = "; ".join(
        f"{label} of {len(each)} (echoes {', '.join(str(stack.echo + 1) for stack in each)})"
        for label, each in echoes.items()
        if each
    )
    raise DataError(
        f"images: found {found or 'no echo'}, needed magnitude and phase, real and imaginary, or"
        " complex images of every echo"
    )


def _echoes(stacks: Sequence[Stack], label: str) -> list[Stack]:
    """Stacks of one kind in the order of their echoes."""
    found = [stack for stack in stacks if stack.label == label]
    return sorted(found, key=lambda stack: (stack.echo, stack.te_s or 0.0))


def _times_s(stacks: Sequence[Stack], protocol: ScanProtocol) -> tuple[float, ...]:
    own = [stack.te_s for stack in stacks if stack.te_s is not None]
    if len(own) == len(stacks):
        return tuple(own)
    times_s = protocol.echoes.te_s
    if len(times_s) != len(stacks):
        raise HeaderError(f"TE: found {len(times_s)} in the header for {len(stacks)} echoes")
    return times_s
