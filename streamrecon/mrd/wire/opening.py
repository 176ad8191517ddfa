"""Tells how long the first message of a session is, from its first bytes."""

from __future__ import annotations

import struct

_NAME_BYTES = 1024
_ID, _U32, _U64 = struct.Struct("<H"), struct.Struct("<2xI"), struct.Struct("<2x16xQ")


def length_of_first(seen: bytes) -> int:
    r"""Bytes of the message that begins with ``seen``, as far as they tell it.

    A message that no session begins with is as long as its id: it is refused by that.

    >>> length_of_first(b""), length_of_first(b"\1\0"), length_of_first(b"\2\0\5\0\0\0")
    (2, 1026, 11)
    """
    if len(seen) < _ID.size:
        return _ID.size
    (number,) = _ID.unpack_from(seen)
    match number:
        case 1:  # the name of a chain
            return _ID.size + _NAME_BYTES
        case 2:  # a chain file
            return _counted(seen, _U32)
        case 6:  # a query
            return _counted(seen, _U64)
        case _:
            return _ID.size


def _counted(seen: bytes, prefix: struct.Struct) -> int:
    if len(seen) < prefix.size:
        return prefix.size
    (count,) = prefix.unpack_from(seen)
    return prefix.size + int(count)
