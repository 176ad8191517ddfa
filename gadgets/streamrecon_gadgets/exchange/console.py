"""Images as a scanner's console takes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field, PrivateAttr, field_validator

from streamrecon.dicom.objects.asked_outputs import names_in
from streamrecon.dicom.objects.output_names import refuse_unknown
from streamrecon.model.images import Volume
from streamrecon.model.notice import Notice
from streamrecon.mrd.wire.messages import Image
from streamrecon.output.console_integers import Depth
from streamrecon.output.console_meta import Console
from streamrecon.output.console_scan import ConsoleForm, ConsoleScan
from streamrecon.output.console_series import FIRST, ConsoleSeries, Grouping
from streamrecon.stream.gadget import Context, Gadget


class ConsoleImages(Gadget[Volume | Image]):
    """Every image as slices of integers, in the words of one console; last in a chain.

    Each slice has its own place and time, each quantity its own scale; what does not fit is
    counted and told. Images of the scanner's own pass, and their series numbers stay theirs.
    Without a console all passes as it is.
    """

    accepts: ClassVar = (Volume, Image)

    console: Literal["none", "fire", "gadgetron", "openrecon"] = Field(
        default="none", description="who shows the images"
    )
    bits: Literal[12, 16] | None = Field(
        default=None, description="what it shows; empty: 16 for gadgetron, else 12"
    )
    signed: bool = Field(default=False, description="negative numbers as they are")
    component: bool = Field(
        default=True, description="M or P is the third value of the image type, as scanners have it"
    )
    grouping: Literal["each", "one"] = Field(
        default="each", description="one series for each kind of image, or one for all"
    )
    first_series: int = Field(
        default=FIRST, ge=1, le=30_000, description="number from which series are counted"
    )
    outputs: str = Field(default="", description="kinds of image, as Mag,QSM_ppb; empty: all")

    _scan: ConsoleScan | None = PrivateAttr(default=None)

    @field_validator("outputs")
    @classmethod
    def _are_known(cls, text: str) -> str:
        refuse_unknown(names_in(text))
        return text

    def enter(self, context: Context) -> None:
        """Join a session."""
        super().enter(context)
        if self.console == "none":
            return
        console = Console(self.console)
        depth = Depth(self.bits or console.bits, is_signed=self.signed)
        form = ConsoleForm(console, depth, as_scanners=self.component, outputs=self.outputs)
        self._scan = ConsoleScan(form, ConsoleSeries(self.first_series, Grouping(self.grouping)))

    def feed(self, item: Volume | Image) -> Iterator[Volume | Image | Notice]:
        """Convert a volume; see which series an image has that passes."""
        if self._scan is None:
            yield item
        elif isinstance(item, Image):
            self._scan.seen(item)
            yield item
        else:
            yield from self._scan.images(item)
