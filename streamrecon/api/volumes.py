"""What a client was given, as volumes of the model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from streamrecon.errors import DataError
from streamrecon.model.images import Volume
from streamrecon.model.quantities import Quantity
from streamrecon.model.scan import Scan, ScanProtocol
from streamrecon.mrd.header.phase_sign import stated_sign
from streamrecon.mrd.header.protocol import read_protocol
from streamrecon.mrd.images import meta_keys as names
from streamrecon.mrd.images.volumes_from_images import Stack
from streamrecon.output.formats import ScanResults
from streamrecon.output.sidecar import is_of_one_echo

_BY_LABEL = {quantity.label: quantity for quantity in Quantity}


def volumes_of(results: ScanResults) -> tuple[Volume, ...]:
    """Every volume in the unit of its quantity, in the order in which they came.

    Raises
    ------
    HeaderError
        If the scan's header cannot be read.
    DataError
        If images do not make volumes, or are of a kind that has no quantity (colours).
    """
    protocol = results.known or read_protocol(results.header_xml)
    return tuple(_volume(stack, protocol) for stack in results.stacks)


def pixels_of(values: NDArray[np.generic]) -> NDArray[np.float32] | NDArray[np.complex64]:
    """The same numbers in the type that a volume has; not copied where they have it."""
    if np.iscomplexobj(values):
        return np.asarray(values, np.complex64)
    return np.asarray(values, np.float32)


def _volume(stack: Stack, protocol: ScanProtocol) -> Volume:
    quantity = _BY_LABEL.get(stack.label)
    if quantity is None:
        raise DataError(f"image of {stack.label!r}: found no quantity of that name")
    said = stated_sign(stack.meta.get(names.PHASE_SIGN, ("",))[0])
    scan = Scan(
        stack.geometry,
        protocol if said is None else replace(protocol, phase_sign=said),
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
        slab_mm=float(stack.meta[names.SLAB_MM][0]) if names.SLAB_MM in stack.meta else None,
    )
