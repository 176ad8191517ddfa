"""Reads the kept images of a session while they still arrive."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from streamrecon.errors import StreamReconError
from streamrecon.mrd.images.volumes_from_images import Stack, stacks_of
from streamrecon.mrd.wire.messages import Header, Image, Limits
from streamrecon.mrd.wire.parser import MrdParser
from streamrecon.output.preview.shown import Shown, real_valued, shown_stack
from streamrecon.server.sessions.image_copy import FOLDER
from streamrecon.units import GIB

_MOST_OPEN = 3  # sessions whose images are held in memory
_MOST_BYTES = 4 * GIB  # of one session


class NoImagesError(StreamReconError):
    """There are none of that session."""


@dataclass(slots=True)
class _Opened:
    path: Path
    parser: MrdParser = field(default_factory=lambda: MrdParser(Limits(session_bytes=_MOST_BYTES)))
    read: int = 0
    header: bytes = b""
    images: list[Image] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    shown_of: int = 0
    """How many images ``shown`` was made of."""


class ImageFiles:
    """The images of the sessions that somebody looks at; safe in threads.

    What it gets wrong: a 2-D scan is shown slice by slice until all of a volume has come.
    """

    def __init__(self, storage: Path) -> None:
        self._folder = storage / FOLDER
        self._opened: OrderedDict[str, _Opened] = OrderedDict()
        self._reading = Lock()

    def volumes(self, name: str) -> list[Shown]:
        """The volumes that have come so far, in their order; complex ones taken apart.

        Raises
        ------
        NoImagesError
            If the session has none, or they were removed.
        StreamReconError
            If nothing of what is there makes a volume.
        """
        with self._reading:
            opened = self._read(name)
            if opened.shown_of != len(opened.images):
                opened.shown = _shown(opened.images)
                opened.shown_of = len(opened.images)
            return opened.shown

    def everything(self, name: str) -> tuple[bytes, list[Image]]:
        """Header and images; errors as of `volumes`."""
        with self._reading:
            opened = self._read(name)
            return opened.header, list(opened.images)

    def _read(self, name: str) -> _Opened:
        path = self._path(name)
        opened = self._opened.get(name)
        if opened is None:
            opened = self._opened[name] = _Opened(path)
        self._opened.move_to_end(name)
        while len(self._opened) > _MOST_OPEN:
            self._opened.popitem(last=False)
        with path.open("rb") as file:
            file.seek(opened.read)
            while count := file.readinto(space := opened.parser.space()):
                opened.read += count
                for message in opened.parser.commit(count):
                    if isinstance(message, Header):
                        opened.header = message.xml
                    elif isinstance(message, Image):
                        opened.images.append(message)
                del space
        if not opened.images:
            raise NoImagesError("no images have come yet")
        return opened

    def _path(self, name: str) -> Path:
        """The file, complete or growing; its name comes from the record, and is plain."""
        if name and Path(name).name == name:
            for path in (self._folder / name, self._folder / f"{name}.part"):
                if path.is_file():
                    return path
        raise NoImagesError("the images of this scan are not kept any more")


def _shown(images: list[Image]) -> list[Shown]:
    """All volumes; a series that makes none yet, or has no place in space, hides no other one."""
    by_series: dict[int, list[Image]] = {}
    for image in images:
        by_series.setdefault(int(image.header["image_series_index"]), []).append(image)
    stacks: list[Stack] = []
    fault: StreamReconError | None = None
    for series in by_series.values():
        try:
            stacks += stacks_of(series)
        except StreamReconError as e:
            fault = e
    if fault is not None and not stacks:
        raise fault
    return list(real_valued(map(shown_stack, stacks)))
