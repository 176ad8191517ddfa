"""What of a chain's results leaves: volumes as numbered images."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import TypeVar

from streamrecon.model.images import Volume
from streamrecon.model.kspace import ChannelTransform
from streamrecon.model.notice import Level, Notice
from streamrecon.mrd.header.scan_header import ScanHeader
from streamrecon.mrd.images.images_from_volume import images_of
from streamrecon.mrd.wire.messages import Acquisitions, Header, Image, Message, Waveform

_log = logging.getLogger(__name__)

_NO_RESULT = (Acquisitions, Waveform, Header, Image, ScanHeader, ChannelTransform)
"""What came, and what is known of it: a chain that ends with nothing else made nothing."""
_REMEDY = "a gadget that makes images of it is missing (EchoImages, FieldImages …)"

M = TypeVar("M", bound=Message)

Form = tuple[tuple[int, ...], str]
"""Size [channels, z, y, x] and type of an image: what the images of a series share."""

_OTHER_FORM = 100  # more than there are quantities: their series keep their numbers


class ImageSeries:
    """Numbers the images of one scan: a series for each quantity, images counted from 1.

    A quantity has the same series number in every scan. A series has images of one size and one
    type, because peers that write series into arrays (Gadgetron's client) die of another: images
    of a second form go to the series with a number higher by 100, those of a third by 200. That
    holds for images of others that pass through, too.
    """

    def __init__(self) -> None:
        self._shown: Counter[int] = Counter()
        self._gave = False
        self._dropped: set[str] = set()
        self._forms: dict[int, Form] = {}

    def sent(self, item: object, kinds: tuple[type[M], ...]) -> Iterator[M | Image]:
        """What of a chain's results a client is sent: volumes as images, ``kinds`` as they are."""
        if isinstance(item, Volume):
            self._gave = True
            yield from self.images(item)
        elif isinstance(item, kinds):
            self._gave = True
            yield self._in_its_series(item) if isinstance(item, Image) else item
        else:
            _log.debug("a %s ends here: no client takes it", type(item).__name__)
            if not isinstance(item, _NO_RESULT):
                self._dropped.add(type(item).__name__)

    def nothing_sent(self) -> Notice | None:
        """What to say of a chain that has ended without an image though it made something.

        Lines that are left over say nothing: chains of noise scans give no images.
        """
        if self._gave or not self._dropped:
            return None
        kinds = ", ".join(sorted(self._dropped))
        return Notice(Level.WARNING, f"no image: the chain ends with {kinds}; {_REMEDY}")

    def images(self, volume: Volume) -> list[Image]:
        """The volume as images."""
        first, *_ = images = self._numbered(volume, volume.quantity.row.series)
        series = self._series_of(volume.quantity.row.series, first)
        if series != volume.quantity.row.series:
            images = self._numbered(volume, series)
        self._shown[series] += len(images)
        return images

    def _numbered(self, volume: Volume, series: int) -> list[Image]:
        return images_of(volume, series=series, image_index=1 + self._shown[series])

    def _in_its_series(self, image: Image) -> Image:
        """An image with the number of a series of its form; its own number where that is one."""
        own = int(image.header["image_series_index"])
        series = self._series_of(own, image)
        if series == own:
            return image
        header = image.header.copy()
        header["image_series_index"] = series
        return replace(image, header=header)

    def _series_of(self, series: int, image: Image) -> int:
        form = (image.data.shape, image.data.dtype.str)
        while self._forms.setdefault(series, form) != form:
            series = (series + _OTHER_FORM) % 2**16  # as wide as the wire's field
        return series
