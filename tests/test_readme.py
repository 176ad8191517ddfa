"""What the README shows in Python is what happens."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


def test_the_readme_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    outcome = doctest.testfile(str(README), module_relative=False)

    assert outcome.attempted == 5
    assert outcome.failed == 0
    assert len(list((tmp_path / "out" / "tiny" / "dicom").iterdir())) == 4 * 8
