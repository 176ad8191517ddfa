"""XML with line numbers, and what is refused of it."""

from __future__ import annotations

import pytest

from streamrecon.errors import ConfigError
from streamrecon.stream.xmltree import MAX_BYTES, parse_xml


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
        ('<!DOCTYPE a [<!ENTITY x "y">]>\n<a>&x;</a>', "line 1: a DTD is refused"),
        ('\n<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "line 2: a DTD is refused"),
        ("<a>&x;</a>", "line 1: not well-formed XML: undefined entity"),
        ("<a>" * 33 + "</a>" * 33, "line 1: elements within each other deeper than 32"),
        (" " * MAX_BYTES + "<a/>", f"chain file: found {MAX_BYTES + 4} bytes"),
        (b'<?xml version="1.0" encoding="nonsense"?><a/>', "line 1: "),
        (b'<?xml version="1.0" encoding="shift_jis"?><a/>', "line 1: "),
        (b"<a>\xff</a>", "line 1: not well-formed XML"),
        (b"\x00\x00", "line 1: not well-formed XML"),
    ],
)
def test_what_no_chain_file_needs_is_refused_with_its_line(
    document: bytes | str, reason: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_xml(document)

    assert str(caught.value).startswith(reason)
