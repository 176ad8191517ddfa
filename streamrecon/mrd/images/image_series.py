"""What goes into a chain and what of its results leaves: volumes as numbered images."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TypeVar

from streamrecon.model.images import Volume
from streamrecon.mrd.images.images_from_volume import images_of
from streamrecon.mrd.wire.messages import Acquisitions, Image, Message

_log = logging.getLogger(__name__)

M = TypeVar("M", bound=Message)


class ImageSeries:
    """Numbers the images of one scan: a series for each quantity, images counted from 1.

    A quantity has the same series number in every scan.
    """

    def __init__(self) -> None:
        self._uid = self._time_stamp = 0
        self._lines = 0
        self._shown: Counter[int] = Counter()

    @property
    def lines(self) -> int:
        """Lines seen so far."""
        return self._lines

    def watched(self, messages: Iterable[Message]) -> Iterator[Message]:
        """Let a scan's messages pass; its first line has measurement id and time."""
        for message in messages:
            if isinstance(message, Acquisitions):
                self._see(message)
            yield message

    def sent(self, item: object, kinds: tuple[type[M], ...]) -> Iterator[M | Image]:
        """What of a chain's results a client is sent: volumes as images, ``kinds`` as they are."""
        if isinstance(item, Volume):
            yield from self.images(item)
        elif isinstance(item, kinds):
            yield item
        else:
            _log.debug("a %s ends here: no client takes it", type(item).__name__)

    def images(self, volume: Volume) -> list[Image]:
        """The volume as images."""
        series = volume.quantity.row.series
        images = images_of(
            volume,
            series=series,
            measurement_uid=self._uid,
            image_index=1 + self._shown[series],
            time_stamp=self._time_stamp,
        )
        self._shown[series] += len(images)
        return images

    def _see(self, lines: Acquisitions) -> None:
        if self._lines == 0:
            self._uid = int(lines.header["measurement_uid"][0])
            self._time_stamp = int(lines.header["acquisition_time_stamp"][0])
        self._lines += len(lines)
