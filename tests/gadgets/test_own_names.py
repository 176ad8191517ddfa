"""Nothing of ours uses an old name; chain files of others may."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from streamrecon_gadgets import ALIASES, ALL, REGISTRY

from streamrecon.stream.chainfile.instantiate import make_gadgets
from streamrecon.stream.chainfile.parse import read_chain

ROOT = Path(__file__).parents[2]
CHAINS = sorted((ROOT / "config").glob("*.xml"))
# The table of aliases and the list of changes name both; decision records are not edited.
_TELLING = {
    "gadgets/streamrecon_gadgets/__init__.py",
    "CHANGELOG.md",
    "tests/gadgets/test_own_names.py",
}


@pytest.mark.parametrize("path", CHAINS, ids=lambda path: path.stem)
def test_no_packaged_chain_file_uses_an_old_name(path: Path) -> None:
    _, notices = make_gadgets(read_chain(path.read_bytes()), REGISTRY)

    assert [n.text for n in notices if "is now called" in n.text] == []


def test_no_file_of_the_project_uses_an_old_name() -> None:
    word = re.compile(rf"\b({'|'.join(ALIASES)})\b")
    folders = ("streamrecon", "gadgets", "simulator", "config", "tests", "benchmarks", "scripts")
    files = [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").glob("*.md"),
        *(path for folder in folders for path in (ROOT / folder).rglob("*")),
    ]
    texts = [path for path in files if path.suffix in {".py", ".xml", ".md", ".pyi"}]

    found = {
        str(path.relative_to(ROOT)): word.findall(path.read_text(encoding="utf-8"))
        for path in texts
        if str(path.relative_to(ROOT)) not in _TELLING
    }

    assert len(found) > 300
    assert {name: words for name, words in found.items() if words} == {}


@pytest.mark.parametrize("old", ALIASES)
def test_every_old_name_still_makes_its_gadget_and_says_the_new_one(old: str) -> None:
    text = (
        "<configuration><version>2</version><stream>"
        f"<gadget><name>{old}</name></gadget></stream></configuration>"
    )

    gadgets, notices = make_gadgets(read_chain(text), REGISTRY)

    assert [type(gadget).__name__ for gadget in gadgets.values()] == [ALIASES[old]]
    assert [n.text for n in notices] == [
        f"{old} is now called {ALIASES[old]}; the old name still works"
    ]


def test_every_old_field_name_and_value_leads_to_one_of_today() -> None:
    for gadget in ALL:
        assert set(gadget.old_fields.values()) <= set(gadget.model_fields), gadget.__name__
        assert not set(gadget.old_fields) & set(gadget.model_fields), gadget.__name__
        for field, values in gadget.old_values.items():
            for new in values.values():
                gadget.model_validate({field: new})
