"""Maps in ppm as whole ppb, for consoles that show integers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field

from streamrecon.model.images import Volume
from streamrecon.model.notice import Level, Notice
from streamrecon.output.integer_images import as_integer_ppb
from streamrecon.stream.gadget import Gadget


class IntegerPpb(Gadget[Volume]):
    """Susceptibility and fields as integers of one ppb, with the rescale that makes them ppm again.

    A console that ignores the rescale still shows ppb. Signed 16 bits hold ±32.8 ppm. Hosts that
    take unsigned images only get half of the range added: with 12 bits, which most of them show,
    ±2 ppm; their intercept takes it away. Standard deviations, of which a whole ppb is a large
    part, pass as they are, and so do other volumes.
    """

    accepts: ClassVar = (Volume,)

    signed: bool = Field(default=True, description="negative numbers as they are")
    bits: Literal[12, 16] = Field(default=12, description="what an unsigned host shows")

    def feed(self, item: Volume) -> Iterator[Volume | Notice]:
        """Convert a volume in ppm; count and tell what does not fit."""
        form = item.quantity.dicom
        if form is None or not form.is_whole_ppb:
            yield item
            return
        unsigned_bits = None if self.signed else self.bits
        stored = as_integer_ppb(item.in_unit().real, item.quantity, unsigned_bits=unsigned_bits)
        if stored.n_clipped:
            text = f"{item.quantity.label}: {stored.n_clipped} voxels beyond the range of the host"
            yield Notice(Level.WARNING, text)
        rescale = (stored.slope, stored.intercept)
        yield replace(item, values=stored.values, rescale=rescale)
