"""What the tests run in an external process: the real one with gadgets made for them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from gadgetron.external.connection import Connection
from streamrecon_gadgets import external

from streamrecon.errors import ReconError
from streamrecon.model.notice import Level, Notice
from streamrecon.mrd.wire import layout
from streamrecon.mrd.wire.messages import Acquisitions, Image
from streamrecon.stream.gadget import Gadget
from streamrecon.stream.registry import Registry


class Refuse(Gadget[Acquisitions]):
    """Fails on purpose with the first line."""

    accepts = (Acquisitions,)

    def feed(self, item: Acquisitions) -> Iterator[object]:
        """Raise."""
        raise ReconError("mask: found no voxel, needed some, é")
        yield item


class Crash(Gadget[Acquisitions]):
    """Fails as a bug does."""

    accepts = (Acquisitions,)

    def feed(self, item: Acquisitions) -> Iterator[object]:
        """Raise."""
        raise ZeroDivisionError("secret")
        yield item


class Leave(Gadget[Acquisitions]):
    """Ends the process as a careless library does."""

    accepts = (Acquisitions,)

    def feed(self, item: Acquisitions) -> Iterator[object]:
        """Exit with success."""
        raise SystemExit(0)
        yield item


class Speak(Gadget[Acquisitions]):
    """Turns a line into a notice, a short image, and something the wire does not know."""

    accepts = (Acquisitions,)

    def feed(self, item: Acquisitions) -> Iterator[object]:
        """Yield the three."""
        yield Notice(Level.WARNING, "sign assumed")
        yield Image(
            np.zeros(1, layout.IMAGE)[0], np.arange(-15, 15, dtype="i2").reshape(1, 2, 3, 5)
        )
        yield object()


class Hoard(Gadget[Acquisitions]):
    """Makes of a line what no client takes."""

    accepts = (Acquisitions,)

    def feed(self, item: Acquisitions) -> Iterator[object]:
        """Yield it."""
        yield object()


def run(connection: Connection) -> None:
    """Serve with the gadgets above."""
    external.run(connection, Registry((Refuse, Crash, Leave, Speak, Hoard)))
