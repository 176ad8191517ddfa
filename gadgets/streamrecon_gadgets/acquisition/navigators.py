"""Navigators between the lines tell how the field moves; lines go on without it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field, PrivateAttr

from streamrecon.acquisition.navigator_field import NavigatorField
from streamrecon.errors import HeaderError
from streamrecon.mrd.header.scan_header import ScanHeader
from streamrecon.mrd.wire.messages import Acquisitions
from streamrecon.stream.gadget import Gadget
from streamrecon.units import s_from_ms


class CorrectNavigators(Gadget[ScanHeader | Acquisitions]):
    """Takes navigators out, and from the lines the uniform field that they saw.

    The field at a line's excitation is that between the navigators of its slice before and after
    it, so lines wait for the next navigator of their slice: one TR. Its phase grows with the echo
    time. Lines before the first navigator of their slice pass untouched, and so do scans without
    navigators. Navigators must be lines without phase encoding, read at the echo time that their
    contrast counter names, unless ``te_ms`` says otherwise.
    """

    accepts: ClassVar = (ScanHeader, Acquisitions)

    correct: bool = Field(default=True, description="take the field's phase off the lines")
    te_ms: float | None = Field(
        default=None, gt=0, description="echo time of the navigators [ms]; else their contrast's"
    )

    _field: NavigatorField | None = PrivateAttr(default=None)

    def feed(self, item: ScanHeader | Acquisitions) -> Iterator[object]:
        """Learn echo times; take navigators out; let lines wait for the next one."""
        if isinstance(item, ScanHeader):
            te_s = None if self.te_ms is None else s_from_ms(self.te_ms)
            self._field = NavigatorField(item.protocol, te_s=te_s, correct=self.correct)
            yield item
        elif self._field is None:
            raise HeaderError("lines came before a header")
        else:
            yield from self._field.take(item)

    def finish(self) -> Iterator[object]:
        """Release what waits for a navigator that never came; say what the field did."""
        if self._field is not None:
            yield from self._field.finish()
