"""XML with line numbers, and what is refused of it."""

from __future__ import annotations

import pytest

from streamrecon.errors import ConfigError
from streamrecon.xml import MAX_ELEMENTS, Element
from streamrecon.xml import parse_xml as read_xml

MAX_BYTES = 1000


def parse_xml(document: bytes | str) -> Element:
    return read_xml(document, error=ConfigError, what="", max_bytes=MAX_BYTES)


def test_elements_know_their_lines_attributes_and_texts() -> None:
    root = parse_xml('<a>\n <b x="1"/>\n <b>t<!-- c -->u</b>\n</a>')

    first, second = root.children
    assert (root.tag, root.line) == ("a", 1)
    assert (first.attributes, first.line, first.text) == ({"x": "1"}, 2, "")
    assert (second.line, second.text) == (3, "tu")
    assert root.text_of("b") == ""
    assert root.text_of("c") is None


def test_prefixes_and_namespaces_do_not_matter() -> None:
    root = parse_xml(b'<g:a xmlns:g="u" xmlns="v"><g:b/><b/></g:a>')

    assert root.tag == "a"
    assert len(list(root.all("b"))) == 2


def test_bytes_are_read_in_the_encoding_they_declare_and_texts_as_they_are() -> None:
    latin = '<?xml version="1.0" encoding="iso-8859-1"?><a>é</a>'

    assert parse_xml(latin.encode("latin-1")).text == "é"
    assert parse_xml(latin).text == "é"


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ("<a>\n<b></a>", "line 2: not well-formed XML: mismatched tag"),
        ("", "line 1: not well-formed XML: no element found"),
        ("<a/><b/>", "line 1: not well-formed XML: junk after document element"),
        ('<!DOCTYPE a [<!ENTITY x "y">]>\n<a>&x;</a>', "line 1: a document type is refused"),
        ('\n<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "line 2: a document type is refused"),
        ("<a>&x;</a>", "line 1: not well-formed XML: undefined entity"),
        ("<a>" * 33 + "</a>" * 33, "line 1: elements within each other deeper than 32"),
        (" " * MAX_BYTES + "<a/>", f"found {MAX_BYTES + 4} bytes"),
        (b'<?xml version="1.0" encoding="nonsense"?><a/>', "line 1: "),
        (b'<?xml version="1.0" encoding="shift_jis"?><a/>', "line 1: "),
        (b"<a>\xff</a>", "line 1: not well-formed XML"),
        (b"\x00\x00", "line 1: not well-formed XML"),
    ],
)
def test_what_nobody_needs_is_refused_with_its_line(document: bytes | str, reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_xml(document)

    assert str(caught.value).startswith(reason)


def test_more_elements_than_any_header_has_are_refused_before_all_are_made() -> None:
    document = "<a>" + "<b/>" * (2 * MAX_ELEMENTS) + "</a>"

    with pytest.raises(ConfigError, match=f"MRD header: line 1: found more than {MAX_ELEMENTS}"):
        read_xml(document, error=ConfigError, what="MRD header")


def test_a_document_of_the_wire_ends_at_its_first_nul() -> None:
    assert read_xml(b"<a/>\0\0junk", error=ConfigError).tag == "a"
