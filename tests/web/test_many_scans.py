"""A thousand scans of before can be leafed through to the first, each with its light."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser import PROGRAM, chromium
from kept_scan import keep_many
from web_service import page

from streamrecon.server.settings import Settings
from streamrecon.web.feed import Feed
from streamrecon.web.scans import Scans

COUNT = 1000
ROWS = "document.querySelectorAll('#scans tr')"


def test_a_thousand_sessions_are_answered_with_their_lights(tmp_path: Path) -> None:
    sessions = keep_many(tmp_path, COUNT)
    scans = Scans(Settings(storage=tmp_path), tmp_path, Feed(tmp_path))

    rows = scans.latest(COUNT, None)

    assert [row["session"] for row in rows] == sessions
    assert {str(row["light"]) for row in rows} == {"", "green", "unjudged", "amber"}
    assert sum(row["light"] == "" for row in rows) == COUNT // 2
    assert all("notices" not in row for row in rows)


@pytest.mark.skipif(PROGRAM is None, reason="chromium is not installed")
def test_a_person_leafs_to_the_first_of_a_thousand(tmp_path: Path) -> None:
    sessions = keep_many(tmp_path / "kept", COUNT)
    with page(tmp_path / "kept") as watched, chromium(tmp_path / "profile") as tab:
        tab.go(f"{watched.url}/#token={watched.token}")
        for count in range(100, COUNT + 1, 100):
            tab.wait(f"{ROWS}.length === {count}")
            tab.click("#older")
        tab.wait("document.getElementById('older').hidden")
        shown = tab.value(f"[...{ROWS}].map((row) => row.dataset.session).join(' ')")
        lights = tab.value(f"[...{ROWS}].map((row) => row.children[4].firstChild.title).join(' ')")
        marks = tab.value(
            f"[...new Set([...{ROWS}].map((row) => row.children[4].firstChild).map((light) =>"
            " light.title + getComputedStyle(light, '::before').content))].sort().join(' ')"
        )
        failed = tab.value("document.querySelectorAll('#scans .failed').length")

        assert tab.faults == []
    assert str(shown).split() == sessions
    assert str(lights).replace("not checked", "none").split().count("none") == COUNT // 2
    assert marks == 'amber"!" green"✓" not checkednone unjudged"?"'
    assert failed == len(range(0, COUNT, 7))
