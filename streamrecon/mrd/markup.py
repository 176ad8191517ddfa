"""XML from a peer as elements: no document type, no entities, no namespaces."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from streamrecon.errors import StreamReconError


class _Builder(ET.TreeBuilder):
    """Builds elements under their local names; a document type is an error.

    Without a document type there are no entities beyond the five of XML, hence no expansion
    attacks and no files read from elsewhere.
    """

    def start(self, tag: str, attrs: dict[str, str]) -> ET.Element:
        return super().start(tag.rpartition("}")[2], attrs)

    def end(self, tag: str) -> ET.Element:
        return super().end(tag.rpartition("}")[2])

    def doctype(self, name: str, *_: str | None) -> None:
        raise ValueError(f"found a document type ({name}), which is refused")


def parse_xml(
    document: bytes | memoryview, *, what: str, error: type[StreamReconError]
) -> ET.Element:
    """Root element of ``document``, cut at its first NUL.

    Raises
    ------
    StreamReconError
        Of the class ``error``, with ``what`` in front, if the document is not well-formed or has
        a document type.
    """
    parser = ET.XMLParser(target=_Builder())  # noqa: S314  (the builder refuses document types)
    try:
        parser.feed(bytes(document).split(b"\0", 1)[0])
        return parser.close()
    except (ET.ParseError, ValueError, LookupError) as e:
        raise error(f"{what}: not readable as XML: {e}") from e
