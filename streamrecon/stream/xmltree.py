"""XML text as a tree that knows its line numbers, without DTDs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from streamrecon.errors import ConfigError

MAX_BYTES = 1 << 20
"""Fifty times the largest chain file of Gadgetron (18 kB)."""
MAX_DEPTH = 32
"""Three branches within branches; deeper is not a chain but an attack on the reader."""


@dataclass(slots=True)
class Element:
    """One element: its name without prefix, attributes, children, text and line."""

    tag: str
    attributes: dict[str, str]
    line: int
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def all(self, tag: str) -> Iterator[Element]:
        """Children of that name."""
        return (child for child in self.children if child.tag == tag)

    def first(self, tag: str) -> Element | None:
        """First child of that name, if there is one."""
        return next(self.all(tag), None)

    def text_of(self, tag: str) -> str | None:
        """Text of the first child of that name, without white space around it."""
        child = self.first(tag)
        return None if child is None else child.text.strip()


def parse_xml(document: bytes | str) -> Element:
    """Read a document.

    Raises
    ------
    ConfigError
        If it is larger than `MAX_BYTES`, deeper than `MAX_DEPTH`, not well-formed, or has a DTD:
        what entities could do here (read files, grow without bound) no chain file needs.
    """
    data = document.encode() if isinstance(document, str) else document
    if len(data) > MAX_BYTES:
        raise ConfigError(f"chain file: found {len(data)} bytes, needed at most {MAX_BYTES}")
    builder = _Builder(encoding="utf-8" if isinstance(document, str) else None)
    try:
        return builder.build(data)
    except expat.ExpatError as e:
        reason = expat.ErrorString(e.code)
        raise ConfigError(f"line {e.lineno}: not well-formed XML: {reason}") from e
    except (ValueError, LookupError) as e:  # an encoding that expat cannot read
        raise ConfigError(f"line 1: {e}") from e


class _Builder:
    def __init__(self, *, encoding: str | None) -> None:
        self._parser = expat.ParserCreate(encoding)
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._open = [Element("", {}, 0)]

    def build(self, data: bytes) -> Element:
        self._parser.Parse(data, True)
        return self._open[0].children[0]

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        line = self._parser.CurrentLineNumber
        if len(self._open) > MAX_DEPTH:
            raise ConfigError(f"line {line}: elements within each other deeper than {MAX_DEPTH}")
        element = Element(tag.rpartition(":")[2], attributes, line)
        self._open[-1].children.append(element)
        self._open.append(element)

    def _end(self, _tag: str) -> None:
        self._open.pop()

    def _characters(self, text: str) -> None:
        self._open[-1].text += text

    def _doctype(self, *_: object) -> None:
        raise ConfigError(f"line {self._parser.CurrentLineNumber}: a DTD is refused")
