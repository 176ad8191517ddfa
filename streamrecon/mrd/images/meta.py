"""Converts image meta between XML and a dict of tuples of texts."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

from streamrecon.errors import ProtocolError
from streamrecon.mrd.wire.messages import Meta
from streamrecon.xml import parse_xml

_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot carry, not even as a reference."""


def read_meta(xml: bytes | memoryview) -> Meta:
    """Meta of a message; empty bytes are an empty meta.

    A name that comes twice has the values of both, in order.

    Raises
    ------
    ProtocolError
        If the text is not an ``ismrmrdMeta`` document.

    Examples
    --------
    >>> read_meta(b"<ismrmrdMeta><meta><name>a</name><value>1</value></meta></ismrmrdMeta>")
    {'a': ('1',)}
    """
    if not bytes(xml[:1]).strip(b"\0"):
        return {}
    root = parse_xml(xml, what="meta", error=ProtocolError)
    if root.tag != "ismrmrdMeta":
        raise ProtocolError(f"meta: found <{root.tag}>, needed <ismrmrdMeta>")
    meta: Meta = {}
    for entry in root.anywhere("meta"):
        first = entry.first("name")
        name = "" if first is None else first.text
        values = tuple(value.text for value in entry.anywhere("value"))
        meta[name] = meta.get(name, ()) + values
    return meta


def first_value(meta: Meta, name: str) -> str:
    """First value of ``name``, empty where there is none: a name may come without values.

    >>> first_value({"a": ("1", "2"), "b": ()}, "a"), first_value({"b": ()}, "b")
    ('1', '')
    """
    return next(iter(meta.get(name, ())), "")


def write_meta(meta: Meta) -> bytes:
    """XML of ``meta`` in UTF-8, without NUL; an empty meta is no bytes.

    Characters that XML cannot carry become U+FFFD.

    >>> read_meta(write_meta({"Comment": ("χ < 0 & größer", "")}))
    {'Comment': ('χ < 0 & größer', '')}
    """
    if not meta:
        return b""
    entries = "".join(
        f"<meta><name>{_text(name)}</name>"
        + "".join(f"<value>{_text(value)}</value>" for value in values)
        + "</meta>\n"
        for name, values in meta.items()
    )
    declaration = '<?xml version="1.0" encoding="UTF-8"?>'
    return f"{declaration}\n<ismrmrdMeta>\n{entries}</ismrmrdMeta>\n".encode()


def _text(text: str) -> str:
    # A bare carriage return would come back as a newline.
    return escape(_FORBIDDEN.sub("\ufffd", text), {"\r": "&#13;"})
