"""A volume as pages show it, whether it came over a wire or from a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from streamrecon.model.geometry import Geometry
from streamrecon.model.outputs.look import Kind
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.mrd.images.volumes_from_images import Stack
from streamrecon.output.stored_volumes import StoredVolume

_BY_LABEL = {quantity.label: quantity for quantity in Quantity}


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """One volume, and what its caption says.

    Parameters
    ----------
    label
        What the numbers are, or the name of who sent no such word.
    values
        [Z, Y, X], in ``unit``.
    geometry
        Their grid.
    unit
        Empty where the scale is arbitrary.
    quantity
        What the numbers are, where they are an output of ours.
    te_s
        Echo time [s], ``None`` where it is not known or there is none.
    name
        That of its file, or of its series; empty where it has none yet.
    facts
        What stands beside it: names and values, as a person reads them.
    """

    label: str
    values: NDArray[np.generic]
    geometry: Geometry
    unit: str
    quantity: Quantity | None
    te_s: float | None = None
    name: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> Kind:
        """The company it is shown in."""
        return Kind.OTHER if self.quantity is None else self.quantity.row.look.kind

    @property
    def is_angle(self) -> bool:
        """Whether neighbours may not be mixed: both ends of its scale are one."""
        return self.quantity is Quantity.PHASE or (self.quantity is None and self.unit == "rad")


def shown_stack(stack: Stack) -> Shown:
    """A volume as it came over a wire."""
    quantity = _BY_LABEL.get(stack.label)
    return Shown(stack.label, stack.values, stack.geometry, stack.unit, quantity, stack.te_s)


def shown_stored(volume: StoredVolume) -> Shown:
    """A volume as a file has it."""
    quantity = volume.quantity or _named(volume)
    return Shown(
        volume.name if quantity is None else quantity.label,
        volume.values,
        volume.geometry,
        volume.unit,
        quantity,
        volume.te_s,
        name=volume.name,
        facts=volume.facts,
    )


def _named(volume: StoredVolume) -> Quantity | None:
    """What the numbers of a stranger's file are, as far as BIDS' words in its name tell."""
    for quantity in Quantity:
        row = quantity.row
        ending = f"_{row.file}" if row.file else f"_part-{row.part}_"
        is_named = volume.name.endswith(ending) if row.file else row.part and ending in volume.name
        if is_named and volume.unit == quantity.unit:
            return quantity
    return None


def real_valued(volumes: Iterable[Shown]) -> Iterator[Shown]:
    """Complex volumes are taken apart, unless whoever made them did so too."""
    every = list(volumes)
    apart = any(each.quantity is Quantity.MAGNITUDE for each in every)
    for each in every:
        if not np.iscomplexobj(each.values):
            yield each
        elif not apart:
            values = each.values.astype(np.complex64, copy=False)
            yield _part(each, Quantity.MAGNITUDE, np.abs(values))
            yield _part(each, Quantity.PHASE, np.angle(values))


def _part(whole: Shown, quantity: Quantity, values: NDArray[np.generic]) -> Shown:
    return replace(
        whole, label=quantity.label, unit=quantity.unit, quantity=quantity, values=values
    )
