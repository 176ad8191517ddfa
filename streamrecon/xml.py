"""XML of a stranger as a tree that knows its lines: no document types, no entities, limits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from xml.sax import SAXParseException  # only the type: `defusedxml` does the reading
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl, InputSource, Locator

from defusedxml import DefusedXmlException
from defusedxml.sax import make_parser

from streamrecon.errors import StreamReconError

MAX_DEPTH = 32
"""Chain files have three branches within branches, MRD headers seven levels; more is an attack."""
MAX_ELEMENTS = 50_000
"""An MRD header with 512 coils and all user parameters has 4,000; reading these takes 0.1 s."""


@dataclass(slots=True)
class Element:
    """One element: its name without prefix, attributes, children, text and line."""

    tag: str
    attributes: dict[str, str]
    line: int
    children: list[Element] = field(default_factory=list)
    text: str = ""

    def all(self, path: str) -> list[Element]:
        """Elements at a path of names below this one, in their order.

        >>> root = parse_xml("<a><b><c/></b><b><c/><c/></b></a>", error=ValueError)
        >>> len(root.all("b/c"))
        3
        """
        found = [self]
        for tag in path.split("/"):
            found = [child for parent in found for child in parent.children if child.tag == tag]
        return found

    def first(self, path: str) -> Element | None:
        """First element at that path, if there is one."""
        return next(iter(self.all(path)), None)

    def text_of(self, path: str) -> str | None:
        """Text of the first element at that path, without white space around it."""
        found = self.first(path)
        return None if found is None else found.text.strip()

    def anywhere(self, tag: str) -> Iterator[Element]:
        """Elements of that name, itself and all below it, in the order of the document."""
        if self.tag == tag:
            yield self
        for child in self.children:
            yield from child.anywhere(tag)


def parse_xml(
    document: bytes | memoryview | str,
    *,
    error: type[StreamReconError | ValueError],
    what: str = "",
    max_bytes: int | None = None,
) -> Element:
    """Root element of a document; bytes are cut at their first NUL.

    Parameters
    ----------
    document
        Bytes in the encoding they declare, or text, whatever it declares.
    error
        What is raised.
    what
        In front of every message, as ``"MRD header"``.
    max_bytes
        Longest document; ``None`` where somebody else has checked.

    Raises
    ------
    StreamReconError
        Of the class ``error``, with the line, if the document is too long, deeper than `MAX_DEPTH`,
        has more than `MAX_ELEMENTS` elements or a document type, or is not well-formed.
    """
    is_text = isinstance(document, str)
    data = document.encode() if isinstance(document, str) else bytes(document)
    front = f"{what}: " if what else ""
    if max_bytes is not None and len(data) > max_bytes:
        raise error(f"{front}found {len(data)} bytes, needed at most {max_bytes}")
    source = InputSource()
    source.setByteStream(BytesIO(data if is_text else data.split(b"\0", 1)[0]))
    if is_text:
        source.setEncoding("utf-8")
    builder = _Builder()
    parser = make_parser()
    parser.forbid_dtd = True
    parser.setContentHandler(builder)
    try:
        parser.parse(source)
    except SAXParseException as e:
        reason = f"not well-formed XML: {e.getMessage()}"
        raise error(f"{front}line {e.getLineNumber()}: {reason}") from e
    except DefusedXmlException as e:
        raise error(f"{front}line {builder.line}: a document type is refused") from e
    except (_Beyond, ValueError, LookupError) as e:  # the latter: an encoding expat cannot read
        raise error(f"{front}line {builder.line}: {e}") from e
    return builder.root


class _Beyond(Exception):  # noqa: N818  (leaves this module as the caller's error)
    """A limit is exceeded."""


class _Builder(ContentHandler):
    """Makes elements of what the parser reports."""

    def __init__(self) -> None:
        super().__init__()
        self._place: Locator | None = None
        self._count = 0
        self._open = [Element("", {}, 0)]

    @property
    def root(self) -> Element:
        return self._open[0].children[0]

    @property
    def line(self) -> int:
        return (self._place.getLineNumber() if self._place else None) or 1

    def setDocumentLocator(self, locator: Locator) -> None:  # noqa: N802
        self._place = locator

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802
        self._count += 1
        if len(self._open) > MAX_DEPTH:
            raise _Beyond(f"elements within each other deeper than {MAX_DEPTH}")
        if self._count > MAX_ELEMENTS:
            raise _Beyond(f"found more than {MAX_ELEMENTS} elements")
        element = Element(name.rpartition(":")[2], dict(attrs.items()), self.line)
        self._open[-1].children.append(element)
        self._open.append(element)

    def endElement(self, name: str) -> None:  # noqa: ARG002, N802
        self._open.pop()

    def characters(self, content: str) -> None:
        self._open[-1].text += content
