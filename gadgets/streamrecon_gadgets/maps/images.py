"""Complex echoes become the images that are sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from streamrecon.model.images import Echoes, Volume
from streamrecon.model.quantities import Quantity
from streamrecon.recon.images.complex_parts import complex_part
from streamrecon.stream.gadget import Gadget


class EchoImages(Gadget[Echoes]):
    """Magnitude, phase or complex images of every echo; the echoes go on behind them."""

    accepts: ClassVar = (Echoes,)

    magnitude: bool = Field(default=True, description="send magnitude images")
    phase: bool = Field(default=True, description="send phase images, rad in -π…π")
    complex: bool = Field(default=False, description="send complex images")

    def feed(self, item: Echoes) -> Iterator[object]:
        """Split each echo into the parts wanted."""
        wanted = {
            Quantity.MAGNITUDE: self.magnitude,
            Quantity.PHASE: self.phase,
            Quantity.COMPLEX: self.complex,
        }
        yield from echo_volumes(item, [part for part, is_wanted in wanted.items() if is_wanted])
        yield item


def echo_volumes(item: Echoes, parts: list[Quantity]) -> Iterator[Volume]:
    """One volume per echo and part."""
    for echo, image in enumerate(item.data):
        for part in parts:
            yield Volume(
                complex_part(image, part),
                item.scan.geometry,
                part,
                item.scan,
                echo=echo,
                repetition=item.repetition,
                comments=item.scan.remarks,
            )
