"""One word, one thing: names and texts keep to docs/glossary.md."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamrecon.cli import COMMANDS

ROOT = Path(__file__).parents[1]
PACKAGES = [
    ROOT / "streamrecon",
    ROOT / "gadgets" / "streamrecon_gadgets",
    ROOT / "simulator" / "streamrecon_simulator",
]
SOURCES = [path for package in PACKAGES for path in sorted(package.rglob("*.py"))]

LONGEST = 312
"""Lines of a module."""

ROOMS = 15
"""Modules that a folder shows; `streamrecon.commands` has one for each subcommand beside."""

MODULE_NAMES = {
    "bell": "wakeup",
    "bodies": "decode_messages",
    "carry": "transport",
    "coarse": "downsample",
    "common": "the idea that the module holds",
    "courier": "delivery_process",
    "desk": "the command's own name",
    "expected": "sampling_pattern",
    "findings": "fields",
    "gauge": "sensitivity_phase",
    "helpers": "the idea that the module holds",
    "intake": "reader",
    "levels": "multiresolution",
    "misc": "the idea that the module holds",
    "parcels": "outcome",
    "parts": "complex_parts",
    "peer": "client_socket",
    "pieces": "encode_fields",
    "polarity": "phase_sign or bipolar_readout",
    "stacks": "volumes_from_images",
    "strong": "two_pass",
    "utils": "the idea that the module holds",
    "words": "value_representations",
}
"""Name of a module that says nothing before it is opened → what is used."""

IDENTIFIERS = {
    "arr": "the quantity's name",
    "bell": "wakeup",
    "bells": "wakeups",
    "desk": "command",
    "fate": "delivery or outcome",
    "gauge": "phase",
    "guess": "the solver's letter, or what is assumed",
    "helper": "what it does",
    "img": "image",
    "manager": "what it does",
    "parcel": "file",
    "parcels": "files",
    "remark": "comment or message",
    "remarks": "comments or messages",
    "said": "stated or comment",
    "share": "fraction, weight or part",
    "shares": "fractions, weights or parts",
    "tmp": "what it holds",
    "told": "stated, sent or comment",
    "twin": "duplicate",
    "twins": "duplicates",
    "utils": "what it does",
}
"""Word in the name of a function, class, argument, variable or attribute → what is used."""

TEXTS = {
    "acquisition head": "acquisition header",
    "phase polarity": "phase sign",
    "polarity of the phase": "phase sign",
    "sensitivity field": "bias field",
    "sensitivity maps": "coil sensitivities",
    "tissue field": "local field",
    "tissue phase": "local field",
}
"""Words in messages, docstrings and documents → the glossary's."""


def words_of(name: str) -> list[str]:
    """The words of an identifier, in small letters."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def names_of(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name):
                yield name
            case ast.arg(arg=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name


def test_a_name_falls_into_its_words() -> None:
    assert words_of("_BellRinger2_inSI") == ["bell", "ringer", "in", "si"]


def test_no_module_has_a_name_that_says_nothing() -> None:
    found = {
        str(path.relative_to(ROOT)): MODULE_NAMES[path.stem.strip("_")]
        for path in SOURCES
        if path.stem.strip("_") in MODULE_NAMES
    }

    assert found == {}


def test_no_module_is_longer_than_can_be_held_in_mind() -> None:
    """Aim is 300 lines, see CONTRIBUTING.md; what is longer has two ideas."""
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}

    assert {str(path): n for path, n in lengths.items() if n > LONGEST} == {}


def test_no_folder_has_more_rooms_than_a_reader_sees_at_once() -> None:
    commands = {f"{name.replace('-', '_')}.py" for name in COMMANDS}
    rooms = Counter(
        path.parent.relative_to(ROOT)
        for path in SOURCES
        if not path.name.startswith("__")
        and not (path.parent.name == "commands" and path.name in commands)
    )

    assert {str(folder): n for folder, n in rooms.items() if n > ROOMS} == {}


def test_no_identifier_has_a_word_that_the_glossary_replaces() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {name}": IDENTIFIERS[word]
        for path in SOURCES
        for name in names_of(ast.parse(path.read_text(encoding="utf-8")))
        for word in words_of(name)
        if word in IDENTIFIERS
    }

    assert found == {}


def test_left_is_a_side_and_no_remainder() -> None:
    """A file that has a left has what lies beside it: a patient's axes, or a picture's top."""
    found = []
    for path in SOURCES:
        names = set(names_of(ast.parse(path.read_text(encoding="utf-8"))))
        words = {word for name in names - {"left_handed"} for word in words_of(name)}
        if "left" in words and not words & {"posterior", "right", "top"}:
            found.append(str(path.relative_to(ROOT)))

    assert found == []


@pytest.mark.parametrize("words", TEXTS)
def test_no_text_has_words_that_the_glossary_replaces(words: str) -> None:
    documents = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    texts = [path for path in (*SOURCES, *documents) if path.parent.name != "adr"]

    found = [
        str(path.relative_to(ROOT))
        for path in texts
        if re.search(rf"\b{re.escape(words)}\b", path.read_text(encoding="utf-8"), re.IGNORECASE)
    ]

    assert found == [], f"write {TEXTS[words]!r}"
