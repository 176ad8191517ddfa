"""Complex echoes become the images that are sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from streamrecon.maps.swi import root_sum_squares
from streamrecon.model.images import Echoes, Volume, volume_of
from streamrecon.model.memory_use import MemoryUse
from streamrecon.model.outputs.quantities import Quantity
from streamrecon.model.outputs.source_images import SourceImages
from streamrecon.recon.images.complex_parts import complex_part
from streamrecon.stream.gadget import Context, Gadget


class EchoImages(Gadget[Echoes]):
    """Magnitude, phase or complex images of every echo; the echoes go on behind them.

    The combined magnitude is the root of the sum of squares of all echoes.
    """

    accepts: ClassVar = (Echoes,)
    memory: ClassVar = MemoryUse(echo_voxel_bytes=8)

    magnitude: bool = Field(default=True, description="send magnitude images")
    phase: bool = Field(default=True, description="send phase images, rad in -π…π")
    complex: bool = Field(default=False, description="send complex images")
    combined: bool = Field(default=False, description="send one magnitude of all echoes")

    def enter(self, context: Context) -> None:
        """Join a session; maps of it may refer to the images of the echoes."""
        super().enter(context)
        context.shared.one(SourceImages, None, SourceImages).promise(*self._parts)

    def feed(self, item: Echoes) -> Iterator[object]:
        """Split each echo into the parts wanted."""
        yield from echo_volumes(item, self._parts)
        if self.combined:
            yield combined_volume(item)
        yield item

    @property
    def _parts(self) -> list[Quantity]:
        wanted = {
            Quantity.MAGNITUDE: self.magnitude,
            Quantity.PHASE: self.phase,
            Quantity.COMPLEX: self.complex,
        }
        return [part for part, is_wanted in wanted.items() if is_wanted]


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
                comments=item.scan.comments,
            )


def combined_volume(item: Echoes) -> Volume:
    """The magnitude of all echoes together."""
    values = root_sum_squares(item.data)
    return volume_of(item.scan, Quantity.MAGNITUDE_COMBINED, values, item.repetition)
