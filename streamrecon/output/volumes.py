"""Turns what a client was given into volumes of the model."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import DataError
from streamrecon.model.images import Volume
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.model.scan import Scan, ScanProtocol
from streamrecon.mrd.header.phase_sign import stated_sign
from streamrecon.mrd.images import meta_keys as names
from streamrecon.mrd.images.meta import first_value
from streamrecon.mrd.images.volumes_from_images import Stack
from streamrecon.output.sidecar import is_of_one_echo
from streamrecon.units import unit_factor

_BY_LABEL = {quantity.label: quantity for quantity in Quantity}


def volumes_of(stacks: Iterable[Stack], protocol: ScanProtocol) -> tuple[Volume, ...]:
    """Every volume in the unit of its quantity, in the order in which they came.

    Raises
    ------
    DataError
        If images are of a kind that has no quantity (colours).
    """
    return tuple(_volume(stack, protocol) for stack in stacks)


def pixels_of(values: NDArray[np.generic]) -> NDArray[np.float32] | NDArray[np.complex64]:
    """The same numbers in the type that a volume has; not copied where they have it."""
    if np.iscomplexobj(values):
        return np.asarray(values, np.complex64)
    return np.asarray(values, np.float32)


def in_unit_of(
    quantity: Quantity, values: NDArray[np.generic], unit: str, name: str
) -> NDArray[np.generic]:
    """Values in the unit that is ours for what they are; not copied where they have it.

    Parameters
    ----------
    quantity
        What they are.
    values
        As the file has them.
    unit
        What the file says of them; empty where it says nothing.
    name
        Of the file, for the error.

    Raises
    ------
    DataError
        If that is no unit of the quantity.
    """
    try:
        factor = unit_factor(unit, quantity.unit)
    except ValueError as e:
        raise DataError(f"{name}: {quantity.label}: {e}") from e
    return values if factor == 1 else np.asarray(values, np.float32) * np.float32(factor)


def _volume(stack: Stack, protocol: ScanProtocol) -> Volume:
    quantity = _BY_LABEL.get(stack.label)
    if quantity is None:
        raise DataError(f"image of {stack.label!r}: found no quantity of that name")
    stated = stated_sign(first_value(stack.meta, names.PHASE_SIGN))
    scan = Scan(
        stack.geometry,
        protocol if stated is None else replace(protocol, phase_sign=stated),
        stack.thickness_mm,
    )
    return Volume(
        pixels_of(stack.values),
        stack.geometry,
        quantity,
        scan,
        echo=stack.echo if is_of_one_echo(stack) else None,
        repetition=stack.repetition,
        comments=stack.comments,
        slab_mm=stack.thickness_mm if names.SLAB_MM in stack.meta else None,
    )
