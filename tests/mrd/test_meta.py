"""Image meta: any names and values XML can carry, and refusals of what is none."""

from __future__ import annotations

import ismrmrd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamrecon.errors import ProtocolError
from streamrecon.mrd.images.meta import read_meta, write_meta

TEXTS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], include_characters="\t\n\r")
)
METAS = st.dictionaries(
    TEXTS.filter(lambda name: "\ufffe" not in name and "\uffff" not in name),
    st.lists(TEXTS, min_size=1, max_size=3).map(tuple),
    max_size=4,
)


@given(METAS)
@settings(deadline=None, max_examples=100)
def test_any_meta_comes_back(meta: dict[str, tuple[str, ...]]) -> None:
    clean = {
        name: tuple(v.replace("\ufffe", "").replace("\uffff", "") for v in values)
        for name, values in meta.items()
    }

    assert read_meta(write_meta(clean)) == clean


def test_what_xml_cannot_carry_becomes_the_replacement_character() -> None:
    assert read_meta(write_meta({"a\0": ("\x1b[1m\ud800",)})) == {"a\ufffd": ("\ufffd[1m\ufffd",)}


def test_an_empty_meta_is_no_bytes_and_no_bytes_are_an_empty_meta() -> None:
    assert write_meta({}) == b""
    assert read_meta(b"") == read_meta(b"\0") == {}


def test_a_name_that_comes_twice_has_the_values_of_both() -> None:
    entry = b"<meta><name>a</name><value>%d</value></meta>"

    assert read_meta(b"<ismrmrdMeta>" + entry % 1 + entry % 2 + b"</ismrmrdMeta>") == {
        "a": ("1", "2")
    }


def test_the_reference_package_and_we_read_each_other() -> None:
    theirs = ismrmrd.Meta({"list": ["1", "é"], "one": "a & b"})

    assert read_meta(theirs.serialize().encode()) == {"list": ("1", "é"), "one": ("a & b",)}
    assert dict(ismrmrd.Meta.deserialize(write_meta({"list": ("1", "é")}).decode())) == {
        "list": ["1", "é"]
    }


@pytest.mark.parametrize(
    ("xml", "told"),
    [
        (b"<ismrmrdMeta>", "not well-formed XML"),
        (b"<other/>", "found <other>, needed <ismrmrdMeta>"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><ismrmrdMeta/>', "a document type is refused"),
    ],
)
def test_what_is_no_meta_is_refused(xml: bytes, told: str) -> None:
    with pytest.raises(ProtocolError, match=told):
        read_meta(xml)
