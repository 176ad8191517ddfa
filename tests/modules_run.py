"""Which modules of the product run while something goes its way through it."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Self

import streamrecon_gadgets

import streamrecon

_ROOTS = [Path(str(package.__file__)).parent for package in (streamrecon, streamrecon_gadgets)]
_FLOOR = {"compiled", "errors", "lazy", "threads", "units"}
"""What every room stands on; nobody opens it to follow a scan."""


class ModulesRun:
    """Modules whose functions ran in any thread, while `recording`; compiled loops are seen, too.

    Threads that began before this was entered are not seen.
    """

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._records = False

    def __enter__(self) -> Self:
        threading.setprofile(self._see)
        sys.setprofile(self._see)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)
        threading.setprofile(None)

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Keep what runs within."""
        self._records = True
        try:
            yield
        finally:
            self._records = False

    def _see(self, frame: FrameType, event: str, _: object) -> None:
        if self._records and event == "call":
            self._files.add(frame.f_code.co_filename)

    def names(self) -> list[str]:
        """Their names from the package on, without ``__init__`` and what all stand on."""
        names = (
            ".".join(file.relative_to(root.parent).with_suffix("").parts)
            for file in map(Path, self._files)
            for root in _ROOTS
            if file.is_relative_to(root) and file.stem != "__init__"
        )
        return sorted(name for name in names if name.split(".")[1] not in _FLOOR)
