"""The site builds from what is here alone, and what it shows needs nothing from elsewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FETCHED = re.compile(
    r"""<(?:script|img|link|iframe|source|video|object)\b[^>]*\b(?:src|href|data)\s*=\s*["']?(?:https?:)?//"""
    r"""|@import\s+(?:url\()?["']?(?:https?:)?//|url\(\s*["']?(?:https?:)?//""",
    re.IGNORECASE,
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(
        ROOT / "docs", folder / "docs", ignore=shutil.ignore_patterns("_build", "generated")
    )
    generated = folder / "docs" / "reference" / "generated"
    writing = [sys.executable, str(ROOT / "scripts" / "write_reference.py"), str(generated)]
    building = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html"]
    for command in (writing, [*building, str(folder / "docs"), str(folder / "html")]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    return folder / "html"


@pytest.mark.parametrize(
    "text",
    [
        '<script async src="https://cdn.example.org/x.js"></script>',
        "<link rel='stylesheet' href='//fonts.example.org/x.css'>",
        "@import url(https://example.org/x.css)",
        "src: url('http://example.org/x.woff')",
    ],
)
def test_what_a_browser_would_fetch_is_found(text: str) -> None:
    assert FETCHED.search(text)


def test_a_link_that_a_reader_may_follow_is_not_fetched() -> None:
    assert not FETCHED.search('<a href="https://example.org">x</a> <img src="_images/x.png">')


def test_no_page_fetches_anything_from_elsewhere(site: Path) -> None:
    files = [path for path in site.rglob("*") if path.suffix in {".html", ".css"}]

    found = {
        str(path.relative_to(site)): match[0]
        for path in files
        if (match := FETCHED.search(path.read_text(encoding="utf-8")))
    }

    assert len(files) > 40
    assert found == {}


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("gadgets", ("AssembleKSpace", "CombineCoils", "incomplete")),
        ("settings", ("wait_s", "STREAMRECON_WAIT_S", "60.0")),
        ("commands", ("streamrecon-simulate write", "--show-settings")),
        ("quantities", ("chi_preview", "_QSM_ppb")),
        ("errors", ("truncated", "HeaderError", "busy")),
        ("streamrecon.qsm", ("streamrecon.qsm.pipeline.susceptibility", "doi")),
    ],
)
def test_the_reference_has_what_the_code_has(site: Path, page: str, words: tuple[str, ...]) -> None:
    text = (site / "reference" / "generated" / f"{page}.html").read_text(encoding="utf-8")

    assert [word for word in words if word not in re.sub(r"<[^>]+>", "", text)] == []
