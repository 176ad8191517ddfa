"""Gadgets are adapters: what they feed and finish with is a page's corner, not a page."""

from __future__ import annotations

import ast
import inspect
import textwrap

import pytest
from narrowing import as_a, given
from streamrecon_gadgets import ALL

MOST_LINES = 15
"""Parameters, what is accepted, one call of a function: more is a room in streamrecon."""


@pytest.mark.parametrize("gadget", ALL, ids=lambda gadget: gadget.__name__)
@pytest.mark.parametrize("method", ["enter", "feed", "finish"])
def test_what_a_gadget_is_called_with_fits_in_fifteen_lines(gadget: type, method: str) -> None:
    source = textwrap.dedent(inspect.getsource(getattr(gadget, method)))
    function = as_a(ast.FunctionDef, ast.parse(source).body[0])
    body = function.body[ast.get_docstring(function) is not None :]

    lines = given(body[-1].end_lineno) - body[0].lineno + 1 if body else 0

    assert lines <= MOST_LINES
