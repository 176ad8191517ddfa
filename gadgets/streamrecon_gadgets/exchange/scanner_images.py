"""Images that the scanner has made itself become complex echoes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import Field, PrivateAttr

from streamrecon.errors import DataError
from streamrecon.model.images import Echoes
from streamrecon.model.memory_use import MemoryUse
from streamrecon.model.notice import Level, Notice
from streamrecon.model.scan import PhaseSign, ScanProtocol, SignOrigin
from streamrecon.mrd.header.phase_sign import image_sign
from streamrecon.mrd.header.scan_header import ScanHeader
from streamrecon.mrd.images.as_described import images_as_described
from streamrecon.mrd.images.as_sent import images_as_meant
from streamrecon.mrd.images.echo_images import EchoPair, echo_pairs
from streamrecon.mrd.images.filtered_phase import refuse_filtered
from streamrecon.mrd.images.one_version import no_derived, of_series, one_version
from streamrecon.mrd.wire.messages import Image
from streamrecon.phase.echo_agreement import check_echoes
from streamrecon.phase.phase_scaling import complex_echoes, finite_range, recognise_phase
from streamrecon.phase.slice_signs import turned_slices
from streamrecon.stream.gadget import Gadget


class AssembleImages(Gadget[ScanHeader | Image]):
    """Puts magnitude and phase images of all echoes together as complex echoes, at the end.

    Real and imaginary images, or complex ones, do as well. The scale of the phase is recognised by
    its unit or its range, and told; numbers that nobody writes for phase are refused.
    """

    accepts: ClassVar = (ScanHeader, Image)
    memory: ClassVar = MemoryUse(echo_voxel_bytes=28)

    phase_sign: Literal[-1, 1] | None = Field(
        default=None, description="sign of the phase images; the vendor's where not given"
    )
    originals: bool = Field(default=True, description="send the images back as they came")
    series: tuple[int, ...] = Field(
        default=(), description="series that are taken; all where none are named"
    )
    correction: Literal["without", "with"] = Field(
        default="without",
        description="which images are taken that came with and without a correction (ND and DIS,"
        " NORM)",
    )

    _protocol: ScanProtocol | None = PrivateAttr(default=None)
    _images: list[Image] = PrivateAttr(default_factory=list)

    def feed(self, item: ScanHeader | Image) -> Iterator[Notice | ScanHeader | Image]:
        """Learn from the header; keep images."""
        if isinstance(item, ScanHeader):
            self._protocol = item.protocol
            yield from (Notice(Level.WARNING, text) for text in item.protocol.corrections)
            yield item
            return
        self._images.append(item)
        if self.originals:
            yield item

    def finish(self) -> Iterator[Notice | Echoes]:
        """Give the echoes of each repetition.

        Raises
        ------
        DataError
            If no image came, or magnitude and phase do not pair.
        """
        if self._protocol is None or not self._images:
            raise DataError("images: found none, needed magnitude and phase of every echo")
        images, protocol, corrections = self._meant(self._protocol)
        yield from (Notice(Level.WARNING, text) for text in corrections)
        pairs, omitted = echo_pairs(images, protocol)
        yield from (Notice(Level.WARNING, text) for text in omitted)
        for pair in pairs:
            yield from self._echoes(pair)

    def _meant(self, protocol: ScanProtocol) -> tuple[list[Image], ScanProtocol, tuple[str, ...]]:
        """Echo images as they were meant, and what was read otherwise than it stands."""
        described = images_as_described(of_series(self._images, self.series))
        echoes, words, omitted = no_derived(described.images, described.words)
        is_corrected = self.correction == "with"
        images, chosen = one_version(echoes, words, corrected=is_corrected)
        refuse_filtered(images)
        meant, corrections = images_as_meant(images, protocol)
        protocol = replace(protocol, vendor=described.vendor or protocol.vendor)
        return meant, protocol, (*described.corrections, *omitted, *chosen, *corrections)

    def _echoes(self, pair: EchoPair) -> Iterator[Notice | Echoes]:
        low, high, gaps = finite_range(pair.magnitude, pair.phase)
        scale = recognise_phase(low, high, unit=pair.unit)
        protocol = pair.scan.protocol
        stated = pair.sign if self.phase_sign is None else None
        sign = stated or image_sign(chain=self.phase_sign, vendor=protocol.vendor)
        still = 1 if stated else sign.value
        comment = f"phase images: {scale}; sign {sign}{', taken off before' if stated else ''}"
        yield Notice(_level(sign), comment)
        phase, scale, turned = turned_slices(pair.magnitude, pair.phase, scale)
        yield from (Notice(Level.INFO, f"phase images: {text}") for text in turned)
        doubts = check_echoes(pair.magnitude, phase, scale, pair.scan.echoes.times_s())
        yield from (Notice(Level.WARNING, text) for text in doubts)
        comments = (*pair.scan.comments, comment, *turned, *doubts)
        if gaps:
            yield Notice(Level.WARNING, f"images: {gaps}")
            comments = (*comments, gaps)
        scan = replace(pair.scan, protocol=replace(protocol, phase_sign=sign), comments=comments)
        data = complex_echoes(pair.magnitude, phase, scale, sign=still)
        yield Echoes(data, scan, pair.repetition)


def _level(sign: PhaseSign) -> Level:
    return Level.WARNING if sign.origin is SignOrigin.ASSUMED else Level.INFO
