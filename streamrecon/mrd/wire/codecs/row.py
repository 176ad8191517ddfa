"""Describes one kind of message on the wire: a row of `streamrecon.mrd.wire.codecs.table`."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from streamrecon.mrd.wire.decode_fields import Reading
from streamrecon.mrd.wire.dialect import Dialect
from streamrecon.mrd.wire.encode_fields import Piece
from streamrecon.mrd.wire.messages import Limits, Message


class Turn(Enum):
    """When a client may send a message."""

    CONFIG = "first, and once"
    HEADER = "once, behind the config"
    DATA = "behind the header"
    ASIDE = "anywhere behind the config"
    ANY = "at any time"
    LAST = "last"
    NEVER = "only a server sends it"


@dataclass(frozen=True, slots=True)
class Codec:
    """One kind of message.

    Parameters
    ----------
    number
        Its id: what the first two bytes say.
    name
        What faults call it.
    kind
        Class of its values.
    read
        The body behind the id; ``None`` for lines, which come and go in runs: parser and writer
        see to the id of each.
    write
        The body behind the id in pieces, the first of them bytes.
    turn
        When a client may send it.
    """

    number: int
    name: str
    kind: type[Message]
    read: Callable[[Limits], Reading[Message]] | None
    write: Callable[[Any, Dialect], Iterator[Piece]]
    turn: Turn

    def __str__(self) -> str:
        return f"{self.name} ({self.number})"

    def pieces(self, message: Message, dialect: Dialect) -> list[Piece]:
        """The whole message, its id included."""
        body = self.write(message, dialect)
        if self.read is None:
            return list(body)
        return [struct.pack("<H", self.number) + next(body, b""), *body]
