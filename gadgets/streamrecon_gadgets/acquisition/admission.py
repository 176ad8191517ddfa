"""Lines that contradict the scan are refused or left out before any gadget works on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator
from typing import ClassVar, Literal

from pydantic import Field, PrivateAttr

from streamrecon.acquisition.line_admission import (
    Fault,
    Found,
    LineAdmission,
    begin_at_centre,
    centred,
)
from streamrecon.errors import DataError
from streamrecon.model.notice import Level, Notice
from streamrecon.mrd.header.scan_header import ScanHeader
from streamrecon.mrd.wire.messages import Acquisitions
from streamrecon.stream.gadget import Gadget


class AdmitLines(Gadget[ScanHeader | Acquisitions]):
    """Looks at every line of a scan that is put on a grid; goes ahead of its chain, named by none.

    A line that does not fit ends the scan where incomplete ones fail, after those before it, and is
    missing where they are reconstructed. Lines of an encoding space with another grid are passed
    over: the header has them, and its first encoding is what is reconstructed.
    """

    accepts: ClassVar = (ScanHeader, Acquisitions)

    incomplete: Literal["fail", "reconstruct"] | None = Field(
        default=None, description="of the gadget that assembles; without one all lines pass"
    )

    _admission: LineAdmission | None = PrivateAttr(default=None)
    _n_x: int = PrivateAttr(default=0)
    _n_centred: int = PrivateAttr(default=0)
    _has_half: bool = PrivateAttr(default=False)
    _omitted: Counter[Fault] = PrivateAttr(default_factory=Counter)

    def feed(self, item: ScanHeader | Acquisitions) -> Iterator[object]:
        """Let lines pass that fit; refuse the others, or say what is wrong with them."""
        if isinstance(item, ScanHeader):
            if self.incomplete is not None:
                self._n_x = item.protocol.encoding.encoded_shape[2]
                self._admission = LineAdmission(item.spaces, self._n_x)
            yield item
        elif self._admission is None:
            yield item
        else:
            item = yield from self._centred(item)
            lines, found = self._admission.sort(item)
            refused = [each for each in found if self._refuses(each.fault)]
            if refused:
                first = min(refused, key=lambda each: each.first)
                lines, found = self._admission.sort(item.select(slice(first.first)))
            yield from self._leave_out(found)
            if len(lines):
                yield lines
            if refused:
                raise DataError(
                    f"line: found {first.text}; with incomplete=reconstruct the scan goes on"
                    " without it"
                )

    def _centred(self, item: Acquisitions) -> Generator[Notice, None, Acquisitions]:
        lines, count = centred(item, self._n_x)
        if count and not self._n_centred:
            yield Notice(Level.WARNING, "lines: found center_sample 0, taken as their middle")
        self._n_centred += count
        if not self._has_half and begin_at_centre(lines, self._n_x):
            self._has_half = True
            yield Notice(Level.WARNING, "lines: found center_sample 0, taken as half echoes")
        return lines

    def finish(self) -> Iterator[Notice]:
        """Sum up what was left out."""
        for fault, count in self._omitted.items():
            yield Notice(_level(fault), f"{count} lines left out: {fault.value}")

    def _refuses(self, fault: Fault) -> bool:
        return self.incomplete == "fail" and fault is not Fault.OTHER_SPACE

    def _leave_out(self, found: list[Found]) -> Iterator[Notice]:
        for fault, text, count, _ in found:
            if fault not in self._omitted:
                yield Notice(_level(fault), f"line left out: found {text}")
            self._omitted[fault] += count


def _level(fault: Fault) -> Level:
    return Level.INFO if fault is Fault.OTHER_SPACE else Level.WARNING
