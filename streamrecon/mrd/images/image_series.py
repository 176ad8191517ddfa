"""Volumes of one scan as images with the numbers that tell them apart on the wire."""

from __future__ import annotations

from collections import Counter

from streamrecon.model.images import Volume
from streamrecon.mrd.images.images_from_volume import images_of
from streamrecon.mrd.wire.messages import Acquisitions, Image


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

    def see(self, lines: Acquisitions) -> None:
        """Take measurement id and time from the scan's first line."""
        if self._lines == 0:
            self._uid = int(lines.head["measurement_uid"][0])
            self._time_stamp = int(lines.head["acquisition_time_stamp"][0])
        self._lines += len(lines)

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
