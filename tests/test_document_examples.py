"""Every code block of the documents does what it says."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from document_blocks import Page, blocks

ROOT = Path(__file__).parents[1]
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in (
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *sorted((ROOT / "docs").rglob("*.md")),
    )
    if path.parent.name not in {"adr", "generated"}
}
RUN = {"console", "python", "xml", "toml", "json", "yaml"}
NO_CODE = {"text", "{toctree}"}
NOT_RUN = 32
"""Blocks that carry a reason why they are not run; one more is a decision, not an accident."""


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as place:
        return str(place.getsockname()[1])


@pytest.mark.parametrize(
    "name", [n for n, text in PAGES.items() if any(b.language in RUN for b in blocks(text))]
)
def test_a_reader_who_does_what_the_page_says_sees_what_it_shows(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    page = Page(tmp_path, free_port())

    try:
        for block in blocks(PAGES[name]):
            if not block.not_run:
                page.run(block)
    finally:
        page.close()


def test_every_block_says_what_it_is() -> None:
    unknown = [
        f"{name}:{block.line}: {block.language or 'no language'}"
        for name, text in PAGES.items()
        for block in blocks(text)
        if block.language not in RUN | NO_CODE
    ]

    assert unknown == []


def test_no_command_hides_in_a_block_of_text() -> None:
    hidden = [
        f"{name}:{block.line}"
        for name, text in PAGES.items()
        for block in blocks(text)
        if block.language == "text"
        and any(
            line.startswith(("$ ", ">>> ", "streamrecon ", "make "))
            for line in block.text.splitlines()
        )
    ]

    assert hidden == []


def test_blocks_that_are_not_run_are_counted() -> None:
    reasons = [
        (name, block.line, block.not_run)
        for name, text in PAGES.items()
        for block in blocks(text)
        if block.not_run
    ]

    assert len(reasons) == NOT_RUN, reasons
