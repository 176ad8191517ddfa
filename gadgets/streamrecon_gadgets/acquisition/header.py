"""The MRD header is read once, for all gadgets behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from streamrecon.mrd.header.scan_header import ScanHeader
from streamrecon.mrd.wire.messages import Header
from streamrecon.stream.gadget import Gadget


class ReadHeader(Gadget[Header]):
    """Adds what the header says behind it; the first gadget of every chain, named by no file.

    Its parameters are the scan's: whichever gadget of a chain file is given one, it comes here.
    """

    accepts: ClassVar = (Header,)

    phase_sign: Literal[-1, 1] | None = Field(
        default=None, description="sign of the scanner's phase; the header's where not given"
    )

    def feed(self, item: Header) -> Iterator[Header | ScanHeader]:
        """Let the header go on, then what it says."""
        yield item
        yield ScanHeader(item.xml, phase_sign=self.phase_sign)
