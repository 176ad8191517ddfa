"""Encodes messages as lists of byte blocks, to be sent in order."""

from __future__ import annotations

from streamrecon.mrd.wire.codecs.table import BY_KIND
from streamrecon.mrd.wire.dialect import Dialect
from streamrecon.mrd.wire.encode_fields import Piece
from streamrecon.mrd.wire.messages import Message


def encode(message: Message, dialect: Dialect = Dialect.GADGETRON) -> list[Piece]:
    """Bytes of ``message``; the views among them hold only while its arrays are not changed.

    Pixels and samples are not copied where they lie contiguous.

    Raises
    ------
    ProtocolError
        If the wire cannot carry it: a name of more than 1,023 bytes, pixels of another type, a
        header that contradicts its data.
    """
    return BY_KIND[type(message)].pieces(message, dialect)
