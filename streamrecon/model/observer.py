"""An observer of a running scan, informed of lines, images and notices."""

from __future__ import annotations

from typing import Protocol

from streamrecon.model.notice import Notice


class Observer(Protocol):
    """Called by one thread or by several, each call short; what it raises ends the scan."""

    def sent(self, lines: int, size: int) -> None:
        """Lines went in, of ``size`` bytes together."""

    def received(self, images: int = 1) -> None:
        """Images came out."""

    def say(self, notice: Notice) -> None:
        """Something was said."""
