"""Lines that contradict the scan are refused or left out before any gadget works on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field, PrivateAttr

from streamrecon.acquisition.line_admission import Fault, Found, LineAdmission
from streamrecon.errors import DataError
from streamrecon.model.notice import Level, Notice
from streamrecon.mrd.header.scan_header import ScanHeader
from streamrecon.mrd.wire.messages import Acquisitions
from streamrecon.stream.gadget import Gadget


class AdmitLines(Gadget[ScanHeader | Acquisitions]):
    """Looks at every line of a scan that is put on a grid; goes ahead of its chain, named by none.

    A line that does not fit ends the scan where incomplete ones fail, and is missing where they are
    reconstructed. Lines of an encoding space with another grid are passed over: the header has
    them, and its first encoding is what is reconstructed.
    """

    accepts: ClassVar = (ScanHeader, Acquisitions)

    incomplete: Literal["fail", "reconstruct"] | None = Field(
        default=None, description="of the gadget that assembles; without one all lines pass"
    )

    _admission: LineAdmission | None = PrivateAttr(default=None)
    _omitted: Counter[Fault] = PrivateAttr(default_factory=Counter)

    def feed(self, item: ScanHeader | Acquisitions) -> Iterator[object]:
        """Let lines pass that fit; refuse the others, or say what is wrong with them."""
        if isinstance(item, ScanHeader):
            if self.incomplete is not None:
                self._admission = LineAdmission(item.spaces)
            yield item
        elif self._admission is None:
            yield item
        else:
            lines, found = self._admission.sort(item)
            yield from self._leave_out(found)
            if len(lines):
                yield lines

    def finish(self) -> Iterator[Notice]:
        """Sum up what was left out."""
        for fault, count in self._omitted.items():
            yield Notice(_level(fault), f"{count} lines left out: {fault.value}")

    def _leave_out(self, found: list[Found]) -> Iterator[Notice]:
        for fault, text, count in found:
            if self.incomplete == "fail" and fault is not Fault.OTHER_SPACE:
                raise DataError(
                    f"line: found {text}; with incomplete=reconstruct the scan goes on without it"
                )
            if fault not in self._omitted:
                yield Notice(_level(fault), f"line left out: found {text}")
            self._omitted[fault] += count


def _level(fault: Fault) -> Level:
    return Level.INFO if fault is Fault.OTHER_SPACE else Level.WARNING
