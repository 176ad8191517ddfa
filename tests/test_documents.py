"""The documents lead somewhere, and name what there is."""

import re
import tomllib
from pathlib import Path

import pytest
from streamrecon_gadgets import ALL

ROOT = Path(__file__).parents[1]
DOCUMENTS = [
    *ROOT.glob("*.md"),
    *(path for path in (ROOT / "docs").rglob("*.md") if path.parent.name != "generated"),
]
LINK = re.compile(r'\]\((?!https?:)([^)#\s]*)(?:#([^)]*))?\)|src="([^"]+)"')
FILE = re.compile(r"`([a-z_]+(?:/[a-z_A-Z0-9]+)*/[a-z_A-Z0-9]+\.(?:py|xml|md))`")
DOCUMENT_NAMES = [str(path.relative_to(ROOT)) for path in DOCUMENTS]


def anchors(text: str) -> set[str]:
    """Names that GitHub gives to the headings."""
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


@pytest.mark.parametrize("name", DOCUMENT_NAMES)
def test_every_link_leads_to_a_file_and_a_heading(name: str) -> None:
    document = ROOT / name
    text = re.sub(r"doi:\S+", "", document.read_text(encoding="utf-8"))

    for path, anchor, image in LINK.findall(text):
        target = (document.parent / (path or image)) if path or image else document

        assert target.exists(), f"{name}: {path or image}"
        if anchor:
            assert anchor in anchors(target.read_text(encoding="utf-8")), f"{name}: #{anchor}"


# Decision records are not edited: they name files as these were called on the day.
@pytest.mark.parametrize("name", [name for name in DOCUMENT_NAMES if "/adr/" not in name])
def test_every_file_that_is_named_is_there(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")

    missing = [
        path
        for path in FILE.findall(text)
        if not (ROOT / path).exists() and not (ROOT / "streamrecon" / path).exists()
    ]

    assert missing == []


def test_a_change_touches_two_files_of_code_at_most_and_they_are_counted() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = text.split("| change | files of code | what finds a half of it |\n")[1].split("\n\n")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines()[1:]]

    for change, files, *_ in rows:
        # the file that may be taken in place of another is none more
        counted = len(FILE.findall(files)) - files.count(" instead")
        assert files.startswith(f"{counted}: "), change
        assert counted <= 2, change
    assert len(rows) == 10


def test_every_stock_name_has_its_differences_written_down() -> None:
    text = (ROOT / "docs" / "explanation" / "reconstruction.md").read_text(encoding="utf-8")

    unwritten = [name for gadget in ALL for name in gadget.stock_names if f"`{name}`" not in text]

    assert unwritten == []


def test_every_dependency_has_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    records = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "docs" / "adr").glob("0*.md"))

    names = [re.split(r"[<>=~\[ ]", entry)[0] for entry in project["dependencies"]]

    assert [name for name in names if f"| {name} |" not in records] == []


def test_pictures_are_small_enough_to_be_kept() -> None:
    sizes = {path.name: path.stat().st_size for path in (ROOT / "docs" / "images").iterdir()}

    assert sizes
    assert max(sizes.values()) < 400_000
