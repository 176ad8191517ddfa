"""Says of a value that does not fit what was found and what was needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic_core import ErrorDetails

_KINDS = {"int": "a whole number", "float": "a number", "bool": "true or false", "path": "a path"}
_KINDS |= {"ip": "a network like 10.0.0.0/8", "finite": "a finite number", "missing": "a value"}
_BOUNDS = {
    "greater_than": ("more than {:g}", "gt"),
    "greater_than_equal": ("at least {:g}", "ge"),
    "less_than": ("less than {:g}", "lt"),
    "less_than_equal": ("at most {:g}", "le"),
    "multiple_of": ("a multiple of {:g}", "multiple_of"),
    "string_too_long": ("a text of at most {:g}", "max_length"),
    "too_short": ("a list of {:g} or more", "min_length"),
    "too_long": ("a list of {:g} or fewer", "max_length"),
}
_CHOICES = {"literal_error", "enum"}
_LONGEST = 80


def wrong_value(error: ErrorDetails) -> str:
    """What was found and needed, without the value's number in a list.

    Parameters
    ----------
    error
        One of pydantic's.
    """
    if error["type"] == "value_error":  # our own words
        return str(error["msg"]).removeprefix("Value error, ")
    return f"found {_found(error)}, needed {_needed(error)}"


def wrong_values(errors: Sequence[ErrorDetails]) -> str:
    """What was found and needed of one parameter, of which several things may be wrong.

    A union has an error for each of its kinds; a list of which items are wrong is also too short.
    """
    needed: dict[str, dict[str, None]] = {}
    of_items = [error for error in errors if error["type"] != "too_short"]
    for error in of_items or errors:
        found, _, need = wrong_value(error).partition(", needed ")
        needed.setdefault(found, {})[need] = None
    return "; ".join(
        f"{found}, needed {' or '.join(needs)}" if any(needs) else found
        for found, needs in needed.items()
    )


def _found(error: ErrorDetails) -> str:
    if error["type"] == "missing":
        return "none"
    value = error["input"]
    text = " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return repr(text[:_LONGEST])


def _needed(error: ErrorDetails) -> str:
    kind = error["type"]
    context: Mapping[str, float] = error.get("ctx", {})
    if kind in _BOUNDS:
        words, name = _BOUNDS[kind]
        return words.format(context[name])
    if kind in _CHOICES:
        return str(context["expected"]).replace("''", "nothing").replace("'", "")
    return _KINDS.get(kind.partition("_")[0], str(error["msg"]).removeprefix("Input should be "))
