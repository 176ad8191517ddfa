"""Every test can fail: it asserts, or calls a helper of the tests that does.

Helpers are known by name alone: a call of the product that is named like one passes for it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent
CHECKS = {"raises", "warns", "fail"}
"""Functions of pytest that fail a test; besides them, all whose name begins with ``assert_``."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def called(function: Function) -> set[str]:
    """Names of what a function calls, without the module or object before the dot."""
    targets = [node.func for node in ast.walk(function) if isinstance(node, ast.Call)]
    return {t.id for t in targets if isinstance(t, ast.Name)} | {
        t.attr for t in targets if isinstance(t, ast.Attribute)
    }


def can_fail(function: Function, checks: set[str]) -> bool:
    names = called(function)
    return (
        any(isinstance(node, ast.Assert) for node in ast.walk(function))
        or any(name.startswith("assert_") for name in names)
        or not names.isdisjoint(checks)
    )


def without_assertion(files: dict[str, str]) -> list[str]:
    """Tests that no assertion reaches, as ``file: name``."""
    trees = {name: ast.parse(text) for name, text in files.items()}
    everything = [(name, f) for name, tree in trees.items() for f in functions(tree)]
    helpers = [f for _, f in everything if not f.name.startswith("test_")]
    checks, size = set(CHECKS), 0
    while len(checks) > size:  # helpers that call helpers
        size = len(checks)
        checks |= {f.name for f in helpers if can_fail(f, checks)}
    return [
        f"{name}: {f.name}"
        for name, f in everything
        if f.name.startswith("test_") and not can_fail(f, checks)
    ]


def test_every_test_asserts() -> None:
    files = {str(path.relative_to(ROOT)): path.read_text("utf-8") for path in ROOT.rglob("*.py")}

    assert without_assertion(files) == []


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("call()", ["a: test_it"]),
        ("assert call()", []),
        ("check(call())", []),
        ("look.over(call())", []),
        ("with pytest.raises(OSError): call()", []),
        ("np.testing.assert_allclose(call(), 1)", []),
    ],
)
def test_a_test_without_assertion_is_found(body: str, found: list[str]) -> None:
    helpers = "def check(it):\n    assert it\ndef over(it):\n    check(it)\n"

    assert without_assertion({"a": f"def test_it():\n    {body}\n", "b": helpers}) == found
