"""Where CI is set, a skip for want of a tool is a failure."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

TESTS = """
import pytest

def test_of_a_tool():
    pytest.skip("bart is not installed")

@pytest.mark.shared
def test_of_a_scan():
    pytest.skip("no real scans")

@pytest.mark.privileged
@pytest.mark.skipif(True, reason="only root can")
def test_of_a_right():
    pass

@pytest.mark.xfail(reason="known", strict=True)
def test_of_a_limit():
    assert False
"""
MODULE = "import pytest\nmissing = pytest.importorskip('no_such_module')\n"


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeini("[pytest]\nmarkers =\n  shared\n  privileged\n")
    pytester.makeconftest(Path(__file__).with_name("conftest.py").read_text("utf-8"))
    return pytester


def test_a_missing_tool_skips_at_home(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    project.makepyfile(test_it=TESTS, test_module=MODULE)

    project.runpytest().assert_outcomes(skipped=4, xfailed=1)


def test_a_missing_tool_fails_in_ci(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    project.makepyfile(test_it=TESTS)

    found = project.runpytest()

    found.assert_outcomes(failed=1, skipped=2, xfailed=1)
    found.stdout.fnmatch_lines("*for want of a tool: Skipped: bart is not installed*")


def test_a_module_without_its_library_fails_in_ci(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    project.makepyfile(test_module=MODULE)

    found = project.runpytest()

    found.assert_outcomes(errors=1)
    found.stdout.fnmatch_lines("*for want of a tool: *no_such_module*")
