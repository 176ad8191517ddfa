"""Says of a setting that does not fit what was found and what was needed."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic_core import ErrorDetails

_KINDS = {"int": "a whole number", "float": "a number", "bool": "true or false", "path": "a path"}
_KINDS |= {"ip": "a network like 10.0.0.0/8"}
_BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
    "string_too_long": ("a text of at most", "max_length"),
}
_LONGEST = 80


def wrong_value(error: ErrorDetails) -> str:
    """What was found and needed, without the value's number in a list.

    Parameters
    ----------
    error
        One of pydantic's.
    """
    kind, context = error["type"], error.get("ctx", {})
    if kind == "value_error":  # our own words
        return str(error["msg"]).removeprefix("Value error, ")
    return (
        f"found {str(error['input'])[:_LONGEST]!r}, needed {_needed(kind, context, error['msg'])}"
    )


def _needed(kind: str, context: Mapping[str, float], message: str) -> str:
    if kind in _BOUNDS:
        words, name = _BOUNDS[kind]
        return f"{words} {context[name]:g}"
    if kind == "literal_error":
        return str(context["expected"]).replace("'", "")
    return _KINDS.get(kind.partition("_")[0], message.removeprefix("Input should be "))
