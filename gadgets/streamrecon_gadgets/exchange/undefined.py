"""Voxels that a chain made no numbers of are told where its images leave."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from streamrecon.model.images import Volume
from streamrecon.model.notice import Level, Notice
from streamrecon.stream.gadget import Gadget


class TellUndefined(Gadget[Volume]):
    """Says of which image, and how many; comes behind every chain, named by no file.

    The voxels are 0 since the image was made, and its comments say so in the meta and in DICOM.
    """

    accepts: ClassVar = (Volume,)

    def feed(self, item: Volume) -> Iterator[Volume | Notice]:
        """Let an image go on, behind a word on what is missing in it."""
        if item.n_undefined:
            of_echo = "" if item.echo is None else f" of echo {item.echo}"
            count = f"{item.n_undefined} of {item.values.size} voxels"
            text = f"{item.quantity.label}{of_echo}: {count} were no finite numbers, and are 0"
            yield Notice(Level.WARNING, text)
        yield item
